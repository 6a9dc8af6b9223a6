/* SPDX-License-Identifier: Apache-2.0 */

/* The steps that make calls. */

#include "run.h"

#include <string.h>

#define REQUEST                                                                                    \
    "method url headers body deadline retry explain idempotencyKey bodyMax context scope"

/* A request and what it borrows. */
struct filled {
    struct tulle_request raw;
    struct tulle_header lines[LINES_MAX];
    struct tulle_context *context, *scope, *before;
    struct tulle_failure failure;
};

static struct tulle_context *context_at(struct run *run, const json_t *wanted, const char *key)
{
    struct tulle_header lines[LINES_MAX];
    size_t count = lines_at(run, wanted, key, lines);
    struct tulle_context *context = NULL;

    if (count > 0 && tulle_context_new(lines, count, &context) != TULLE_OK) {
        fault(run, "no context");
    }
    return context;
}

static void fill(struct run *run, const json_t *wanted, struct filled *filled)
{
    *filled = (struct filled){
        .raw = { TULLE_REQUEST_INIT, .failure = &filled->failure },
        .failure = { TULLE_FAILURE_INIT },
        .context = context_at(run, wanted, "context"),
        .scope = context_at(run, wanted, "scope"),
    };
    filled->raw.method = text_at(wanted, "method");
    filled->raw.url = text_at(wanted, "url");
    filled->raw.header_count = lines_at(run, wanted, "headers", filled->lines);
    filled->raw.headers = filled->lines;
    filled->raw.body = text_at(wanted, "body");
    filled->raw.body_size = filled->raw.body ? strlen(filled->raw.body) : 0;
    filled->raw.deadline_ns = duration_at(run, wanted, "deadline");
    filled->raw.retry = json_is_false(json_object_get(wanted, "retry"));
    filled->raw.explain = json_is_true(json_object_get(wanted, "explain"));
    filled->raw.idempotency_key = text_at(wanted, "idempotencyKey");
    filled->raw.body_max = count_at(wanted, "bodyMax");
    filled->raw.context = filled->context;
    if (filled->scope) {
        filled->before = tulle_scope_enter(filled->scope);
    }
}

static void empty(struct filled *filled)
{
    if (filled->scope) {
        (void)tulle_scope_enter(filled->before);
    }
    tulle_context_free(filled->scope);
    tulle_context_free(filled->context);
}

/* --- a call that waits --- */

static void request_once(struct run *run, const json_t *step)
{
    const json_t *expected = json_object_get(step, "expect");
    int64_t before = tulle_mock_now(run->mock);
    struct tulle_reply *reply = NULL;
    struct outcome outcome = { 0 };
    struct filled filled;

    fill(run, json_object_get(step, "request"), &filled);
    outcome.error = (int32_t)tulle_call(run->mesh, &filled.raw, &reply);
    outcome.took_ns = tulle_mock_now(run->mock) - before;
    outcome.reply = reply;
    outcome.failure = outcome.error ? &filled.failure : NULL;
    if (reply) {
        outcome.body = tulle_reply_body(reply);
        outcome.body_size = tulle_reply_body_size(reply);
    }
    if (expected) {
        expect_outcome(run, expected, &outcome);
    }
    tulle_reply_free(reply);
    empty(&filled);
}

static size_t times(const json_t *step)
{
    return json_object_get(step, "times") ? count_at(step, "times") : 1;
}

void step_request(struct run *run, const json_t *step)
{
    if (!has_only(run, step, "request times expect") ||
        !has_only(run, json_object_get(step, "request"), REQUEST)) {
        return;
    }
    for (size_t i = times(step); i > 0; i--) {
        request_once(run, step);
    }
}

/* --- a call that is started --- */

static struct tulle_call **find(struct run *run, const char *name)
{
    for (int i = 0; name && i < STARTS_MAX; i++) {
        if (run->starts[i].name && strcmp(run->starts[i].name, name) == 0) {
            return &run->starts[i].call;
        }
    }
    fault(run, "no call \"%s\" was started", name ? name : "");
    return NULL;
}

void step_start(struct run *run, const json_t *step)
{
    struct filled filled;
    int i = 0;

    while (i < STARTS_MAX && run->starts[i].name) {
        i++;
    }
    if (!has_only(run, step, "start as") ||
        !has_only(run, json_object_get(step, "start"), REQUEST) || i == STARTS_MAX) {
        fault(run, "nothing was started");
        return;
    }
    fill(run, json_object_get(step, "start"), &filled);
    run->starts[i].name = text_at(step, "as");
    if (tulle_call_start(run->mesh, &filled.raw, NULL, NULL, &run->starts[i].call) != TULLE_OK) {
        fault(run, "nothing was started");
    }
    empty(&filled);
}

void step_cancel(struct run *run, const json_t *step)
{
    struct tulle_call **call = find(run, text_at(step, "cancel"));

    if (has_only(run, step, "cancel") && call) {
        tulle_call_cancel(*call);
    }
}

static void outcome_of(struct tulle_call *call, struct outcome *outcome)
{
    outcome->error = (int32_t)tulle_call_error(call);
    outcome->failure = tulle_call_failure(call);
    outcome->reply = outcome->error ? NULL : tulle_call_reply(call);
}

