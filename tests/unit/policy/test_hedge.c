/* SPDX-License-Identifier: Apache-2.0 */

/* A race of two, in all its orders. */

#include "endpoint/live_latency.h"
#include "model/defaults.h"
#include "policy/layers.h"
#include "unit/endpoint/fixture.h"
#include "unit/stack/machine.h"

#define MS NS_PER_MS
#define SCRIPT(...)                                                                                \
    {                                                                                              \
        .replies = (const struct script_reply[])                                                   \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

enum { DELAY_MS = 20 };

struct race {
    struct bench bench;
    struct stats stats;
    struct arena arena;
    struct live_set set;
    struct cluster *cluster;
    struct cluster_live *live;
    int64_t limit, start;
    bool is_ready;
};

/* An attempt reaches its endpoint, as the transport says it. */
static enum down reach_on_call(struct tulle_call *call, size_t at)
{
    (void)at;
    call_count_attempt(call);
    call->attempt_at = call_now(call);
    call_note_sent(call);
    return DOWN_PASS;
}

static const struct layer_type reach_layer = { .name = "reach", .on_call = reach_on_call };

static void latency_know(struct race *race)
{
    (void)tulle__live_latency_step(race->live, 1);
    for (int i = 0; i < 1000; i++) {
        (void)tulle__live_latency_add(race->live, 0, DELAY_MS * MS - MS / 2);
    }
    (void)tulle__live_latency_step(race->live, 1);
    (void)tulle__live_latency_step(race->live, NS_PER_S);
}

static void budget_pay(struct race *race, uint64_t hedges)
{
    atomic_store(&race->live->hedge_budget, (hedges * 1000) << 32 | 1);
}

/* bound > hedge > stats > reach > script. False: no memory. */
static bool race_prepare(struct race *race, struct script *script)
{
    struct prepare prepare = { .arena = &race->arena };
    const void *config;
    bool absent, changed;

    tulle__arena_init(&race->arena, 512);
    tulle__live_set_init(&race->set, FIXTURE_LOOPS, NULL);
    race->cluster = fixture_cluster(&(struct fixture_endpoints){ .from = 1, .count = 2 });
    if (!race->cluster) {
        return false;
    }
    race->cluster->hedge = tulle__hedge_default;
    race->live = tulle__live_adopt(&race->set, race->cluster, &changed);
    if (!race->live) {
        return false;
    }
    latency_know(race);
    budget_pay(race, 5);
    prepare.cluster = race->cluster;
    prepare.live = race->live;
    if (tulle__hedge_layer.prepare(&prepare, &config, &absent) != TULLE_OK) {
        return false;
    }
    race->limit = race->limit ? race->limit : NS_PER_S;
    bench_layer(&race->bench, &bench_bound, &race->limit);
    bench_layer(&race->bench, &tulle__hedge_layer, config);
    bench_layer(&race->bench, &bench_stats, &race->stats);
    bench_layer(&race->bench, &reach_layer, NULL);
    bench_layer(&race->bench, &bench_script, script);
    race->is_ready = atomic_load(&race->live->latency);
    return race->is_ready;
}

static bool race_start(struct race *race, struct script *script)
{
    bench_open(&race->bench);
    if (!race_prepare(race, script) || !bench_start(&race->bench)) {
        return false;
    }
    race->start = race->bench.call->started_at;
    return true;
}

static void race_close(struct race *race)
{
    if (race->is_ready) {
        assert_int_equal(race->stats.in_flight, 0);
        assert_int_equal(tulle__loop_due(&race->bench.loop), NEVER);
    }
    bench_close(&race->bench);
    if (race->live) {
        tulle__live_unref(race->live);
    }
    tulle__live_set_fini(&race->set);
    tulle__part_unref(race->cluster);
    tulle__arena_fini(&race->arena);
}

/* Milliseconds since the start. */
static int64_t took(const struct race *race)
{
    return (race->bench.now - race->start + MS / 2) / MS;
}

static uint64_t counted(const struct race *race, enum live_counter counter)
{
    return tulle__live_counter(race->live, counter);
}

static int ended_with(const struct race *race)
{
    assert_int_equal(race->bench.ended, 1);
    return race->bench.call->outcome.status;
}

static void a_hedge_beats_a_hung_attempt_which_is_no_failure(void **state)
{
    struct race race = { 0 };
    struct script script = SCRIPT({ 0 }, { .status = 200, .after = 5 * MS });

    (void)state;
    CHECK_OR_DONE(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    CHECK_OR_DONE(race.bench.call->outcome.error == TULLE_OK);
    assert_int_equal(ended_with(&race), 200);
    assert_in_range(took(&race), DELAY_MS + 5 - 2, DELAY_MS + 5 + 2);
    assert_int_equal(race.stats.cancelled, 1);
    assert_int_equal(race.stats.good, 1);
    assert_int_equal(race.stats.timeouts, 0);
    assert_int_equal(race.bench.call->attempts, 2);
    assert_int_equal(counted(&race, COUNT_HEDGES), 1);
    assert_int_equal(counted(&race, COUNT_HEDGES_WON), 1);
done:
    race_close(&race);
}

static void a_hedge_that_answers_from_inside_its_start_wins(void **state)
{
    struct race race = { 0 };
    struct script script = SCRIPT({ 0 }, { .status = 200 });

    (void)state;
    CHECK_OR_DONE(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    CHECK_OR_DONE(race.bench.call->outcome.error == TULLE_OK);
    assert_int_equal(ended_with(&race), 200);
    assert_int_equal(race.stats.cancelled, 1);
    assert_int_equal(race.stats.good, 1);
done:
    race_close(&race);
}

static void the_first_attempt_beats_its_hedge_and_drops_it(void **state)
{
    struct race race = { 0 };
    struct script script =
        SCRIPT({ .status = 200, .after = 30 * MS }, { .status = 201, .after = 50 * MS });

    (void)state;
    CHECK_OR_DONE(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(ended_with(&race), 200);
    assert_int_equal(took(&race), 30);
    CHECK(race.stats.cancelled == 1);
    CHECK(counted(&race, COUNT_HEDGES) == 1);
    assert_int_equal(counted(&race, COUNT_HEDGES_WON), 0);
done:
    race_close(&race);
}

static void nearly_all_attempts_have_no_hedge(void **state)
{
    struct race race = { 0 };
    struct script script = SCRIPT({ .status = 200, .after = 15 * MS });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(ended_with(&race), 200);
    assert_int_equal(script.next, 1);
    race_close(&race);
}

static void a_failed_first_attempt_waits_for_its_hedge(void **state)
{
    struct race race = { 0 };
    struct script script =
        SCRIPT({ .status = 503, .after = 30 * MS }, { .status = 200, .after = 50 * MS });

    (void)state;
    CHECK_OR_DONE(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    CHECK_OR_DONE(race.bench.call->outcome.status == 200);
    assert_in_range(took(&race), DELAY_MS + 50 - 2, DELAY_MS + 50 + 2);
    assert_int_equal(race.stats.bad, 1);
    assert_int_equal(race.stats.good, 1);
    assert_int_equal(race.stats.cancelled, 0);
done:
    race_close(&race);
}

static void a_failed_hedge_leaves_the_first_attempt_alone(void **state)
{
    struct race race = { 0 };
    struct script script =
        SCRIPT({ .status = 200, .after = 90 * MS }, { .status = 503, .after = 5 * MS });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(ended_with(&race), 200);
    assert_int_equal(took(&race), 90);
    assert_int_equal(race.stats.bad, 1);
    assert_int_equal(race.stats.good, 1);
    race_close(&race);
}

static void a_bad_head_of_a_hedge_is_cut_with_its_body(void **state)
{
    struct race race = { 0 };
    struct script script = SCRIPT({ .status = 200, .after = 90 * MS },
                                  { .status = 503, .after = 5 * MS, .body = 500 * MS });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, race.start + 40 * MS);
    assert_int_equal(race.stats.ends, 1);
    assert_int_equal(race.stats.bad, 1);
    bench_run(&race.bench, NEVER);
    assert_int_equal(ended_with(&race), 200);
    assert_int_equal(took(&race), 90);
    race_close(&race);
}

static void two_failures_fail_once(void **state)
{
    static const int64_t after[][2] = { { 30 * MS, 50 * MS }, { 90 * MS, 5 * MS } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(after); i++) {
        struct race race = { 0 };
        struct script script = SCRIPT({ .status = 503, .after = after[i][0] },
                                      { .status = 502, .after = after[i][1], .body = 10 * MS });

        assert_true(race_start(&race, &script));
        bench_run(&race.bench, NEVER);
        assert_int_equal(ended_with(&race), i == 0 ? 502 : 503);
        assert_int_equal(race.stats.bad, 2);
        assert_int_equal(race.stats.ends, 2);
        assert_int_equal(counted(&race, COUNT_HEDGES_WON), 0);
        race_close(&race);
    }
}

static void the_deadline_tells_both_that_they_hung(void **state)
{
    struct race race = { .limit = 100 * MS };
    struct script script = SCRIPT({ 0 }, { 0 });

    (void)state;
    CHECK_OR_DONE(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(race.bench.ended, 1);
    assert_int_equal(race.bench.call->outcome.error, TULLE_E_TIMEOUT);
    assert_int_equal(took(&race), 100);
    CHECK(race.stats.timeouts == 2);
done:
    race_close(&race);
}

static void the_deadline_cuts_a_hedge_whose_first_has_failed(void **state)
{
    struct race race = { .limit = 100 * MS };
    struct script script = SCRIPT({ .status = 503, .after = 30 * MS }, { 0 });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(race.bench.call->outcome.error, TULLE_E_TIMEOUT);
    assert_int_equal(race.stats.bad, 1);
    assert_int_equal(race.stats.timeouts, 1);
    race_close(&race);
}

static void a_cancel_cuts_both_at_any_time(void **state)
{
    (void)state;
    for (int64_t at = 1; at < 100; at += 3) {
        struct race race = { 0 };
        struct script script = SCRIPT({ .status = 503, .after = 60 * MS },
                                      { .status = 200, .after = 60 * MS, .body = 60 * MS });

        assert_true(race_start(&race, &script));
        bench_run(&race.bench, race.start + at * MS);
        bench_cancel(&race.bench);
        assert_int_equal(race.bench.ended, 1);
        assert_int_equal(race.bench.call->outcome.error, TULLE_E_CANCELLED);
        assert_int_equal(race.stats.in_flight, 0);
        assert_int_equal(race.stats.ends, at < DELAY_MS ? 1 : 2);
        bench_run(&race.bench, NEVER);
        race_close(&race);
    }
}

static void a_hedges_body_is_the_calls_body(void **state)
{
    struct race race = { 0 };
    struct script script = SCRIPT({ 0 }, { .status = 200, .after = 5 * MS, .body = 40 * MS });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, race.start + 40 * MS);
    assert_true(race.bench.call->head_sent);
    assert_int_equal(race.stats.cancelled, 1);
    assert_int_equal(race.bench.ended, 0);
    bench_run(&race.bench, NEVER);
    assert_int_equal(ended_with(&race), 200);
    assert_in_range(took(&race), DELAY_MS + 45 - 2, DELAY_MS + 45 + 2);
    assert_int_equal(race.stats.good, 1);
    race_close(&race);
}

static void a_hedges_body_that_breaks_off_breaks_the_calls(void **state)
{
    struct race race = { 0 };
    struct script script =
        SCRIPT({ 0 }, { .status = 200, .after = 5 * MS, .body = 40 * MS, .breaks = true });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(race.bench.call->outcome.error, TULLE_E_NETWORK);
    assert_int_equal(race.stats.bad, 1);
    assert_int_equal(script.next, 2);
    race_close(&race);
}

static void the_deadline_bounds_a_hedges_body(void **state)
{
    struct race race = { .limit = 50 * MS };
    struct script script = SCRIPT({ 0 }, { .status = 200, .after = 5 * MS, .body = 400 * MS });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(race.bench.call->outcome.error, TULLE_E_TIMEOUT);
    assert_int_equal(took(&race), 50);
    assert_int_equal(race.stats.timeouts, 1);
    assert_int_equal(race.stats.cancelled, 1);
    race_close(&race);
}

static void a_body_that_breaks_off_after_the_first_won_sends_nothing_more(void **state)
{
    struct race race = { 0 };
    struct script script = SCRIPT(
        { .status = 200, .after = 10 * MS, .body = 60 * MS, .breaks = true }, { .status = 200 });

    (void)state;
    assert_true(race_start(&race, &script));
    bench_run(&race.bench, NEVER);
    assert_int_equal(race.bench.call->outcome.error, TULLE_E_NETWORK);
    assert_int_equal(script.next, 1);
    race_close(&race);
}

TEST_MAIN(TEST_OOM(a_hedge_beats_a_hung_attempt_which_is_no_failure),
          TEST_OOM(a_hedge_that_answers_from_inside_its_start_wins),
          TEST_OOM(the_first_attempt_beats_its_hedge_and_drops_it),
          cmocka_unit_test(nearly_all_attempts_have_no_hedge),
          TEST_OOM(a_failed_first_attempt_waits_for_its_hedge),
          cmocka_unit_test(a_failed_hedge_leaves_the_first_attempt_alone),
          cmocka_unit_test(a_bad_head_of_a_hedge_is_cut_with_its_body),
          cmocka_unit_test(two_failures_fail_once),
          TEST_OOM(the_deadline_tells_both_that_they_hung),
          cmocka_unit_test(the_deadline_cuts_a_hedge_whose_first_has_failed),
          cmocka_unit_test(a_cancel_cuts_both_at_any_time),
          cmocka_unit_test(a_hedges_body_is_the_calls_body),
          cmocka_unit_test(a_hedges_body_that_breaks_off_breaks_the_calls),
          cmocka_unit_test(the_deadline_bounds_a_hedges_body),
          cmocka_unit_test(a_body_that_breaks_off_after_the_first_won_sends_nothing_more))
