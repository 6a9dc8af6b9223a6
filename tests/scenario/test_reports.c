/* SPDX-License-Identifier: Apache-2.0 */

/* Endpoints that tell their load, and who gets the calls: weighted round robin
 * (gRPC A58) and Prequal, through the whole client. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

#define WEIGHTED(more) TRAFFIC_POLICY("  balancer: {clientSideWeightedRoundRobin: {" more "}}\n")
#define PREQUAL(more)  TRAFFIC_POLICY("  balancer: {prequal: {" more "}}\n")
#define PROBING        PREQUAL("reports: PROBE, probePath: /probe, probeTimeout: 3ms")

#define SAID       "tulle_load_reports_total{" CLUSTER ",result=\"read\"}"
#define REFUSED    "tulle_load_reports_total{" CLUSTER ",result=\"refused\"}"
#define ANSWERED   "tulle_probes_total{" CLUSTER ",result=\"answered\"}"
#define LOST       "tulle_probes_total{" CLUSTER ",result=\"lost\"}"
#define METRICS(x) "endpoint-load-metrics: " x

static const char *const addresses[] = { FIRST, SECOND, THIRD };

static bool call_many(struct test_world *world, unsigned count, int64_t apart_ns)
{
    while (count-- > 0) {
        SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
        if (world->last.error != TULLE_OK) {
            return false;
        }
        world_advance(world, apart_ns);
    }
    return true;
}

/* Calls that each endpoint got, probes not counted. */
static void count_calls(const struct test_world *world, size_t from, unsigned counts[3])
{
    memset(counts, 0, 3 * sizeof(unsigned));
    for (size_t i = from; i < world->script.request_count; i++) {
        const struct script_request *request = world_request(world, i);

        for (size_t k = 0; k < 3 && !strstr(request->url, "/probe"); k++) {
            counts[k] += strcmp(request->address, addresses[k]) == 0;
        }
    }
}

static unsigned share_of_many(struct test_world *world, size_t endpoint, unsigned calls,
                              int64_t apart_ns)
{
    size_t from = world->script.request_count;
    unsigned counts[3];

    assert_true(call_many(world, calls, apart_ns));
    count_calls(world, from, counts);
    return counts[endpoint];
}

static void calls_follow_the_weights_that_replies_report(void **state)
{
    struct test_world *world = world_open(REVIEWS WEIGHTED(""), NULL);
    unsigned counts[3];
    size_t from;

    (void)state;
    world_answer(world, FIRST, .headers = { METRICS("cpu_utilization=0.1,rps_fractional=100") });
    world_answer(world, SECOND,
                 .headers = { "endpoint-load-metrics-json: "
                              "{\"application_utilization\":0.2,\"rps_fractional\":100}" });
    /* application 0.25, rps_fractional 100, eps 25: 0.25 + 25 / 100 */
    world_answer(world, THIRD,
                 .headers = { "endpoint-load-metrics-bin: "
                              "MQAAAAAAAFlAOQAAAAAAADlASQAAAAAAANA/" });
    assert_in_range(share_of_many(world, 0, 300, 10 * NS_PER_MS), 99, 101);
    world_advance(world, 10 * NS_PER_S); /* the blackout ends */
    from = world->script.request_count;
    assert_true(call_many(world, 1700, NS_PER_MS)); /* 1000 : 500 : 200 */
    count_calls(world, from, counts);
    assert_in_range(counts[0], 980, 1020);
    assert_in_range(counts[1], 485, 515);
    assert_in_range(counts[2], 190, 210);
    assert_true(world_metric(world, SAID) == 2000);
    assert_non_null(strstr(world->last.story, "cpu"));
    world_close(world);
}

static void reports_in_trailers_count_as_well(void **state)
{
    struct test_world *world = world_open(REVIEWS WEIGHTED("blackoutPeriod: 0s"), NULL);

    (void)state;
    world_answer(world, FIRST, .body = "x",
                 .trailers = { METRICS("cpu_utilization=0.1,rps_fractional=300") });
    world_answer(world, SECOND, .body = "x",
                 .trailers = { METRICS("cpu_utilization=0.1,rps_fractional=100") });
    world_answer(world, THIRD, .body = "x",
                 .trailers = { METRICS("cpu_utilization=0.1,rps_fractional=100") });
    assert_true(call_many(world, 30, NS_PER_S / 10));
    assert_in_range(share_of_many(world, 0, 500, NS_PER_MS), 290, 310);
    world_close(world);
}

