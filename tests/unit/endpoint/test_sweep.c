/* SPDX-License-Identifier: Apache-2.0 */

/* What a sweep lets back, and what it tries: the breaker, the trial, jitter and
 * what a reload or a health check ends. */

#include "endpoint/eject.h"

#include "base/clock.h"
#include "base/thread.h"
#include "harness/test.h"
#include "model/defaults.h"
#include "unit/endpoint/fixture.h"

enum { ENDPOINTS = 10, THREADS = 2, ROUNDS = 5000 };

static struct live_set set;
static struct cluster *cluster;
static struct cluster_live *live;
static struct view *view;
static struct outlier_config *config;

static struct cluster *breaking_cluster(size_t from)
{
    struct cluster *made = fixture_cluster(&(struct fixture_endpoints){ from, ENDPOINTS, NULL });

    if (made != NULL) {
        made->outlier.breaker = tulle__breaker_default;
        made->outlier.breaker.jitter = 0;
        made->outlier.consecutive_5xx = 0;
    }
    return made;
}

static int setup(void **state)
{
    bool changed;

    (void)state;
    tulle__live_set_init(&set, FIXTURE_LOOPS, NULL);
    cluster = breaking_cluster(0);
    live = tulle__live_adopt(&set, cluster, &changed);
    view = fixture_view(live, 0);
    config = &cluster->outlier;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__live_set_fini(&set);
    tulle__part_unref(cluster);
    return 0;
}

static int record(enum verdict verdict, int count, int64_t seconds)
{
    return fixture_record(live, view, verdict, count, seconds * NS_PER_S);
}

static bool trials_at(int64_t ms)
{
    return tulle__outlier_trials(live, config, NULL, ms * NS_PER_MS);
}

static bool trial_end(enum verdict verdict, int64_t seconds)
{
    return tulle__outlier_trial_end(live, 1, view, config, verdict, NULL, seconds * NS_PER_S);
}

/* Trips it at 1 s and has it tried at 2 s. */
static bool claim_trial(void)
{
    bool trial;

    assert_int_equal(record(VERDICT_5XX, 5, 1), 1);
    assert_true(trials_at(2000));
    assert_true(trial_claim(view, &trial));
    return trial;
}

static void the_breaker_closes_the_gate_whatever_the_cap(void **state)
{
    (void)state;
    config->max_ejection_percent = 0;
    assert_int_equal(record(VERDICT_5XX, 4, 1), 0);
    assert_int_equal(record(VERDICT_5XX, 1, 1), 1);
    assert_int_equal(view->gate, GATE_EJECTED);
    assert_int_equal(sentence_kind(view_past(view)), OUTLIER_BREAKER);
    assert_int_equal(live->ejected, 1);
    assert_int_equal(live->next_trial, 2 * NS_PER_S);
    assert_int_equal(tulle__live_counter(live, COUNT_EJECTIONS_BREAKER), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_DETECTED_BREAKER), 1);
}

static void to_the_breaker_429_is_a_failure(void **state)
{
    (void)state;
    config->consecutive_5xx = 5;
    assert_int_equal(record(VERDICT_5XX, 4, 1), 0);
    assert_int_equal(record(VERDICT_LIMITED, 1, 1), 1);
    assert_int_equal(sentence_kind(view_past(view)), OUTLIER_BREAKER);
    assert_int_equal(view_past(view)->row_5xx, 0);
}

static void a_sweep_does_not_shorten_a_penalty(void **state)
{
    (void)state;
    config->base_ejection_ns = 1;
    record(VERDICT_5XX, 5, 1);
    assert_false(tulle__outlier_sweep(live, config, NULL, 1000 * NS_PER_S));
    assert_int_equal(view->gate, GATE_EJECTED);
}

