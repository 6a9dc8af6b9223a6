/* SPDX-License-Identifier: Apache-2.0 */

/* A field (field.h) whose endpoints come in groups: of a priority, a locality, a
 * health; and picks counted by group. */

#ifndef TESTS_UNIT_BALANCE_GROUPS_H
#define TESTS_UNIT_BALANCE_GROUPS_H

#include "unit/balance/field.h"

enum { GROUPS_MAX = 16 };

struct group {
    uint32_t priority;
    const char *locality; /* NULL: none */
    size_t count;
    size_t degraded, unhealthy; /* of `count` */
    uint32_t weight;            /* of each; 0: 1 */
};

struct groups {
    const struct group *list;
    size_t count;
    struct balancer_config config; /* start from groups_reset() */
    const struct locality_weight *weights;
    size_t weight_count;
    unsigned counts[GROUPS_MAX];                          /* of groups_pick(): of all of a group, */
    unsigned degraded[GROUPS_MAX], unhealthy[GROUPS_MAX]; /* and of those of it that are such */
};

extern struct groups groups;

void groups_reset(enum balancer_kind kind);
/* Adopts them; the picker is built. False: no memory. */
bool groups_fill(const struct group *list, size_t count);
#define GROUPS_FILL(...)                                                                           \
    groups_fill((const struct group[]){ __VA_ARGS__ },                                             \
                sizeof((const struct group[]){ __VA_ARGS__ }) / sizeof(struct group))
/* Picks, each of which must give an endpoint. */
void groups_pick(unsigned count);
/* Of `of` picks each group got its percentage, within a few. */
void groups_expect(unsigned of, const double *percents);
#define GROUPS_EXPECT(of, ...) groups_expect(of, (const double[]){ __VA_ARGS__ })

#endif
