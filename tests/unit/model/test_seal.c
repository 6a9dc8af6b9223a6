/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/clock.h"
#include "model/regex.h"
#include "model/seal.h"
#include "parts.h"
#include "tells.h"

static void equal_contents_have_equal_prints(void **state)
{
    struct cluster *a = part_cluster("outbound|80||a", "a", "", "10.0.0.1:80");
    struct cluster *b = part_cluster("outbound|80||a", "a", "", "10.0.0.1:80");
    struct service *c = part_service("a", "b", "a", "");
    struct service *d = part_service("a", "b", "a", "");

    (void)state;
    assert_true(fingerprint_equal(a->part.print, b->part.print));
    assert_true(fingerprint_equal(c->part.print, d->part.print));
    tulle__part_unref(a);
    tulle__part_unref(b);
    tulle__part_unref(c);
    tulle__part_unref(d);
}

static struct fingerprint set_print(struct endpoint_set *set)
{
    tulle__endpoint_set_seal(set);
    return set->part.print;
}

static struct fingerprint endpoint_print(struct endpoint *endpoint)
{
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    struct fingerprint print;

    assert_non_null(set);
    assert_true(tulle__endpoint_set_fill(set, endpoint, 1));
    print = set_print(set);
    tulle__part_unref(set);
    return print;
}

static void every_field_of_an_endpoint_tells(void **state)
{
    const struct label ab = { STR("a"), STR("b") };
    const struct label cb = { STR("c"), STR("b") }, ac = { STR("a"), STR("c") };
    struct endpoint endpoint = { .address = STR("10.0.0.1:80"), .weight = 1 };

    (void)state;
    TELLS(&endpoint, endpoint_print, weight, 2);
    TELLS(&endpoint, endpoint_print, locality, STR("r/z"));
    TELLS(&endpoint, endpoint_print, hash_key, STR("k"));
    TELLS(&endpoint, endpoint_print, priority, 1);
    TELLS(&endpoint, endpoint_print, health, HEALTH_DRAINING);
    TELLS(&endpoint, endpoint_print, address, STR("10.0.0.2:80"));
    endpoint.labels = &ab;
    TELLS(&endpoint, endpoint_print, label_count, 1);
    endpoint.label_count = 1;
    TELLS(&endpoint, endpoint_print, labels, &cb);
    TELLS(&endpoint, endpoint_print, labels, &ac);
}

static void every_field_of_a_locality_tells(void **state)
{
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", "10.0.0.1:80");
    struct endpoint_set *set = cluster->endpoints;
    const struct locality_weight one = { STR("r/z"), 0, 1 };
    struct locality_weight other = one;

    (void)state;
    set->localities = &one;
    TELLS(set, set_print, locality_count, 1);
    set->locality_count = 1;
    other.locality = STR("r/y");
    TELLS(set, set_print, localities, &other);
    other = one;
    other.priority = 1;
    TELLS(set, set_print, localities, &other);
    other = one;
    other.weight = 2;
    TELLS(set, set_print, localities, &other);
    tulle__part_unref(cluster);
}

static struct fingerprint service_print(struct service *service)
{
    tulle__service_seal(service);
    return service->part.print;
}

static void every_field_of_a_service_tells(void **state)
{
    struct service *service = part_service("a", "b", "a", "");
    const struct str names[] = { STR("a"), STR("c") };
    const struct service_port ports[] = { { 80, STR("http"), PROTOCOL_HTTP1 } };

    (void)state;
    TELLS(service, service_print, host, STR("other"));
    TELLS(service, service_print, service, STR("other"));
    TELLS(service, service_print, name_space, STR("other"));
    TELLS(service, service_print, names, names);
    TELLS(service, service_print, name_count, 1);
    TELLS(service, service_print, has_routes, true);
    TELLS(service, service_print, route_count, 0);
    service->ports = ports;
    TELLS(service, service_print, port_count, 1);
    tulle__part_unref(service);
}