static void after_the_penalty_one_request_tries_it(void **state)
{
    bool trial;

    (void)state;
    record(VERDICT_5XX, 5, 1);
    assert_false(trials_at(1999));
    assert_int_equal(live->next_trial, 2 * NS_PER_S);
    assert_true(trials_at(2000));
    assert_int_equal(view->gate, GATE_TRIAL);
    assert_int_equal(live->ejected, 0);
    assert_int_equal(live->next_trial, NEVER);
    assert_true(trial_claim(view, &trial));
    assert_true(trial);
    assert_false(trial_claim(view, &trial));
    assert_false(trial);
}

static void a_trial_that_goes_well_opens_the_gate_and_starts_cold(void **state)
{
    (void)state;
    assert_true(claim_trial());
    assert_true(trial_end(VERDICT_SUCCESS, 2));
    assert_int_equal(view->gate, GATE_READY);
    assert_int_equal(view->trial, 0);
    assert_int_equal(record(VERDICT_5XX, 4, 2), 0);
    assert_int_equal(record(VERDICT_5XX, 1, 2), 1);
    assert_int_equal(live->next_trial, 3 * NS_PER_S); /* the first penalty again */
}

static void a_trial_that_fails_costs_twice_the_penalty(void **state)
{
    bool trial = claim_trial();

    (void)state;
    for (int64_t now = 2, penalty = 2; penalty <= 64; penalty *= 2) {
        assert_true(trial);
        assert_true(trial_end(VERDICT_5XX, now));
        assert_int_equal(view->gate, GATE_EJECTED);
        assert_int_equal(live->ejected, 1);
        now += penalty < 60 ? penalty : 60;
        assert_int_equal(live->next_trial, now * NS_PER_S);
        assert_true(trials_at(now * 1000));
        assert_true(trial_claim(view, &trial));
    }
}

static void a_trial_without_a_verdict_is_the_next_requests(void **state)
{
    bool trial;

    (void)state;
    assert_true(claim_trial());
    assert_false(trial_end(VERDICT_NONE, 2));
    assert_int_equal(view->gate, GATE_TRIAL);
    assert_true(trial_claim(view, &trial));
    assert_true(trial);
}

static void late_results_do_not_decide_a_trial(void **state)
{
    (void)state;
    assert_true(claim_trial());
    assert_int_equal(record(VERDICT_5XX, 50, 2), 0);
    assert_int_equal(record(VERDICT_SUCCESS, 50, 2), 0);
    assert_int_equal(view->gate, GATE_TRIAL);
    assert_true(trial_end(VERDICT_SUCCESS, 2));
}

static void an_envoy_ejection_ends_a_trial_and_its_request_decides_nothing(void **state)
{
    (void)state;
    assert_true(claim_trial());
    config->consecutive_5xx = 3;
    assert_int_equal(record(VERDICT_5XX, 3, 2), 1);
    assert_int_equal(sentence_kind(view_past(view)), OUTLIER_5XX);
    assert_false(trial_end(VERDICT_SUCCESS, 2));
    assert_int_equal(view->gate, GATE_EJECTED);
    assert_int_equal(live->ejected, 1);
}

static void a_reload_keeps_what_the_breaker_knows(void **state)
{
    bool changed, trial;
    struct cluster *again = breaking_cluster(0);

    (void)state;
    record(VERDICT_5XX, 5, 1);
    again->outlier.breaker.min_requests = 6;
    tulle__live_adopt(&set, again, &changed);
    tulle__part_unref(again);
    assert_int_equal(view->gate, GATE_EJECTED);
    assert_true(trials_at(2000));
    assert_true(trial_claim(view, &trial) && trial);
    assert_true(trial_end(VERDICT_5XX, 2));
    assert_int_equal(live->next_trial, 4 * NS_PER_S); /* the second penalty */
}

static void an_endpoint_that_leaves_is_forgiven(void **state)
{
    bool changed;
    struct cluster *others = breaking_cluster(5);

    (void)state;
    record(VERDICT_5XX, 5, 1);
    view_use(view);
    tulle__live_adopt(&set, others, &changed);
    assert_int_equal(view->gate, GATE_READY);
    assert_int_equal(live->ejected, 0);
    assert_int_equal(record(VERDICT_5XX, 50, 1), 0);
    tulle__live_adopt(&set, cluster, &changed);
    assert_int_equal(record(VERDICT_5XX, 4, 1), 0);
    assert_int_equal(record(VERDICT_5XX, 1, 1), 1);
    assert_int_equal(live->next_trial, 2 * NS_PER_S);
    view_release(view);
    tulle__part_unref(others);
}

