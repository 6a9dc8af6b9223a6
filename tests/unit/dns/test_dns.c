/* SPDX-License-Identifier: Apache-2.0 */

/* Desks: calls that wait for names. */

#include "rig.h"

static void those_who_wait_for_one_name_share_one_look_up(void **state)
{
    struct dns_rig *rig = dns_rig_new();
    struct asker askers[10];

    (void)state;
    assert_non_null(rig);
    rig_name(rig, "a.test", .ipv4 = "10.0.0.1", .delay_ns = NS_PER_S);
    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        asker_ask(rig, &askers[i], "a.test");
        assert_null(askers[i].answer);
    }
    assert_int_equal(atomic_load(&rig->desk.count), 10);
    asker_leave(&askers[3]);
    rig_advance(rig, NS_PER_S);
    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        assert_true((askers[i].answer != NULL) == (i != 3));
        asker_leave(&askers[i]);
    }
    assert_int_equal(atomic_load(&rig->desk.count), 0);
    assert_int_equal(rig_asked(rig, "a.test"), 1);
    dns_rig_free(rig);
}

static void who_waits_for_another_name_waits_on(void **state)
{
    struct dns_rig *rig = dns_rig_new();
    struct asker quick, slow;

    (void)state;
    assert_non_null(rig);
    rig_name(rig, "quick.test", .ipv4 = "10.0.0.1", .delay_ns = NS_PER_S);
    rig_name(rig, "slow.test", .ipv4 = "10.0.0.2", .delay_ns = 2 * NS_PER_S);
    asker_ask(rig, &slow, "slow.test");
    asker_ask(rig, &quick, "quick.test");
    rig_advance(rig, NS_PER_S);
    assert_non_null(quick.answer);
    assert_null(slow.answer);
    rig_advance(rig, NS_PER_S);
    assert_non_null(slow.answer);
    asker_leave(&quick);
    asker_leave(&slow);
    dns_rig_free(rig);
}

static void a_denial_is_remembered_for_those_who_come_later(void **state)
{
    struct dns_rig *rig = dns_rig_new();

    (void)state;
    assert_non_null(rig);
    rig_name(rig, "no.test", .fault = DNS_NO_NAME, .ttl_ns = 30 * NS_PER_S);
    for (int i = 0; i < 100; i++) {
        assert_string_equal(rig_text(rig, "no.test"), "");
        rig_advance(rig, 100 * NS_PER_MS);
    }
    assert_int_equal(rig_asked(rig, "no.test"), 1);
    rig_advance(rig, 30 * NS_PER_S);
    rig_name(rig, "no.test", .ipv4 = "10.0.0.1");
    assert_string_equal(rig_text(rig, "no.test"), "10.0.0.1");
    dns_rig_free(rig);
}

static void an_answer_outlives_its_name(void **state)
{
    struct dns_rig *rig = dns_rig_new();
    struct dns_answer *answer;
    struct asker asker;

    (void)state;
    assert_non_null(rig);
    rig_name(rig, "a.test", .ipv4 = "10.0.0.1");
    (void)rig_text(rig, "a.test");
    asker_ask(rig, &asker, "a.test");
    answer = tulle__dns_answer_ref(asker.answer);
    asker_leave(&asker);
    dns_rig_free(rig);
    assert_string_equal(answer->text.data, "10.0.0.1");
    tulle__dns_answer_unref(answer);
}

static void a_name_that_is_let_go_is_forgotten(void **state)
{
    struct dns_rig *rig = dns_rig_new();
    struct dns_stats stats;

    (void)state;
    assert_non_null(rig);
    tulle__dns_release(tulle__dns_hold(rig->dns, STR("a.test")));
    rig_advance(rig, 3600 * NS_PER_S);
    assert_int_equal(rig_asked(rig, "a.test"), 1);
    tulle__dns_stats(rig->dns, &stats);
    assert_int_equal(stats.good + stats.stale + stats.failed + stats.pending, 0);
    dns_rig_free(rig);
}

static void calls_survive_running_out_of_memory(void **state)
{
    struct dns_rig *rig = dns_rig_new();
    struct asker asker;

    (void)state;
    CHECK_OR_DONE(rig);
    rig_name(rig, "a.test", .ipv4 = "10.0.0.1", .delay_ns = NS_PER_MS);
    asker_ask(rig, &asker, "a.test");
    rig_advance(rig, NS_PER_S);
    assert_non_null(asker.answer);
    CHECK(asker.answer->count == 1);
    asker_leave(&asker);
done:
    dns_rig_free(rig);
}

TEST_MAIN(cmocka_unit_test(those_who_wait_for_one_name_share_one_look_up),
          cmocka_unit_test(who_waits_for_another_name_waits_on),
          cmocka_unit_test(a_denial_is_remembered_for_those_who_come_later),
          cmocka_unit_test(an_answer_outlives_its_name),
          cmocka_unit_test(a_name_that_is_let_go_is_forgotten),
          TEST_OOM(calls_survive_running_out_of_memory))
