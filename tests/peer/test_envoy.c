/* SPDX-License-Identifier: Apache-2.0 */

/* The library and a live Envoy before the same servers, told the same: they
 * eject after as many failures, let back in after as long, and make as many
 * attempts for each condition of retryOn. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer/peers.h"

enum { TEXT_MAX = 8192, HOSTS = 3 };

/* --- Envoy --- */

struct envoy {
    struct peer *peer;
    uint16_t admin;
    struct tulle *mesh; /* to it; adds nothing of its own */
};

static const char bootstrap[] =
    "admin: {address: {socket_address: {address: 127.0.0.1, port_value: %u}}}\n"
    "static_resources:\n"
    "  listeners:\n"
    "  - address: {socket_address: {address: 127.0.0.1, port_value: %u}}\n" PEER_ENVOY_HTTP
    "            {virtual_hosts: [{name: shop, domains: ['*'], routes: [%s]}]}\n"
    "  clusters:\n"
    "  - name: shop\n"
    "    type: STATIC\n"
    "    lb_policy: ROUND_ROBIN\n"
    "    %s\n"
    "    load_assignment: {cluster_name: shop, endpoints: [{lb_endpoints: [%s]}]}\n";

static void add(char *text, const char *format, ...)
{
    size_t size = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + size, TEXT_MAX - size, format, args);
    va_end(args);
    assert_true(strlen(text) + 1 < TEXT_MAX);
}

static void add_endpoints(char *text, struct server *const *servers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(text, "%s{endpoint: {address: {socket_address: {address: 127.0.0.2, port_value: %u}}}}",
            i > 0 ? ", " : "", server_port(servers[i]));
    }
}

static struct envoy envoy_start(struct server *const *servers, size_t count, const char *routes,
                                const char *cluster)
{
    struct envoy envoy = { .peer = peer_new(), .admin = peer_free_port() };
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .strict_retries = 1 };
    char endpoints[TEXT_MAX] = "";
    char text[3 * TEXT_MAX];

    add_endpoints(endpoints, servers, count);
    snprintf(text, sizeof(text), bootstrap, envoy.admin, peer_port(envoy.peer), routes, cluster,
             endpoints);
    peer_run_envoy(envoy.peer, text);
    envoy.mesh = peer_open(peer_at(envoy.peer), TULLE_PROTOCOL_HTTP, NULL, &options);
    return envoy;
}

static void envoy_stop(struct envoy *envoy)
{
    wire_close(envoy->mesh);
    peer_free(envoy->peer);
}

/* A counter of its cluster; 0 while it has none. */
static unsigned envoy_stat(struct envoy *envoy, const char *name)
{
    char url[256];
    struct outcome outcome;
    const char *colon;

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/stats?filter=^cluster.shop.%s$", envoy->admin,
             name);
    outcome = wire_get(envoy->mesh, url);
    assert_int_equal(outcome.status, 200);
    colon = strchr(outcome.body, ':');
    return colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

static struct outcome get_once(struct tulle *mesh, const char *url)
{
    return wire_call(
        mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url, .retry = TULLE_RETRY_OFF });
}

/* --- ejection --- */

struct outlier_case {
    const char *istio, *envoy;
    unsigned percent;
};

static const struct outlier_case five_5xx = { "consecutive5xxErrors: 5", "consecutive_5xx: 5",
                                              100 };
static const struct outlier_case three_gateway = {
    "consecutive5xxErrors: 0, consecutiveGatewayErrors: 3",
    "enforcing_consecutive_5xx: 0, consecutive_gateway_failure: 3, "
    "enforcing_consecutive_gateway_failure: 100",
    100
};
/* Envoy counts an overflow for detectors that are not enforced, too: a 503 is
 * one for 5xx and one for gateway errors. */
static const struct outlier_case ten_percent = {
    "consecutive5xxErrors: 5", "consecutive_5xx: 5, consecutive_gateway_failure: 0", 10
};

/* One side of the comparison: the library, or Envoy. */
struct side {
    struct server *servers[HOSTS]; /* the first one is bad */
    struct envoy envoy;
    struct tulle *mesh;
    bool is_envoy;
};

static void side_open_library(struct side *side, const struct outlier_case *test)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof(text),
             "apiVersion: networking.istio.io/v1\n"
             "kind: DestinationRule\n"
             "metadata: {name: shop}\n"
             "spec:\n"
             "  host: shop\n"
             "  trafficPolicy:\n"
             "    loadBalancer: {simple: ROUND_ROBIN}\n"
             "    outlierDetection: {%s, interval: 0.5s, baseEjectionTime: 1s, "
             "maxEjectionPercent: %u}\n",
             test->istio, test->percent);
    side->mesh = wire_open(side->servers, HOSTS, TULLE_PROTOCOL_HTTP, text, &wire_one_loop);
}