static void what_cannot_be_read_is_counted_and_changes_nothing(void **state)
{
    struct test_world *world = world_open(REVIEWS WEIGHTED("blackoutPeriod: 0s"), NULL);

    (void)state;
    world_answer(world, FIRST, .headers = { METRICS("cpu_utilization=nan,rps_fractional=1e9") });
    world_answer(world, SECOND, .headers = { METRICS("cpu_utilization=-1") });
    world_answer(world, THIRD, .headers = { "endpoint-load-metrics-bin: !" });
    assert_true(call_many(world, 30, NS_PER_S));
    assert_in_range(share_of_many(world, 0, 300, NS_PER_MS), 99, 101);
    assert_true(world_metric(world, REFUSED) == 330);
    assert_true(world_metric(world, SAID) == 0);
    world_close(world);
}

static void an_endpoint_that_died_and_is_back_has_no_weight_for_a_while(void **state)
{
    struct test_world *world = world_open(REVIEWS WEIGHTED("blackoutPeriod: 30s"), NULL);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        world_answer(world, addresses[i],
                     .headers = { i == 0 ? METRICS("cpu_utilization=0.1,rps_fractional=400")
                                         : METRICS("cpu_utilization=0.1,rps_fractional=100") });
    }
    assert_true(call_many(world, 35, NS_PER_S));
    assert_in_range(share_of_many(world, 0, 600, NS_PER_MS), 390, 410);
    world_kill(world, FIRST);
    for (int i = 0; i < 20; i++) {
        SEND(world, .method = "GET");
    }
    world_revive(world, FIRST);
    assert_true(call_many(world, 10, NS_PER_S));
    assert_in_range(share_of_many(world, 0, 600, NS_PER_MS), 195, 205); /* the mean of the others */
    assert_true(call_many(world, 35, NS_PER_S));
    assert_in_range(share_of_many(world, 0, 600, NS_PER_MS), 390, 410);
    world_close(world);
}

static void no_other_balancer_reads_reports(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);

    (void)state;
    SAY_ALL(world, .headers = { METRICS("cpu_utilization=0.1,rps_fractional=100") });
    assert_true(call_many(world, 30, NS_PER_MS));
    assert_true(world_metric(world, SAID) == 0);
    assert_null(strstr(world->last.story, "report"));
    world_close(world);
}

static void under_prequal_a_loaded_replica_gets_less(void **state)
{
    struct test_world *world = world_open(REVIEWS PREQUAL("hotQuantile: 0.6"), NULL);

    (void)state;
    SAY_ALL(world, .headers = { METRICS("named_metrics.rif=2,named_metrics.latency_ms=5") });
    world_answer(world, SECOND,
                 .headers = { METRICS("named_metrics.rif=90,named_metrics.latency_ms=400") });
    assert_true(share_of_many(world, 1, 600, NS_PER_MS) < 100); /* a third is 200 */
    world_close(world);
}

static void prequal_asks_by_probe_and_goes_by_the_answers(void **state)
{
    struct test_world *world = world_open(REVIEWS PROBING, NULL);
    unsigned counts[3], probes = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        world_answer(world, addresses[i], .prefix = "/probe",
                     .headers = { i == 1 ? METRICS("named_metrics.rif=0,named_metrics.latency_ms=1")
                                         : METRICS("named_metrics.rif=0,"
                                                   "named_metrics.latency_ms=100") });
    }
    assert_true(call_many(world, 200, 10 * NS_PER_MS));
    count_calls(world, 0, counts);
    assert_int_equal(counts[0] + counts[1] + counts[2], 200);
    assert_true(counts[1] > 110); /* a third is 67; not each was asked lately each time */
    for (size_t i = 0; i < world->script.request_count; i++) {
        const struct script_request *request = world_request(world, i);

        probes += strcmp(request->url, "http://reviews/probe") == 0;
        assert_true(strcmp(request->method, "GET") == 0);
    }
    assert_int_equal(probes, 600);
    assert_true(world_metric(world, ANSWERED) == 600);
    assert_true(world_metric(world, "tulle_requests_in_flight{" CLUSTER "}") == 0);
    world_close(world);
}

static void a_call_waits_for_no_probe(void **state)
{
    struct test_world *world = world_open(REVIEWS PROBING, NULL);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        world_answer(world, addresses[i], .prefix = "/probe", .kind = SCRIPT_HANG);
    }
    for (int i = 0; i < 20; i++) {
        SEND(world, .method = "GET");
        assert_int_equal(world->last.error, TULLE_OK);
        assert_int_equal(world->last.ended_at - world->last.started_at, NS_PER_MS);
    }
    world_advance(world, 4 * NS_PER_MS);
    assert_true(world_metric(world, LOST) == 60);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world_endpoint(world, addresses[i])->active, 0);
    }
    world_close(world);
}

