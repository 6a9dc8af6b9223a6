/* SPDX-License-Identifier: Apache-2.0 */

/* The calls: started by a thread at a steady pace, counted as they complete. */

#ifndef DEMO_LOAD_H
#define DEMO_LOAD_H

#include <stdbool.h>

struct tulle;

bool load_start(struct tulle *mesh, unsigned calls_per_s);

/* Starts no more, and waits for those under way (10 s at most). */
void load_stop(void);

/* From now on calls are made with `explain`, until one was retried. */
void load_want_story(void);

/* The story of that call, or NULL. After load_stop(). */
const char *load_story(void);

#endif