static void a_reload_without_the_breaker_lets_all_back(void **state)
{
    bool changed;
    struct cluster *without = breaking_cluster(0);
    struct view *tried = view;

    (void)state;
    assert_true(claim_trial());
    view = fixture_view(live, 1);
    record(VERDICT_5XX, 5, 3);
    without->outlier.breaker.enabled = false;
    tulle__live_adopt(&set, without, &changed);
    tulle__part_unref(without);
    assert_int_equal(view->gate, GATE_READY);
    assert_int_equal(tried->gate, GATE_READY);
    assert_int_equal(live->ejected, 0);
    view = tried;
    assert_false(trial_end(VERDICT_5XX, 3));
    assert_int_equal(view->gate, GATE_READY);
}

static void a_health_check_ends_an_ejection_but_no_penalty(void **state)
{
    (void)state;
    record(VERDICT_5XX, 5, 1);
    assert_false(tulle__outlier_checked(live, view, config, NULL, 2 * NS_PER_S));
    view = fixture_view(live, 1);
    assert_false(tulle__outlier_checked(live, view, config, NULL, 2 * NS_PER_S));
    config->breaker.enabled = false;
    config->consecutive_5xx = 5;
    assert_int_equal(record(VERDICT_5XX, 5, 1), 1);
    config->check_unejects = false;
    assert_false(tulle__outlier_checked(live, view, config, NULL, 2 * NS_PER_S));
    config->check_unejects = true;
    assert_true(tulle__outlier_checked(live, view, config, NULL, 2 * NS_PER_S));
    assert_int_equal(view->gate, GATE_READY);
    assert_int_equal(view->joined_at, 2 * NS_PER_S);
    assert_int_equal(live->ejected, 1);
}

