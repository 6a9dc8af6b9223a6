/* SPDX-License-Identifier: Apache-2.0 */

/* The laws of the machine (stack/call.h), one by one. */

#include "machine.h"

#define SCRIPT(...)                                                                                \
    {                                                                                              \
        .replies = (const struct script_reply[])                                                   \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

struct retried {
    struct bench bench;
    struct stats stats;
    int64_t limit, per_try;
    struct again again;
};

/* bound > again > stats > bound > script */
static bool retried_start(struct retried *retried, struct script *script)
{
    struct bench *bench = &retried->bench;

    bench_open(bench);
    retried->again.max = 100000;
    bench_layer(bench, &bench_bound, &retried->limit);
    bench_layer(bench, &bench_again, &retried->again);
    bench_layer(bench, &bench_stats, &retried->stats);
    bench_layer(bench, &bench_bound, &retried->per_try);
    bench_layer(bench, &bench_script, script);
    return bench_start(bench);
}

static int64_t took(const struct bench *bench)
{
    return bench->now - bench->call->started_at;
}

static void a_hung_attempt_is_cut_and_retried(void **state)
{
    struct retried retried = { .limit = 100, .per_try = 30, .again.backoff = 10 };
    struct script script = SCRIPT({ 0 }, { .status = 503 }, { .status = 200 });

    (void)state;
    CHECK_OR_DONE(retried_start(&retried, &script));
    bench_run(&retried.bench, NEVER);
    assert_int_equal(retried.bench.ended, 1);
    assert_int_equal(retried.bench.call->outcome.status, 200);
    assert_int_equal(took(&retried.bench), 30 + 10 + 20);
    assert_int_equal(script.cut, 1);
    assert_int_equal(retried.stats.timeouts, 1);
    assert_int_equal(retried.stats.bad, 1);
    assert_int_equal(retried.stats.good, 1);
    assert_int_equal(retried.stats.in_flight, 0);
done:
    bench_close(&retried.bench);
}

static void the_deadline_wins_over_the_retries(void **state)
{
    struct retried retried = { .limit = 100, .per_try = 30, .again.backoff = 10 };
    struct script script = { .replies = (const struct script_reply[4]){ { 0 } } };

    (void)state;
    assert_true(retried_start(&retried, &script));
    bench_run(&retried.bench, NEVER);
    assert_int_equal(retried.bench.ended, 1);
    assert_int_equal(retried.bench.call->outcome.error, TULLE_E_TIMEOUT);
    assert_int_equal(took(&retried.bench), 100);
    assert_int_equal(script.next, 3);
    assert_int_equal(script.cut, 3);
    assert_int_equal(retried.stats.timeouts, 3);
    assert_int_equal(retried.stats.ends, 3);
    bench_close(&retried.bench);
}

static const char *stack_top;
static size_t stack_deepest;

static enum down depth_on_call(struct tulle_call *call, size_t at)
{
    char here;
    size_t used = (size_t)(stack_top - (const char *)&here);

    (void)call, (void)at;
    stack_deepest = used > stack_deepest ? used : stack_deepest;
    return DOWN_PASS;
}

static const struct layer_type depth_layer = { .name = "depth", .on_call = depth_on_call };

static void an_answer_from_inside_start_does_not_deepen_the_stack(void **state)
{
    static struct script_reply replies[10000];
    struct script script = { .replies = replies };
    struct again again = { .max = 10000 };
    struct bench bench;
    char top;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        replies[i].status = 503;
    }
    stack_top = &top;
    stack_deepest = 0;
    bench_open(&bench);
    bench_layer(&bench, &bench_again, &again);
    bench_layer(&bench, &depth_layer, NULL);
    bench_layer(&bench, &bench_script, &script);
    assert_true(bench_start(&bench));
    assert_int_equal(bench.ended, 1);
    assert_int_equal(script.next, 10000);
    assert_true(stack_deepest < 16384);
    bench_close(&bench);
}

static void a_cancel_from_inside_a_callback_ends_the_call_once(void **state)
{
    struct stats stats = { 0 };
    struct script script = SCRIPT({ .status = 200 });
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_layer(&bench, &bench_stats, &stats);
    bench_layer(&bench, &bench_naughty, NULL);
    bench_layer(&bench, &bench_script, &script);
    assert_true(bench_start(&bench));
    assert_int_equal(bench.ended, 1);
    assert_int_equal(bench.call->outcome.error, TULLE_E_CANCELLED);
    assert_int_equal(script.next, 0);
    assert_int_equal(stats.ends, 1);
    assert_int_equal(stats.cancelled, 1);
    bench_close(&bench);
}

static void what_is_said_after_the_end_does_nothing(void **state)
{
    struct retried retried = { .limit = 100, .per_try = 30 };
    struct script script = SCRIPT({ .status = 200 });
    struct outcome late = { .status = 500 };

    (void)state;
    assert_true(retried_start(&retried, &script));
    assert_int_equal(retried.bench.ended, 1);
    tulle__call_answer(retried.bench.call, 1, &late, &late);
    tulle__call_resume(retried.bench.call, 1);
    bench_cancel(&retried.bench);
    bench_run(&retried.bench, NEVER);
    assert_int_equal(retried.bench.ended, 1);
    assert_int_equal(retried.bench.call->outcome.status, 200);
    bench_close(&retried.bench);
}

static void the_deadline_of_the_call_tells_the_endpoint_that_it_hung(void **state)
{
    struct retried retried = { .limit = 100, .per_try = 500 };
    struct script script = SCRIPT({ 0 });

    (void)state;
    assert_true(retried_start(&retried, &script));
    bench_run(&retried.bench, NEVER);
    assert_int_equal(retried.bench.call->outcome.error, TULLE_E_TIMEOUT);
    assert_int_equal(retried.stats.timeouts, 1);
    assert_int_equal(retried.stats.in_flight, 0);
    bench_close(&retried.bench);
}

