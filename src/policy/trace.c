/* SPDX-License-Identifier: Apache-2.0 */

/* Two layers. The trace is settled once a call: handed over by a context, or
 * new; its lines are laid behind the app's own, whose headers stand. Each
 * attempt then writes a span id of its own into them, and is told as a span. */

#include <tulle/trace.h>

#include "policy/layers.h"
#include "seam/trace.h"
#include "stack/call.h"

#include <stdio.h>

enum { AUTHORITY_MAX = 256 };

/* Lines on their way behind those of the app. */
struct laying {
    struct tulle_call *call;
    struct header_line *out;
    size_t count;
    unsigned skip; /* by enum trace_header: the app has its own */
};

static unsigned bit(enum trace_header kind)
{
    return 1U << kind;
}

static bool id_is_none(struct trace_id id)
{
    return id.high == 0 && id.low == 0;
}

/* --- what the app has set itself --- */

static struct str line_name(const struct header_line *header)
{
    return (struct str){ header->line.data, header->name_size };
}

static unsigned headers_of_app(const struct tulle_call *call)
{
    unsigned set = 0;

    for (size_t i = 0; i < call->header_count; i++) {
        set |= bit(tulle__trace_header(line_name(&call->headers[i])));
    }
    return set;
}

/* Only for who is told of spans. */
static void trace_of_app(const struct tulle_call *call, struct call_trace *out)
{
    struct trace_found found = { .parent_twice = false };
    struct trace trace;

    for (size_t i = 0; i < call->header_count; i++) {
        const struct header_line *header = &call->headers[i];
        enum trace_header kind = tulle__trace_header(line_name(header));
        size_t value_at = header->name_size + 2;

        if (kind != TRACE_HEADERS) {
            tulle__trace_find(
                &found, kind,
                (struct str){ header->line.data + value_at, header->line.size - value_at });
        }
    }
    tulle__trace_parse(&found, &trace);
    out->id = trace.id;
    out->span = trace.parent;
    out->sampled = tulle__trace_sampled(&trace);
}

/* --- the trace of a call --- */

/* Lines of a context are shared: what changes in them is copied. */
static bool lines_lay(struct laying *laying, const struct trace_lines *lines, bool is_shared)
{
    struct call_trace *trace = laying->call->trace;

    for (size_t i = 0; i < lines->count; i++) {
        const struct trace_line *line = &lines->each[i];
        struct header_line *out = &laying->out[laying->count];

        if (laying->skip & bit(line->kind)) {
            continue;
        }
        *out = line->header;
        if (line->span_at > 0) {
            if (is_shared) {
                out->line = tulle__arena_str(&laying->call->arena, out->line);
            }
            if (!out->line.data) {
                return false;
            }
            trace->spans[trace->span_count++] = (char *)out->line.data + line->span_at;
        }
        laying->count++;
    }
    return true;
}

/* What is made here: a trace where none came, a request id where none came. */
static bool lines_make(struct tulle_call *call, unsigned set, struct trace_lines *lines)
{
    const struct trace_handed *handed = call->handed;

    if (set & TRACE_OWN_MASK) {
        if (call->on->span) {
            trace_of_app(call, call->trace);
        }
    } else if (handed && handed->goes_on) {
        call->trace->id = handed->id;
        call->trace->parent = handed->parent;
        call->trace->sampled = handed->sampled;
    } else if (call->on->trace && !tulle__trace_start(&call->arena, &call->on->ids, call->on->trace,
                                                      &call->trace->id, lines)) {
        return false;
    }
    if (!call->on->trace || (set & bit(TRACE_REQUEST_ID)) || (handed && handed->has_request_id)) {
        return true;
    }
    return tulle__trace_request_id(&call->arena, &call->on->ids, lines);
}

static bool headers_extend(struct tulle_call *call, unsigned set, const struct trace_lines *made)
{
    static const struct trace_lines none = { .count = 0 };
    const struct trace_lines *handed = call->handed ? &call->handed->lines : &none;
    size_t most = call->header_count + handed->count + made->count + HEAD_LINES;
    struct laying laying = { .call = call, .count = call->header_count, .skip = set };

    if (set & TRACE_OWN_MASK) {
        laying.skip |= TRACE_OWN_MASK | bit(TRACE_TRACESTATE);
    }
    laying.out = tulle__arena_alloc(&call->arena, most * sizeof(*laying.out));
    if (!laying.out) {
        return false;
    }
    if (call->header_count > 0) {
        memcpy(laying.out, call->headers, call->header_count * sizeof(*laying.out));
    }
    if (!lines_lay(&laying, made, false) || !lines_lay(&laying, handed, true)) {
        return false;
    }
    call->headers = laying.out;
    call->header_count = laying.count;
    call->header_room = &laying.out[laying.count];
    return true;
}