void step_end(struct run *run, const json_t *step)
{
    struct tulle_call **call = find(run, text_at(step, "end"));
    struct outcome outcome = { 0 };
    int32_t ready;

    if (!has_only(run, step, "end expect") || !call || !*call) {
        return;
    }
    if (tulle_call_wait(*call, TULLE_EVENT_END, 0, &ready) != TULLE_OK) {
        fault(run, "waiting failed");
    }
    outcome_of(*call, &outcome);
    if (outcome.reply) {
        outcome.body = tulle_reply_body(outcome.reply);
        outcome.body_size = tulle_reply_body_size(outcome.reply);
    }
    expect_outcome(run, json_object_get(step, "expect"), &outcome);
}

void calls_free(struct run *run)
{
    for (int i = 0; i < STARTS_MAX; i++) {
        tulle_call_free(run->starts[i].call);
    }
}

/* --- a call that streams --- */

struct flow {
    struct tulle_call *call;
    const json_t *pieces;
    size_t piece, offset;
    struct tulle_header trailers[LINES_MAX];
    size_t trailer_count;
    bool is_sent;
    char body[BODY_MAX];
    size_t size;
};

/* Writes what there is room for. */
static void flow_write(struct flow *flow)
{
    while (!flow->is_sent) {
        const char *piece = json_string_value(json_array_get(flow->pieces, flow->piece));
        size_t taken = 0;
        enum tulle_error error;

        if (!piece) {
            (void)!tulle_call_write_end(flow->call, flow->trailers, flow->trailer_count);
            flow->is_sent = true;
            return;
        }
        error = tulle_call_write(flow->call, piece + flow->offset, strlen(piece) - flow->offset,
                                 &taken);
        flow->offset += taken;
        if (error == TULLE_E_AGAIN) {
            return;
        }
        flow->is_sent = error != TULLE_OK;
        if (flow->offset == strlen(piece)) {
            flow->piece++;
            flow->offset = 0;
        }
    }
}

/* Reads what there is; false: it is over. */
static bool flow_read(struct flow *flow)
{
    size_t got;
    enum tulle_error error;

    do {
        got = 0;
        error = tulle_call_read(flow->call, flow->body + flow->size,
                                sizeof(flow->body) - 1 - flow->size, &got);
        flow->size += got;
    } while (error == TULLE_OK && got > 0);
    return error == TULLE_E_AGAIN;
}

static void flow_run(struct run *run, struct flow *flow)
{
    int32_t ready, kinds = TULLE_EVENT_READABLE;

    for (;;) {
        flow_write(flow);
        if (!flow_read(flow)) {
            break;
        }
        if (tulle_call_wait(flow->call, kinds | (flow->is_sent ? 0 : TULLE_EVENT_WRITABLE), 0,
                            &ready) != TULLE_OK) {
            fault(run, "waiting failed");
            break;
        }
    }
    if (tulle_call_wait(flow->call, TULLE_EVENT_END, 0, &ready) != TULLE_OK) {
        fault(run, "no end came");
    }
}

void step_stream(struct run *run, const json_t *step)
{
    const json_t *wanted = json_object_get(step, "stream");
    struct flow flow = { .pieces = json_object_get(wanted, "pieces") };
    struct outcome outcome = { 0 };
    struct filled filled;

    if (!has_only(run, step, "stream expect") ||
        !has_only(run, wanted, REQUEST " pieces trailers")) {
        return;
    }
    fill(run, wanted, &filled);
    flow.trailer_count = lines_at(run, wanted, "trailers", flow.trailers);
    flow.is_sent = !flow.pieces;
    filled.raw.stream = TULLE_STREAM_REPLY | (flow.pieces ? TULLE_STREAM_REQUEST : 0);
    if (tulle_call_start(run->mesh, &filled.raw, NULL, NULL, &flow.call) != TULLE_OK) {
        fault(run, "nothing was started");
    } else {
        flow_run(run, &flow);
        outcome_of(flow.call, &outcome);
        outcome.body = flow.body;
        outcome.body_size = flow.size;
        expect_outcome(run, json_object_get(step, "expect"), &outcome);
    }
    tulle_call_free(flow.call);
    empty(&filled);
}

/* --- a pick --- */

static void pick_done(struct run *run, const json_t *step, struct tulle_pick *pick)
{
    const json_t *done = json_object_get(step, "done");
    struct tulle_pick_result result = { TULLE_PICK_RESULT_INIT };

    if (!done || !has_only(run, done, "error status")) {
        fault(run, "an endpoint was picked and nothing is said to be done with it");
    }
    result.error = number_of(run, error_names, text_at(done, "error"));
    result.status = (int32_t)count_at(done, "status");
    tulle_pick_done(pick, &result);
}

static void pick_once(struct run *run, const json_t *step)
{
    const json_t *wanted = json_object_get(step, "pick");
    struct tulle_failure failure = { TULLE_FAILURE_INIT };
    struct tulle_pick_request raw = { TULLE_PICK_INIT, .failure = &failure };
    struct outcome outcome = { 0 };
    struct tulle_pick *pick = NULL;

    raw.url = text_at(wanted, "url");
    raw.deadline_ns = duration_at(run, wanted, "deadline");
    outcome.error = (int32_t)tulle_pick(run->mesh, &raw, &pick);
    outcome.failure = outcome.error ? &failure : NULL;
    if (pick) {
        outcome.endpoint = tulle_pick_address(pick);
        outcome.cluster = tulle_pick_cluster(pick);
    }
    expect_outcome(run, json_object_get(step, "expect"), &outcome);
    if (pick) {
        pick_done(run, step, pick);
    }
}

void step_pick(struct run *run, const json_t *step)
{
    if (!has_only(run, step, "pick times expect done") ||
        !has_only(run, json_object_get(step, "pick"), "url deadline")) {
        return;
    }
    for (size_t i = times(step); i > 0; i--) {
        pick_once(run, step);
    }
}
