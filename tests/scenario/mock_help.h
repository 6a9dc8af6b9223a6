/* SPDX-License-Identifier: Apache-2.0 */

/* What the tests of the mock say again and again, in few words. */

#ifndef TESTS_SCENARIO_MOCK_HELP_H
#define TESTS_SCENARIO_MOCK_HELP_H

#include <tulle/mock.h>
#include <tulle/tulle.h>

#include "base/clock.h"
#include "harness/test.h"

#define A "10.0.0.1:9080"
#define B "10.0.0.2:9080"
#define C "10.0.0.3:9080"

#define REVIEWS "outbound|80||reviews.default.svc.cluster.local"

/* A mock with the service "reviews" at A, B and C. NULL: memory has run out. */
struct tulle_mock *mock_with_reviews(const struct tulle_mock_options *options);

/* Of "reviews": one retry of a 5xx. */
#define RETRIES                                                                                    \
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\n"        \
    "spec:\n  hosts: [reviews]\n  http:\n  - retries: {attempts: 1, retryOn: 5xx}\n"               \
    "    route: [{destination: {host: reviews}}]\n"

#define SAY(mock, address, ...)                                                                    \
    tulle_mock_answer((mock), (address),                                                           \
                      &(struct tulle_mock_answer){ TULLE_MOCK_ANSWER_INIT, __VA_ARGS__ })

/* The status of a blocking GET; or minus the error. Frees the reply. */
int mock_get(struct tulle *mesh, const char *url);

double mock_metric(struct tulle_mock *mock, const char *selector);

/* Nothing is left over. */
void mock_must_be_clean(struct tulle_mock *mock);

/* How many events of this kind there are. */
size_t mock_events(const struct tulle_mock *mock, int32_t kind);

#endif
