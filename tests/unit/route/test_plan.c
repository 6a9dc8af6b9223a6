/* SPDX-License-Identifier: Apache-2.0 */

/* A table in static memory: the plan asks for nothing more. */

#include "route/plan.h"

#include "harness/test.h"
#include "seam/observer.h"

enum { ROUTES_MAX = 4, DESTINATIONS_MAX = 4 };

static struct arena arena;
static struct plan_table table;
static struct rand random_;
static struct service service;
static struct route routes[ROUTES_MAX];
static struct route_match matches[ROUTES_MAX];
static struct target targets[DESTINATIONS_MAX];
static struct planned_destination destinations[ROUTES_MAX][DESTINATIONS_MAX];
static struct planned_route planned_routes[ROUTES_MAX];
static const struct planned_port ports[] = { { 80, planned_routes }, { 8080, planned_routes } };
static struct planned_service planned = { &service, ports, COUNT_OF(ports) };

static int setup(void **state)
{
    (void)state;
    tulle__arena_init(&arena, 4096);
    tulle__rand_init(&random_, 5);
    table = (struct plan_table){ 0 };
    service = (struct service){ .routes = routes };
    memset(routes, 0, sizeof(routes));
    memset(matches, 0, sizeof(matches));
    assert_true(tulle__table_put(&table.services, STR("reviews"), &planned));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__table_fini(&table.services);
    tulle__arena_fini(&arena);
    return 0;
}

/* The next route, which leads to target `to`; its one match, to be filled in. */
static struct route_match *add_route(size_t to)
{
    size_t i = service.route_count++;

    destinations[i][0] = (struct planned_destination){ 1, &targets[to], STR("c") };
    planned_routes[i] = (struct planned_route){ &routes[i], destinations[i], 1 };
    routes[i].matches = &matches[i];
    routes[i].match_count = 1;
    return &matches[i];
}

static struct plan plan_request(const char *method, const char *url_text,
                                const struct header_line *headers, size_t header_count)
{
    struct url url;
    struct plan plan;
    const char *why;
    struct plan_request request = {
        .url = &url, .method = str_of(method), .headers = headers, .header_count = header_count
    };

    assert_int_equal(tulle__url_parse(&arena, str_of(url_text), &url, &why), TULLE_OK);
    tulle__plan(&table, &request, &random_, &plan);
    return plan;
}

static struct plan plan_get(const char *url)
{
    return plan_request("GET", url, NULL, 0);
}

/* Which target a GET goes to; -1: refused. */
static int target_of(const char *url)
{
    struct plan plan = plan_get(url);

    return plan.kind == PLAN_TARGET ? (int)(plan.destination->target - targets) : -1;
}

static struct text_match exact(const char *text)
{
    return (struct text_match){ .kind = MATCH_EXACT, .text = str_of(text) };
}

static void a_host_that_is_not_in_the_mesh_is_outside(void **state)
{
    struct plan plan = plan_get("http://example.com/");

    (void)state;
    assert_int_equal(plan.kind, PLAN_OUTSIDE);
    assert_null(plan.service);
}

static void a_host_is_found_without_its_port_case_and_last_dot(void **state)
{
    (void)state;
    add_route(0);
    assert_int_equal(target_of("http://reviews/"), 0);
    assert_int_equal(target_of("http://REVIEWS.:8080/"), 0);
}

static void a_port_that_the_service_does_not_have_is_refused(void **state)
{
    struct plan plan;

    (void)state;
    add_route(0);
    plan = plan_get("http://reviews:81/");
    assert_int_equal(plan.kind, PLAN_REFUSED);
    assert_int_equal(plan.status, 404);
    assert_int_equal(plan.flags, FLAG_NR);
    assert_non_null(strstr(plan.text, "port"));
    assert_ptr_equal(plan.service, &planned);
}

static void the_first_route_that_matches_wins(void **state)
{
    struct route_match *first = add_route(1);

    (void)state;
    add_route(2);
    first->has_uri = true;
    first->uri = (struct text_match){ .kind = MATCH_PREFIX, .text = STR("/cart") };
    assert_int_equal(target_of("http://reviews/cart"), 1);
    assert_int_equal(target_of("http://reviews/carts"), 1); /* a prefix is a string */
    assert_int_equal(target_of("http://reviews/Cart"), 2);
    assert_int_equal(target_of("http://reviews/"), 2);
}

