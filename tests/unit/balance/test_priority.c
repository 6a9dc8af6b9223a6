/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of Envoy's documentation (priority.rst, panic_threshold.rst,
 * degraded.rst), row by row, and what its source says of the rest. */

#include "balance/priority.h"

#include "base/rand.h"
#include "harness/test.h"

enum { PRIORITIES = 3, HOSTS = 100 };

struct row {
    uint32_t healthy[PRIORITIES], load[PRIORITIES];
    bool panic[PRIORITIES];
};

static const struct locality_config envoys = { .overprovisioning = 1400, .panic_percent = 50 };
static const struct locality_config istios = { .overprovisioning = 1400, .panic_percent = 0 };

static void check_row(const struct row *row, size_t count, const struct locality_config *config)
{
    struct priority priorities[PRIORITIES] = { 0 };

    for (size_t i = 0; i < count; i++) {
        priorities[i] = (struct priority){ .hosts = HOSTS, .healthy = row->healthy[i] };
    }
    tulle__priority_loads(priorities, count, config);
    for (size_t i = 0; i < count; i++) {
        if (priorities[i].load != row->load[i] || priorities[i].panic != row->panic[i] ||
            priorities[i].degraded_load != 0) {
            fail_msg("%u%%/%u%%/%u%% healthy: priority %zu has load %u and panic %d, expected %u",
                     row->healthy[0], row->healthy[1], row->healthy[2], i, priorities[i].load,
                     priorities[i].panic, row->load[i]);
        }
    }
}

static void two_priorities_of_which_the_second_is_healthy(void **state)
{
    static const struct row rows[] = {
        { { 100, 100 }, { 100, 0 }, { 0 } }, { { 72, 100 }, { 100, 0 }, { 0 } },
        { { 71, 100 }, { 99, 1 }, { 0 } },   { { 50, 100 }, { 70, 30 }, { 0 } },
        { { 25, 100 }, { 35, 65 }, { 0 } },  { { 0, 100 }, { 0, 100 }, { 0 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], 2, &envoys);
    }
}

/* 71 and 71 percent are both in order: 99 % of health each. */
static void two_priorities_that_are_both_hurt(void **state)
{
    static const struct row rows[] = {
        { { 100, 100 }, { 100, 0 }, { 0 } }, { { 72, 72 }, { 100, 0 }, { 0 } },
        { { 71, 71 }, { 99, 1 }, { 0 } },    { { 50, 50 }, { 70, 30 }, { 0 } },
        { { 25, 100 }, { 35, 65 }, { 0 } },  { { 25, 25 }, { 50, 50 }, { 0 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], 2, &istios);
    }
}

/* The last row is 36/36/28 in the table, which does not round as the source does. */
static void three_priorities(void **state)
{
    static const struct row rows[] = {
        { { 100, 100, 100 }, { 100, 0, 0 }, { 0 } }, { { 72, 72, 100 }, { 100, 0, 0 }, { 0 } },
        { { 71, 71, 100 }, { 99, 1, 0 }, { 0 } },    { { 50, 50, 100 }, { 70, 30, 0 }, { 0 } },
        { { 25, 100, 100 }, { 35, 65, 0 }, { 0 } },  { { 25, 25, 100 }, { 35, 35, 30 }, { 0 } },
        { { 25, 25, 20 }, { 37, 35, 28 }, { 0 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], 3, &istios);
    }
}

/* The table says 50 and 50 for 50/60, 25 and 75 for 25/100, 7 and 93 for 5/65: its
 * text, priority.rst and the source say what stands here. */
static void panic_begins_when_health_is_short_in_all(void **state)
{
    static const struct row rows[] = {
        { { 72, 72 }, { 100, 0 }, { 0 } },        { { 71, 71 }, { 99, 1 }, { 0 } },
        { { 50, 60 }, { 70, 30 }, { 0 } },        { { 25, 100 }, { 35, 65 }, { 0 } },
        { { 25, 25 }, { 50, 50 }, { 1, 1 } },     { { 5, 65 }, { 8, 92 }, { 1, 0 } },
        { { 0, 0 }, { 50, 50 }, { true, true } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], 2, &envoys);
    }
}

static void in_total_panic_load_follows_the_hosts(void **state)
{
    struct priority priorities[] = { { .hosts = 0 }, { .hosts = 1 }, { .hosts = 2 } };

    (void)state;
    tulle__priority_loads(priorities, 3, &envoys);
    assert_int_equal(priorities[0].load, 0);
    assert_int_equal(priorities[1].load, 34); /* what rounding left, to the first with hosts */
    assert_int_equal(priorities[2].load, 66);
    assert_true(priorities[0].panic && priorities[1].panic && priorities[2].panic);
}

static void without_panic_and_health_all_load_is_the_first_ones(void **state)
{
    static const struct row row = { { 0, 0 }, { 100, 0 }, { 0 } };

    (void)state;
    check_row(&row, 2, &istios);
}

