/* SPDX-License-Identifier: Apache-2.0 */

/* What holds for every balancer, whatever happens: a fixed seed draws what does. */

#include "harness/test.h"
#include "unit/balance/groups.h"

enum { STEPS = 10000, ENDPOINTS = 12 };

static enum balancer_kind kind;
static struct rand chance;

static const enum balancer_kind kinds[] = {
    BALANCER_LEAST_REQUEST, BALANCER_ROUND_ROBIN, BALANCER_RANDOM,
    BALANCER_PEAK_EWMA,     BALANCER_PICK_FIRST,  BALANCER_WEIGHTED,
    BALANCER_PREQUAL,       BALANCER_RING_HASH,   BALANCER_MAGLEV,
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

/* --- priorities, localities, panic --- */

enum { ROUNDS = 400, GROUPS = 6, PICKS = 60 };

static const char *const places[] = { "a", "b", "c" };
static const struct caller_share callers[] = { { { "a", 1 }, 2 }, { { "b", 1 }, 3 } };
static const struct locality_weight place_weights[] = { { { "a", 1 }, 0, 1 },
                                                        { { "b", 1 }, 0, 3 },
                                                        { { "a", 1 }, 1, 2 } };

static void draw_config(void)
{
    static const enum locality_mode modes[] = { LOCALITY_IGNORED, LOCALITY_WEIGHTED,
                                                LOCALITY_ZONE_AWARE };
    struct locality_config *locality = &groups.config.locality;

    groups_reset(kinds[rand_below(&chance, COUNT_OF(kinds))]);
    groups.config.table_size = 1009;
    groups.weights = place_weights;
    groups.weight_count = COUNT_OF(place_weights);
    locality->mode = modes[rand_below(&chance, COUNT_OF(modes))];
    locality->local = STR("a");
    locality->callers = callers;
    locality->caller_count = COUNT_OF(callers);
    locality->min_cluster_size = 2;
    locality->routing_enabled = 50 + rand_below(&chance, 51);
    locality->panic_percent = rand_below(&chance, 3) * 30;
    if (rand_below(&chance, 4) == 0) {
        groups.config.subsetting.kind = SUBSETTING_RANDOM;
        groups.config.subsetting.size = 1 + rand_below(&chance, 5);
    }
}

static void draw_groups(struct group *list, size_t count)
{
    for (size_t g = 0; g < count; g++) {
        list[g] = (struct group){ .priority = rand_below(&chance, 3),
                                  .locality = places[rand_below(&chance, COUNT_OF(places))],
                                  .count = 1 + rand_below(&chance, 5),
                                  .weight = 1 + rand_below(&chance, 3) };
        list[g].unhealthy = rand_below(&chance, (uint32_t)list[g].count + 1);
        list[g].degraded = rand_below(&chance, (uint32_t)(list[g].count - list[g].unhealthy) + 1);
    }
    assert_true(groups_fill(list, count));
}

static bool may_be_used(const struct view *view)
{
    return !is_ejected(view) && atomic_load(&view->fitness) != FIT_NOT;
}

/* Somebody whom the picker knows, apart from those that panic has let in. */
static bool somebody_is_left(void)
{
    const struct picker *picker = field.live->picker;

    for (size_t i = 0; i < picker->count; i++) {
        if (may_be_used(picker->entries[i].view)) {
            return true;
        }
    }
    return false;
}

/* Counts the picks in panic. */
static unsigned pick_anywhere_and_check(void)
{
    struct pick pick = { .rand = &field.rand,
                         .now = field.now,
                         .hash = rand_next(&chance),
                         .has_hash = rand_below(&chance, 2) == 0,
                         .tried_priorities = rand_below(&chance, 4) };
    struct view *view;

    if (tulle__pick(field.live, &pick, &view) != PICK_ENDPOINT) {
        assert_false(somebody_is_left());
        return 0;
    }
    if (pick.leaf->panic) {
        return 1;
    }
    assert_true(may_be_used(view));
    assert_int_equal(pick.leaf->degraded, atomic_load(&view->fitness) == FIT_DEGRADED);
    assert_int_equal(pick.priority, view_priority(view));
    return 0;
}

static void eject_somebody(void)
{
    struct view *view = field_view(rand_below(&chance, (uint32_t)fixture_named(field.live)));

    fixture_record(field.live, view, VERDICT_5XX, 5, field.now);
}

static void outside_panic_nobody_is_picked_who_may_not_be_used(void **state)
{
    unsigned panics = 0;

    (void)state;
    tulle__rand_init(&chance, 3);
    for (int round = 0; round < ROUNDS; round++) {
        struct group list[GROUPS];

        draw_config();
        draw_groups(list, 1 + rand_below(&chance, GROUPS));
        for (int i = 0; i < PICKS; i++) {
            if (i % 4 == 3) {
                eject_somebody();
            }
            if (i % 16 == 15) {
                assert_true(field_rebuild());
            }
            panics += pick_anywhere_and_check();
        }
        assert_true(GROUPS_FILL({ .count = 0 }));
        tulle__live_sweep(&field.set);
    }
    assert_in_range(panics, ROUNDS, ROUNDS * PICKS / 2);
}

/* --- weights --- */

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

/* Without a hash the last two draw their number. */
static void weights_of_localities_converge(void **state)
{
    static const size_t turning = COUNT_OF(kinds) - 2;

    (void)state;
    tulle__rand_init(&chance, 9);
    for (size_t run = 0; run < 50; run++) {
        struct locality_weight weights[COUNT_OF(places)];
        struct group list[COUNT_OF(places)];
        double percents[COUNT_OF(places)], sum = 0;

        groups_reset(kinds[run % turning]);
        for (size_t g = 0; g < COUNT_OF(places); g++) {
            weights[g] =
                (struct locality_weight){ str_of(places[g]), 0, 1 + rand_below(&chance, 1000) };
            list[g] = (struct group){ .locality = places[g],
                                      .count = 1 + rand_below(&chance, 9),
                                      .weight = 1 + rand_below(&chance, 9) };
            sum += weights[g].weight;
        }
        for (size_t g = 0; g < COUNT_OF(places); g++) {
            percents[g] = 100 * weights[g].weight / sum;
        }
        groups.config.locality.mode = LOCALITY_WEIGHTED;
        groups.weights = weights;
        groups.weight_count = COUNT_OF(places);
        assert_true(groups_fill(list, COUNT_OF(places)));
        groups_expect(1000, percents);
    }
}

#define PROPERTY_TEST(test) cmocka_unit_test_setup_teardown(test, field_setup, field_teardown)

TEST_MAIN(PROPERTY_TEST(an_ejected_endpoint_is_never_picked),
          PROPERTY_TEST(outside_panic_nobody_is_picked_who_may_not_be_used),
          PROPERTY_TEST(weights_converge), PROPERTY_TEST(weights_of_localities_converge))
