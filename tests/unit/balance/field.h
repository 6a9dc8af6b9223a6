/* SPDX-License-Identifier: Apache-2.0 */

/* A live cluster with a picker, and picks counted by endpoint: what the tests of
 * the balancers share. One field at a time; seeds are fixed. */

#ifndef TESTS_UNIT_BALANCE_FIELD_H
#define TESTS_UNIT_BALANCE_FIELD_H

#include "balance/picker.h"
#include "unit/endpoint/fixture.h"

enum { FIELD_MAX = 256 };

struct field {
    struct live_set set;
    struct cluster_live *live;
    struct balancer_config config;
    struct rand rand;
    int64_t now;
    struct view *tried[TRIED_MAX];
    size_t tried_count;
    size_t loop;
    uint64_t hash;
    bool has_hash;
    unsigned counts[FIELD_MAX]; /* of field_pick_many(), by view */
};

extern struct field field;

/* Cmocka's setup and teardown. */
int field_setup(void **state);
int field_teardown(void **state);

/* Endpoints, and the picker for them. False: no memory. */
bool field_fill(enum balancer_kind kind, size_t count, const uint32_t *weights);
/* The same, and the rest of the balancer's configuration is said first. */
typedef void field_configure_fn(struct balancer_config *config);
bool field_fill_as(field_configure_fn *configure, size_t count, const uint32_t *weights);
bool field_rebuild(void); /* the picker, as the control step does when gates have changed */
struct view *field_view(size_t i);
void field_eject(size_t i);
enum pick_result field_pick(struct view **out);
size_t field_index(const struct view *view);
/* Of a pick with this hash. */
size_t field_pick_hash(uint64_t hash);
/* Each pick must give an endpoint; nothing is in flight. */
void field_pick_many(unsigned count);

#endif
