/* SPDX-License-Identifier: Apache-2.0 */

/* What a live Envoy tells each attempt, and how long it waits before the next,
 * beside the library with the same configuration and the same server. */

#include <stdio.h>
#include <stdlib.h>

#include "peer/peers.h"

enum { TEXT_MAX = 8192 };

static const char bootstrap[] =
    "static_resources:\n"
    "  listeners:\n"
    "  - address: {socket_address: {address: 127.0.0.1, port_value: %u}}\n" PEER_ENVOY_HTTP
    "            virtual_hosts:\n"
    "            - name: shop\n"
    "              domains: ['*']\n"
    "              include_request_attempt_count: true\n"
    "              routes:\n"
    "              - {match: {prefix: /plain}, route: {cluster: shop, timeout: 0s}}\n"
    "              - {match: {prefix: /timeout}, route: {cluster: shop, timeout: 5s}}\n"
    "              - match: {prefix: /try}\n"
    "                route: {cluster: shop, timeout: 50s, retry_policy: {num_retries: 1,\n"
    "                        retry_on: 5xx, per_try_timeout: 20s}}\n"
    "              - match: {prefix: /rest}\n"
    "                route: {cluster: shop, timeout: 50s, retry_policy: {num_retries: 1,\n"
    "                        retry_on: 5xx, rate_limited_retry_back_off: {reset_headers: [\n"
    "                        {name: retry-after, format: SECONDS}], max_interval: 300s}}}\n"
    "              - match: {prefix: /idle}\n"
    "                route: {cluster: shop, timeout: 50s, retry_policy: {num_retries: 1,\n"
    "                        retry_on: 5xx, per_try_idle_timeout: 0.3s}}\n"
    "  clusters:\n"
    "  - name: shop\n"
    "    type: STATIC\n"
    "    load_assignment: {cluster_name: shop, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{socket_address: {address: 127.0.0.2, port_value: %u}}}}]}]}\n";

#define TO_SHOP "    route: [{destination: {host: shop}}]\n"

static const char istio[] = "apiVersion: networking.istio.io/v1\n"
                            "kind: VirtualService\n"
                            "metadata: {name: shop}\n"
                            "spec:\n"
                            "  hosts: [shop]\n"
                            "  http:\n"
                            "  - match: [{uri: {prefix: /timeout}}]\n"
                            "    timeout: 5s\n" TO_SHOP "  - match: [{uri: {prefix: /try}}]\n"
                            "    timeout: 50s\n"
                            "    retries: {attempts: 1, retryOn: 5xx, perTryTimeout: 20s}\n" TO_SHOP
                            "  - match: [{uri: {prefix: /rest}}, {uri: {prefix: /idle}}]\n"
                            "    timeout: 50s\n"
                            "    retries: {attempts: 1, retryOn: 5xx}\n" TO_SHOP
                            "  - match: [{uri: {prefix: /plain}}]\n" TO_SHOP "---\n"
                            "apiVersion: tulle.dev/v1alpha1\n"
                            "kind: TrafficPolicy\n"
                            "metadata: {name: shop}\n"
                            "spec:\n"
                            "  host: shop\n"
                            "  retry: {perTryIdleTimeout: 0.3s}\n";

/* One side of the comparison: the library, or the library before an Envoy. */
struct side {
    struct server *server;
    struct peer *peer; /* NULL: the library */
    struct tulle *mesh;
};

static void envoy_start(struct side *side)
{
    char text[TEXT_MAX];

    side->peer = peer_new();
    snprintf(text, sizeof(text), bootstrap, peer_port(side->peer), server_port(side->server));
    peer_run_envoy(side->peer, text);
    side->mesh = peer_open(peer_at(side->peer), TULLE_PROTOCOL_HTTP, NULL, &wire_one_loop);
}