static void trace_tell(struct tulle_call *call, size_t at, unsigned set)
{
    char id[TRACE_ID_SIZE + 1] = "";

    if (!call->explain || id_is_none(call->trace->id)) {
        return;
    }
    tulle__trace_put_hex(call->trace->id.high, id);
    tulle__trace_put_hex(call->trace->id.low, id + TRACE_SPAN_SIZE);
    tulle__call_tell(call, at, "%s, %s", id,
                     set & TRACE_OWN_MASK                    ? "which the app set"
                     : call->handed && call->handed->goes_on ? "which goes on"
                                                             : "which begins here");
}

static enum down trace_on_call(struct tulle_call *call, size_t at)
{
    struct trace_lines made;
    unsigned set;

    made.count = 0; /* the rest stays unwritten: it is large */
    call->trace = call_slot(call, at);
    call->trace->sampled = -1;
    if (!call->on->trace && !call->handed && !call->on->span) {
        return DOWN_PASS;
    }
    set = call->header_count > 0 ? headers_of_app(call) : 0;
    if (!lines_make(call, set, &made) || !headers_extend(call, set, &made)) {
        return tulle__call_refuse(call, at, TULLE_E_NOMEM, 503, 0, "out of memory for the trace");
    }
    trace_tell(call, at, set);
    return DOWN_PASS;
}

const struct layer_type tulle__trace_layer = {
    .name = "trace",
    .tier = TIER_CALL,
    .slot_size = sizeof(struct call_trace),
    .on_call = trace_on_call,
};

/* --- the span of an attempt --- */

struct span_slot {
    int64_t started_at;
    uint32_t attempts; /* before this one */
};

static enum down span_on_call(struct tulle_call *call, size_t at)
{
    struct span_slot *slot = call_slot(call, at);
    struct call_trace *trace = call->trace;

    slot->started_at = call_now(call);
    slot->attempts = call->attempts;
    if (trace->span_count == 0) {
        return DOWN_PASS;
    }
    trace->span = tulle__trace_new_span(&call->on->ids);
    for (size_t i = 0; i < trace->span_count; i++) {
        tulle__trace_put_hex(trace->span, trace->spans[i]);
    }
    return DOWN_PASS;
}

struct span_texts {
    char trace_id[TRACE_ID_SIZE + 1];
    char span_id[TRACE_SPAN_SIZE + 1];
    char parent_id[TRACE_SPAN_SIZE + 1];
    char authority[AUTHORITY_MAX];
};

static void span_texts_fill(const struct tulle_call *call, struct span_texts *out)
{
    const struct call_trace *trace = call->trace;

    *out = (struct span_texts){ .trace_id = "" };
    if (!id_is_none(trace->id)) {
        tulle__trace_put_hex(trace->id.high, out->trace_id);
        tulle__trace_put_hex(trace->id.low, out->trace_id + TRACE_SPAN_SIZE);
    }
    if (trace->span != 0) {
        tulle__trace_put_hex(trace->span, out->span_id);
    }
    if (trace->parent != 0) {
        tulle__trace_put_hex(trace->parent, out->parent_id);
    }
    snprintf(out->authority, sizeof(out->authority), "%.*s", STR_ARG(call->url.authority));
}

/* An endpoint was picked if the attempt came down to the transport. */
static void span_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct span_slot *slot = call_slot(call, at);
    struct span_texts texts;

    if (!call->on->span) {
        return;
    }
    span_texts_fill(call, &texts);
    call->on->span(
        call->on->span_user,
        &(struct tulle_span){
            .size = sizeof(struct tulle_span),
            .trace_id = texts.trace_id,
            .span_id = texts.span_id,
            .parent_id = texts.parent_id,
            .sampled = call->trace->sampled,
            .method = call->method.data,
            .authority = texts.authority,
            .path = call->url.target.data,
            .cluster = call->plan.destination ? call->plan.destination->cluster_name.data : "",
            .endpoint = call->attempts > slot->attempts ? call->scratch->endpoint : "",
            .attempt = slot->attempts + 1,
            .status = outcome->status,
            .error = outcome->error,
            .start_ns = slot->started_at,
            .end_ns = call_now(call),
            .hedge = call->parent != NULL,
        });
}

const struct layer_type tulle__span_layer = {
    .name = "span",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct span_slot),
    .on_call = span_on_call,
    .on_end = span_on_end,
};
