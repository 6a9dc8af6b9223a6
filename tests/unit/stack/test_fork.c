/* SPDX-License-Identifier: Apache-2.0 */

/* What a fork shares with its call, and what is its own. How it races, is in
 * unit/policy/test_hedge.c. */

#include "stack/fork.h"

#include "machine.h"

/* A call that has passed its first layer, with a line that attempts write into. */
struct field {
    struct bench bench;
    struct stats stats;
    struct call_trace trace;
    struct header_line lines[2];
    char written[64];
};

static enum down wait_on_call(struct tulle_call *call, size_t at)
{
    (void)call, (void)at;
    return DOWN_HOLD;
}

static const struct layer_type wait_layer = { .name = "wait", .on_call = wait_on_call };

/* False: no memory. */
static bool field_open(struct field *field)
{
    struct tulle_call *call;

    memset(field, 0, sizeof(*field));
    bench_open(&field->bench);
    bench_layer(&field->bench, &bench_stats, &field->stats);
    bench_layer(&field->bench, &bench_stats, &field->stats);
    bench_layer(&field->bench, &wait_layer, NULL);
    if (!bench_start(&field->bench)) {
        return false;
    }
    call = field->bench.call;
    memcpy(field->written, "traceparent: 00-0000000000000000", 33);
    field->lines[0] = (struct header_line){ STR("a: b"), 1 };
    field->lines[1] = (struct header_line){ { field->written, 32 }, 11 };
    call->headers = field->lines;
    call->header_count = 2;
    field->trace.spans[field->trace.span_count++] = field->written + 16;
    call->trace = &field->trace;
    call->attempts = 1;
    return true;
}

static void field_close(struct field *field)
{
    if (field->bench.call && !field->bench.call->done) {
        bench_cancel(&field->bench);
    }
    bench_close(&field->bench);
}

static const struct outcome cut = { .error = TULLE_E_CANCELLED, .origin = ORIGIN_CANCELLED };

static void a_fork_runs_the_layers_below_its_place(void **state)
{
    struct tulle_call *fork;
    struct field field;

    (void)state;
    CHECK_OR_DONE(field_open(&field));
    fork = tulle__fork_new(field.bench.call, 0);
    CHECK_OR_DONE(fork);
    assert_int_equal(field.stats.in_flight, 2);
    tulle__fork_run(fork);
    assert_int_equal(field.stats.in_flight, 3);
    assert_int_equal(fork->depth, 3);
    tulle__fork_drop(fork, &cut);
    assert_int_equal(field.stats.in_flight, 2);
    assert_int_equal(field.stats.cancelled, 1);
    assert_int_equal(field.bench.ended, 0);
done:
    field_close(&field);
}

static void a_fork_has_lines_of_its_own(void **state)
{
    struct tulle_call *fork;
    struct field field;
    char *place;

    (void)state;
    CHECK_OR_DONE(field_open(&field));
    fork = tulle__fork_new(field.bench.call, 0);
    CHECK_OR_DONE(fork);
    assert_int_equal(fork->header_count, 2);
    assert_true(str_equal(fork->headers[0].line, STR("a: b")));
    assert_true(str_equal(fork->headers[1].line, field.lines[1].line));
    assert_int_equal(fork->headers[1].line.data[fork->headers[1].line.size], '\0');
    place = fork->trace->spans[0];
    assert_ptr_equal(place, fork->headers[1].line.data + 16);
    memcpy(place, "1111", 4);
    assert_string_equal(field.written, "traceparent: 00-0000000000000000");
    tulle__fork_run(fork);
    tulle__fork_drop(fork, &cut);
done:
    field_close(&field);
}

static void attempts_are_counted_over_call_and_forks(void **state)
{
    struct tulle_call *fork;
    struct field field;

    (void)state;
    CHECK_OR_DONE(field_open(&field));
    fork = tulle__fork_new(field.bench.call, 0);
    CHECK_OR_DONE(fork);
    assert_int_equal(fork->attempts, 1);
    call_count_attempt(fork);
    assert_int_equal(fork->attempts, 2);
    assert_int_equal(field.bench.call->attempts, 2);
    call_note_sent(fork);
    assert_true(field.bench.call->fork_sent);
    assert_false(field.bench.call->on_wire);
    tulle__fork_run(fork);
    tulle__fork_drop(fork, &cut);
done:
    field_close(&field);
}