static void no_route_that_matches_is_refused(void **state)
{
    struct route_match *match = add_route(0);
    struct plan plan;

    (void)state;
    match->has_uri = true;
    match->uri = exact("/only");
    plan = plan_get("http://reviews/else");
    assert_int_equal(plan.kind, PLAN_REFUSED);
    assert_int_equal(plan.status, 404);
    assert_int_equal(plan.flags, FLAG_NR);
    assert_null(plan.route);
}

static void any_match_of_a_route_is_enough_and_none_takes_all(void **state)
{
    struct route_match two[2] = { { .has_uri = true }, { .has_uri = true } };

    (void)state;
    two[0].uri = exact("/a");
    two[1].uri = exact("/b");
    add_route(0);
    routes[0].matches = two;
    routes[0].match_count = 2;
    assert_int_equal(target_of("http://reviews/a"), 0);
    assert_int_equal(target_of("http://reviews/b"), 0);
    assert_int_equal(target_of("http://reviews/c"), -1);
    routes[0].match_count = 0;
    assert_int_equal(target_of("http://reviews/c"), 0);
}

static void the_path_is_matched_normalised_and_without_query(void **state)
{
    struct route_match *match = add_route(0);

    (void)state;
    match->has_uri = true;
    match->uri = exact("/cart");
    assert_int_equal(target_of("http://reviews/c%61rt?x=1#f"), 0);
    assert_int_equal(target_of("http://reviews/a/../cart"), 0);
    assert_int_equal(target_of("http://reviews/cart/"), -1);
}

static void methods_match_with_their_case(void **state)
{
    struct route_match *match = add_route(0);

    (void)state;
    match->has_method = true;
    match->method = exact("GET");
    assert_int_equal(plan_request("GET", "http://reviews/", NULL, 0).kind, PLAN_TARGET);
    assert_int_equal(plan_request("get", "http://reviews/", NULL, 0).kind, PLAN_REFUSED);
    assert_int_equal(plan_request("POST", "http://reviews/", NULL, 0).kind, PLAN_REFUSED);
}

#define LINE(name, rest)                                                                           \
    {                                                                                              \
        STR(name rest), sizeof(name) - 1                                                           \
    }

static enum plan_kind with_headers(const struct header_line *headers, size_t count)
{
    return plan_request("GET", "http://reviews/", headers, count).kind;
}

static void headers_match_by_name_without_case_and_by_value_with_it(void **state)
{
    const struct header_line good[] = { LINE("Other", ": x"), LINE("X-User", ":  jason ") };
    const struct header_line bad[] = { LINE("X-User", ": Jason"), LINE("X-Users", ": jason") };
    struct named_match wanted = { STR("x-user"), exact("jason") };
    struct route_match *match = add_route(0);

    (void)state;
    match->headers = &wanted;
    match->header_count = 1;
    assert_int_equal(with_headers(good, 2), PLAN_TARGET);
    assert_int_equal(with_headers(good, 1), PLAN_REFUSED);
    assert_int_equal(with_headers(bad, 2), PLAN_REFUSED);
    assert_int_equal(with_headers(NULL, 0), PLAN_REFUSED);
}

static void any_value_of_a_repeated_header_may_match(void **state)
{
    const struct header_line twice[] = { LINE("tier", ": silver"), LINE("Tier", ": gold") };
    const struct header_line joined[] = { LINE("tier", ": silver,gold") };
    struct named_match wanted = { STR("tier"), exact("gold") };
    struct route_match *match = add_route(0);

    (void)state;
    match->headers = &wanted;
    match->header_count = 1;
    assert_int_equal(with_headers(twice, 2), PLAN_TARGET);
    assert_int_equal(with_headers(joined, 1), PLAN_REFUSED); /* one line is one value */
}

static void a_header_may_be_asked_to_be_there(void **state)
{
    const struct header_line empty[] = { LINE("tier", ":") };
    struct named_match wanted = { STR("tier"), { .kind = MATCH_PRESENT } };
    struct route_match *match = add_route(0);

    (void)state;
    match->headers = &wanted;
    match->header_count = 1;
    assert_int_equal(with_headers(empty, 1), PLAN_TARGET);
    assert_int_equal(with_headers(NULL, 0), PLAN_REFUSED);
}

