/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/prequal_pool.h"

#include "base/clock.h"
#include "harness/test.h"
#include "model/defaults.h"

static struct prequal_pool pool;
static struct prequal_config config;
static struct rand dice;
static int64_t now;

static int pool_setup(void **state)
{
    (void)state;
    config = tulle__balancer_default.prequal;
    config.removals = 0;
    now = 1000 * NS_PER_S;
    tulle__rand_init(&dice, 42);
    tulle__prequal_pool_init(&pool, &config, 100);
    pool.uses = -1;
    return 0;
}

static void hear(uint32_t entry, float rif, float latency_ms)
{
    tulle__prequal_pool_add(
        &pool, &(struct probe){ now, entry, rif, latency_ms * NS_PER_MS, 0, false }, &dice);
}

static void hear_of_failing(uint32_t entry)
{
    tulle__prequal_pool_add(&pool, &(struct probe){ now, entry, 0, 1, 0, true }, &dice);
}

static bool any(const void *user, uint32_t entry)
{
    (void)user, (void)entry;
    return true;
}

static bool not_this(const void *user, uint32_t entry)
{
    return entry != *(const uint32_t *)user;
}

static uint32_t choose(void)
{
    return tulle__prequal_pool_choose(&pool, &config, now, any, NULL);
}

static bool holds(uint32_t entry)
{
    for (size_t i = 0; i < pool.count; i++) {
        if (pool.probes[i].entry == entry) {
            return true;
        }
    }
    return false;
}

static void of_the_cold_the_fastest_is_chosen(void **state)
{
    (void)state;
    hear(1, 0, 30);
    hear(2, 4, 10);
    hear(3, 5, 20);
    hear(4, 50, 1); /* fast, and hotter than 84 % */
    hear(5, 3, 25);
    hear(6, 2, 40);
    hear(7, 1, 50);
    assert_true(tulle__prequal_pool_threshold(&pool, &config) == 5);
    assert_int_equal(choose(), 2);
}

static void where_all_are_hot_the_least_loaded_is_chosen(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        hear(0, 1, 1);
    }
    hear(1, 30, 1);
    hear(2, 20, 90);
    hear(3, 25, 2);
    hear(0, 40, 1);
    assert_true(tulle__prequal_pool_threshold(&pool, &config) == 1);
    assert_int_equal(choose(), 2);
}

static void a_quantile_of_0_looks_at_load_alone_and_of_1_at_latency(void **state)
{
    (void)state;
    hear(1, 3, 1);
    hear(2, 1, 50);
    hear(3, 2, 2);
    config.hot_quantile = 0;
    assert_int_equal(choose(), 2);
    config.hot_quantile = 1000;
    assert_int_equal(choose(), 1);
}

static void who_fails_is_chosen_when_there_is_nobody_else(void **state)
{
    const uint32_t three = 3;

    (void)state;
    hear_of_failing(1);
    hear_of_failing(2);
    hear(3, 100, 5000);
    assert_int_equal(choose(), 3);
    assert_true(tulle__prequal_pool_choose(&pool, &config, now, not_this, &three) < 3);
}

static void what_was_chosen_has_one_more_in_flight(void **state)
{
    uint32_t times[3] = { 0 };

    (void)state;
    config.hot_quantile = 0;
    hear(0, 0, 1);
    hear(1, 0, 1);
    hear(2, 6, 1);
    for (int i = 0; i < 12; i++) {
        times[choose()]++;
    }
    assert_int_equal(times[0], 6);
    assert_int_equal(times[1], 6);
    for (int i = 0; i < 3; i++) {
        times[choose()]++;
    }
    assert_int_equal(times[2], 1);
}

static void fewer_than_two_answers_are_no_choice(void **state)
{
    (void)state;
    assert_int_equal(choose(), UINT32_MAX);
    hear(1, 0, 1);
    assert_int_equal(choose(), UINT32_MAX);
    hear(2, 0, 2);
    assert_int_equal(choose(), 1);
}

static void who_may_not_be_used_is_not_chosen(void **state)
{
    const uint32_t one = 1;

    (void)state;
    hear(1, 0, 1);
    hear(2, 0, 2);
    assert_int_equal(tulle__prequal_pool_choose(&pool, &config, now, not_this, &one), 2);
    hear(2, 0, 2);
    hear(1, 0, 1);
    pool.probes[0].entry = 1;
    assert_int_equal(tulle__prequal_pool_choose(&pool, &config, now, not_this, &one), UINT32_MAX);
}

static void an_answer_leaves_when_it_is_older_than_a_second(void **state)
{
    (void)state;
    hear(1, 0, 1);
    now += NS_PER_S / 2;
    hear(2, 0, 9);
    hear(3, 0, 9);
    now += NS_PER_S / 2;
    assert_int_equal(choose(), 1);
    now += 1;
    assert_int_equal(choose(), 2);
    assert_false(holds(1));
    now += NS_PER_S;
    assert_int_equal(choose(), UINT32_MAX);
    assert_int_equal(pool.count, 0);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        hear(i, 0, 1);
    }
    assert_int_equal(pool.count, 16);
    assert_false(holds(3));
    assert_true(holds(4) && holds(19));
}

static void a_newer_answer_of_the_same_takes_the_place(void **state)
{
    (void)state;
    hear(1, 9, 9);
    hear(2, 5, 5);
    hear(1, 0, 1);
    assert_int_equal(pool.count, 2);
    assert_int_equal(choose(), 1);
}

