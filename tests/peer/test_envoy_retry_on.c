/* SPDX-License-Identifier: Apache-2.0 */

/* Every condition of a retry before everything that a server may do: the library
 * tries again when a live Envoy with the same condition does. */

#include <stdio.h>

#include "peer/peers.h"

enum { TEXT_MAX = 16384 };

static const char *const conditions[] = {
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "refused-stream",
    "retriable-4xx",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "envoy-ratelimited",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
};

static const struct event {
    const char *does; /* the server */
    bool is_grpc;     /* the call */
} events[] = {
    { "status=200" },
    { "status=404" },
    { "status=409" },
    { "status=418" },
    { "status=429" },
    { "status=500" },
    { "status=502" },
    { "status=503" },
    { "status=504" },
    { "status=505" },
    { "status=200 header=x-again:1" },
    { "status=429 header=x-envoy-ratelimited:true" },
    { "status=503 header=x-envoy-ratelimited:true" },
    { "status=503 header=x-envoy-overloaded:true" },
    { "status=200 header=grpc-status:0", true },
    { "status=200 header=grpc-status:1", true },
    { "status=200 header=grpc-status:4", true },
    { "status=200 header=grpc-status:8", true },
    { "status=200 header=grpc-status:13", true },
    { "status=200 header=grpc-status:14", true },
    { "status=200 header=grpc-status:2", true },
    { "drop" },
    { "reset" },
};

static const char bootstrap[] =
    "static_resources:\n"
    "  listeners:\n"
    "  - address: {socket_address: {address: 127.0.0.1, port_value: %u}}\n" PEER_ENVOY_HTTP
    "            virtual_hosts:\n"
    "            - name: shop\n"
    "              domains: ['*']\n"
    "              routes:\n"
    "%s"
    "  clusters:\n"
    "  - name: shop\n"
    "    type: STATIC\n"
    "    load_assignment: {cluster_name: shop, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{socket_address: {address: 127.0.0.2, port_value: %u}}}}]}]}\n";

#define ENVOY_ROUTE                                                                                \
    "              - {match: {prefix: /on%zu/}, route: {cluster: shop, retry_policy: {\n"          \
    "                  retry_on: %s, num_retries: 1, retriable_status_codes: [418],\n"             \
    "                  retry_back_off: {base_interval: 0.001s, max_interval: 0.001s},\n"           \
    "                  retriable_headers: [{name: x-again, present_match: true}]}}}\n"

static const char istio[] = "apiVersion: tulle.dev/v1alpha1\n"
                            "kind: TrafficPolicy\n"
                            "metadata: {name: shop}\n"
                            "spec:\n"
                            "  host: shop\n"
                            "  retry: {retriableHeaders: x-again}\n"
                            "  retryBudget: {unlimited: true}\n"
                            "---\n"
                            "apiVersion: networking.istio.io/v1\n"
                            "kind: VirtualService\n"
                            "metadata: {name: shop}\n"
                            "spec:\n"
                            "  hosts: [shop]\n"
                            "  http:\n";

#define ISTIO_ROUTE                                                                                \
    "  - match: [{uri: {prefix: /on%zu/}}]\n"                                                      \
    "    route: [{destination: {host: shop}}]\n"                                                   \
    "    retries: {attempts: 1, backoff: 1ms, retryOn: \"%s%s\"}\n"

/* One side of the comparison: the library, or the library before an Envoy. */
struct half {
    struct server *server;
    struct peer *peer; /* NULL: the library */
    struct tulle *mesh;
};

static struct tulle *library_open(struct server *server)
{
    char text[TEXT_MAX];
    size_t size = (size_t)snprintf(text, sizeof(text), "%s", istio);

    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        bool of_codes = strcmp(conditions[i], "retriable-status-codes") == 0;

        size += (size_t)snprintf(text + size, sizeof(text) - size, ISTIO_ROUTE, i, conditions[i],
                                 of_codes ? ",418" : "");
    }
    return wire_open(&server, 1, TULLE_PROTOCOL_HTTP, text, &wire_one_loop);
}

static struct tulle *envoy_open(struct half *half)
{
    char routes[TEXT_MAX / 2], text[TEXT_MAX];
    size_t size = 0;

    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        size +=
            (size_t)snprintf(routes + size, sizeof(routes) - size, ENVOY_ROUTE, i, conditions[i]);
    }
    half->peer = peer_new();
    snprintf(text, sizeof(text), bootstrap, peer_port(half->peer), routes,
             server_port(half->server));
    peer_run_envoy(half->peer, text);
    return peer_open(peer_at(half->peer), TULLE_PROTOCOL_HTTP, NULL, &wire_one_loop);
}

static void half_open(struct half *half, bool is_envoy)
{
    *half = (struct half){ .server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL) };
    half->mesh = is_envoy ? envoy_open(half) : library_open(half->server);
}

static void half_close(struct half *half)
{
    wire_close(half->mesh);
    peer_free(half->peer);
    server_stop(half->server);
}

/* How often the server was asked. */
static unsigned asked(struct half *half, size_t condition, const struct event *event)
{
    static const struct tulle_header grpc = { "content-type", "application/grpc" };
    size_t before = (size_t)server_count(half->server, "requests");
    char url[64];

    snprintf(url, sizeof(url), "http://shop/on%zu/", condition);
    server_command(half->server, "set %s", event->does);
    wire_call(half->mesh,
              &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url, .method = "POST",
                                       .headers = &grpc, .header_count = event->is_grpc ? 1 : 0,
                                       .retry = half->peer ? TULLE_RETRY_OFF : 0 });
    return (unsigned)((size_t)server_count(half->server, "requests") - before);
}

static void each_condition_is_envoys(void **state)
{
    struct half ours, envoys;
    unsigned retried = 0;

    (void)state;
    half_open(&ours, false);
    half_open(&envoys, true);
    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        for (size_t k = 0; k < COUNT_OF(events); k++) {
            unsigned here = asked(&ours, i, &events[k]), there = asked(&envoys, i, &events[k]);

            if (here != there) {
                fail_msg("%s, %s: asked %u times, by Envoy %u times", conditions[i], events[k].does,
                         here, there);
            }
            retried += here == 2;
        }
    }
    assert_in_range(retried, 20, COUNT_OF(conditions) * COUNT_OF(events) / 2);
    half_close(&ours);
    half_close(&envoys);
}

TEST_MAIN(cmocka_unit_test(each_condition_is_envoys))
