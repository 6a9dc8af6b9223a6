/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/usable.h"

#include <math.h>

#include "harness/test.h"
#include "unit/balance/field.h"

#define WINDOW_S 60

static struct view view;
static struct pick_entry entry = { .view = &view, .weight = 200 };
static struct balancer_config config;
static struct leaf leaf = { .config = &config, .entries = &entry, .count = 1, .young = true };

static double weight_at(int64_t age_ns, uint32_t aggression, uint32_t least)
{
    const int64_t now = 1000 * NS_PER_S;

    config.slow_start = (struct slow_start_config){ WINDOW_S * NS_PER_S, aggression, least };
    view.joined_at = now - age_ns;
    entry.joined_ms = entry_joined_ms(&view, now);
    return entry_weight(&leaf, 0, now);
}

static bool is_about(double value, double wanted)
{
    return fabs(value - wanted) < wanted * 1e-9;
}

/* Envoy, slow_start.rst and applySlowStartFactor(). */
static void an_endpoint_that_is_new_weighs_what_its_age_says(void **state)
{
    (void)state;
    assert_true(is_about(weight_at(30 * NS_PER_S, 1000, 100), 100));
    assert_true(is_about(weight_at(45 * NS_PER_S, 1000, 100), 150));
    assert_true(is_about(weight_at(15 * NS_PER_S, 2000, 100), 100)); /* sqrt(1/4) */
    assert_true(is_about(weight_at(30 * NS_PER_S, 500, 100), 50));   /* (1/2)^2 */
}

static void it_weighs_the_least_at_first(void **state)
{
    (void)state;
    assert_true(is_about(weight_at(0, 1000, 100), 20));
    assert_true(is_about(weight_at(6 * NS_PER_S, 1000, 100), 20));
    assert_true(is_about(weight_at(0, 1000, 0), 200.0 / 60000)); /* a millisecond of the window */
}

static void it_weighs_all_when_the_window_is_over(void **state)
{
    (void)state;
    assert_true(is_about(weight_at(60 * NS_PER_S, 1000, 100), 200));
    assert_true(is_about(weight_at(999 * NS_PER_S, 2000, 100), 200));
}

/* Ages are kept in 32 bits of milliseconds, which is 49 days. */
static void who_is_here_for_months_is_not_new_again(void **state)
{
    const int64_t days = 86400 * NS_PER_S;

    (void)state;
    config.slow_start = (struct slow_start_config){ WINDOW_S * NS_PER_S, 1000, 100 };
    for (int64_t age = 1; age < 400; age++) {
        int64_t now = 500 * days;

        view.joined_at = now - age * days;
        entry.joined_ms = entry_joined_ms(&view, now);
        assert_true(is_about(entry_weight(&leaf, 0, now + 20 * days), 200));
    }
}

static void in_panic_gates_are_not_asked(void **state)
{
    (void)state;
    view.gate = GATE_EJECTED;
    assert_true(entry_is_ejected(&leaf, 0));
    leaf.panic = true;
    assert_false(entry_is_ejected(&leaf, 0));
    leaf.panic = false;
    view.gate = GATE_READY;
}

static void one_request_at_a_time_may_try_an_endpoint(void **state)
{
    (void)state;
    view.gate = GATE_TRIAL;
    view.trial = 0;
    assert_false(entry_is_ejected(&leaf, 0));
    view.trial = 1;
    assert_true(entry_is_ejected(&leaf, 0));
    view.gate = GATE_READY;
}

TEST_MAIN(cmocka_unit_test(an_endpoint_that_is_new_weighs_what_its_age_says),
          cmocka_unit_test(it_weighs_the_least_at_first),
          cmocka_unit_test(it_weighs_all_when_the_window_is_over),
          cmocka_unit_test(who_is_here_for_months_is_not_new_again),
          cmocka_unit_test(in_panic_gates_are_not_asked),
          cmocka_unit_test(one_request_at_a_time_may_try_an_endpoint))
