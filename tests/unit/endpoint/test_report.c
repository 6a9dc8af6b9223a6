/* SPDX-License-Identifier: Apache-2.0 */

/* gRFC A58's weights (UpdateWeight, GetWeight), and what Prequal reads. */

#include "endpoint/report.h"

#include <math.h>

#include "base/clock.h"
#include "harness/test.h"
#include "model/defaults.h"

static struct peers peers;
static struct peer *peer;
static struct weighted_config config;
static int64_t now;

static int peer_setup(void **state)
{
    (void)state;
    tulle__peers_init(&peers);
    config = tulle__balancer_default.weighted;
    now = 1000 * NS_PER_S;
    peer = tulle__peers_get(&peers, STR("10.0.0.1:80"), PROTOCOL_HTTP1, STR("shop"));
    if (peer == NULL || !tulle__peer_want_report(peer)) {
        return -1;
    }
    return 0;
}

static int peer_teardown(void **state)
{
    (void)state;
    if (peer != NULL) {
        tulle__peer_unref(peer);
    }
    tulle__peers_sweep(&peers);
    tulle__peers_fini(&peers);
    return 0;
}

static void report(struct load load)
{
    tulle__peer_report(peer, &load, now);
}

static double weight(void)
{
    return tulle__peer_weight(peer, &config, now);
}

static struct load heat_of(double rif, double latency_ms)
{
    return (struct load){ -1, -1, -1, -1, rif, latency_ms };
}

static void assert_near(double is, double wanted)
{
    assert_true(fabs(is - wanted) < wanted * 1e-6);
}

static void a_weight_is_queries_by_utilization_with_the_share_of_errors(void **state)
{
    (void)state;
    config.blackout_ns = 0;
    report((struct load){ .cpu = 0.5, .qps = 100 });
    assert_near(weight(), 200);
    report((struct load){ .cpu = 0.5, .qps = 100, .eps = 50 });
    assert_near(weight(), 100); /* 100 / (0.5 + 50 / 100 * 1) */
    config.error_penalty = 3000;
    assert_near(weight(), 50);
    config.error_penalty = 0;
    assert_near(weight(), 200);
}

static void application_utilization_goes_before_that_of_the_cpu(void **state)
{
    (void)state;
    config.blackout_ns = 0;
    report((struct load){ .cpu = 0.5, .application = 2, .qps = 100 });
    assert_near(weight(), 50);
    report((struct load){ .cpu = 0.5, .application = 0, .qps = 100 });
    assert_near(weight(), 200);
}

static void a_report_without_utilization_or_queries_changes_nothing(void **state)
{
    (void)state;
    config.blackout_ns = 0;
    report((struct load){ .cpu = 0.5 });
    report((struct load){ .qps = 100, .eps = 1 });
    assert_true(weight() == 0);
    report((struct load){ .cpu = 0.5, .qps = 100 });
    now += NS_PER_S;
    report((struct load){ .cpu = 0.9 });
    report((struct load){ .cpu = -1, .qps = -1 });
    assert_near(weight(), 200);
    now += config.expiration_ns - NS_PER_S; /* since the good one */
    assert_true(weight() == 0);
}

static void a_weight_counts_when_reports_have_come_for_the_blackout(void **state)
{
    (void)state;
    report((struct load){ .cpu = 1, .qps = 10 });
    now += 10 * NS_PER_S - 1;
    report((struct load){ .cpu = 1, .qps = 20 });
    assert_true(weight() == 0);
    now += 1;
    assert_near(weight(), 20);
}

static void an_expired_weight_begins_with_a_blackout_again(void **state)
{
    (void)state;
    report((struct load){ .cpu = 1, .qps = 10 });
    now += 180 * NS_PER_S - 1;
    assert_near(weight(), 10);
    now += 1;
    assert_true(weight() == 0);
    report((struct load){ .cpu = 1, .qps = 10 });
    now += 10 * NS_PER_S - 1;
    assert_true(weight() == 0);
    now += 1;
    assert_near(weight(), 10);
}

static void an_endpoint_that_was_lost_and_is_back_begins_with_a_blackout(void **state)
{
    (void)state;
    report((struct load){ .cpu = 1, .qps = 10 });
    now += 20 * NS_PER_S;
    tulle__peer_report_back(peer); /* one connection more, none was lost */
    assert_near(weight(), 10);
    tulle__peer_report_lost(peer);
    assert_near(weight(), 10);
    tulle__peer_report_back(peer);
    assert_true(weight() == 0);
    report((struct load){ .cpu = 1, .qps = 10 });
    now += 10 * NS_PER_S;
    assert_near(weight(), 10);
}

static void numbers_beyond_all_bounds_give_a_number_or_no_weight(void **state)
{
    static const double extremes[] = { 0, 5e-324, 1e-12, 1, 1e12, 1e308, INFINITY, NAN };

    (void)state;
    config.blackout_ns = 0;
    for (size_t i = 0; i < COUNT_OF(extremes) * COUNT_OF(extremes) * COUNT_OF(extremes); i++) {
        struct heat heat;

        report((struct load){ .cpu = extremes[i % 8],
                              .qps = extremes[i / 8 % 8],
                              .eps = extremes[i / 64],
                              .rif = extremes[i % 8],
                              .latency_ms = extremes[i / 8 % 8] });
        assert_true(weight() >= 0 && isfinite(weight()));
        assert_true(!tulle__peer_heat(peer, NS_PER_S, now, &heat) ||
                    (heat.rif >= 0 && heat.latency_ns >= 0));
    }
}