static void query_parameters_match_undecoded_by_their_first_value(void **state)
{
    struct named_match wanted = { STR("v"), exact("2") };
    struct route_match *match = add_route(0);

    (void)state;
    match->query = &wanted;
    match->query_count = 1;
    assert_int_equal(target_of("http://reviews/?v=2"), 0);
    assert_int_equal(target_of("http://reviews/?a=1&v=2&v=1"), 0);
    assert_int_equal(target_of("http://reviews/?v=1&v=2"), -1);
    assert_int_equal(target_of("http://reviews/?v=%32"), -1);
    assert_int_equal(target_of("http://reviews/"), -1);
    wanted.match = exact("");
    assert_int_equal(target_of("http://reviews/?v"), 0);
}

static void all_that_a_match_asks_must_hold(void **state)
{
    struct named_match query = { STR("v"), exact("2") };
    struct route_match *match = add_route(0);

    (void)state;
    match->has_uri = match->has_method = true;
    match->uri = exact("/a");
    match->method = exact("GET");
    match->query = &query;
    match->query_count = 1;
    assert_int_equal(target_of("http://reviews/a?v=2"), 0);
    assert_int_equal(target_of("http://reviews/a?v=3"), -1);
    assert_int_equal(target_of("http://reviews/b?v=2"), -1);
    assert_int_equal(plan_request("PUT", "http://reviews/a?v=2", NULL, 0).kind, PLAN_REFUSED);
}

static void destinations_are_drawn_by_weight(void **state)
{
    unsigned counts[4] = { 0 };

    (void)state;
    add_route(0);
    planned_routes[0].destination_count = 4;
    destinations[0][0] = (struct planned_destination){ 0, &targets[0], STR("never") };
    destinations[0][1] = (struct planned_destination){ 90, &targets[1], STR("most") };
    destinations[0][2] = (struct planned_destination){ 90, &targets[2], STR("never") };
    destinations[0][3] = (struct planned_destination){ 100, &targets[3], STR("some") };
    for (int i = 0; i < 10000; i++) {
        counts[target_of("http://reviews/")]++;
    }
    assert_int_equal(counts[0] + counts[2], 0);
    assert_in_range(counts[1], 8850, 9150);
}

static void a_cluster_that_does_not_exist_is_refused(void **state)
{
    struct plan plan;

    (void)state;
    add_route(0);
    destinations[0][0].target = NULL;
    plan = plan_get("http://reviews/");
    assert_int_equal(plan.kind, PLAN_REFUSED);
    assert_int_equal(plan.status, 503);
    assert_int_equal(plan.flags, FLAG_NC);
    assert_true(str_equal(plan.destination->cluster_name, STR("c")));
}

static void a_plan_allocates_nothing(void **state)
{
    struct url url;
    struct plan plan;
    const char *why;
    struct plan_request request = { .url = &url, .method = STR("GET") };
    uint64_t before;

    (void)state;
    add_route(0);
    assert_int_equal(tulle__url_parse(&arena, STR("http://reviews/"), &url, &why), TULLE_OK);
    before = test_allocations();
    tulle__plan(&table, &request, &random_, &plan);
    assert_int_equal(plan.kind, PLAN_TARGET);
    assert_int_equal(test_allocations(), before);
}

#define PLAN_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(PLAN_TEST(a_host_that_is_not_in_the_mesh_is_outside),
          PLAN_TEST(a_host_is_found_without_its_port_case_and_last_dot),
          PLAN_TEST(a_port_that_the_service_does_not_have_is_refused),
          PLAN_TEST(the_first_route_that_matches_wins), PLAN_TEST(no_route_that_matches_is_refused),
          PLAN_TEST(any_match_of_a_route_is_enough_and_none_takes_all),
          PLAN_TEST(the_path_is_matched_normalised_and_without_query),
          PLAN_TEST(methods_match_with_their_case),
          PLAN_TEST(headers_match_by_name_without_case_and_by_value_with_it),
          PLAN_TEST(any_value_of_a_repeated_header_may_match),
          PLAN_TEST(a_header_may_be_asked_to_be_there),
          PLAN_TEST(query_parameters_match_undecoded_by_their_first_value),
          PLAN_TEST(all_that_a_match_asks_must_hold), PLAN_TEST(destinations_are_drawn_by_weight),
          PLAN_TEST(a_cluster_that_does_not_exist_is_refused), PLAN_TEST(a_plan_allocates_nothing))