static void jitter_makes_ejections_longer_by_up_to_the_most(void **state)
{
    int64_t least = INT64_MAX, most = 0;

    (void)state;
    config->breaker.enabled = false;
    config->consecutive_5xx = 1;
    config->max_ejection_jitter_ns = 1000 * NS_PER_MS;
    config->max_ejection_ns = config->base_ejection_ns = NS_PER_S;
    for (int64_t i = 0; i < 400; i++) {
        int64_t at = 10 * (i + 1) * NS_PER_S, ms = 990;

        assert_int_equal(fixture_record(live, view, VERDICT_5XX, 1, at), 1);
        while (ms < 3000 && !tulle__outlier_sweep(live, config, NULL, at + ms * NS_PER_MS)) {
            ms++;
        }
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    assert_in_range(least, 1000, 1020);
    assert_in_range(most, 1980, 2000);
}

static void memory_runs_out_and_nothing_changes(void **state)
{
    struct cluster *plain = fixture_cluster(&(struct fixture_endpoints){ 0, 3, NULL });
    struct cluster *breaking = breaking_cluster(1);
    struct live_set fresh;
    struct cluster_live *made;
    bool changed;

    (void)state;
    tulle__live_set_init(&fresh, FIXTURE_LOOPS, NULL);
    CHECK_OR_DONE(plain && breaking);
    made = tulle__live_adopt(&fresh, plain, &changed);
    CHECK_OR_DONE(made);
    if (tulle__live_adopt(&fresh, breaking, &changed) == NULL) {
        CHECK(made->endpoint_count == 3);
        CHECK(fixture_named(made) == 3);
        goto done;
    }
    CHECK(fixture_named(made) == ENDPOINTS);
    for (size_t i = 0; i < ENDPOINTS; i++) {
        CHECK(view_window(fixture_view(made, i)) != NULL);
    }
done:
    tulle__live_set_fini(&fresh);
    tulle__part_unref(plain);
    tulle__part_unref(breaking);
}

struct hammer {
    struct thread thread;
    size_t loop;
    atomic_uint *under_way;
    unsigned trials;
};

/* Fails for a while, then goes well; more than one trial at once would be seen. */
static void hammer_run(void *user)
{
    struct hammer *hammer = user;

    for (int i = 0; i < ROUNDS; i++) {
        struct view *victim = live->views[(size_t)i % ENDPOINTS];
        enum verdict verdict = i % 4 == 0 ? VERDICT_SUCCESS : VERDICT_5XX;
        atomic_uint *under_way = &hammer->under_way[(size_t)i % ENDPOINTS];
        bool trial;

        if (!trial_claim(victim, &trial)) {
            continue;
        }
        if (trial) {
            assert_int_equal(atomic_fetch_add(under_way, 1), 0);
            hammer->trials++;
        }
        tulle__outlier_record(live, hammer->loop, victim, config, verdict, NULL, NS_PER_S + i);
        if (trial) {
            atomic_fetch_sub(under_way, 1);
            tulle__outlier_trial_end(live, hammer->loop, victim, config, verdict, NULL,
                                     NS_PER_S + i);
        }
    }
}

/* Run under TSan, too. The control step tries and sweeps meanwhile. */
static void no_endpoint_is_tried_by_two_at_once(void **state)
{
    atomic_uint under_way[ENDPOINTS] = { 0 };
    struct hammer hammers[THREADS] = { { .loop = 0, .under_way = under_way },
                                       { .loop = 1, .under_way = under_way } };
    unsigned ejected = 0;

    (void)state;
    config->breaker.min_penalty_ns = 1;
    config->breaker.max_penalty_ns = 1;
    for (int i = 0; i < THREADS; i++) {
        assert_true(tulle__thread_start(&hammers[i].thread, "hammer", hammer_run, &hammers[i]));
    }
    for (int i = 0; i < 500; i++) {
        tulle__outlier_trials(live, config, NULL, 2 * NS_PER_S);
        tulle__outlier_sweep(live, config, NULL, 2 * NS_PER_S);
    }
    for (int i = 0; i < THREADS; i++) {
        tulle__thread_join(&hammers[i].thread);
    }
    for (size_t i = 0; i < ENDPOINTS; i++) {
        ejected += live->views[i]->gate == GATE_EJECTED;
        assert_int_equal(live->views[i]->trial, 0);
    }
    assert_int_equal(live->ejected, ejected);
    tulle__outlier_trials(live, config, NULL, 2 * NS_PER_S);
    assert_int_equal(live->ejected, 0);
}

#define SWEEP_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(SWEEP_TEST(the_breaker_closes_the_gate_whatever_the_cap),
          SWEEP_TEST(to_the_breaker_429_is_a_failure),
          SWEEP_TEST(a_sweep_does_not_shorten_a_penalty),
          SWEEP_TEST(after_the_penalty_one_request_tries_it),
          SWEEP_TEST(a_trial_that_goes_well_opens_the_gate_and_starts_cold),
          SWEEP_TEST(a_trial_that_fails_costs_twice_the_penalty),
          SWEEP_TEST(a_trial_without_a_verdict_is_the_next_requests),
          SWEEP_TEST(late_results_do_not_decide_a_trial),
          SWEEP_TEST(an_envoy_ejection_ends_a_trial_and_its_request_decides_nothing),
          SWEEP_TEST(a_reload_keeps_what_the_breaker_knows),
          SWEEP_TEST(an_endpoint_that_leaves_is_forgiven),
          SWEEP_TEST(a_reload_without_the_breaker_lets_all_back),
          SWEEP_TEST(a_health_check_ends_an_ejection_but_no_penalty),
          SWEEP_TEST(jitter_makes_ejections_longer_by_up_to_the_most),
          TEST_OOM(memory_runs_out_and_nothing_changes),
          SWEEP_TEST(no_endpoint_is_tried_by_two_at_once))
