/* SPDX-License-Identifier: Apache-2.0 */

/* Which name, which route, which subset: what a VirtualService says, call by call. */

#include "harness/world.h"
#include "scenario/reviews.h"

#include <stdio.h>

#define TO(subset) "    route: [{destination: {host: reviews, subset: " subset "}}]\n"
#define V1         TO("v1")
#define V2         TO("v2")

/* What matches goes to v2, the rest to v1. */
#define MATCH(match)                                                                               \
    REVIEWS RULE(SUBSETS) ROUTE("  - match: [" match "]\n" V2 "  - name: rest\n" V1)

struct asked {
    const char *method, *url;
    struct tulle_header header;
    bool matches;
};

static void matches_hold(const char *yaml, const struct asked *asked, size_t count)
{
    struct test_world *world = world_open(yaml, NULL);

    for (size_t i = 0; i < count; i++) {
        world_send(world, &(struct tulle_request){
                              TULLE_REQUEST_INIT,
                              .method = asked[i].method,
                              .url = asked[i].url,
                              .headers = &asked[i].header,
                              .header_count = asked[i].header.name != NULL,
                          });
        assert_int_equal(world->last.status, 200);
        if (asked[i].matches != (strcmp(world->last.endpoint, THIRD) == 0)) {
            fail_msg("%s went to %s", asked[i].url, world->last.endpoint);
        }
    }
    world_close(world);
}

#define MATCHES_HOLD(match, ...)                                                                   \
    do {                                                                                           \
        const struct asked asked[] = { __VA_ARGS__ };                                              \
        matches_hold(MATCH(match), asked, COUNT_OF(asked));                                        \
    } while (0)

static void paths_match_whole_by_prefix_and_by_pattern(void **state)
{
    (void)state;
    MATCHES_HOLD("{uri: {exact: /a}}", { .url = "http://reviews/a", .matches = true },
                 { .url = "http://reviews/a?b=c", .matches = true }, { .url = "http://reviews/a/" },
                 { .url = "http://reviews/A" },
                 { .url = "http://reviews/x/../a", .matches = true });
    MATCHES_HOLD("{uri: {prefix: /a}}", { .url = "http://reviews/a", .matches = true },
                 { .url = "http://reviews/ab/c", .matches = true },
                 { .url = "http://reviews/b/a" });
    MATCHES_HOLD("{uri: {regex: \"/a[0-9]+\"}}", { .url = "http://reviews/a17", .matches = true },
                 { .url = "http://reviews/a" }, { .url = "http://reviews/xa17" },
                 { .url = "http://reviews/a17x" });
}

static void methods_match(void **state)
{
    (void)state;
    MATCHES_HOLD("{method: {exact: POST}}", { "POST", URL, .matches = true },
                 { .method = "GET", .url = URL }, { .method = "post", .url = URL }, { .url = URL });
    MATCHES_HOLD("{method: {regex: \"PUT|POST\"}}", { "PUT", URL, .matches = true },
                 { .method = "GET", .url = URL });
}

static void headers_match(void **state)
{
    (void)state;
    MATCHES_HOLD("{headers: {end-user: {exact: jason}}}",
                 { .url = URL, .header = { "End-User", "jason" }, .matches = true },
                 { .url = URL, .header = { "end-user", "Jason" } },
                 { .url = URL, .header = { "end-users", "jason" } }, { .url = URL });
    MATCHES_HOLD("{headers: {x-a: {prefix: ab}}}",
                 { .url = URL, .header = { "x-a", "abc" }, .matches = true },
                 { .url = URL, .header = { "x-a", "bab" } });
    MATCHES_HOLD("{headers: {x-a: {}}}", { .url = URL, .header = { "X-A", "" }, .matches = true },
                 { .url = URL });
}

static void queries_match(void **state)
{
    (void)state;
    MATCHES_HOLD(
        "{queryParams: {v: {exact: \"2\"}}}", { .url = "http://reviews/?v=2", .matches = true },
        { .url = "http://reviews/?a=1&v=2#x", .matches = true }, { .url = "http://reviews/?v=22" },
        { .url = "http://reviews/?V=2" }, { .url = "http://reviews/" });
    MATCHES_HOLD("{queryParams: {v: {regex: \"[0-9]+\"}}}",
                 { .url = "http://reviews/?v=22", .matches = true },
                 { .url = "http://reviews/?v=x" });
}

