/* SPDX-License-Identifier: Apache-2.0 */

/* Contexts: what a request that is served hands to the calls made meanwhile.
 * Made once, read-only, counted: the app has one reference, each call its own. */

#include "core/context.h"

#include "base/alloc.h"
#include "base/macros.h"
#include "observe/trace_list.h"
#include "policy/deadline_text.h"

#include <stdatomic.h>

enum { CONTEXT_ARENA_SIZE = 512 };

struct tulle_context {
    struct trace_handed handed;
    atomic_uint refs;
    struct arena arena;
    char trace_id[TRACE_ID_SIZE + 1];
    int64_t limit_ns;             /* what the request was given; NEVER: nothing was said */
    int64_t made_at;              /* by the real clock */
    atomic_int_least64_t used_at; /* by a virtual one; 0: not yet */
};

/* Headers while they are read. */
struct reading {
    struct trace_found found;
    struct buf state, baggage;
    int64_t limit_ns;
};

static _Thread_local struct tulle_context *scope;

static void limit_read(struct reading *reading, struct str name, struct str value)
{
    int64_t limit = tulle__deadline_read(name, value);

    reading->limit_ns = limit < reading->limit_ns ? limit : reading->limit_ns;
}

static bool header_read(struct reading *reading, const struct tulle_header *header)
{
    enum trace_header kind = tulle__trace_header(str_of(header->name));
    struct str value = str_of(header->value);

    if (!header->value) {
        return true;
    }
    switch (kind) {
    case TRACE_HEADERS: limit_read(reading, str_of(header->name), value); return true;
    case TRACE_TRACESTATE: return tulle__trace_list_add(&reading->state, value);
    case TRACE_BAGGAGE: return tulle__trace_list_add(&reading->baggage, value);
    default: tulle__trace_find(&reading->found, kind, value); return true;
    }
}

static enum tulle_error headers_read(struct reading *reading, const struct tulle_header *headers,
                                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ENSURE(header_read(reading, &headers[i]), TULLE_E_NOMEM);
    }
    reading->found.values[TRACE_TRACESTATE] = tulle__tracestate_fit(&reading->state);
    reading->found.values[TRACE_BAGGAGE] = tulle__baggage_fit(&reading->baggage);
    return TULLE_OK;
}

static void handed_set(struct tulle_context *context, const struct trace *trace)
{
    struct trace_handed *handed = &context->handed;

    handed->id = trace->id;
    handed->parent = trace->parent;
    handed->sampled = tulle__trace_sampled(trace);
    handed->goes_on = trace->formats != 0;
    handed->has_request_id = trace->request_id.size > 0;
    if (trace->id.high != 0 || trace->id.low != 0) {
        tulle__trace_put_hex(trace->id.high, context->trace_id);
        tulle__trace_put_hex(trace->id.low, context->trace_id + TRACE_SPAN_SIZE);
    }
}

static enum tulle_error context_fill(struct tulle_context *context, struct reading *reading,
                                     const struct tulle_header *headers, size_t count)
{
    struct trace trace;

    TRY(headers_read(reading, headers, count));
    tulle__trace_parse(&reading->found, &trace);
    ENSURE(tulle__trace_lines(&context->arena, &trace, &context->handed.lines), TULLE_E_NOMEM);
    handed_set(context, &trace);
    context->limit_ns = reading->limit_ns;
    if (context->limit_ns != NEVER) {
        context->made_at = world_now(&tulle__world);
    }
    return TULLE_OK;
}

enum tulle_error tulle_context_new(const struct tulle_header *headers, size_t count,
                                   struct tulle_context **out)
{
    struct reading reading = { .limit_ns = NEVER };
    struct tulle_context *context;
    enum tulle_error error;

    *out = NULL;
    ENSURE(headers || count == 0, TULLE_E_USAGE);
    context = ALLOC_ZERO(struct tulle_context);
    ENSURE(context, TULLE_E_NOMEM);
    atomic_init(&context->refs, 1);
    atomic_init(&context->used_at, 0);
    tulle__arena_init(&context->arena, CONTEXT_ARENA_SIZE);
    error = context_fill(context, &reading, headers, count);
    tulle__buf_fini(&reading.state);
    tulle__buf_fini(&reading.baggage);
    if (error != TULLE_OK) {
        tulle_context_free(context);
        return error;
    }
    *out = context;
    return TULLE_OK;
}

void tulle_context_free(struct tulle_context *context)
{
    if (context && atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) == 1) {
        tulle__arena_fini(&context->arena);
        tulle__free(context);
    }
}

const char *tulle_context_trace_id(const struct tulle_context *context)
{
    return context->trace_id;
}

struct tulle_context *tulle_scope_enter(struct tulle_context *context)
{
    struct tulle_context *before = scope;

    scope = context;
    return before;
}

/* A context knows no mesh, and so no virtual clock when it is made. */
static int64_t context_start(struct tulle_context *context, const struct world *world)
{
    int64_t before = 0, now = world_now(world);

    if (!world->is_virtual) {
        return context->made_at;
    }
    return atomic_compare_exchange_strong(&context->used_at, &before, now) ? now : before;
}

int64_t tulle__context_deadline(struct tulle_context *context, const struct world *world)
{
    if (!context || context->limit_ns == NEVER) {
        return NEVER;
    }
    return time_add(context_start(context, world), context->limit_ns);
}

void tulle__context_attach(struct tulle_call *call, struct tulle_context *named)
{
    struct tulle_context *context = named ? named : scope;

    if (context) {
        atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
        call->context = context;
        call->handed = &context->handed;
    }
}
