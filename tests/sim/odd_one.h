/* SPDX-License-Identifier: Apache-2.0 */

/* Calls that come by chance, each without regard to the others, to a fleet whose
 * first server is unlike the others from one moment to another. */

#ifndef TESTS_SIM_ODD_ONE_H
#define TESTS_SIM_ODD_ONE_H

#include "sim/fleet.h"
#include "sim/scenario.h"

enum { SECONDS_MAX = 600 };

struct odd_one {
    struct sim sim; /* first */
    const struct run *run;
    struct fleet fleet;
    struct event arrival;
    int64_t began, odd_from, odd_to, end;
};

/* From beginning to end. `model` is zero but for what its scenario has set; `from` and
 * `to` are the parameters' names. */
void odd_one_run(struct odd_one *model, const struct run *run, const char *from, const char *to,
                 void (*arrive)(struct event *event, struct sim *sim));
void odd_one_free(struct odd_one *model); /* and the scenario's model around it */

bool odd_one_is_odd(const struct odd_one *model); /* now */
void odd_one_next(struct odd_one *model);         /* the next arrival, unless the end is over */
size_t odd_one_second(const struct odd_one *model, int64_t at);
size_t odd_one_seconds(const struct odd_one *model);

#endif
