/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#include "model/regex.h"

#define SERVICE(name_) SERVICE_ENTRY(name_, HOSTS(PLACED(name_)), PORTS(HTTP(80)))
#define FULL(name_)    name_ ".default.svc.cluster.local"

enum {
    ISTIO = RETRY_ON_CONNECT_FAILURE | RETRY_ON_REFUSED_STREAM | RETRY_ON_UNAVAILABLE |
            RETRY_ON_CANCELLED,
    OURS = RETRY_ON_IDEMPOTENT_RESET | RETRY_ON_NOTHING_SENT,
};

static const struct service *service_a(const struct translated *translated)
{
    const struct service *service = translated_service(translated, FULL("a"));

    assert_non_null(service);
    return service;
}

static void without_a_virtual_service_one_route_takes_all(void **state)
{
    const struct resource resources[] = { SERVICE("a") };
    struct translated *translated = TRANSLATED(resources);
    const struct route *route;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_false(service_a(translated)->has_routes);
    assert_int_equal(service_a(translated)->route_count, 1);
    route = service_a(translated)->routes;
    assert_int_equal(route->match_count, 0);
    assert_int_equal(route->destination_count, 1);
    assert_true(str_equal(route->destinations[0].host, STR(FULL("a"))));
    assert_int_equal(route->destinations[0].subset.size, 0);
    assert_int_equal(route->destinations[0].port, 0);
    assert_int_equal(route->weight_total, 1);
    assert_int_equal(route->timeout_ns, NEVER);
    assert_int_equal(route->retry.retries, 2);
    assert_int_equal(route->retry.on, ISTIO | OURS);
    assert_int_equal(route->retry.per_try_timeout_ns, NEVER);
    assert_int_equal(route->retry.backoff_base_ns, 25 * NS_PER_MS);
    assert_int_equal(route->retry.backoff_max_ns, 250 * NS_PER_MS);
done:
    translated_free(translated);
}

static void strict_retries_are_istios_and_nothing_more(void **state)
{
    const struct resource resources[] = { SERVICE("a") };
    struct translated *translated = translated_new(
        resources, 1, &(struct translate_options){ "default", "cluster.local", true });

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(service_a(translated)->routes[0].retry.on, ISTIO);
done:
    translated_free(translated);
}

