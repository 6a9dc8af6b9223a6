/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a name. */

#include "rig.h"

#include <stdio.h>

#include "dns/internal.h"

#define DB "db.test"

static int setup(void **state)
{
    *state = dns_rig_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    dns_rig_free(*state);
    return 0;
}

static struct dns_stats stats_of(struct dns_rig *rig)
{
    struct dns_stats stats;

    tulle__dns_stats(rig->dns, &stats);
    return stats;
}

static void a_held_name_is_looked_up_again_when_its_ttl_is_over_and_not_before(void **state)
{
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ttl_ns = 20 * NS_PER_S);
    assert_non_null(tulle__dns_hold(rig->dns, STR(DB)));
    assert_int_equal(rig->changes, 1);
    rig_name(rig, DB, .ipv4 = "10.0.0.2", .ttl_ns = 20 * NS_PER_S);
    rig_advance(rig, 20 * NS_PER_S - 1);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    assert_int_equal(rig_asked(rig, DB), 1);
    rig_advance(rig, 2 * NS_PER_S + 1);
    assert_string_equal(rig_text(rig, DB), "10.0.0.2");
    assert_int_equal(rig_asked(rig, DB), 2);
    assert_int_equal(rig->changes, 2);
}

static void the_same_addresses_in_another_order_are_no_change(void **state)
{
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1,10.0.0.2", .ttl_ns = NS_PER_S);
    tulle__dns_hold(rig->dns, STR(DB));
    rig_name(rig, DB, .ipv4 = "10.0.0.2,10.0.0.1", .ttl_ns = NS_PER_S);
    rig_advance(rig, 10 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.2,10.0.0.1");
    assert_int_equal(rig->changes, 1);
}

static void whatever_fails_the_last_good_addresses_stay_and_it_is_told_once(void **state)
{
    static const enum dns_fault faults[] = { DNS_NO_NAME, DNS_SERVFAIL, DNS_TIMEOUT,  DNS_NO_DATA,
                                             DNS_REFUSED, DNS_UNUSABLE, DNS_BAD_REPLY };
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ttl_ns = NS_PER_S);
    tulle__dns_hold(rig->dns, STR(DB));
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        rig_name(rig, DB, .fault = faults[i]);
        rig_advance(rig, 3600 * NS_PER_S);
        assert_string_equal(rig_text(rig, DB), "10.0.0.1");
        assert_true(stats_of(rig).failures[faults[i]] >= 50);
    }
    assert_int_equal(stats_of(rig).stale, 1);
    assert_string_equal(rig->told, "dns: db.test: no such name (NXDOMAIN); 1 addresses of 1 s ago "
                                   "stay\n");
    assert_int_equal(rig->changes, 1);
    rig_name(rig, DB, .ipv4 = "10.0.0.1,10.0.0.2");
    rig_advance(rig, 60 * NS_PER_S);
    assert_int_equal(stats_of(rig).good, 1);
    assert_non_null(strstr(rig->told, "dns: db.test: resolves again, to 2 addresses\n"));
}

