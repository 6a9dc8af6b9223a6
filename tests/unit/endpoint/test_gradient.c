/* SPDX-License-Identifier: Apache-2.0 */

/* Envoy's formula, worked out by hand; and when the least latency is measured. */

#include "endpoint/gradient.h"

#include "base/clock.h"
#include "harness/test.h"
#include "model/defaults.h"

#define MS  NS_PER_MS
#define NOW (1000 * NS_PER_S)

static const struct adaptive_concurrency_config *const config = &tulle__adaptive_default;

static void the_limit_is_what_the_formula_says(void **state)
{
    static const struct {
        uint32_t limit;
        int64_t min_rtt, sample;
        uint32_t next;
    } rows[] = {
        { 100, 10 * MS, 10 * MS, 136 },               /* 1.25 * 100 = 125, and its root 11.18 */
        { 100, 10 * MS, 12500 * INT64_C(1000), 110 }, /* 100, 10 */
        { 100, 10 * MS, 15625 * INT64_C(1000), 88 },  /* 80, 8.94 */
        { 100, 10 * MS, 25 * MS, 57 },                /* 50, 7.07 */
        { 100, 10 * MS, 1000 * MS, 57 },              /* never less than a half */
        { 100, 10 * MS, 1 * MS, 214 },                /* never more than twice: 200, 14.14 */
        { 4, 10 * MS, 25 * MS, 3 },                   /* 2, 1.41: the least */
        { 900, 10 * MS, 10 * MS, 1000 },              /* 1125, 33.5: the most */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(
            tulle__gradient_next(config, rows[i].limit, rows[i].min_rtt, rows[i].sample),
            rows[i].next);
    }
}

static struct gradient measured(int64_t min_rtt, uint64_t chance)
{
    struct gradient gradient;

    tulle__gradient_init(&gradient, config);
    assert_true(gradient_is_measuring(&gradient));
    assert_int_equal(gradient.limit, 3);
    tulle__gradient_measured(&gradient, config, min_rtt, chance, NOW);
    assert_false(gradient_is_measuring(&gradient));
    return gradient;
}

static void it_grows_while_nothing_queues_and_settles_where_something_does(void **state)
{
    struct gradient gradient = measured(10 * MS, 0);
    uint32_t settled;

    (void)state;
    assert_int_equal(gradient.limit, 3);
    tulle__gradient_update(&gradient, config, 10 * MS, NOW);
    assert_int_equal(gradient.limit, 5); /* 3.75, 1.94 */
    for (int i = 0; i < 20; i++) {
        tulle__gradient_update(&gradient, config, 10 * MS, NOW);
    }
    assert_int_equal(gradient.limit, 1000);
    /* Twenty workers: what is over them waits. */
    for (int i = 0; i < 100; i++) {
        int64_t waits = gradient.limit > 20 ? 10 * MS * gradient.limit / 20 : 10 * MS;

        tulle__gradient_update(&gradient, config, waits, NOW);
    }
    settled = gradient.limit;
    assert_in_range(settled, 25, 40);
    for (int i = 0; i < 5; i++) {
        tulle__gradient_update(&gradient, config, 0, NOW); /* nothing sampled */
    }
    assert_int_equal(gradient.limit, settled);
}

static void the_limit_is_the_least_while_it_measures_and_then_what_it_was(void **state)
{
    struct gradient gradient = measured(10 * MS, 0);

    (void)state;
    gradient.limit = 80;
    tulle__gradient_measure(&gradient, config);
    assert_true(gradient_is_measuring(&gradient));
    assert_int_equal(gradient.limit, 3);
    assert_int_equal(gradient.measure_at, NEVER);
    tulle__gradient_measured(&gradient, config, 20 * MS, 0, NOW);
    assert_int_equal(gradient.limit, 80);
    assert_int_equal(gradient.min_rtt_ns, 20 * MS);
    assert_int_equal(gradient.update_at, NOW + 100 * MS);
}

static void chance_moves_the_next_measurement_by_up_to_the_jitter(void **state)
{
    int64_t least = NEVER, most = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct gradient gradient = measured(10 * MS, i * UINT64_C(0x9e3779b97f4a7c15));

        least = gradient.measure_at < least ? gradient.measure_at : least;
        most = gradient.measure_at > most ? gradient.measure_at : most;
    }
    assert_in_range(least - NOW, 60 * NS_PER_S, 61 * NS_PER_S);
    assert_in_range(most - NOW, 68 * NS_PER_S, 69 * NS_PER_S);
}

static void five_updates_at_the_least_in_a_row_doubt_the_measurement(void **state)
{
    struct gradient gradient = measured(1 * MS, 0);

    (void)state;
    for (int i = 0; i < 4; i++) {
        tulle__gradient_update(&gradient, config, 100 * MS, NOW);
    }
    assert_true(gradient.measure_at > NOW);
    tulle__gradient_update(&gradient, config, 1 * MS, NOW);   /* 5: the row is broken */
    tulle__gradient_update(&gradient, config, 100 * MS, NOW); /* 4 */
    tulle__gradient_update(&gradient, config, 100 * MS, NOW); /* 3 */
    for (int i = 0; i < 4; i++) {
        tulle__gradient_update(&gradient, config, 100 * MS, NOW);
    }
    assert_true(gradient.measure_at > NOW);
    tulle__gradient_update(&gradient, config, 100 * MS, NOW + 5);
    assert_int_equal(gradient.measure_at, NOW + 5);
}

static void a_lower_limit_of_a_new_configuration_holds(void **state)
{
    struct adaptive_concurrency_config low = *config;
    struct gradient gradient = measured(10 * MS, 0);

    (void)state;
    low.max_concurrency = 10;
    gradient.limit = 500;
    tulle__gradient_measure(&gradient, config);
    tulle__gradient_measured(&gradient, &low, 10 * MS, 0, NOW);
    assert_int_equal(gradient.limit, 10);
}

TEST_MAIN(cmocka_unit_test(the_limit_is_what_the_formula_says),
          cmocka_unit_test(it_grows_while_nothing_queues_and_settles_where_something_does),
          cmocka_unit_test(the_limit_is_the_least_while_it_measures_and_then_what_it_was),
          cmocka_unit_test(chance_moves_the_next_measurement_by_up_to_the_jitter),
          cmocka_unit_test(five_updates_at_the_least_in_a_row_doubt_the_measurement),
          cmocka_unit_test(a_lower_limit_of_a_new_configuration_holds))