static void what_a_fork_has_tried_its_call_has_tried(void **state)
{
    struct tulle_call *fork, *call;
    struct view views[TRIED_MAX + 2];
    struct field field;

    (void)state;
    CHECK_OR_DONE(field_open(&field));
    call = field.bench.call;
    call->tried[call->tried_count++] = &views[0];
    fork = tulle__fork_new(call, 0);
    CHECK_OR_DONE(fork);
    assert_int_equal(fork->tried_count, 1);
    assert_ptr_equal(fork->tried[0], &views[0]);
    fork->tried[fork->tried_count++] = &views[1];
    tulle__fork_give_tried(fork);
    tulle__fork_give_tried(fork);
    assert_int_equal(call->tried_count, 2);
    assert_ptr_equal(call->tried[1], &views[1]);
    for (size_t i = 0; i < TRIED_MAX; i++) {
        fork->tried[i] = &views[i + 2];
    }
    fork->tried_count = TRIED_MAX;
    tulle__fork_run(fork);
    tulle__fork_drop(fork, &cut);
    assert_int_equal(call->tried_count, TRIED_MAX);
done:
    field_close(&field);
}

static void a_forks_reply_becomes_the_calls(void **state)
{
    struct tulle_call *fork, *call;
    struct field field;
    struct outcome outcome;

    (void)state;
    CHECK_OR_DONE(field_open(&field));
    call = field.bench.call;
    CHECK_OR_DONE(tulle__buf_add(&call->reply.body, "of the first", 12));
    fork = tulle__fork_new(call, 0);
    CHECK_OR_DONE(fork);
    tulle__fork_run(fork);
    fork->reply.status = 200;
    fork->head_at = 7;
    memcpy(fork->scratch->endpoint, "10.0.0.2:80", 12);
    memcpy(fork->scratch->text, "its own words", 14);
    fork->outcome.text = fork->scratch->text;
    tulle__fork_give_head(fork);
    outcome = tulle__fork_outcome(fork);
    assert_int_equal(call->reply.status, 200);
    assert_int_equal(call->head_at, 7);
    assert_string_equal(call->scratch->endpoint, "10.0.0.2:80");
    assert_ptr_equal(outcome.text, call->scratch->text);
    assert_int_equal(fork->reply.body.size, 0);
    CHECK(tulle__buf_add(&fork->reply.body, "body", 4));
    tulle__fork_give_body(fork);
    tulle__fork_drop(fork, &cut);
    assert_string_equal(outcome.text, "its own words");
    CHECK(call->reply.body.size == 4 && memcmp(call->reply.body.data, "body", 4) == 0);
done:
    field_close(&field);
}

static void a_fork_tells_its_story_in_its_calls(void **state)
{
    struct tulle_call *fork;
    struct field field;

    (void)state;
    CHECK_OR_DONE(field_open(&field));
    field.bench.call->explain = true;
    fork = tulle__fork_new(field.bench.call, 0);
    CHECK_OR_DONE(fork);
    tulle__call_tell(fork, 2, "says %d", 7);
    tulle__fork_run(fork);
    tulle__fork_drop(fork, &cut);
    CHECK_OR_DONE(tulle__buf_ok(&field.bench.call->story));
    assert_string_equal(field.bench.call->story.data, "    +0.000 ms  wait       hedge: says 7\n");
done:
    field_close(&field);
}

TEST_MAIN(TEST_OOM(a_fork_runs_the_layers_below_its_place), TEST_OOM(a_fork_has_lines_of_its_own),
          TEST_OOM(attempts_are_counted_over_call_and_forks),
          TEST_OOM(what_a_fork_has_tried_its_call_has_tried),
          TEST_OOM(a_forks_reply_becomes_the_calls), TEST_OOM(a_fork_tells_its_story_in_its_calls))
