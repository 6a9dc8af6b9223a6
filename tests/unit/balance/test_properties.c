/* SPDX-License-Identifier: Apache-2.0 */

/* What holds for every balancer, whatever happens: a fixed seed draws what does. */

#include "harness/test.h"
#include "unit/balance/field.h"

enum { STEPS = 10000, ENDPOINTS = 12 };

static enum balancer_kind kind;
static struct rand chance;

static const enum balancer_kind kinds[] = {
    BALANCER_LEAST_REQUEST, BALANCER_ROUND_ROBIN, BALANCER_RANDOM,     BALANCER_PEAK_EWMA,
    BALANCER_RING_HASH,     BALANCER_MAGLEV,      BALANCER_PICK_FIRST,
};

static const uint32_t unequal[] = { 1, 5, 2, 9, 1, 1, 3, 3, 4, 7, 2, 6 };

static void plain(struct balancer_config *config)
{
    config->kind = kind;
    config->table_size = 1009;
}

static void scanning(struct balancer_config *config)
{
    plain(config);
    config->full_scan = true;
}

static void bounded(struct balancer_config *config)
{
    plain(config);
    config->hash_balance = 120;
}

static void slow(struct balancer_config *config)
{
    plain(config);
    config->slow_start.window_ns = 3600 * NS_PER_S;
}

static bool is_ejected(const struct view *view)
{
    return atomic_load(&view->gate) == GATE_EJECTED;
}

static void turn_gate(size_t i)
{
    if (is_ejected(field_view(i))) {
        tulle__outlier_lift(field.live, field_view(i));
        return;
    }
    if (atomic_load(&field.live->ejected) + 1 < ENDPOINTS) {
        field_eject(i);
    }
}

static void try_some(void)
{
    field.tried_count = rand_below(&chance, 4);
    for (size_t i = 0; i < field.tried_count; i++) {
        field.tried[i] = field_view(rand_below(&chance, ENDPOINTS));
    }
}

static bool is_tried(const struct view *view)
{
    for (size_t i = 0; i < field.tried_count; i++) {
        if (field.tried[i] == view) {
            return true;
        }
    }
    return false;
}

/* Of those in the picker, somebody who is neither ejected nor tried. */
static bool another_is_left(void)
{
    const struct picker *picker = field.live->picker;

    for (size_t i = 0; i < picker->count; i++) {
        if (!is_ejected(picker->entries[i].view) && !is_tried(picker->entries[i].view)) {
            return true;
        }
    }
    return false;
}

static void pick_and_check(void)
{
    struct view *view;
    enum pick_result result;

    field.hash = rand_next(&chance);
    field.has_hash = rand_below(&chance, 2) == 0;
    field.now += rand_below_i64(&chance, NS_PER_S);
    result = field_pick(&view);
    if (result != PICK_ENDPOINT) {
        assert_false(another_is_left());
        return;
    }
    assert_false(is_ejected(view));
    assert_false(is_tried(view) && another_is_left());
    if (rand_below(&chance, 3) == 0) {
        atomic_store(&view->peer->in_flight, rand_below(&chance, 20));
    }
}

static void endpoints_come_and_go(field_configure_fn *configure, const uint32_t *weights)
{
    tulle__rand_init(&chance, 5);
    field.tried_count = 0;
    assert_true(field_fill_as(configure, ENDPOINTS, weights));
    for (size_t step = 0; step < STEPS; step++) {
        switch (rand_below(&chance, 12)) {
        case 0: turn_gate(rand_below(&chance, ENDPOINTS)); break;
        case 1: assert_true(field_rebuild()); break;
        case 2: try_some(); break;
        default: pick_and_check();
        }
    }
}

static void an_ejected_endpoint_is_never_picked(void **state)
{
    static field_configure_fn *const ways[] = { plain, scanning, bounded, slow };

    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        kind = kinds[k];
        for (size_t i = 0; i < COUNT_OF(ways); i++) {
            endpoints_come_and_go(ways[i], NULL);
            endpoints_come_and_go(ways[i], unequal);
        }
    }
}

/* Drawn weights: exactly so where turns are taken. */
static void weights_converge(void **state)
{
    static const enum balancer_kind weighing[] = { BALANCER_ROUND_ROBIN, BALANCER_LEAST_REQUEST };
    uint32_t weights[ENDPOINTS];
    unsigned sum = 0;

    (void)state;
    for (unsigned run = 0; run < 50; run++) {
        tulle__rand_init(&chance, run);
        sum = 0;
        for (size_t i = 0; i < ENDPOINTS; i++) {
            weights[i] = 1 + rand_below(&chance, 50);
            sum += weights[i];
        }
        kind = weighing[run % COUNT_OF(weighing)];
        assert_true(field_fill_as(plain, ENDPOINTS, weights));
        field_pick_many(sum * 20);
        for (size_t i = 0; i < ENDPOINTS; i++) {
            assert_in_range(field.counts[i], weights[i] * 20 - 1, weights[i] * 20 + 1);
        }
    }
}

#define PROPERTY_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(PROPERTY_TEST(an_ejected_endpoint_is_never_picked), PROPERTY_TEST(weights_converge))