static void all_of_a_match_must_hold_and_any_match_will_do(void **state)
{
    (void)state;
    MATCHES_HOLD("{uri: {prefix: /a}, method: {exact: PUT}}, {uri: {exact: /z}}",
                 { "PUT", "http://reviews/a", .matches = true }, { .url = "http://reviews/a" },
                 { "GET", "http://reviews/z", .matches = true });
}

static void the_first_route_that_takes_a_call_has_it(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE(SUBSETS) ROUTE("  - match: [{uri: {prefix: /}}]\n" V2
                                               "  - match: [{uri: {exact: /a}}]\n" V1),
                   NULL);

    (void)state;
    world_get(world, "http://reviews/a");
    assert_string_equal(world->last.endpoint, THIRD);
    world_close(world);
}

static void a_call_that_no_route_takes_is_refused(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE(SUBSETS) ROUTE("  - match: [{uri: {exact: /a}}]\n" V1), NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_get(world, URL);
    CHECK_OR_DONE(world->last.error == TULLE_E_REFUSED);
    assert_int_equal(world->last.status, 404);
    assert_string_equal(world->last.failure.flags, "NR");
    assert_string_equal(world->last.failure.layer, "route");
    assert_string_equal(world->last.failure.cluster, "");
    assert_string_equal(world->last.failure.text, "no route of the service matches");
    assert_int_equal(world_requests(world, NULL), 0);
done:
    world_close(world);
}

static void weights_share_the_calls_out(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE(SUBSETS)
                       ROUTE("  - route:\n"
                             "    - {destination: {host: reviews, subset: v1}, weight: 90}\n"
                             "    - {destination: {host: reviews, subset: v2}, weight: 10}\n"),
                   NULL);

    (void)state;
    for (int i = 0; i < 10000; i++) {
        SEND(world, .method = "GET");
    }
    assert_in_range(world_requests(world, THIRD), 900, 1100);
    assert_int_equal(world_requests(world, NULL), 10000);
    world_close(world);
}

static void weights_are_relative_and_0_is_never(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE(SUBSETS)
                       ROUTE("  - match: [{uri: {exact: /never}}]\n"
                             "    route:\n"
                             "    - {destination: {host: reviews, subset: v1}, weight: 1}\n"
                             "    - {destination: {host: reviews, subset: v2}, weight: 0}\n"
                             "  - route:\n"
                             "    - {destination: {host: reviews, subset: v1}, weight: 1}\n"
                             "    - {destination: {host: reviews, subset: v2}, weight: 3}\n"),
                   NULL);

    (void)state;
    for (int i = 0; i < 500; i++) {
        world_get(world, "http://reviews/never");
    }
    assert_int_equal(world_requests(world, THIRD), 0);
    for (int i = 0; i < 2000; i++) {
        world_get(world, URL);
    }
    assert_in_range(world_requests(world, THIRD), 1400, 1600);
    world_close(world);
}

static void endpoints_have_weights_of_their_own(void **state)
{
    struct test_world *world = world_open(
        SERVICE(HTTP_80, "{address: 10.0.0.1, weight: 1}, {address: 10.0.0.2, weight: 4}")
            RULE("  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\n"),
        &(struct tulle_options){ TULLE_OPTIONS_INIT, .loops = 1 });

    (void)state;
    for (int i = 0; i < 500; i++) {
        world_get(world, URL);
    }
    assert_int_equal(world_requests(world, FIRST), 100);
    assert_int_equal(world_requests(world, SECOND), 400);
    world_close(world);
}

static void a_retry_stays_on_the_subset_that_was_drawn(void **state)
{
    struct test_world *world =
        world_open(REVIEWS RULE(SUBSETS)
                       ROUTE("  - route:\n"
                             "    - {destination: {host: reviews, subset: v1}, weight: 1}\n"
                             "    - {destination: {host: reviews, subset: v2}, weight: 1}\n"),
                   NULL);

    (void)state;
    world_kill(world, THIRD);
    for (int i = 0; i < 50; i++) {
        world_get(world, URL);
        assert_true((world->last.error == TULLE_OK) != !strcmp(world->last.endpoint, THIRD));
        assert_int_equal(world->last.attempts, world->last.error == TULLE_OK ? 1 : 3);
    }
    world_close(world);
}

