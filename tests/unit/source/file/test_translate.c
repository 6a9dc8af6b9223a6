/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#define REVIEWS SERVICE_ENTRY("reviews", HOSTS(PLACED("reviews")), PORTS(HTTP(80)))

static void nothing_makes_an_empty_mesh(void **state)
{
    struct translated *translated = translated_of(NULL, 0);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->draft.service_count, 0);
    assert_int_equal(translated->draft.cluster_count, 0);
done:
    translated_free(translated);
}

static void a_service_and_its_cluster_come_out(void **state)
{
    const struct resource resources[] = { REVIEWS };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    assert_false(translated->refused[0]);
    assert_int_equal(translated->draft.service_count, 1);
    assert_int_equal(translated->draft.cluster_count, 1);
    assert_non_null(translated_service(translated, "reviews.default.svc.cluster.local"));
    assert_non_null(
        translated_cluster(translated, "outbound|80||reviews.default.svc.cluster.local"));
done:
    translated_free(translated);
}

static void what_comes_out_is_a_whole_snapshot(void **state)
{
    const struct resource resources[] = {
        REVIEWS,
        DESTINATION_RULE("reviews", .host = PLACED("reviews"), SUBSETS(SUBSET("v1", "v1"))),
        VIRTUAL_SERVICE("reviews", HOSTS(PLACED("reviews")),
                        ROUTES({ TO({ .host = PLACED("reviews"), .subset = PLACED("v1") }) })),
    };
    struct translated *translated = TRANSLATED(resources);
    struct snapshot *snapshot = NULL;
    char why[256];

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    CHECK_OK(tulle__snapshot_build(&translated->draft, NULL, 1, why, &snapshot));
    assert_non_null(tulle__snapshot_service(snapshot, STR("reviews")));
done:
    tulle__snapshot_free(snapshot);
    translated_free(translated);
}

static void the_same_resources_make_the_same_prints(void **state)
{
    struct resource resources[] = {
        REVIEWS,
        SERVICE_ENTRY("ratings", HOSTS(PLACED("ratings")), PORTS(HTTP(80)),
                      ENDPOINTS(ENDPOINT("10.0.0.2"), ENDPOINT("10.0.0.1"))),
    };
    const struct resource turned[] = { resources[1], resources[0] };
    struct translated *a = TRANSLATED(resources), *b = TRANSLATED(turned);

    (void)state;
    CHECK_OR_DONE(a != NULL && b != NULL);
    for (size_t i = 0; i < 2; i++) {
        assert_true(
            fingerprint_equal(a->draft.services[i]->part.print, b->draft.services[i]->part.print));
        assert_true(
            fingerprint_equal(a->draft.clusters[i]->part.print, b->draft.clusters[i]->part.print));
    }
done:
    translated_free(a);
    translated_free(b);
}

static void of_two_with_one_kind_and_name_the_second_is_refused(void **state)
{
    const struct resource resources[] = {
        REVIEWS,
        SERVICE_ENTRY("reviews", HOSTS(PLACED("other")), PORTS(HTTP(80))),
        DESTINATION_RULE("reviews", .host = PLACED("reviews")),
    };
    struct translated *translated = TRANSLATED(resources);
    char text[64];

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_false(translated->refused[0]);
    assert_true(translated->refused[1]);
    assert_false(translated->refused[2]);
    snprintf(text, sizeof(text), "is there twice, the first time at mesh.yaml:%u",
             resources[0].place.line);
    assert_true(translated_complains(translated, text));
    assert_true(
        str_equal(translated->complaints.list[0].resource, STR("ServiceEntry default/reviews")));
    assert_int_equal(translated->complaints.list[0].place.line, resources[1].place.line);
done:
    translated_free(translated);
}

static void a_name_may_be_there_in_two_namespaces(void **state)
{
    struct resource resources[] = { REVIEWS, REVIEWS };
    struct translated *translated;

    (void)state;
    resources[1].name_space = STR("prod");
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    assert_int_equal(translated->draft.service_count, 2);
done:
    translated_free(translated);
}

static void who_refers_to_what_was_refused_is_refused_too(void **state)
{
    const struct resource resources[] = {
        VIRTUAL_SERVICE("reviews", HOSTS(PLACED("reviews")),
                        ROUTES({ TO({ .host = PLACED("reviews") }) })),
        SERVICE_ENTRY("reviews", HOSTS(PLACED("reviews")), PORTS(HTTP(80)),
                      ENDPOINTS(ENDPOINT("nonsense"))),
        SERVICE_ENTRY("ratings", HOSTS(PLACED("ratings")), PORTS(HTTP(80))),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_true(translated->refused[0]);
    assert_true(translated->refused[1]);
    assert_false(translated->refused[2]);
    assert_int_equal(translated->draft.service_count, 1);
    assert_true(translated_complains(translated, "endpoint \"nonsense\" is not an IP address"));
    assert_true(translated_complains(translated, "host \"reviews\": no service of that name"));
done:
    translated_free(translated);
}

static void what_is_not_exported_to_us_is_passed_over(void **state)
{
    struct resource resources[] = {
        SERVICE_ENTRY("hidden", HOSTS(PLACED("hidden"), PLACED("*.wild")), PORTS(HTTP(80))),
        DESTINATION_RULE("hidden", .host = PLACED("hidden")),
        TRAFFIC_POLICY("hidden", .host = PLACED("hidden")),
        VIRTUAL_SERVICE("hidden", HOSTS(PLACED("hidden")), ROUTES({ TO({ .host = PLACED("a") }) })),
        DESTINATION_RULE("nowhere", .host = PLACED("nowhere")),
        TRAFFIC_POLICY("nowhere", .host = PLACED("nowhere")),
        VIRTUAL_SERVICE("nowhere", HOSTS(PLACED("nowhere")), ROUTES({ .name = TEXT("x") })),
        SERVICE_ENTRY("a", HOSTS(PLACED("a")), PORTS(HTTP(80))),
    };
    struct translated *translated;

    (void)state;
    resources[0].is_exported = false;
    resources[4].is_exported = resources[5].is_exported = resources[6].is_exported = false;
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    assert_int_equal(translated->draft.service_count, 1);
done:
    translated_free(translated);
}

TEST_MAIN(TEST_OOM(nothing_makes_an_empty_mesh), TEST_OOM(a_service_and_its_cluster_come_out),
          TEST_OOM(what_comes_out_is_a_whole_snapshot),
          TEST_OOM(the_same_resources_make_the_same_prints),
          TEST_OOM(of_two_with_one_kind_and_name_the_second_is_refused),
          TEST_OOM(a_name_may_be_there_in_two_namespaces),
          TEST_OOM(who_refers_to_what_was_refused_is_refused_too),
          TEST_OOM(what_is_not_exported_to_us_is_passed_over))
