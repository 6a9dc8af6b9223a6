/* SPDX-License-Identifier: Apache-2.0 */

/* Faults that last: an hour without a control plane, and an endpoint that is cold
 * when it joins. Minutes of a virtual clock. */

#include "scenario/mock_help.h"

#define URL  "http://reviews/"
#define COLD "10.0.0.4:9080"
#define EJECTING                                                                                   \
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews}\n"       \
    "spec:\n  host: reviews\n  trafficPolicy:\n    outlierDetection:\n"                            \
    "      {consecutive5xxErrors: 1, maxEjectionPercent: 100, baseEjectionTime: 30s}\n"

enum { HOUR_S = 3600, CALLS_PER_S = 200 };

static struct tulle *mesh_of(struct tulle_mock *mock)
{
    struct tulle *mesh;

    assert_int_equal(tulle_mock_open(mock, NULL, &mesh), TULLE_OK);
    return mesh;
}

/* One call a second, for an hour; each must be a 200. */
static void hour_of_calls(struct tulle_mock *mock, struct tulle *mesh)
{
    for (int second = 0; second < HOUR_S; second++) {
        assert_int_equal(mock_get(mesh, URL), 200);
        assert_int_equal(tulle_mock_advance(mock, TULLE_S(1)), TULLE_OK);
    }
}

static void shares_are_equal(const struct tulle_mock *mock)
{
    assert_in_range(tulle_mock_requests(mock, A), 1050, 1350);
    assert_in_range(tulle_mock_requests(mock, B), 1050, 1350);
    assert_in_range(tulle_mock_requests(mock, C), 1050, 1350);
}

static void without_its_control_plane(int32_t how)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh = mesh_of(mock);

    assert_int_equal(tulle_mock_discovery(mock, how), TULLE_OK);
    assert_int_equal(tulle_mock_remove_endpoint(mock, "reviews", A), TULLE_OK);
    hour_of_calls(mock, mesh);
    shares_are_equal(mock);
    assert_int_equal(tulle_mock_discovery(mock, TULLE_MOCK_FRESH), TULLE_OK);
    hour_of_calls(mock, mesh);
    assert_in_range(tulle_mock_requests(mock, A), 1050, 1350);
    assert_int_equal(tulle_mock_requests(mock, NULL), 2 * HOUR_S);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

static void an_hour_of_silence_changes_no_routing(void **state)
{
    (void)state;
    without_its_control_plane(TULLE_MOCK_STALE);
}

static void an_hour_of_errors_changes_no_routing(void **state)
{
    (void)state;
    without_its_control_plane(TULLE_MOCK_FAILING);
}

static void the_data_plane_goes_on_judging_without_a_control_plane(void **state)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_mock_yaml(mock, "rule.yaml", EJECTING), TULLE_OK);
    assert_int_equal(tulle_mock_yaml(mock, "retries.yaml", RETRIES), TULLE_OK);
    mesh = mesh_of(mock);
    assert_int_equal(tulle_mock_discovery(mock, TULLE_MOCK_STALE), TULLE_OK);
    assert_int_equal(SAY(mock, A, .status = 503, .times = 1), TULLE_OK);
    hour_of_calls(mock, mesh);
    assert_int_equal(mock_metric(mock, "tulle_ejections_total"), 1);
    assert_string_equal(tulle_mock_gate(mock, A), "ready");
    shares_are_equal(mock);
    tulle_close(mesh);
    tulle_mock_free(mock);
}

/* --- cold --- */

struct load {
    unsigned ended, failed;
};

static void load_ended(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct load *load = user;

    load->ended++;
    load->failed += error != TULLE_OK;
    tulle_call_free(call);
}

static void load_for(struct tulle_mock *mock, struct tulle *mesh, int seconds)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = URL,
                                           .deadline_ns = TULLE_S(2) };
    struct load load = { 0 };
    struct tulle_call *call;
    unsigned count = (unsigned)seconds * CALLS_PER_S;

    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(tulle_call_start(mesh, &request, load_ended, &load, &call), TULLE_OK);
        assert_int_equal(tulle_mock_advance(mock, TULLE_S(1) / CALLS_PER_S), TULLE_OK);
    }
    assert_int_equal(tulle_mock_advance(mock, TULLE_S(2)), TULLE_OK);
    assert_int_equal(load.ended, count);
    assert_int_equal(load.failed, 0);
}

/* Requests that the cold one got in its first three seconds. */
static size_t stampede(const char *policy)
{
    struct tulle_mock *mock = mock_with_reviews(NULL);
    struct tulle *mesh;
    size_t first, then;

    assert_int_equal(tulle_mock_yaml(mock, "policy.yaml", policy), TULLE_OK);
    assert_int_equal(SAY(mock, COLD, .times = 200, .delay_ns = TULLE_MS(500)), TULLE_OK);
    mesh = mesh_of(mock);
    load_for(mock, mesh, 40); /* the others are warm */
    assert_int_equal(tulle_mock_add_endpoint(mock, "reviews", COLD, NULL, 0), TULLE_OK);
    load_for(mock, mesh, 3);
    first = tulle_mock_requests(mock, COLD);
    load_for(mock, mesh, 40);
    then = tulle_mock_requests(mock, COLD);
    load_for(mock, mesh, 10);
    then = tulle_mock_requests(mock, COLD) - then;
    assert_in_range(then, CALLS_PER_S * 10 / 4 * 8 / 10, CALLS_PER_S * 10 / 4 * 12 / 10);
    tulle_close(mesh);
    tulle_mock_free(mock);
    return first;
}

#define POLICY(spec)                                                                               \
    "apiVersion: tulle.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: reviews}\n"             \
    "spec: {host: reviews" spec "}\n"

static void a_cold_endpoint_is_led_in_and_not_stampeded(void **state)
{
    size_t at_once = stampede(POLICY(", balancer: {roundRobin: {}}"));
    size_t slowly = stampede(POLICY(", balancer: {roundRobin: {}}, slowStart: {window: 30s}"));

    (void)state;
    assert_in_range(at_once, 140, 160); /* a fair share */
    assert_in_range(slowly, 1, at_once / 4);
}

TEST_MAIN(cmocka_unit_test(an_hour_of_silence_changes_no_routing),
          cmocka_unit_test(an_hour_of_errors_changes_no_routing),
          cmocka_unit_test(the_data_plane_goes_on_judging_without_a_control_plane),
          cmocka_unit_test(a_cold_endpoint_is_led_in_and_not_stampeded))