static void nobody_keeps_reports_that_nobody_wants(void **state)
{
    struct peer *other = tulle__peers_get(&peers, STR("10.0.0.2:80"), PROTOCOL_HTTP1, STR("shop"));
    struct heat heat;

    (void)state;
    assert_non_null(other);
    tulle__peer_report(other, &(struct load){ 1, 1, 1, 1, 1, 1 }, now);
    tulle__peer_report_reply(other, false, now);
    tulle__peer_report_lost(other);
    tulle__peer_report_back(other);
    assert_true(tulle__peer_weight(other, &config, now) == 0);
    assert_false(tulle__peer_heat(other, NEVER, now, &heat));
    assert_false(tulle__peer_is_failing(other, now));
    tulle__peer_unref(other);
}

static void heat_is_as_told_plus_what_was_sent_since(void **state)
{
    struct heat heat;

    (void)state;
    assert_false(tulle__peer_heat(peer, NS_PER_S, now, &heat));
    peer->in_flight = 3;
    report(heat_of(10, 20));
    peer->in_flight = 5;
    assert_true(tulle__peer_heat(peer, NS_PER_S, now, &heat));
    assert_true(heat.rif == 12 && heat.latency_ns == 20 * NS_PER_MS && heat.at == now);
    peer->in_flight = 0;
    assert_true(tulle__peer_heat(peer, NS_PER_S, now, &heat));
    assert_true(heat.rif == 7);
    report(heat_of(1, -1)); /* half of one is none */
    report(heat_of(-1, 1));
    now += NS_PER_S;
    assert_true(tulle__peer_heat(peer, NS_PER_S, now, &heat));
    assert_true(heat.latency_ns == 20 * NS_PER_MS);
    now += 1;
    assert_false(tulle__peer_heat(peer, NS_PER_S, now, &heat));
}

static void who_fails_often_is_failing_until_it_stops_or_a_while_goes_by(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        tulle__peer_report_reply(peer, false, now);
    }
    assert_false(tulle__peer_is_failing(peer, now));
    tulle__peer_report_reply(peer, false, now);
    assert_true(tulle__peer_is_failing(peer, now));
    assert_true(tulle__peer_is_failing(peer, now + 10 * NS_PER_S - 1));
    assert_false(tulle__peer_is_failing(peer, now + 10 * NS_PER_S));
    for (int i = 0; i < 3; i++) {
        tulle__peer_report_reply(peer, true, now);
    }
    assert_false(tulle__peer_is_failing(peer, now));
}

static void one_failure_in_ten_is_not_failing(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        tulle__peer_report_reply(peer, i % 10 != 0, now);
        assert_false(tulle__peer_is_failing(peer, now));
    }
}

static void a_report_is_one_cache_line(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct load_report), 64);
    assert_true(((uintptr_t)atomic_load(&peer->report) & 63) == 0);
    assert_true(tulle__peer_want_report(peer)); /* the same */
}

static void no_memory_for_a_report_is_said(void **state)
{
    struct peers few;
    struct peer *made;

    (void)state;
    tulle__peers_init(&few);
    made = tulle__peers_get(&few, STR("10.0.0.9:80"), PROTOCOL_HTTP1, STR("shop"));
    CHECK_OR_DONE(made != NULL);
    CHECK_OR_DONE(tulle__peer_want_report(made));
    CHECK(atomic_load(&made->report) != NULL);
done:
    if (made != NULL) {
        tulle__peer_unref(made);
    }
    tulle__peers_sweep(&few);
    tulle__peers_fini(&few);
}

#define PEER_TEST(test) cmocka_unit_test_setup_teardown(test, peer_setup, peer_teardown)

TEST_MAIN(PEER_TEST(a_weight_is_queries_by_utilization_with_the_share_of_errors),
          PEER_TEST(application_utilization_goes_before_that_of_the_cpu),
          PEER_TEST(a_report_without_utilization_or_queries_changes_nothing),
          PEER_TEST(a_weight_counts_when_reports_have_come_for_the_blackout),
          PEER_TEST(an_expired_weight_begins_with_a_blackout_again),
          PEER_TEST(an_endpoint_that_was_lost_and_is_back_begins_with_a_blackout),
          PEER_TEST(numbers_beyond_all_bounds_give_a_number_or_no_weight),
          PEER_TEST(nobody_keeps_reports_that_nobody_wants),
          PEER_TEST(heat_is_as_told_plus_what_was_sent_since),
          PEER_TEST(who_fails_often_is_failing_until_it_stops_or_a_while_goes_by),
          PEER_TEST(one_failure_in_ten_is_not_failing), PEER_TEST(a_report_is_one_cache_line),
          TEST_OOM(no_memory_for_a_report_is_said))
