/* SPDX-License-Identifier: Apache-2.0 */

#include "core/request.h"

#include "base/macros.h"
#include "core/context.h"
#include "core/failure.h"
#include "core/queue.h"
#include "core/stream.h"

#include <stdio.h>

enum { BODY_MAX_DEFAULT = 64 * 1024 * 1024, METHOD_MAX = 63 };

bool tulle__options_copy(void *to, size_t to_size, const void *from, size_t from_size)
{
    const unsigned char *bytes = from;

    if (from_size < sizeof(size_t)) {
        return false;
    }
    for (size_t i = to_size; i < from_size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    memset(to, 0, to_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
    return true;
}

/* RFC 9110 5.6.2 */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

        if (!letter && !(c >= '0' && c <= '9') && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return text.size > 0;
}

/* RFC 9110 5.5; bytes above 127 pass as they are. */
static bool is_field_value(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Framing and routing are the library's. */
static bool is_ours(struct str name)
{
    static const char *const names[] = {
        "host",       "content-length", "transfer-encoding", "connection",
        "keep-alive", "upgrade",        "proxy-connection",  "te",
        "trailer",    "expect"
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (tulle__str_equal_nocase(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static enum tulle_error refuse(struct tulle_call *call, const char *text)
{
    snprintf(call->scratch->text, sizeof(call->scratch->text), "%s", text);
    return TULLE_E_USAGE;
}

static enum tulle_error refuse_header(struct tulle_call *call, const char *name, const char *why)
{
    snprintf(call->scratch->text, sizeof(call->scratch->text), "the header %.80s %s", name, why);
    return TULLE_E_USAGE;
}

static enum tulle_error header_check(struct tulle_call *call, const struct tulle_header *header)
{
    if (!header->name || !header->value) {
        return refuse(call, "a header has no name or no value");
    }
    if (!is_token(str_of(header->name))) {
        return refuse(call, "a header's name is no token (RFC 9110 5.6.2)");
    }
    if (is_ours(str_of(header->name))) {
        return refuse_header(call, header->name, "is the library's to set");
    }
    if (!is_field_value(str_of(header->value))) {
        return refuse_header(call, header->name, "has a control byte in its value");
    }
    return TULLE_OK;
}

static enum tulle_error line_format(struct arena *arena, const struct tulle_header *header,
                                    struct header_line *line)
{
    line->name_size = strlen(header->name);
    line->line = tulle__arena_format(arena, "%s: %s", header->name, header->value);
    return line->line.data ? TULLE_OK : TULLE_E_NOMEM;
}

enum tulle_error tulle__trailer_format(struct arena *arena, const struct tulle_header *trailer,
                                       struct header_line *line)
{
    ENSURE(trailer->name && trailer->value, TULLE_E_USAGE);
    ENSURE(is_token(str_of(trailer->name)) && !is_ours(str_of(trailer->name)), TULLE_E_USAGE);
    ENSURE(is_field_value(str_of(trailer->value)), TULLE_E_USAGE);
    return line_format(arena, trailer, line);
}

/* What a header says of the call, whoever has set it (Go's net/http as well takes
 * a key for the word that a request may be sent again). */
static void header_heed(struct tulle_call *call, struct str name, struct str value)
{
    if (tulle__str_equal_nocase(name, STR("content-type"))) {
        call->is_grpc = tulle__str_starts(value, STR("application/grpc"));
    } else if (tulle__str_equal_nocase(name, STR("idempotency-key"))) {
        call->has_idempotency_key = call->has_idempotency_key || value.size > 0;
    }
}

static enum tulle_error header_add(struct tulle_call *call, struct header_line *line,
                                   const struct tulle_header *header)
{
    TRY(header_check(call, header));
    TRY(line_format(&call->arena, header, line));
    header_heed(call, str_of(header->name), str_of(header->value));
    return TULLE_OK;
}

static enum tulle_error headers_copy(struct tulle_call *call, const struct tulle_request *request)
{
    struct header_line *lines;

    if (request->header_count == 0 && !request->idempotency_key) {
        return TULLE_OK;
    }
    lines = ARENA_ARRAY(&call->arena, struct header_line, request->header_count + 1);
    ENSURE(lines, TULLE_E_NOMEM);
    for (size_t i = 0; i < request->header_count; i++) {
        TRY(header_add(call, &lines[i], &request->headers[i]));
    }
    call->headers = lines;
    call->header_count = request->header_count;
    if (!request->idempotency_key) {
        return TULLE_OK;
    }
    return header_add(call, &lines[call->header_count++],
                      &(struct tulle_header){ "Idempotency-Key", request->idempotency_key });
}

static enum tulle_error target_copy(struct tulle_call *call, const struct tulle_request *request)
{
    struct str method = request->method ? str_of(request->method) : STR("GET");
    const char *why = "";
    enum tulle_error error;

    if (!request->url) {
        return refuse(call, "there is no URL");
    }
    if (!is_token(method)) {
        return refuse(call, "the method is no token (RFC 9110 5.6.2)");
    }
    if (method.size > METHOD_MAX) {
        return refuse(call, "the method is over 63 bytes");
    }
    call->method = tulle__arena_str(&call->arena, method);
    ENSURE(call->method.data, TULLE_E_NOMEM);
    error = tulle__url_parse(&call->arena, str_of(request->url), &call->url, &why);
    if (error == TULLE_E_USAGE) {
        snprintf(call->scratch->text, sizeof(call->scratch->text), "the URL is wrong: %s", why);
    }
    return error;
}

static enum tulle_error stream_take(struct tulle_call *call, const struct tulle_request *request,
                                    bool blocking)
{
    bool sends = request->stream & TULLE_STREAM_REQUEST;

    if (request->stream == 0) {
        return TULLE_OK;
    }
    if (request->stream & ~(TULLE_STREAM_REQUEST | TULLE_STREAM_REPLY)) {
        return refuse(call, "`stream` is no enum tulle_stream");
    }
    if (blocking) {
        return refuse(call, "a blocking call cannot stream: start it with tulle_call_start()");
    }
    if (sends && (request->body || request->body_size > 0)) {
        return refuse(call, "a body in memory, and one that streams");
    }
    if (sends && request->has_stream_size && request->stream_size > INT64_MAX) {
        return refuse(call, "`stream_size` is over 8 EiB");
    }
    if (request->queue && request->event) {
        return refuse(call, "`event` and a queue at once");
    }
    return tulle__stream_open(call, request);
}

/* A reply that streams is not held, so nothing caps it but the app. */
static size_t body_max(const struct tulle_request *request)
{
    if (request->body_max > 0) {
        return request->body_max;
    }
    return request->stream & TULLE_STREAM_REPLY ? SIZE_MAX : BODY_MAX_DEFAULT;
}

static enum tulle_error body_copy(struct tulle_call *call, const struct tulle_request *request,
                                  bool copies)
{
    char *copy;

    if (!request->body && request->body_size > 0) {
        return refuse(call, "there is a body's size without a body");
    }
    if ((request->body_size > 0 || (request->stream & TULLE_STREAM_REQUEST)) &&
        str_equal(call->method, STR("HEAD"))) {
        return refuse(call, "HEAD has no body");
    }
    call->body = request->body;
    call->body_size = request->body_size;
    call->body_max = body_max(request);
    if (!copies || !request->body) {
        return TULLE_OK;
    }
    copy = tulle__arena_alloc(&call->arena, request->body_size + 1);
    ENSURE(copy, TULLE_E_NOMEM);
    memcpy(copy, request->body, request->body_size);
    call->body = copy;
    return TULLE_OK;
}

/* What is left of the request that is served bounds what is done for it. */
static void deadline_inherit(struct tulle_call *call, const struct world *world)
{
    int64_t inbound = tulle__context_deadline(call->context, world);

    if (inbound < call->deadline) {
        call->deadline = inbound;
        call->deadline_asked = true;
    }
}

static enum tulle_error times_copy(struct tulle *mesh, struct tulle_call *call,
                                   const struct tulle_request *request)
{
    int64_t limit = request->deadline_ns != 0 ? request->deadline_ns : mesh->deadline_ns;

    if (limit < 0) {
        return refuse(call, "the deadline is negative");
    }
    call->started_at = world_now(mesh->world);
    call->deadline = limit == TULLE_NONE ? NEVER : time_add(call->started_at, limit);
    call->deadline_asked = request->deadline_ns != 0 || mesh->deadline_asked;
    deadline_inherit(call, mesh->world);
    call->retry_off = request->retry == TULLE_RETRY_OFF;
    call->explain = request->explain != 0;
    if (request->retry != TULLE_RETRY_DEFAULT && !call->retry_off) {
        return refuse(call, "`retry` is no enum tulle_retry");
    }
    return TULLE_OK;
}

static void events_fini(struct tulle_call *call)
{
    tulle__queue_source_fini(call->events);
}

static enum tulle_error queue_take(struct tulle_call *call, const struct tulle_request *request,
                                   bool blocking)
{
    if (!request->queue) {
        return TULLE_OK;
    }
    if (blocking) {
        return refuse(call, "a blocking call has no events for a queue");
    }
    ENSURE(tulle__queue_is_here(request->queue), TULLE_E_FORKED);
    call->events = ARENA_NEW(&call->arena, struct queue_source);
    ENSURE(call->events, TULLE_E_NOMEM);
    tulle__queue_source_init(call->events, request->queue, call, NULL, NULL);
    call->gone = events_fini;
    return TULLE_OK;
}

static enum tulle_error source_copy(struct tulle_call *call, const struct tulle_request *request)
{
    if (!request->source) {
        return TULLE_OK;
    }
    call->source = tulle__arena_str(&call->arena, str_of(request->source));
    return call->source.data ? TULLE_OK : TULLE_E_NOMEM;
}

static enum tulle_error call_fill(struct tulle *mesh, struct tulle_call *call,
                                  const struct tulle_request *request, bool copies_body)
{
    TRY(times_copy(mesh, call, request));
    TRY(target_copy(call, request));
    TRY(headers_copy(call, request));
    TRY(source_copy(call, request));
    TRY(queue_take(call, request, !copies_body));
    TRY(stream_take(call, request, !copies_body));
    return body_copy(call, request, copies_body);
}

static void failure_tell(struct tulle *mesh, const struct tulle_call *call,
                         struct tulle_failure *failure, enum tulle_error error)
{
    const char *text = error == TULLE_E_USAGE ? call->scratch->text : tulle_error_text(error);

    tulle__log(&mesh->log, LOG_WARNING, "call", "refused: %s", text);
    if (failure) {
        struct tulle_failure told = { .size = sizeof(told), .error = error, .flags = "-" };

        snprintf(told.layer, sizeof(told.layer), "request");
        snprintf(told.text, sizeof(told.text), "%s", text);
        tulle__failure_copy(failure, &told);
    }
}

enum tulle_error tulle__call_new(struct tulle *mesh, const struct tulle_request *request,
                                 bool copies_body, struct tulle_call **out)
{
    struct tulle_request known;
    struct tulle_call *call;
    enum tulle_error error;

    *out = NULL;
    if (!request || !tulle__options_copy(&known, sizeof(known), request, request->size)) {
        tulle__log(&mesh->log, LOG_WARNING, "call",
                   "refused: the request's size is not set, or it "
                   "sets what this version does not know");
        return TULLE_E_USAGE;
    }
    call = tulle__call_alloc();
    ENSURE(call, TULLE_E_NOMEM);
    tulle__context_attach(call, known.context);
    call->watcher = mesh->watcher;
    if (call->watcher) {
        call->watcher->call_made(call->watcher);
    }
    error = call_fill(mesh, call, &known, copies_body);
    if (error != TULLE_OK) {
        failure_tell(mesh, call, known.failure, error);
        tulle__call_unref(call);
        return error;
    }
    *out = call;
    return TULLE_OK;
}

void tulle_request_init(struct tulle_request *request, size_t size)
{
    memset(request, 0, size);
    request->size = size;
}