static void probes_under_way_end_with_the_mesh(void **state)
{
    struct test_world *world = world_open(REVIEWS PROBING, NULL);

    (void)state;
    CHECK_OR_DONE(world != NULL);
    for (size_t i = 0; i < 3; i++) {
        world_answer(world, addresses[i], .prefix = "/probe", .kind = SCRIPT_HANG);
    }
    SEND(world, .method = "GET");
    CHECK_OK(world->last.error);
done:
    world_close(world);
}

static void a_replica_that_cannot_be_asked_is_no_trouble(void **state)
{
    struct test_world *world = world_open(REVIEWS PROBING, NULL);

    (void)state;
    world_answer(world, FIRST, .prefix = "/probe", .kind = SCRIPT_RESET);
    world_answer(world, SECOND, .prefix = "/probe", .status = 404,
                 .headers = { METRICS("named_metrics.rif=0,named_metrics.latency_ms=1") });
    world_answer(world, THIRD, .prefix = "/probe", .body_size = 100000);
    assert_true(call_many(world, 100, 5 * NS_PER_MS));
    assert_true(world_metric(world, LOST) == 300);
    assert_true(world_metric(world, ANSWERED) == 0);
    world_close(world);
}

/* It says that it is idle and quick, on replies that are all 500. */
static void a_replica_that_fails_fast_gets_no_more_than_its_share(void **state)
{
    static const char *const policies[] = {
        REVIEWS PREQUAL(""),
        REVIEWS PROBING,
        REVIEWS PREQUAL("reports: LOCAL"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        struct test_world *world = world_open(policies[i], NULL);

        SAY_ALL(world, .delay_ns = 20 * NS_PER_MS,
                .headers = { METRICS("named_metrics.rif=3,named_metrics.latency_ms=20") });
        world_answer(world, FIRST, .status = 500, .delay_ns = NS_PER_MS / 10,
                     .headers = { METRICS("named_metrics.rif=0,named_metrics.latency_ms=0.1") });
        for (size_t k = 0; k < 3; k++) {
            world_answer(
                world, addresses[k], .prefix = "/probe", .delay_ns = NS_PER_MS / 10,
                .headers = { k == 0 ? METRICS("named_metrics.rif=0,named_metrics.latency_ms=0.1")
                                    : METRICS("named_metrics.rif=3,named_metrics.latency_ms=20") });
        }
        assert_in_range(share_of_many(world, 0, 300, NS_PER_MS), 0, 100);
        world_close(world);
    }
}

static void calls_with_reports_survive_running_out_of_memory(void **state)
{
    struct test_world *world = world_open(REVIEWS PROBING, NULL);

    (void)state;
    CHECK_OR_DONE(world != NULL);
    SAY_ALL(world, .headers = { METRICS("named_metrics.rif=3,named_metrics.latency_ms=20") });
    for (int i = 0; i < 3; i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
        world_advance(world, 10 * NS_PER_MS);
    }
done:
    world_close(world);
}

static void weights_survive_running_out_of_memory(void **state)
{
    struct test_world *world = world_open(REVIEWS WEIGHTED("blackoutPeriod: 0s"), NULL);

    (void)state;
    CHECK_OR_DONE(world != NULL);
    SAY_ALL(world, .headers = { METRICS("cpu_utilization=0.1,rps_fractional=100") });
    for (int i = 0; i < 6; i++) {
        world_get(world, URL);
        CHECK_OK(world->last.error);
        world_advance(world, NS_PER_S);
    }
done:
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(calls_follow_the_weights_that_replies_report),
          cmocka_unit_test(reports_in_trailers_count_as_well),
          cmocka_unit_test(what_cannot_be_read_is_counted_and_changes_nothing),
          cmocka_unit_test(an_endpoint_that_died_and_is_back_has_no_weight_for_a_while),
          cmocka_unit_test(no_other_balancer_reads_reports),
          cmocka_unit_test(under_prequal_a_loaded_replica_gets_less),
          cmocka_unit_test(prequal_asks_by_probe_and_goes_by_the_answers),
          cmocka_unit_test(a_call_waits_for_no_probe), TEST_OOM(probes_under_way_end_with_the_mesh),
          cmocka_unit_test(a_replica_that_cannot_be_asked_is_no_trouble),
          cmocka_unit_test(a_replica_that_fails_fast_gets_no_more_than_its_share),
          TEST_OOM(calls_with_reports_survive_running_out_of_memory),
          TEST_OOM(weights_survive_running_out_of_memory))