#define ROUTE_TELLS(field, value)                                                                  \
    do {                                                                                           \
        struct fingerprint before = service_print(service);                                        \
        __typeof__(field) kept = field;                                                            \
        field = value;                                                                             \
        assert_false(fingerprint_equal(before, service_print(service)));                           \
        field = kept;                                                                              \
    } while (0)

static void every_field_of_a_route_tells(void **state)
{
    struct service *service = part_service("a", "b", "a", "");
    struct route *route = (struct route *)service->routes;
    const struct destination other = { STR("a"), STR(""), 81, 1 };
    const struct named_match named = { STR("x-user"), { .kind = MATCH_PRESENT } };
    const struct named_match named_too = { STR("x-team"), { .kind = MATCH_PRESENT } };
    const uint16_t statuses[] = { 418 };
    struct route_match match = { .has_uri = true, .uri = { .text = STR("/a") } };

    (void)state;
    route->matches = &match;
    route->retry.statuses = statuses;
    ROUTE_TELLS(route->destinations, &other);
    ROUTE_TELLS(route->name, STR("x"));
    ROUTE_TELLS(route->match_count, 1);
    ROUTE_TELLS(route->weight_total, 2);
    ROUTE_TELLS(route->timeout_ns, 1);
    ROUTE_TELLS(route->retry.retries, 7);
    ROUTE_TELLS(route->retry.on, 7);
    ROUTE_TELLS(route->retry.status_count, 1);
    ROUTE_TELLS(route->retry.per_try_timeout_ns, 7);
    ROUTE_TELLS(route->retry.backoff_base_ns, 7);
    ROUTE_TELLS(route->retry.backoff_max_ns, 7);
    ROUTE_TELLS(route->retry.priority_update, 7);
    ROUTE_TELLS(route->retry.any_host, true);
    route->match_count = 1;
    match.headers = match.query = &named;
    ROUTE_TELLS(match.uri.text, STR("/b"));
    ROUTE_TELLS(match.uri.kind, MATCH_PREFIX);
    ROUTE_TELLS(match.has_uri, false);
    ROUTE_TELLS(match.has_method, true);
    ROUTE_TELLS(match.header_count, 1);
    ROUTE_TELLS(match.query_count, 1);
    match.header_count = 1;
    ROUTE_TELLS(match.headers, &named_too);
    tulle__part_unref(service);
}

static void of_a_regex_the_pattern_tells(void **state)
{
    struct service *service = part_service("a", "b", "a", "");
    struct route *route = (struct route *)service->routes;
    char why[64];
    struct regex *a = tulle__regex_new("a+", 2, why, 64), *b = tulle__regex_new("a+", 2, why, 64);
    struct regex *c = tulle__regex_new("a*", 2, why, 64);
    struct route_match match = { .has_method = true,
                                 .method = { .kind = MATCH_REGEX, .regex = a } };
    struct fingerprint first;

    (void)state;
    route->matches = &match;
    route->match_count = 1;
    first = service_print(service);
    match.method.regex = b;
    assert_true(fingerprint_equal(first, service_print(service)));
    match.method.regex = c;
    assert_false(fingerprint_equal(first, service_print(service)));
    tulle__regex_free(a);
    tulle__regex_free(b);
    tulle__regex_free(c);
    tulle__part_unref(service);
}

static void texts_do_not_run_into_each_other(void **state)
{
    struct cluster *a = part_cluster("ab", "c", "", NULL);
    struct cluster *b = part_cluster("a", "bc", "", NULL);

    (void)state;
    assert_false(fingerprint_equal(a->part.print, b->part.print));
    tulle__part_unref(a);
    tulle__part_unref(b);
}

TEST_MAIN(cmocka_unit_test(equal_contents_have_equal_prints),
          cmocka_unit_test(every_field_of_an_endpoint_tells),
          cmocka_unit_test(every_field_of_a_locality_tells),
          cmocka_unit_test(every_field_of_a_service_tells),
          cmocka_unit_test(every_field_of_a_route_tells),
          cmocka_unit_test(of_a_regex_the_pattern_tells),
          cmocka_unit_test(texts_do_not_run_into_each_other))
