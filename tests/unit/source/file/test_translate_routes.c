/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#define SERVICE(name_) SERVICE_ENTRY(name_, HOSTS(PLACED(name_)), PORTS(HTTP(80)))
#define FULL(name_)    name_ ".default.svc.cluster.local"

static struct str route_name(const struct translated *translated, const char *host)
{
    const struct service *service = translated_service(translated, host);

    assert_non_null(service);
    assert_true(service->has_routes);
    assert_int_equal(service->route_count, 1);
    return service->routes[0].name;
}

static void of_two_for_one_host_the_older_wins_whole(void **state)
{
    struct resource resources[] = {
        SERVICE("a"),
        VIRTUAL_SERVICE("a", HOSTS(PLACED("a")),
                        ROUTES({ .name = TEXT("young"), TO({ .host = PLACED("a") }) })),
        VIRTUAL_SERVICE("b", HOSTS(PLACED(FULL("a"))),
                        ROUTES({ .name = TEXT("old"), TO({ .host = PLACED("a") }) })),
    };
    struct translated *translated;

    (void)state;
    resources[1].created = 200;
    resources[2].created = 100;
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    assert_true(str_equal(route_name(translated, FULL("a")), STR("old")));
done:
    translated_free(translated);
}

static void of_two_of_one_age_the_first_by_name_wins(void **state)
{
    const struct resource resources[] = {
        SERVICE("a"),
        SERVICE("c"),
        VIRTUAL_SERVICE("z", HOSTS(PLACED("a"), PLACED("c")),
                        ROUTES({ .name = TEXT("z"), TO({ .host = PLACED("a") }) })),
        VIRTUAL_SERVICE("b", HOSTS(PLACED("a")),
                        ROUTES({ .name = TEXT("b"), TO({ .host = PLACED("a") }) })),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(str_equal(route_name(translated, FULL("a")), STR("b")));
    assert_true(str_equal(route_name(translated, FULL("c")), STR("z")));
done:
    translated_free(translated);
}

static void one_that_was_refused_does_not_win(void **state)
{
    const struct resource resources[] = {
        SERVICE("a"),
        VIRTUAL_SERVICE("a", HOSTS(PLACED("a")), ROUTES({ TO({ .host = PLACED("gone") }) })),
        VIRTUAL_SERVICE("b", HOSTS(PLACED("a")),
                        ROUTES({ .name = TEXT("b"), TO({ .host = PLACED("a") }) })),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(translated->refused[1]);
    assert_true(str_equal(route_name(translated, FULL("a")), STR("b")));
done:
    translated_free(translated);
}

static void all_mistakes_of_a_virtual_service_are_told_where_they_stand(void **state)
{
    const struct resource resources[] = {
        SERVICE("reviews"),
        DESTINATION_RULE("a", .host = PLACED("reviews"), SUBSETS(SUBSET("v1", "1"))),
        VIRTUAL_SERVICE(
            "a", HOSTS(PLACED("reviews"), PLACED("rewiews")),
            ROUTES({ TO({ .host = PLACED("reviews"),
                          .subset = { TEXT("vl"), { .file = TEXT("mesh.yaml"), .line = 77 } } },
                        { .host = PLACED("nobody") }) },
                   { TO({ .host = PLACED("reviews"), .port = 81, .weight = 1 }) },
                   { TO({ .host = PLACED("reviews") }, { .host = PLACED("reviews") }) },
                   { .name = TEXT("empty") })),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(translated->refused[2]);
    assert_int_equal(translated->complaints.count, 7);
    assert_true(translated_complains(
        translated, "host \"rewiews\": no service of that name; did you mean \"reviews\"?"));
    assert_true(translated_complains(
        translated, "subset \"vl\": no DestinationRule for " FULL("reviews") " has it"));
    assert_int_equal(translated->complaints.list[1].place.line, 77);
    assert_true(translated_complains(translated, "host \"nobody\": no service of that name"));
    assert_true(translated_complains(translated,
                                     "port 81: " FULL("reviews") " has no such port, it has 80"));
    assert_true(translated_complains(translated, "the weights of the route are all 0"));
    assert_true(translated_complains(translated, "the route has no destination"));
    assert_false(translated_service(translated, FULL("reviews"))->has_routes);
done:
    translated_free(translated);
}

static void a_destination_that_is_not_exported_to_us_is_a_mistake(void **state)
{
    struct resource resources[] = {
        SERVICE("a"),
        SERVICE("b"),
        VIRTUAL_SERVICE("a", HOSTS(PLACED("a")), ROUTES({ TO({ .host = PLACED("b") }) })),
    };
    struct translated *translated;

    (void)state;
    resources[1].is_exported = false;
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_true(translated->refused[2]);
    assert_true(
        translated_complains(translated, "host \"b\" is not exported to namespace default"));
done:
    translated_free(translated);
}

TEST_MAIN(TEST_OOM(of_two_for_one_host_the_older_wins_whole),
          TEST_OOM(of_two_of_one_age_the_first_by_name_wins),
          TEST_OOM(one_that_was_refused_does_not_win),
          TEST_OOM(all_mistakes_of_a_virtual_service_are_told_where_they_stand),
          TEST_OOM(a_destination_that_is_not_exported_to_us_is_a_mistake))
