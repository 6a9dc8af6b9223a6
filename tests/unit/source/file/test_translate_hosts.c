/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

static const struct service *only_service(const struct translated *translated)
{
    assert_int_equal(translated->draft.service_count, 1);
    return translated->draft.services[0];
}

/* The names of one ServiceEntry in `name_space`, split by blanks. */
static void answers(const char *host, const char *name_space, const char *names)
{
    struct resource resources[] = { SERVICE_ENTRY("x", HOSTS({ { NULL, 0 }, AT(1) }),
                                                  PORTS(HTTP(80))) };
    struct placed placed = { str_of(host), AT(1) };
    struct translated *translated;
    const struct service *service;
    struct str rest = str_of(names);
    size_t count = 0;

    resources[0].spec.service_entry.hosts = &placed;
    resources[0].name_space = str_of(name_space);
    translated = TRANSLATED(resources);
    assert_non_null(translated);
    service = only_service(translated);
    while (rest.data != NULL) {
        struct str name = tulle__str_cut(rest, ' ', &rest);
        assert_true(count < service->name_count);
        assert_true(str_equal(service->names[count++], name));
    }
    assert_int_equal(count, service->name_count);
    translated_free(translated);
}

static void a_service_answers_to_the_names_that_istiod_makes(void **state)
{
    (void)state;
    answers("reviews", "default",
            "reviews.default.svc.cluster.local reviews.default.svc reviews.default reviews");
    answers("reviews.default.svc.cluster.local", "default",
            "reviews.default.svc.cluster.local reviews.default.svc reviews.default reviews");
    answers("reviews.prod.svc.cluster.local", "default",
            "reviews.prod.svc.cluster.local reviews.prod.svc reviews.prod");
    answers("pod-0.db.default.svc.cluster.local", "default",
            "pod-0.db.default.svc.cluster.local pod-0.db.default.svc pod-0.db.default pod-0.db");
    answers("api.example.com", "default", "api.example.com");
    answers("x.svc.cluster.local", "default", "x.svc.cluster.local");
}

static void a_short_name_of_another_namespace_is_answered_to_as_well(void **state)
{
    (void)state;
    answers("reviews", "prod",
            "reviews.prod.svc.cluster.local reviews.prod.svc reviews.prod reviews");
}

static void names_have_no_case_and_no_dot_at_the_end(void **state)
{
    (void)state;
    answers("API.Example.COM.", "default", "api.example.com");
    answers("Reviews", "",
            "reviews.default.svc.cluster.local reviews.default.svc reviews.default reviews");
}

static void of_two_that_could_answer_the_clients_own_does(void **state)
{
    struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("reviews")), PORTS(HTTP(80))),
        SERVICE_ENTRY("b", HOSTS(PLACED("reviews")), PORTS(HTTP(80))),
        SERVICE_ENTRY("c", HOSTS(PLACED("reviews.default")), PORTS(HTTP(80))),
    };
    struct translated *translated;
    const struct service *own;

    (void)state;
    resources[0].name_space = STR("prod");
    translated = TRANSLATED(resources);
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 0);
    own = translated_service(translated, "reviews.default.svc.cluster.local");
    assert_true(service_answers_to(own, "reviews"));
    assert_false(service_answers_to(own, "reviews.default"));
    assert_true(
        service_answers_to(translated_service(translated, "reviews.default"), "reviews.default"));
    assert_false(service_answers_to(
        translated_service(translated, "reviews.prod.svc.cluster.local"), "reviews"));
done:
    translated_free(translated);
}

/* What is said of a DestinationRule for `host`, among reviews.default, ab.default,
 * ratings.prod and api.example.com. */
static void complaint(const char *host, const char *expected)
{
    const struct placed placed = { str_of(host), AT(7) };
    struct resource resources[] = {
        SERVICE_ENTRY("reviews", HOSTS(PLACED("reviews"), PLACED("ab")), PORTS(HTTP(80))),
        SERVICE_ENTRY("ratings", HOSTS(PLACED("ratings.prod.svc.cluster.local")), PORTS(HTTP(80))),
        SERVICE_ENTRY("api", HOSTS(PLACED("api.example.com")), PORTS(HTTP(80))),
        DESTINATION_RULE("x", .host = placed),
    };
    struct translated *translated = TRANSLATED(resources);

    assert_non_null(translated);
    assert_true(translated->refused[3]);
    assert_int_equal(translated->complaints.count, 1);
    assert_true(translated_complains(translated, expected));
    assert_int_equal(translated->complaints.list[0].place.line, 7);
    translated_free(translated);
}

