/* SPDX-License-Identifier: Apache-2.0 */

/* The mesh of most scenarios: one service with three endpoints, and what may be
 * said of it. */

#ifndef TESTS_SCENARIO_REVIEWS_H
#define TESTS_SCENARIO_REVIEWS_H

#define REVIEWS                                                                                    \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: ServiceEntry\n"                                                                         \
    "metadata: {name: reviews}\n"                                                                  \
    "spec:\n"                                                                                      \
    "  hosts: [reviews]\n"                                                                         \
    "  location: MESH_INTERNAL\n"                                                                  \
    "  resolution: STATIC\n"                                                                       \
    "  ports: [{number: 80, name: http, protocol: HTTP}]\n"                                        \
    "  endpoints:\n"                                                                               \
    "  - {address: 10.0.0.1, labels: {version: v1}}\n"                                             \
    "  - {address: 10.0.0.2, labels: {version: v1}}\n"                                             \
    "  - {address: 10.0.0.3, labels: {version: v2}}\n"

/* The same service with other ports and endpoints. */
#define SERVICE(ports, endpoints)                                                                  \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: ServiceEntry\n"                                                                         \
    "metadata: {name: reviews}\n"                                                                  \
    "spec:\n"                                                                                      \
    "  hosts: [reviews]\n"                                                                         \
    "  location: MESH_INTERNAL\n"                                                                  \
    "  resolution: STATIC\n"                                                                       \
    "  ports: [" ports "]\n"                                                                       \
    "  endpoints: [" endpoints "]\n"

#define HTTP_80 "{number: 80, name: http, protocol: HTTP}"
#define ONE     SERVICE(HTTP_80, "{address: 10.0.0.1}")

#define RULE(spec)                                                                                 \
    "---\n"                                                                                        \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: DestinationRule\n"                                                                      \
    "metadata: {name: reviews}\n"                                                                  \
    "spec:\n"                                                                                      \
    "  host: reviews\n" spec

#define OUTLIER(fields) RULE("  trafficPolicy: {outlierDetection: {" fields "}}\n")
#define POOL(fields)    RULE("  trafficPolicy: {connectionPool: {" fields "}}\n")

#define SUBSETS                                                                                    \
    "  subsets:\n"                                                                                 \
    "  - {name: v1, labels: {version: v1}}\n"                                                      \
    "  - {name: v2, labels: {version: v2}}\n"

#define ROUTE(spec)                                                                                \
    "---\n"                                                                                        \
    "apiVersion: networking.istio.io/v1\n"                                                         \
    "kind: VirtualService\n"                                                                       \
    "metadata: {name: reviews}\n"                                                                  \
    "spec:\n"                                                                                      \
    "  hosts: [reviews]\n"                                                                         \
    "  http:\n" spec

#define TO_REVIEWS      "  - route: [{destination: {host: reviews}}]\n"
#define RETRIES(fields) ROUTE(TO_REVIEWS "    retries: {" fields "}\n")
#define TIMEOUT(time)   ROUTE(TO_REVIEWS "    timeout: " time "\n")

#define TRAFFIC_POLICY(spec)                                                                       \
    "---\n"                                                                                        \
    "apiVersion: tulle.dev/v1alpha1\n"                                                             \
    "kind: TrafficPolicy\n"                                                                        \
    "metadata: {name: reviews}\n"                                                                  \
    "spec:\n"                                                                                      \
    "  host: reviews\n" spec

#define BUDGET(fields) TRAFFIC_POLICY("  retryBudget: {" fields "}\n")

#define URL     "http://reviews/ratings/7"
#define CLUSTER "cluster=\"outbound|80||reviews.default.svc.cluster.local\""

#define FIRST  "10.0.0.1:80"
#define SECOND "10.0.0.2:80"
#define THIRD  "10.0.0.3:80"

#define SAY_ALL(world, ...)                                                                        \
    do {                                                                                           \
        world_answer(world, FIRST, __VA_ARGS__);                                                   \
        world_answer(world, SECOND, __VA_ARGS__);                                                  \
        world_answer(world, THIRD, __VA_ARGS__);                                                   \
    } while (0)

/* A call to URL with more said of it. */
#define SEND(world, ...)                                                                           \
    world_send(world, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = URL, .explain = 1,       \
                                               __VA_ARGS__ })
#define START(world, call, ...)                                                                    \
    world_start(                                                                                   \
        world,                                                                                     \
        &(struct tulle_request){ TULLE_REQUEST_INIT, .url = URL, .explain = 1, __VA_ARGS__ },      \
        call)

#endif
