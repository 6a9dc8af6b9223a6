/* SPDX-License-Identifier: Apache-2.0 */

/* Load reports from real servers, over real connections. */

#include "wire/wire.h"

enum { SERVERS = 3, BATCH = 120 };

#define POLICY(balancer)                                                                           \
    "apiVersion: tulle.dev/v1alpha1\n"                                                             \
    "kind: TrafficPolicy\n"                                                                        \
    "metadata: {name: shop}\n"                                                                     \
    "spec: {host: shop, balancer: {" balancer "}}\n"
#define WEIGHTED                                                                                   \
    POLICY("clientSideWeightedRoundRobin: {blackoutPeriod: 0s, weightUpdatePeriod: 100ms}")
#define PROBING                                                                                    \
    POLICY("prequal: {reports: PROBE, probePath: /probe, probeTimeout: 2s, probeAge: 60s}")

static struct server *servers[SERVERS];

static void servers_start(const char *first, const char *others, const char *flag)
{
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i] = flag ? server_start(SERVER_TLS, "127.0.0.2:0", flag, NULL)
                          : server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
        server_command(servers[i], "set header=endpoint-load-metrics:%s", i == 0 ? first : others);
    }
}

static void servers_stop(void)
{
    for (size_t i = 0; i < SERVERS; i++) {
        server_stop(servers[i]);
    }
}

/* Of a batch of calls, those that the first server answered. */
static unsigned batch(struct tulle *mesh)
{
    unsigned first = 0;

    for (int i = 0; i < BATCH; i++) {
        struct outcome outcome = wire_get(mesh, "http://shop/");

        assert_int_equal(outcome.error, TULLE_OK);
        first += strcmp(outcome.endpoint, server_address(servers[0])) == 0;
    }
    return first;
}

struct hope {
    struct tulle *mesh;
    unsigned least, most;
};

static bool batch_is_within(void *user)
{
    const struct hope *hope = user;
    unsigned first = batch(hope->mesh);

    return first >= hope->least && first <= hope->most;
}

static void calls_follow(const char *flag, int32_t protocol)
{
    struct hope hope = { .least = 70, .most = 74 }; /* 3 : 1 : 1, of 120 */

    servers_start("cpu_utilization=0.2,rps_fractional=300",
                  "cpu_utilization=0.2,rps_fractional=100", flag);
    hope.mesh = wire_open(servers, SERVERS, protocol, WEIGHTED, NULL);
    assert_true(test_wait_until(batch_is_within, &hope, INT64_C(30000000000)));
    assert_true(wire_metric(hope.mesh, "tulle_load_reports_total", "result=\"read\"") >= BATCH);
    wire_close(hope.mesh);
    servers_stop();
}

static void calls_follow_the_utilization_of_real_servers(void **state)
{
    (void)state;
    calls_follow(NULL, TULLE_PROTOCOL_HTTP);
}

static void the_same_over_http2(void **state)
{
    (void)state;
    calls_follow("--h2c", TULLE_PROTOCOL_HTTP2);
}

static void probes_are_sent_and_their_answers_heard(const char *flag, int32_t protocol)
{
    struct hope hope = { .least = 60, .most = BATCH }; /* a third is 40 */

    servers_start("named_metrics.rif=0,named_metrics.latency_ms=1",
                  "named_metrics.rif=0,named_metrics.latency_ms=300", flag);
    hope.mesh = wire_open(servers, SERVERS, protocol, PROBING, NULL);
    assert_true(test_wait_until(batch_is_within, &hope, INT64_C(30000000000)));
    assert_true(wire_metric(hope.mesh, "tulle_probes_total", "result=\"answered\"") >= BATCH);
    for (size_t i = 0; i < SERVERS; i++) {
        assert_true(server_log_count(servers[i], "request * GET /probe*") > 0);
        assert_int_equal(server_count(servers[i], "bad"), 0);
    }
    wire_close(hope.mesh);
    servers_stop();
}

static void prequal_asks_real_servers(void **state)
{
    (void)state;
    probes_are_sent_and_their_answers_heard(NULL, TULLE_PROTOCOL_HTTP);
}

static void prequal_asks_over_http2(void **state)
{
    (void)state;
    probes_are_sent_and_their_answers_heard("--h2c", TULLE_PROTOCOL_HTTP2);
}

static void a_mesh_closes_with_probes_under_way(void **state)
{
    struct tulle *mesh;

    (void)state;
    servers_start("named_metrics.rif=0,named_metrics.latency_ms=1", "rif=0", NULL);
    mesh =
        wire_open(servers, SERVERS, TULLE_PROTOCOL_HTTP,
                  POLICY("prequal: {reports: PROBE, probePath: /hang, probeTimeout: 60s}"), NULL);
    for (int i = 0; i < 5; i++) {
        struct outcome outcome = wire_get(mesh, "http://shop/");

        assert_int_equal(outcome.error, TULLE_OK);
    }
    assert_true(wire_metric(mesh, "tulle_probes_total", "result=\"answered\"") == 0);
    wire_close(mesh);
    servers_stop();
}

TEST_MAIN(cmocka_unit_test(calls_follow_the_utilization_of_real_servers),
          cmocka_unit_test(the_same_over_http2), cmocka_unit_test(prequal_asks_real_servers),
          cmocka_unit_test(prequal_asks_over_http2),
          cmocka_unit_test(a_mesh_closes_with_probes_under_way))