static void removals_take_the_oldest_and_the_worst_in_turn(void **state)
{
    (void)state;
    config.removals = 1000;
    hear(0, 0, 50);
    for (uint32_t i = 1; i < 8; i++) {
        hear(i, 0, (float)(10 + i));
    }
    hear(8, 90, 1); /* hot: the worst */
    assert_int_equal(choose(), 1);
    assert_false(holds(0));
    assert_true(holds(8));
    assert_int_equal(choose(), 2);
    assert_false(holds(8));
    (void)choose();
    assert_false(holds(1));
    config.removals = 500;
    assert_int_equal(pool.count, 6);
    (void)choose();
    assert_int_equal(pool.count, 6);
    (void)choose();
    assert_int_equal(pool.count, 5);
}

static void the_worst_of_cold_ones_is_the_slowest_and_of_all_who_fails(void **state)
{
    (void)state;
    config.removals = 1000;
    hear(9, 50, 1); /* so that the others are cold */
    hear(0, 0, 90);
    hear_of_failing(1);
    hear(2, 0, 10);
    hear(3, 0, 80);
    (void)choose();
    assert_false(holds(9));
    (void)choose();
    assert_false(holds(1));
    (void)choose();
    assert_false(holds(0)); /* the oldest */
    (void)choose();
    assert_false(holds(3)); /* the slowest */
}

/* The paper's numbers: (1 + 1) / ((1 - 16 / 100) * 3 - 1) = 1.3 */
static void answers_are_used_as_often_as_the_budget_says(void **state)
{
    unsigned uses = 0;

    (void)state;
    config = tulle__balancer_default.prequal;
    tulle__prequal_pool_init(&pool, &config, 100);
    for (uint32_t i = 0; i < 10000; i++) {
        hear(i, 0, 1);
        uses += pool.probes[pool.count - 1].uses;
        assert_in_range(pool.probes[pool.count - 1].uses, 1, 2);
    }
    assert_in_range(uses, 12900, 13420); /* 13,158, sigma 47 */
}

static void what_is_used_up_leaves(void **state)
{
    (void)state;
    pool.uses = 2;
    config.hot_quantile = 1000;
    hear(1, 0, 1);
    hear(2, 0, 5);
    hear(3, 50, 9);
    assert_int_equal(choose(), 1);
    assert_int_equal(choose(), 1);
    assert_int_equal(choose(), 2);
    assert_false(holds(1));
}

static void budgets_stay_within_bounds(void **state)
{
    (void)state;
    config = tulle__balancer_default.prequal;
    tulle__prequal_pool_init(&pool, &config, 16); /* no more endpoints than places */
    hear(1, 0, 1);
    assert_int_equal(pool.probes[0].uses, USES_ALL);
    config.probes = 100000;
    tulle__prequal_pool_init(&pool, &config, 1000000);
    hear(1, 0, 1);
    assert_int_equal(pool.probes[0].uses, 1);
    config.probes = 1001;
    config.pool_size = 1000;
    tulle__prequal_pool_init(&pool, &config, 100000000);
    assert_int_equal(pool.capacity, PROBES_MAX);
    hear(1, 0, 1);
    assert_in_range(pool.probes[0].uses, 1, USES_ALL - 1);
    config.probes = 500; /* fewer than removals */
    tulle__prequal_pool_init(&pool, &config, 100);
    hear(1, 0, 1);
    assert_int_equal(pool.probes[0].uses, USES_ALL);
}

static void parts_of_a_probe_add_up(void **state)
{
    unsigned probes = 0;

    (void)state;
    config.probes = 2300;
    for (int i = 0; i < 1000; i++) {
        unsigned due = tulle__prequal_pool_probes(&pool, &config);

        assert_in_range(due, 2, 3);
        probes += due;
    }
    assert_int_equal(probes, 2300);
}

static void the_threshold_follows_the_last_answers(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        hear((uint32_t)i, (float)(i % 100), 1);
    }
    assert_true(tulle__prequal_pool_threshold(&pool, &config) == 89);
    for (int i = 0; i < RIFS_MAX; i++) {
        hear((uint32_t)i, (float)(7 * i % RIFS_MAX) + 1000, 1);
    }
    assert_true(tulle__prequal_pool_threshold(&pool, &config) == 1107); /* the 108th of 128 */
    for (size_t i = 1; i < pool.rif_count; i++) {
        assert_true(pool.sorted[i - 1] <= pool.sorted[i]);
    }
}

#define POOL_TEST(test) cmocka_unit_test_setup(test, pool_setup)

TEST_MAIN(POOL_TEST(of_the_cold_the_fastest_is_chosen),
          POOL_TEST(where_all_are_hot_the_least_loaded_is_chosen),
          POOL_TEST(a_quantile_of_0_looks_at_load_alone_and_of_1_at_latency),
          POOL_TEST(who_fails_is_chosen_when_there_is_nobody_else),
          POOL_TEST(what_was_chosen_has_one_more_in_flight),
          POOL_TEST(fewer_than_two_answers_are_no_choice),
          POOL_TEST(who_may_not_be_used_is_not_chosen),
          POOL_TEST(an_answer_leaves_when_it_is_older_than_a_second),
          POOL_TEST(the_oldest_makes_room), POOL_TEST(a_newer_answer_of_the_same_takes_the_place),
          POOL_TEST(removals_take_the_oldest_and_the_worst_in_turn),
          POOL_TEST(the_worst_of_cold_ones_is_the_slowest_and_of_all_who_fails),
          POOL_TEST(answers_are_used_as_often_as_the_budget_says),
          POOL_TEST(what_is_used_up_leaves), POOL_TEST(budgets_stay_within_bounds),
          POOL_TEST(parts_of_a_probe_add_up), POOL_TEST(the_threshold_follows_the_last_answers))