static void side_open(struct side *side, const struct outlier_case *test, bool is_envoy)
{
    char cluster[TEXT_MAX];

    *side = (struct side){ .is_envoy = is_envoy };
    for (size_t i = 0; i < HOSTS; i++) {
        side->servers[i] = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    }
    if (!is_envoy) {
        side_open_library(side, test);
        return;
    }
    snprintf(cluster, sizeof(cluster),
             "outlier_detection: {%s, interval: 0.5s, base_ejection_time: 1s, "
             "max_ejection_percent: %u, enforcing_success_rate: 0}",
             test->envoy, test->percent);
    side->envoy =
        envoy_start(side->servers, HOSTS, "{match: {prefix: /}, route: {cluster: shop}}", cluster);
    side->mesh = side->envoy.mesh;
}

static void side_close(struct side *side)
{
    if (side->is_envoy) {
        envoy_stop(&side->envoy);
    } else {
        wire_close(side->mesh);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        server_stop(side->servers[i]);
    }
}

static bool side_is_ejected(struct side *side)
{
    struct tulle_endpoint_state endpoint = { TULLE_ENDPOINT_STATE_INIT };

    if (side->is_envoy) {
        return envoy_stat(&side->envoy, "outlier_detection.ejections_active") > 0;
    }
    assert_true(wire_endpoint(side->mesh, server_address(side->servers[0]), &endpoint));
    return strcmp(endpoint.gate, "ejected") == 0;
}

/* Calls until the bad server is out; how many requests it got. */
static unsigned side_eject(struct side *side)
{
    for (int i = 0; i < 20 * HOSTS && !side_is_ejected(side); i++) {
        assert_int_equal(get_once(side->mesh, "http://shop/").error, TULLE_OK);
    }
    assert_true(side_is_ejected(side));
    return (unsigned)server_count(side->servers[0], "requests");
}

static bool has_returned(void *user)
{
    return !side_is_ejected(user);
}

/* How long it stays out, in ns. */
static int64_t side_return(struct side *side)
{
    int64_t start = test_now();

    server_command(side->servers[0], "set");
    assert_true(test_wait_until(has_returned, side, TULLE_S(10)));
    return test_now() - start;
}

static void check_ejection(const struct outlier_case *test, unsigned failures)
{
    struct side side;

    for (int is_envoy = 0; is_envoy <= 1; is_envoy++) {
        int64_t out;

        side_open(&side, test, is_envoy);
        server_command(side.servers[0], "set status=503");
        assert_int_equal(side_eject(&side), failures);
        out = side_return(&side);
        assert_in_range(out, TULLE_MS(800), TULLE_MS(2500));
        side_close(&side);
    }
}

static void five_5xx_in_a_row_eject_as_in_envoy(void **state)
{
    (void)state;
    check_ejection(&five_5xx, 5);
}

static void three_gateway_errors_in_a_row_eject_as_in_envoy(void **state)
{
    (void)state;
    check_ejection(&three_gateway, 3);
}

static void ten_percent_of_three_is_nobody_as_in_envoy(void **state)
{
    unsigned overflows[2];
    struct side side;

    (void)state;
    for (int is_envoy = 0; is_envoy <= 1; is_envoy++) {
        side_open(&side, &ten_percent, is_envoy);
        server_command(side.servers[0], "set status=503");
        for (int i = 0; i < 10 * HOSTS; i++) {
            assert_int_equal(get_once(side.mesh, "http://shop/").error, TULLE_OK);
            assert_false(side_is_ejected(&side));
        }
        assert_int_equal(server_count(side.servers[0], "requests"), 10);
        overflows[is_envoy] =
            is_envoy ? envoy_stat(&side.envoy, "outlier_detection.ejections_overflow")
                     : (unsigned)wire_metric(side.mesh, "tulle_ejections_overflow_total", "shop");
        side_close(&side);
    }
    assert_true(overflows[0] > 0);
    assert_int_equal(overflows[0], overflows[1]);
}

/* --- retries --- */

struct retry_case {
    const char *on;
    const char *plan; /* of the server; "": it is not there */
};

static const struct retry_case retry_cases[] = {
    { "5xx", "status=500" },
    { "5xx", "status=503" },
    { "5xx", "status=404" },
    { "5xx", "drop" },
    { "5xx", "reset" },
    { "5xx", "" },
    { "gateway-error", "status=500" },
    { "gateway-error", "status=502" },
    { "gateway-error", "status=504" },
    { "gateway-error", "drop" },
    { "gateway-error", "" },
    { "reset", "status=503" },
    { "reset", "drop" },
    { "reset", "reset" },
    { "reset", "" },
    { "connect-failure", "status=503" },
    { "connect-failure", "drop" },
    { "connect-failure", "" },
    { "refused-stream", "status=503" },
    { "refused-stream", "drop" },
    { "refused-stream", "" },
    { "retriable-4xx", "status=409" },
    { "retriable-4xx", "status=404" },
    { "retriable-status-codes", "status=418" },
    { "retriable-status-codes", "status=503" },
    { "retriable-status-codes", "drop" },
};

static const char *const conditions[] = {
    "5xx",           "gateway-error",         "reset", "connect-failure", "refused-stream",
    "retriable-4xx", "retriable-status-codes"
};