static void an_unknown_host_is_complained_of_with_what_may_be_meant(void **state)
{
    (void)state;
    complaint("reviws", "host \"reviws\": no service of that name; did you mean \"reviews\"?");
    complaint("nobody", "host \"nobody\": no service of that name");
    complaint("ac", "host \"ac\": no service of that name");
    complaint("ratings.prod", "host \"ratings.prod\": no service of that name; "
                              "did you mean \"ratings.prod.svc.cluster.local\"?");
    complaint("api.exmaple.com", "host \"api.exmaple.com\": no service of that name; did you mean "
                                 "\"api.example.com\"?");
    complaint("ratings.prod.svc.cluster.locl",
              "host \"ratings.prod.svc.cluster.locl\": no service of that name; "
              "did you mean \"ratings.prod.svc.cluster.local\"?");
}

static void what_is_no_host_name_is_refused(void **state)
{
    (void)state;
    complaint("", "host \"\" is not a host name");
    complaint("a..b", "host \"a..b\" is not a host name");
    complaint(".", "host \".\" is not a host name");
    complaint("a b", "host \"a b\" is not a host name");
    complaint("a|b", "host \"a|b\" is not a host name");
    complaint("*", "host \"*\" is a wildcard: not supported yet");
    complaint("*.example.com", "host \"*.example.com\" is a wildcard: not supported yet");
}

static void long_hosts_and_long_labels_are_refused(void **state)
{
    char label[65] = { 0 }, host[261] = { 0 }, text[400];

    (void)state;
    memset(label, 'a', 64);
    snprintf(text, sizeof(text), "host \"%s\" has a label of more than 63 characters", label);
    complaint(label, text);
    for (size_t i = 0; i < 260; i++) {
        host[i] = i % 50 == 49 ? '.' : 'a';
    }
    snprintf(text, sizeof(text), "host \"%s\" has more than 253 characters", host);
    complaint(host, text);
}

static void a_port_or_subset_that_nobody_has_is_refused(void **state)
{
    const struct resource resources[] = {
        SERVICE_ENTRY("a", HOSTS(PLACED("a")), PORTS(HTTP(80), { .number = 8080 })),
        DESTINATION_RULE("a", .host = PLACED("a"), SUBSETS(SUBSET("stable", "v1"))),
        TRAFFIC_POLICY("b", .host = PLACED("a"), .port = 81),
        TRAFFIC_POLICY("c", .host = PLACED("a"), .subset = PLACED("stabel")),
        TRAFFIC_POLICY("d", .host = PLACED("a"), .subset = PLACED("v1")),
    };
    struct translated *translated = TRANSLATED(resources);

    (void)state;
    CHECK_OR_DONE(translated != NULL);
    assert_int_equal(translated->complaints.count, 3);
    assert_true(translated_complains(
        translated, "port 81: a.default.svc.cluster.local has no such port, it has 80, 8080"));
    assert_true(translated_complains(translated, "subset \"stabel\": no DestinationRule for "
                                                 "a.default.svc.cluster.local has it; did you mean "
                                                 "\"stable\"?"));
    assert_true(translated_complains(
        translated, "subset \"v1\": no DestinationRule for a.default.svc.cluster.local has it"));
done:
    translated_free(translated);
}

TEST_MAIN(cmocka_unit_test(a_service_answers_to_the_names_that_istiod_makes),
          cmocka_unit_test(a_short_name_of_another_namespace_is_answered_to_as_well),
          cmocka_unit_test(names_have_no_case_and_no_dot_at_the_end),
          TEST_OOM(of_two_that_could_answer_the_clients_own_does),
          cmocka_unit_test(an_unknown_host_is_complained_of_with_what_may_be_meant),
          cmocka_unit_test(what_is_no_host_name_is_refused),
          cmocka_unit_test(long_hosts_and_long_labels_are_refused),
          TEST_OOM(a_port_or_subset_that_nobody_has_is_refused))