static void last_good_addresses_serve_as_long_as_is_said(void **state)
{
    struct dns_rig *rig = *state;

    rig->dns->stale_ns = 900 * NS_PER_S;
    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ttl_ns = NS_PER_S);
    tulle__dns_hold(rig->dns, STR(DB));
    rig_name(rig, DB, .fault = DNS_SERVFAIL);
    rig_advance(rig, 899 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    rig_advance(rig, 7 * NS_PER_S); /* jitter */
    assert_string_equal(rig_text(rig, DB), "");
    assert_int_equal(stats_of(rig).stale, 0);
    assert_int_equal(stats_of(rig).failed, 1);
    assert_non_null(strstr(rig->told, "dns: db.test: its 1 addresses of 90"));
    assert_int_equal(rig->changes, 2);
    rig_name(rig, DB, .ipv4 = "10.0.0.2", .ttl_ns = NS_PER_S);
    rig_advance(rig, 60 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.2");
    assert_non_null(strstr(rig->told, "dns: db.test: resolves again, to 1 addresses\n"));
}

static void a_name_that_was_never_there_says_why(void **state)
{
    struct dns_rig *rig = *state;
    struct dns_name *name;
    struct dns_answer *answer;

    rig_name(rig, DB, .fault = DNS_NO_NAME, .ttl_ns = 10 * NS_PER_S);
    name = tulle__dns_hold(rig->dns, STR(DB));
    answer = tulle__dns_name_answer(name);
    assert_int_equal(answer->fault, DNS_NO_NAME);
    assert_int_equal(answer->count, 0);
    tulle__dns_answer_unref(answer);
    rig_advance(rig, 10 * NS_PER_S - 1);
    assert_int_equal(rig_asked(rig, DB), 1);
    rig_name(rig, DB, .ipv4 = "10.0.0.1");
    rig_advance(rig, 2 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    assert_int_equal(rig->changes, 2);
}

static void both_families_are_asked_and_stand_in_turn(void **state)
{
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1,10.0.0.2,10.0.0.3", .ipv6 = "::1,::2");
    tulle__dns_hold(rig->dns, STR(DB));
    assert_string_equal(rig_text(rig, DB), "[::1],10.0.0.1,[::2],10.0.0.2,10.0.0.3");
}

static void a_family_that_fails_keeps_its_addresses_one_that_is_denied_loses_them(void **state)
{
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ipv6 = "::1", .ttl_ns = NS_PER_S);
    tulle__dns_hold(rig->dns, STR(DB));
    rig_name(rig, DB, .ipv4 = "10.0.0.2", .fault6 = DNS_SERVFAIL, .ttl_ns = NS_PER_S);
    rig_advance(rig, 2 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "[::1],10.0.0.2");
    rig_name(rig, DB, .ipv4 = "10.0.0.2", .ttl_ns = NS_PER_S);
    rig_advance(rig, 2 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.2");
    assert_string_equal(rig->told, "");
}

static void a_server_that_swallows_aaaa_costs_fifty_milliseconds(void **state)
{
    struct dns_rig *rig = *state;
    struct asker asker;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .delay_ns = NS_PER_MS, .delay6_ns = 14 * NS_PER_S,
             .fault6 = DNS_TIMEOUT);
    asker_ask(rig, &asker, DB);
    rig_advance(rig, 50 * NS_PER_MS);
    assert_null(asker.answer);
    rig_advance(rig, 2 * NS_PER_MS);
    assert_non_null(asker.answer);
    assert_string_equal(asker.answer->text.data, "10.0.0.1");
    asker_leave(&asker);
    rig_advance(rig, 20 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    assert_int_equal(stats_of(rig).failures[DNS_TIMEOUT], 0);
}

static void a_cluster_waits_for_ipv4_behind_ipv6(void **state)
{
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ipv6 = "::1", .delay_ns = NS_PER_S,
             .delay6_ns = NS_PER_MS);
    tulle__dns_hold(rig->dns, STR(DB));
    rig_advance(rig, 500 * NS_PER_MS);
    assert_int_equal(rig->changes, 0);
    rig_advance(rig, 500 * NS_PER_MS);
    assert_int_equal(rig->changes, 1);
}

static void localhost_is_asked_of_nobody(void **state)
{
    struct dns_rig *rig = *state;

    assert_string_equal(rig_text(rig, "localhost"), "[::1],127.0.0.1");
    assert_string_equal(rig_text(rig, "app.localhost"), "[::1],127.0.0.1");
    assert_int_equal(rig_asked(rig, "localhost") + rig_asked(rig, "app.localhost"), 0);
}

static void a_name_that_is_used_is_looked_up_ahead_and_no_call_waits(void **state)
{
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ttl_ns = 2 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    for (int i = 0; i < 100; i++) {
        rig_advance(rig, NS_PER_S);
        assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    }
    assert_in_range(rig_asked(rig, DB), 45, 51);
}

static void a_name_nobody_uses_costs_nothing_and_its_next_call_gets_a_new_answer(void **state)
{
    struct dns_rig *rig = *state;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ttl_ns = 2 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    rig_advance(rig, 60 * NS_PER_S);
    assert_in_range(rig_asked(rig, DB), 1, 2);
    rig_name(rig, DB, .ipv4 = "10.0.0.2", .ttl_ns = 2 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.2");
    rig_advance(rig, 600 * NS_PER_S);
    assert_int_equal(stats_of(rig).good, 0);
}

static void a_name_that_slept_serves_its_last_good_in_bad_times(void **state)
{
    struct dns_rig *rig = *state;
    struct asker asker;

    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ttl_ns = 2 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
    rig_advance(rig, 60 * NS_PER_S);
    rig_name(rig, DB, .fault = DNS_TIMEOUT, .delay_ns = 14 * NS_PER_S);
    asker_ask(rig, &asker, DB);
    rig_advance(rig, 1800 * NS_PER_MS - 1);
    assert_null(asker.answer);
    rig_advance(rig, 1);
    assert_string_equal(asker.answer->text.data, "10.0.0.1");
    asker_leave(&asker);
    rig_advance(rig, 13 * NS_PER_S);
    assert_string_equal(rig_text(rig, DB), "10.0.0.1");
}

/* Whoever makes a program call many names of his must not shut out others for a TTL. */
static void a_crowd_of_names_with_a_long_ttl_is_forgotten_soon(void **state)
{
    struct dns_rig *rig = *state;
    char host[32];

    for (int i = 0; i < 4200; i++) {
        snprintf(host, sizeof(host), "n%d.evil.test", i);
        rig_name(rig, host, .ipv4 = "10.0.0.1", .ttl_ns = 3600 * NS_PER_S);
        assert_string_equal(rig_text(rig, host), "10.0.0.1");
    }
    tulle__dns_hold(rig->dns, STR("n4199.evil.test"));
    assert_int_equal(stats_of(rig).good, 4200);
    rig_advance(rig, 60 * NS_PER_S);
    assert_in_range(stats_of(rig).good, 4096, 4097);
    rig_advance(rig, 3000 * NS_PER_S);
    assert_int_equal(rig_asked(rig, "n0.evil.test"), 1);
}

static const char *many_addresses(void)
{
    static char text[2048];
    size_t size = 0;

    for (int i = 1; i <= 100; i++) {
        size +=
            (size_t)snprintf(text + size, sizeof(text) - size, "%s10.0.0.%d", i > 1 ? "," : "", i);
    }
    return text;
}

static size_t count_of(struct dns_name *name)
{
    struct dns_answer *answer = tulle__dns_name_answer(name);
    size_t count = answer->count;

    tulle__dns_answer_unref(answer);
    return count;
}

static void of_a_name_outside_the_mesh_a_few_addresses_are_kept_of_a_service_all(void **state)
{
    struct dns_rig *rig = *state;
    struct dns_name *name;
    struct asker asker;

    rig_name(rig, DB, .ipv4 = many_addresses(), .ttl_ns = 3600 * NS_PER_S);
    asker_ask(rig, &asker, DB);
    rig_advance(rig, NS_PER_MS);
    assert_int_equal(asker.answer->count, 16);
    asker_leave(&asker);
    name = tulle__dns_hold(rig->dns, STR(DB));
    assert_int_equal(count_of(name), 100);
    assert_int_equal(rig_asked(rig, DB), 2);
}

static void a_name_that_became_a_services_in_mid_look_up_gets_all_its_addresses(void **state)
{
    struct dns_rig *rig = *state;
    struct dns_name *name;
    struct asker asker;

    rig_name(rig, DB, .ipv4 = many_addresses(), .ipv6 = "::1", .ttl_ns = 3600 * NS_PER_S,
             .delay_ns = NS_PER_MS, .delay6_ns = 30 * NS_PER_MS);
    asker_ask(rig, &asker, DB);
    rig_advance(rig, 10 * NS_PER_MS);
    name = tulle__dns_hold(rig->dns, STR(DB));
    rig_advance(rig, 30 * NS_PER_MS);
    assert_int_equal(count_of(name), 17);
    asker_leave(&asker);
    rig_advance(rig, 2 * NS_PER_S);
    assert_int_equal(count_of(name), 101);
}

static void running_out_of_memory_loses_no_name(void **state)
{
    struct dns_rig *rig = dns_rig_new();

    (void)state;
    CHECK_OR_DONE(rig);
    rig_name(rig, DB, .ipv4 = "10.0.0.1", .ipv6 = "::1", .delay_ns = NS_PER_MS,
             .ttl_ns = 2 * NS_PER_S);
    CHECK(tulle__dns_hold(rig->dns, STR(DB)) != NULL);
    CHECK(strcmp(rig_text(rig, "other.test"), "192.0.2.1") == 0);
    rig_advance(rig, 10 * NS_PER_S);
    CHECK(strcmp(rig_text(rig, DB), "[::1],10.0.0.1") == 0);
done:
    dns_rig_free(rig);
}

#define NAME_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(NAME_TEST(a_held_name_is_looked_up_again_when_its_ttl_is_over_and_not_before),
          NAME_TEST(the_same_addresses_in_another_order_are_no_change),
          NAME_TEST(whatever_fails_the_last_good_addresses_stay_and_it_is_told_once),
          NAME_TEST(last_good_addresses_serve_as_long_as_is_said),
          NAME_TEST(a_name_that_was_never_there_says_why),
          NAME_TEST(both_families_are_asked_and_stand_in_turn),
          NAME_TEST(a_family_that_fails_keeps_its_addresses_one_that_is_denied_loses_them),
          NAME_TEST(a_server_that_swallows_aaaa_costs_fifty_milliseconds),
          NAME_TEST(a_cluster_waits_for_ipv4_behind_ipv6), NAME_TEST(localhost_is_asked_of_nobody),
          NAME_TEST(a_name_that_is_used_is_looked_up_ahead_and_no_call_waits),
          NAME_TEST(a_name_nobody_uses_costs_nothing_and_its_next_call_gets_a_new_answer),
          NAME_TEST(a_name_that_slept_serves_its_last_good_in_bad_times),
          NAME_TEST(a_crowd_of_names_with_a_long_ttl_is_forgotten_soon),
          NAME_TEST(of_a_name_outside_the_mesh_a_few_addresses_are_kept_of_a_service_all),
          NAME_TEST(a_name_that_became_a_services_in_mid_look_up_gets_all_its_addresses),
          TEST_OOM(running_out_of_memory_loses_no_name))