static void a_route_that_says_nothing_of_retries_has_the_default(void **state)
{
    static const uint16_t statuses[] = { 418, 503 };
    const struct resource resources[] = {
        SERVICE("a"),
        VIRTUAL_SERVICE("a", HOSTS(PLACED("a")),
                        ROUTES({ TO({ .host = PLACED("a") }) },
                               { TO({ .host = PLACED("a") }), .has_retries = true,
                                 .retry = { .retries = 5, .per_try_timeout_ns = 7 } },
                               { TO({ .host = PLACED("a") }), .has_retries = true,
                                 .retry = { .retries = 1,
                                            .on = RETRY_ON_STATUS_CODES,
                                            .statuses = statuses,
                                            .status_count = 2 } })),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct route *routes;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    routes = service_a(translated)->routes;
    assert_int_equal(routes[0].retry.retries, 2);
    assert_int_equal(routes[0].retry.on, ISTIO | OURS);
    assert_int_equal(routes[1].retry.retries, 5);
    assert_int_equal(routes[1].retry.on, ISTIO | OURS);
    assert_int_equal(routes[1].retry.per_try_timeout_ns, 7);
    assert_int_equal(routes[2].retry.retries, 1);
    assert_int_equal(routes[2].retry.on, RETRY_ON_STATUS_CODES);
    assert_int_equal(routes[2].retry.status_count, 2);
    assert_int_equal(routes[2].retry.statuses[1], 503);
    assert_ptr_not_equal(routes[2].retry.statuses, statuses);
done:
    translated_free(translated);
}

static void weights_are_kept_as_they_are(void **state)
{
    const struct resource resources[] = {
        SERVICE("a"),
        SERVICE("b"),
        VIRTUAL_SERVICE("a", HOSTS(PLACED("a")),
                        ROUTES({ TO({ .host = PLACED("a") }) },
                               { TO({ .host = PLACED("a"), .weight = 3 },
                                    { .host = PLACED("b"), .weight = 0, .port = 80 },
                                    { .host = PLACED("B"), .weight = 6 }) })),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct route *routes;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    routes = service_a(translated)->routes;
    assert_int_equal(routes[0].weight_total, 1);
    assert_int_equal(routes[0].destinations[0].weight, 1);
    assert_int_equal(routes[1].weight_total, 9);
    assert_int_equal(routes[1].destinations[1].weight, 0);
    assert_int_equal(routes[1].destinations[1].port, 80);
    assert_true(str_equal(routes[1].destinations[2].host, STR(FULL("b"))));
done:
    translated_free(translated);
}

static void short_destinations_are_those_of_the_resources_namespace(void **state)
{
    struct resource resources[] = {
        SERVICE("a"),
        SERVICE("b"),
        VIRTUAL_SERVICE("a", HOSTS(PLACED(FULL("a"))), ROUTES({ TO({ .host = PLACED("b") }) })),
    };
    struct translated *translated;

    (void)state;
    resources[1].name_space = resources[2].name_space = STR("prod");
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    assert_true(str_equal(service_a(translated)->routes[0].destinations[0].host,
                          STR("b.prod.svc.cluster.local")));
done:
    translated_free(translated);
}

static void matches_keep_their_order_and_share_their_expressions(void **state)
{
    char why[64];
    struct regex *regex = tulle__regex_new("/v[0-9]", 7, why, sizeof(why));
    const struct named_match header = { TEXT("x-user"), { .kind = MATCH_PRESENT } };
    const struct named_match query = { TEXT("q"), { .kind = MATCH_PREFIX, .text = TEXT("1") } };
    const struct route_match matches[] = {
        { .has_uri = true,
          .uri = { .kind = MATCH_REGEX, .regex = regex },
          .headers = &header,
          .header_count = 1 },
        { .has_method = true,
          .method = { .kind = MATCH_EXACT, .text = TEXT("GET") },
          .query = &query,
          .query_count = 1 },
    };
    const struct resource resources[] = {
        SERVICE("a"),
        VIRTUAL_SERVICE("a", HOSTS(PLACED("a")),
                        ROUTES({ .name = TEXT("first"),
                                 TO({ .host = PLACED("a") }),
                                 .matches = matches,
                                 .match_count = 2 },
                               { .name = TEXT("second"), TO({ .host = PLACED("a") }) })),
    };
    struct translated *translated = regex ? TRANSLATED(resources) : NULL;
    const struct route *routes;

    (void)state;
    tulle__regex_free(regex);
    CHECK_OR_DONE(translated != NULL);
    routes = service_a(translated)->routes;
    assert_true(str_equal(routes[0].name, STR("first")));
    assert_true(str_equal(routes[1].name, STR("second")));
    assert_int_equal(routes[0].match_count, 2);
    assert_true(tulle__text_match(&routes[0].matches[0].uri, STR("/v1")));
    assert_true(str_equal(routes[0].matches[0].uri.text, STR("/v[0-9]")));
    assert_true(str_equal(routes[0].matches[0].headers[0].name, STR("x-user")));
    assert_false(routes[0].matches[0].has_method);
    assert_true(str_equal(routes[0].matches[1].method.text, STR("GET")));
    assert_true(str_equal(routes[0].matches[1].query[0].match.text, STR("1")));
done:
    translated_free(translated);
}

static void a_virtual_service_without_routes_takes_nothing(void **state)
{
    const struct resource resources[] = { SERVICE("a"), VIRTUAL_SERVICE("a", HOSTS(PLACED("a"))) };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(service_a(translated)->has_routes);
    assert_int_equal(service_a(translated)->route_count, 0);
done:
    translated_free(translated);
}

static void ports_are_those_of_the_entry(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a")),
                      PORTS(HTTP(80), { 443, 8443, TEXT("tls"), PROTOCOL_HTTPS })),
    };
    struct translated *translated = TRANSLATED(resources);
    const struct service_port *ports;

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(service_a(translated)->port_count, 2);
    ports = service_a(translated)->ports;
    assert_int_equal(ports[1].number, 443);
    assert_true(str_equal(ports[1].name, STR("tls")));
    assert_int_equal(ports[1].protocol, PROTOCOL_HTTPS);
done:
    translated_free(translated);
}

TEST_MAIN(TEST_OOM(without_a_virtual_service_one_route_takes_all),
          TEST_OOM(strict_retries_are_istios_and_nothing_more),
          TEST_OOM(a_route_that_says_nothing_of_retries_has_the_default),
          TEST_OOM(weights_are_kept_as_they_are),
          TEST_OOM(short_destinations_are_those_of_the_resources_namespace),
          TEST_OOM(matches_keep_their_order_and_share_their_expressions),
          TEST_OOM(a_virtual_service_without_routes_takes_nothing),
          TEST_OOM(ports_are_those_of_the_entry))