static void write_routes(char *istio, char *envoy)
{
    add(istio, "apiVersion: networking.istio.io/v1\n"
               "kind: VirtualService\n"
               "metadata: {name: shop}\n"
               "spec:\n"
               "  hosts: [shop]\n"
               "  http:\n");
    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        const char *on = conditions[i];
        bool codes = strcmp(on, "retriable-status-codes") == 0;

        add(istio,
            "  - match: [{uri: {prefix: /on-%s}}]\n"
            "    retries: {attempts: 2, retryOn: '%s%s'}\n"
            "    route: [{destination: {host: shop}}]\n",
            on, on, codes ? ",418" : "");
        add(envoy,
            "%s{match: {prefix: /on-%s}, route: {cluster: shop, retry_policy: {retry_on: %s, "
            "num_retries: 2, retriable_status_codes: [418]}}}",
            i > 0 ? ", " : "", on, on);
    }
}

struct retry_world {
    struct server *server;
    struct envoy envoy;
    struct tulle *mesh;
};

/* How many attempts each makes; for both the server is as fresh. */
static void check_retry(struct retry_world *world, const struct retry_case *test)
{
    bool here = test->plan[0] != '\0';
    struct outcome ours;
    unsigned before, retries;
    char url[128];

    server_command(world->server, "%s", here ? "listen on" : "close-all");
    server_command(world->server, here ? "set %s" : "listen off", test->plan);
    snprintf(url, sizeof(url), "http://shop/on-%s", test->on);
    ours = wire_get(world->mesh, url);
    before = envoy_stat(&world->envoy, "upstream_rq_retry");
    assert_int_equal(get_once(world->envoy.mesh, url).error, TULLE_OK);
    retries = envoy_stat(&world->envoy, "upstream_rq_retry") - before;
    if (ours.attempts != retries + 1) {
        fail_msg("%s, %s: %u attempts, Envoy makes %u", test->on, here ? test->plan : "not there",
                 ours.attempts, retries + 1);
    }
}

static void check_retries(enum server_kind kind, int32_t protocol, const char *cluster,
                          const struct retry_case *cases, size_t count)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .strict_retries = 1 };
    char istio[TEXT_MAX] = "", envoy[TEXT_MAX] = "";
    struct retry_world world;

    write_routes(istio, envoy);
    world.server = server_start(kind, "127.0.0.2:0", kind == SERVER_TLS ? "--h2c" : NULL, NULL);
    world.mesh = wire_open(&world.server, 1, protocol, istio, &options);
    world.envoy = envoy_start(&world.server, 1, envoy, cluster);
    for (size_t i = 0; i < count; i++) {
        check_retry(&world, &cases[i]);
    }
    envoy_stop(&world.envoy);
    wire_close(world.mesh);
    server_stop(world.server);
}

static void as_many_attempts_as_envoy_for_each_condition(void **state)
{
    (void)state;
    check_retries(SERVER_HTTP, TULLE_PROTOCOL_HTTP, "connect_timeout: 5s", retry_cases,
                  COUNT_OF(retry_cases));
}

static void as_many_attempts_as_envoy_for_refused_streams(void **state)
{
    static const struct retry_case cases[] = {
        { "refused-stream", "refuse" }, { "connect-failure", "refuse" },
        { "reset", "refuse" },          { "5xx", "refuse" },
        { "refused-stream", "rst=2" },  { "reset", "rst=2" },
        { "retriable-4xx", "refuse" },
    };

    (void)state;
    check_retries(SERVER_TLS, TULLE_PROTOCOL_HTTP2,
                  "typed_extension_protocol_options: "
                  "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
                  "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
                  "explicit_http_config: {http2_protocol_options: {}}}}",
                  cases, COUNT_OF(cases));
}

/* --- Envoy as a server of ours --- */

static void what_envoy_answers_in_place_of_its_servers_is_a_reply(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct envoy envoy = envoy_start(&server, 1, "{match: {prefix: /}, route: {cluster: shop}}",
                                     "connect_timeout: 5s");
    struct outcome outcome;

    (void)state;
    assert_int_equal(get_once(envoy.mesh, "http://shop/").status, 200);
    server_command(server, "close-all");
    server_command(server, "listen off");
    outcome = get_once(envoy.mesh, "http://shop/");
    assert_int_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.status, 503);
    assert_non_null(strstr(outcome.body, "upstream connect error"));
    server_command(server, "listen on");
    assert_int_equal(get_once(envoy.mesh, "http://shop/").status, 200);
    envoy_stop(&envoy);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(five_5xx_in_a_row_eject_as_in_envoy),
          cmocka_unit_test(three_gateway_errors_in_a_row_eject_as_in_envoy),
          cmocka_unit_test(ten_percent_of_three_is_nobody_as_in_envoy),
          cmocka_unit_test(as_many_attempts_as_envoy_for_each_condition),
          cmocka_unit_test(as_many_attempts_as_envoy_for_refused_streams),
          cmocka_unit_test(what_envoy_answers_in_place_of_its_servers_is_a_reply))
