/* SPDX-License-Identifier: Apache-2.0 */

/* The screen: a table redrawn in place on a terminal, plain lines elsewhere. */

#ifndef DEMO_TABLE_H
#define DEMO_TABLE_H

#include "stats.h"

struct view {
    double at_s;
    const struct window *window; /* of the last second */
    double window_s;
};

void table_open(void);
void table_draw(const struct view *view);

/* Something happened: a line that stays, above the table. */
void table_event(double at_s, const char *text);

#endif