static void a_service_answers_to_each_of_its_names(void **state)
{
    static const char *const names[] = {
        "http://reviews/",
        "http://reviews:80/",
        "http://reviews.default/",
        "http://reviews.default.svc/",
        "http://reviews.default.svc.cluster.local/",
        "http://reviews.default.svc.cluster.local./",
        "http://REVIEWS.Default.svc/",
        "HTTP://Reviews/",
    };
    struct test_world *world = world_open(
        REVIEWS, &(struct tulle_options){ TULLE_OPTIONS_INIT, .outside = TULLE_OUTSIDE_REFUSE });

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        world_get(world, names[i]);
        if (world->last.error != TULLE_OK) {
            fail_msg("%s: %s", names[i], world->last.failure.text);
        }
    }
    world_get(world, "http://reviews.other/");
    assert_int_equal(world->last.error, TULLE_E_REFUSED);
    world_close(world);
}

static void a_port_that_a_service_does_not_have_is_refused(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);

    (void)state;
    world_get(world, "http://reviews:8080/");
    assert_int_equal(world->last.error, TULLE_E_REFUSED);
    assert_int_equal(world->last.status, 404);
    assert_string_equal(world->last.failure.flags, "NR");
    assert_string_equal(world->last.failure.text, "the service has no such port");
    world_close(world);
}

static void a_name_that_is_not_in_the_mesh_is_passed_through(void **state)
{
    struct test_world *world = world_open(REVIEWS, NULL);

    (void)state;
    CHECK_OR_DONE(world);
    world_answer(world, "outside.test:80", .body = "hello");
    world_get(world, "http://outside.test/x?y=z");
    CHECK_OK(world->last.error);
    assert_string_equal(world->last.body, "hello");
    assert_string_equal(world->flags, "-");
    CHECK(world_metric(world, "istio_requests_total{"
                              "destination_service_name=\"PassthroughCluster\"}") == 1);
done:
    world_close(world);
}

static void or_refused_where_that_is_said(void **state)
{
    struct test_world *world = world_open(
        REVIEWS, &(struct tulle_options){ TULLE_OPTIONS_INIT, .outside = TULLE_OUTSIDE_REFUSE });

    (void)state;
    CHECK_OR_DONE(world);
    world_get(world, "http://outside.test/");
    CHECK_OR_DONE(world->last.error == TULLE_E_REFUSED);
    assert_int_equal(world->last.status, 502);
    assert_string_equal(world->last.failure.flags, "NR");
    assert_int_equal(world_requests(world, NULL), 0);
    CHECK(world_metric(world, "istio_requests_total{"
                              "destination_service_name=\"BlackHoleCluster\"}") == 1);
done:
    world_close(world);
}

static void the_namespace_says_where_short_names_lead(void **state)
{
    struct test_world *world = world_open(
        ONE, &(struct tulle_options){ TULLE_OPTIONS_INIT, .name_space = "shop",
                                      .domain = "mesh.test", .outside = TULLE_OUTSIDE_REFUSE });

    (void)state;
    world_get(world, "http://reviews/");
    assert_int_equal(world->last.status, 200);
    world_get(world, "http://reviews.shop.svc.mesh.test/");
    assert_int_equal(world->last.status, 200);
    world_get(world, "http://reviews.default.svc.cluster.local/");
    assert_int_equal(world->last.error, TULLE_E_REFUSED);
    world_close(world);
}

TEST_MAIN(cmocka_unit_test(paths_match_whole_by_prefix_and_by_pattern),
          cmocka_unit_test(methods_match), cmocka_unit_test(headers_match),
          cmocka_unit_test(queries_match),
          cmocka_unit_test(all_of_a_match_must_hold_and_any_match_will_do),
          cmocka_unit_test(the_first_route_that_takes_a_call_has_it),
          TEST_OOM(a_call_that_no_route_takes_is_refused),
          cmocka_unit_test(weights_share_the_calls_out),
          cmocka_unit_test(weights_are_relative_and_0_is_never),
          cmocka_unit_test(endpoints_have_weights_of_their_own),
          cmocka_unit_test(a_retry_stays_on_the_subset_that_was_drawn),
          cmocka_unit_test(a_service_answers_to_each_of_its_names),
          cmocka_unit_test(a_port_that_a_service_does_not_have_is_refused),
          TEST_OOM(a_name_that_is_not_in_the_mesh_is_passed_through),
          TEST_OOM(or_refused_where_that_is_said),
          cmocka_unit_test(the_namespace_says_where_short_names_lead))