static void a_body_that_breaks_off_is_not_retried_but_counted(void **state)
{
    struct retried retried = { .limit = 100, .per_try = 90 };
    struct script script =
        SCRIPT({ .status = 200, .after = 10, .body = 20, .breaks = true }, { .status = 200 });

    (void)state;
    assert_true(retried_start(&retried, &script));
    bench_run(&retried.bench, NEVER);
    assert_true(retried.bench.call->head_sent);
    assert_int_equal(retried.bench.call->outcome.error, TULLE_E_NETWORK);
    assert_int_equal(script.next, 1);
    assert_int_equal(took(&retried.bench), 30);
    assert_int_equal(retried.stats.bad, 1);
    assert_int_equal(retried.stats.ends, 1);
    bench_close(&retried.bench);
}

static void the_deadline_bounds_the_body_too(void **state)
{
    struct retried retried = { .limit = 100, .per_try = 500 };
    struct script script = SCRIPT({ .status = 200, .after = 10, .body = 2000 });

    (void)state;
    assert_true(retried_start(&retried, &script));
    bench_run(&retried.bench, NEVER);
    assert_true(retried.bench.call->head_sent);
    assert_int_equal(retried.bench.call->outcome.error, TULLE_E_TIMEOUT);
    assert_int_equal(took(&retried.bench), 100);
    assert_int_equal(retried.stats.timeouts, 1);
    bench_close(&retried.bench);
}

static void a_failure_head_with_an_open_body_is_cut_before_the_backoff(void **state)
{
    struct retried retried = { .limit = 1000, .per_try = 500, .again.backoff = 50 };
    struct script script = SCRIPT({ .status = 503, .after = 10, .body = 400 }, { .status = 200 });

    (void)state;
    assert_true(retried_start(&retried, &script));
    bench_run(&retried.bench, 1000 + 20);
    assert_int_equal(retried.stats.ends, 1);
    assert_int_equal(retried.bench.call->depth, 2);
    bench_run(&retried.bench, NEVER);
    assert_int_equal(retried.bench.call->outcome.status, 200);
    assert_int_equal(took(&retried.bench), 60);
    bench_close(&retried.bench);
}

static void a_cancel_in_a_backoff_ends_everything(void **state)
{
    struct retried retried = { .limit = 1000, .per_try = 500, .again.backoff = 50 };
    struct script script = SCRIPT({ .status = 503, .after = 10 });

    (void)state;
    assert_true(retried_start(&retried, &script));
    bench_run(&retried.bench, 1000 + 20);
    bench_cancel(&retried.bench);
    assert_int_equal(retried.bench.ended, 1);
    assert_int_equal(retried.bench.call->outcome.error, TULLE_E_CANCELLED);
    assert_int_equal(retried.stats.ends, 1);
    assert_int_equal(tulle__loop_due(&retried.bench.loop), NEVER);
    bench_close(&retried.bench);
}

static enum down twice_on_call(struct tulle_call *call, size_t at)
{
    struct outcome mine = { .status = 299 };

    tulle__call_answer(call, at, &mine, &mine);
    tulle__call_cancel_here(
        call, &(struct outcome){ .error = TULLE_E_CANCELLED, .origin = ORIGIN_CANCELLED });
    return DOWN_HOLD;
}

static const struct layer_type twice_layer = { .name = "twice", .on_call = twice_on_call };

static void of_two_verbs_the_one_nearest_the_top_wins(void **state)
{
    struct stats stats = { 0 };
    struct bench bench;

    (void)state;
    bench_open(&bench);
    bench_layer(&bench, &bench_stats, &stats);
    bench_layer(&bench, &twice_layer, NULL);
    assert_true(bench_start(&bench));
    assert_int_equal(bench.ended, 1);
    assert_int_equal(bench.call->outcome.error, TULLE_E_CANCELLED);
    assert_int_equal(stats.ends, 1);
    bench_close(&bench);
}

static void the_story_tells_layer_and_time(void **state)
{
    struct retried retried = { .limit = 100, .per_try = 30 };
    struct script script = SCRIPT({ .status = 200 });

    (void)state;
    CHECK_OR_DONE(retried_start(&retried, &script));
    retried.bench.call->explain = true;
    tulle__call_tell(retried.bench.call, 1, "says %d", 7);
    CHECK_OR_DONE(tulle__buf_ok(&retried.bench.call->story));
    assert_string_equal(retried.bench.call->story.data, "    +0.000 ms  again      says 7\n");
done:
    bench_close(&retried.bench);
}

TEST_MAIN(TEST_OOM(a_hung_attempt_is_cut_and_retried),
          cmocka_unit_test(the_deadline_wins_over_the_retries),
          cmocka_unit_test(an_answer_from_inside_start_does_not_deepen_the_stack),
          cmocka_unit_test(a_cancel_from_inside_a_callback_ends_the_call_once),
          cmocka_unit_test(what_is_said_after_the_end_does_nothing),
          cmocka_unit_test(the_deadline_of_the_call_tells_the_endpoint_that_it_hung),
          cmocka_unit_test(a_body_that_breaks_off_is_not_retried_but_counted),
          cmocka_unit_test(the_deadline_bounds_the_body_too),
          cmocka_unit_test(a_failure_head_with_an_open_body_is_cut_before_the_backoff),
          cmocka_unit_test(a_cancel_in_a_backoff_ends_everything),
          cmocka_unit_test(of_two_verbs_the_one_nearest_the_top_wins),
          TEST_OOM(the_story_tells_layer_and_time))