static void the_degraded_take_what_the_healthy_cannot(void **state)
{
    static const struct {
        uint32_t healthy, degraded, load, degraded_load;
    } rows[] = {
        { 100, 0, 100, 0 }, { 71, 0, 100, 0 }, { 71, 29, 99, 1 },
        { 25, 65, 35, 65 }, { 5, 0, 100, 0 },  { 0, 10, 0, 100 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct priority priority = { .hosts = HOSTS,
                                     .healthy = rows[i].healthy,
                                     .degraded = rows[i].degraded };

        tulle__priority_loads(&priority, 1, &istios);
        assert_int_equal(priority.load, rows[i].load);
        assert_int_equal(priority.degraded_load, rows[i].degraded_load);
    }
}

/* The example in Envoy's source: 10/20/10 of health and 20/10/0 of degraded. */
static void what_rounding_leaves_goes_to_the_first_that_is_healthy(void **state)
{
    static const struct locality_config exact = { .overprovisioning = 1000 };
    struct priority priorities[] = { { .hosts = 10, .healthy = 1, .degraded = 2 },
                                     { .hosts = 10, .healthy = 2, .degraded = 1 },
                                     { .hosts = 10, .healthy = 1 } };

    (void)state;
    tulle__priority_loads(priorities, 3, &exact);
    assert_int_equal(priorities[0].load, 16);
    assert_int_equal(priorities[1].load, 28);
    assert_int_equal(priorities[2].load, 14);
    assert_int_equal(priorities[0].degraded_load, 28);
    assert_int_equal(priorities[1].degraded_load, 14);
    assert_int_equal(priorities[2].degraded_load, 0);
}

static uint32_t random_below(struct rand *rand, uint32_t n)
{
    return n > 0 ? rand_below(rand, n) : 0;
}

static void loads_always_come_to_a_hundred(void **state)
{
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 5);
    for (int round = 0; round < 100000; round++) {
        struct locality_config config = { .overprovisioning = 1000 + rand_below(&rand, 1000),
                                          .panic_percent = rand_below(&rand, 3) * 50 };
        struct priority priorities[5] = { 0 };
        size_t count = 1 + rand_below(&rand, 5);
        uint32_t sum = 0;

        for (size_t i = 0; i < count; i++) {
            uint32_t hosts = rand_below(&rand, 300);
            uint32_t healthy = random_below(&rand, hosts + 1);

            priorities[i] = (struct priority){ .hosts = hosts, .healthy = healthy };
            priorities[i].degraded = random_below(&rand, hosts - healthy + 1);
        }
        tulle__priority_loads(priorities, count, &config);
        for (size_t i = 0; i < count; i++) {
            sum += priorities[i].load + priorities[i].degraded_load;
        }
        assert_int_equal(sum, 100);
    }
}

/* --- without those that were tried --- */

/* How many of the hundred percents go to each. */
static bool untried(const struct priority *priorities, size_t count, uint32_t tried, uint32_t *load,
                    uint32_t *degraded)
{
    struct priority_choice choice;

    memset(load, 0, count * sizeof(*load));
    memset(degraded, 0, count * sizeof(*degraded));
    for (uint32_t percent = 0; percent < 100; percent++) {
        if (!tulle__priority_untried(priorities, count, tried, percent, &choice)) {
            return false;
        }
        (choice.degraded ? degraded : load)[choice.priority]++;
    }
    return true;
}

static void what_was_tried_leaves_its_load_to_the_others(void **state)
{
    struct priority priorities[] = { { .hosts = 100, .healthy = 100 },
                                     { .hosts = 100, .healthy = 50 },
                                     { .hosts = 100, .healthy = 100 } };
    uint32_t load[3], degraded[3];

    (void)state;
    tulle__priority_loads(priorities, 3, &istios);
    assert_true(untried(priorities, 3, 0, load, degraded));
    assert_int_equal(load[0], 100);
    assert_true(untried(priorities, 3, priority_bit(0), load, degraded));
    assert_int_equal(load[1], 70);
    assert_int_equal(load[2], 30);
    assert_true(untried(priorities, 3, priority_bit(0) | priority_bit(2), load, degraded));
    assert_int_equal(load[1], 100);
    assert_false(untried(priorities, 3, 7, load, degraded));
}

/* Envoy goes round: 33 each, then 33 of the one that is left to the first. */
static void untried_shares_are_those_of_envoys_rounds(void **state)
{
    struct priority priorities[] = { { .hosts = 1, .healthy = 1 },
                                     { .hosts = 1000, .healthy = 100 },
                                     { .hosts = 1000, .degraded = 100 },
                                     { .hosts = 1000, .healthy = 100 } };
    uint32_t load[4], degraded[4];

    (void)state;
    tulle__priority_loads(priorities, 4, &istios);
    assert_true(untried(priorities, 4, priority_bit(0), load, degraded));
    assert_int_equal(load[1], 34);
    assert_int_equal(load[3], 33);
    assert_int_equal(degraded[2], 33);
}

TEST_MAIN(cmocka_unit_test(two_priorities_of_which_the_second_is_healthy),
          cmocka_unit_test(two_priorities_that_are_both_hurt), cmocka_unit_test(three_priorities),
          cmocka_unit_test(panic_begins_when_health_is_short_in_all),
          cmocka_unit_test(in_total_panic_load_follows_the_hosts),
          cmocka_unit_test(without_panic_and_health_all_load_is_the_first_ones),
          cmocka_unit_test(the_degraded_take_what_the_healthy_cannot),
          cmocka_unit_test(what_rounding_leaves_goes_to_the_first_that_is_healthy),
          cmocka_unit_test(loads_always_come_to_a_hundred),
          cmocka_unit_test(what_was_tried_leaves_its_load_to_the_others),
          cmocka_unit_test(untried_shares_are_those_of_envoys_rounds))
