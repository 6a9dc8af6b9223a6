/* SPDX-License-Identifier: Apache-2.0 */

#include "base/clock.h"
#include "endpoint/latency.h"
#include "harness/test.h"
#include "model/defaults.h"

#define MS(n) ((int64_t)(n)*NS_PER_MS)

static int64_t now;

/* What is known, in whole milliseconds, after one more attempt. */
static int learn(struct ewma *latency, int64_t took_ms, bool failed)
{
    now += MS(took_ms);
    tulle__latency_learn(latency, &tulle__balancer_default, MS(took_ms), failed, now);
    return (int)(tulle__ewma_read(latency, tulle__balancer_default.ewma_tau_ns, now) /
                     (double)NS_PER_MS +
                 0.5);
}

static void an_answer_is_a_sample(void **state)
{
    struct ewma latency = { 0 };

    (void)state;
    now = NS_PER_S;
    assert_int_equal(learn(&latency, 50, false), 50);
    assert_int_equal(learn(&latency, 80, false), 80);
}

static void a_fast_failure_counts_as_twice_what_was_known(void **state)
{
    struct ewma latency = { 0 };

    (void)state;
    now = NS_PER_S;
    learn(&latency, 50, false);
    assert_int_equal(learn(&latency, 1, true), 100);
    assert_int_equal(learn(&latency, 1, true), 200);
}

static void of_a_stranger_it_counts_as_twice_the_default(void **state)
{
    struct ewma latency = { 0 };

    (void)state;
    now = NS_PER_S;
    assert_int_equal(learn(&latency, 1, true), 60);
}

static void a_slow_failure_counts_as_what_it_took(void **state)
{
    struct ewma latency = { 0 };

    (void)state;
    now = NS_PER_S;
    learn(&latency, 50, false);
    assert_int_equal(learn(&latency, 2000, true), 2000);
}

static void what_breaks_together_counts_once(void **state)
{
    struct ewma latency = { 0 };

    (void)state;
    now = NS_PER_S;
    learn(&latency, 50, false);
    learn(&latency, 10, true);
    for (int i = 0; i < 100; i++) {
        tulle__latency_learn(&latency, &tulle__balancer_default, MS(10), true, now + i);
    }
    assert_in_range((long)tulle__ewma_read(&latency, tulle__balancer_default.ewma_tau_ns, now),
                    (long)MS(99), (long)MS(101));
}

static void no_failure_counts_for_ever_more(void **state)
{
    struct ewma latency = { 0 };
    int known = 0;

    (void)state;
    now = NS_PER_S;
    for (int i = 0; i < 100; i++) {
        known = learn(&latency, 1, true);
    }
    assert_in_range(known, 60000, 120000);
}

/* Decay goes on between them; its half is there after seven seconds (tau 10 s). */
static void it_is_tried_again(void **state)
{
    struct ewma latency = { 0 };

    (void)state;
    now = NS_PER_S;
    learn(&latency, 50, false);
    learn(&latency, 1, true);
    assert_true(tulle__ewma_read(&latency, tulle__balancer_default.ewma_tau_ns,
                                 now + 7 * NS_PER_S) < (double)MS(50));
}

TEST_MAIN(cmocka_unit_test(an_answer_is_a_sample),
          cmocka_unit_test(a_fast_failure_counts_as_twice_what_was_known),
          cmocka_unit_test(of_a_stranger_it_counts_as_twice_the_default),
          cmocka_unit_test(a_slow_failure_counts_as_what_it_took),
          cmocka_unit_test(what_breaks_together_counts_once),
          cmocka_unit_test(no_failure_counts_for_ever_more), cmocka_unit_test(it_is_tried_again))
