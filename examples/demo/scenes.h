/* SPDX-License-Identifier: Apache-2.0 */

/* What happens to the shop, and when. */

#ifndef DEMO_SCENES_H
#define DEMO_SCENES_H

#include <stdbool.h>

#include "stats.h"

#define SCENES_END_S 38.0

enum { SCENES_KILLED = REVIEWS_V1_2, SCENES_STOPPED = REVIEWS_V1_3 };

/* Plays what is due. False: something could not be done; stderr says what. */
bool scenes_play(double at_s);

/* Calls before the weights were shifted, and once they had been for a second. */
void scenes_count(double at_s, const struct window *window);
const struct window *scenes_before(void);
const struct window *scenes_after(void);

#endif