static void side_open(struct side *side, bool is_envoy)
{
    *side = (struct side){ .server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL) };
    if (is_envoy) {
        envoy_start(side);
        return;
    }
    side->mesh = wire_open(&side->server, 1, TULLE_PROTOCOL_HTTP, istio, &wire_one_loop);
}

static void side_close(struct side *side)
{
    wire_close(side->mesh);
    peer_free(side->peer);
    server_stop(side->server);
}

static struct outcome side_get(struct side *side, const char *path)
{
    char url[128];

    snprintf(url, sizeof(url), "http://shop/%s?echo", path);
    return wire_call(side->mesh, &(struct tulle_request){
                                     TULLE_REQUEST_INIT, .url = url, .deadline_ns = TULLE_NONE,
                                     .retry = side->peer ? TULLE_RETRY_OFF : 0 });
}

static int64_t told(const struct outcome *outcome, const char *name)
{
    char line[64];
    const char *at;

    assert_int_equal(outcome->error, TULLE_OK);
    assert_int_equal(outcome->status, 200);
    snprintf(line, sizeof(line), "\r\n%s: ", name);
    at = strstr(outcome->body, line);
    return at ? strtoll(at + strlen(line), NULL, 10) : -1;
}

static void check_told(struct side *side, const char *path, int64_t attempt, int64_t least,
                       int64_t most)
{
    struct outcome outcome = side_get(side, path);

    assert_int_equal(told(&outcome, "x-envoy-attempt-count"), attempt);
    if (most < 0) {
        assert_int_equal(told(&outcome, "x-envoy-expected-rq-timeout-ms"), -1);
        return;
    }
    assert_in_range(told(&outcome, "x-envoy-expected-rq-timeout-ms"), least, most);
}

static void an_attempt_is_told_what_envoy_tells_it(void **state)
{
    struct side side;

    (void)state;
    for (int is_envoy = 0; is_envoy <= 1; is_envoy++) {
        side_open(&side, is_envoy);
        check_told(&side, "plain", 1, -1, -1);
        check_told(&side, "timeout", 1, 1, 5000);
        check_told(&side, "try", 1, 20000, 20000);
        server_command(side.server, "next 1 status=503");
        check_told(&side, "try", 2, 20000, 20000);
        server_command(side.server, "next 1 status=503");
        check_told(&side, "rest", 2, 1, 50000);
        side_close(&side);
    }
}

/* In [1 s, 1.5 s) from the answer on; a machine that is busy adds to it. */
static void a_server_that_wants_rest_gets_it_as_from_envoy(void **state)
{
    struct side side;

    (void)state;
    for (int is_envoy = 0; is_envoy <= 1; is_envoy++) {
        struct outcome outcome;

        side_open(&side, is_envoy);
        server_command(side.server, "next 1 status=503 header=retry-after:1");
        outcome = side_get(&side, "rest");
        assert_int_equal(outcome.status, 200);
        assert_int_equal(server_count(side.server, "requests"), 2);
        assert_in_range(outcome.took_ns, TULLE_S(1), TULLE_S(20));
        side_close(&side);
    }
}

static void an_idle_attempt_ends_as_in_envoy(void **state)
{
    struct side side;

    (void)state;
    for (int is_envoy = 0; is_envoy <= 1; is_envoy++) {
        struct outcome outcome;

        side_open(&side, is_envoy);
        server_command(side.server, "set hang");
        outcome = side_get(&side, "idle");
        assert_int_equal(is_envoy ? outcome.status : outcome.failure.status, 504);
        assert_int_equal(server_count(side.server, "requests"), 2);
        assert_in_range(outcome.took_ns, TULLE_MS(600), TULLE_S(20));
        side_close(&side);
    }
}

TEST_MAIN(cmocka_unit_test(an_attempt_is_told_what_envoy_tells_it),
          cmocka_unit_test(a_server_that_wants_rest_gets_it_as_from_envoy),
          cmocka_unit_test(an_idle_attempt_ends_as_in_envoy))
