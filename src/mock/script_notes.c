/* SPDX-License-Identifier: Apache-2.0 */

/* What a script counts and remembers of what its endpoints were asked. */

#include <stdio.h>

#include "mock/script.h"

enum { REQUESTS_LEAST = 64 };

/* --- what is counted --- */

static void count_up(unsigned *count, unsigned *most)
{
    if (++*count > *most) {
        *most = *count;
    }
}

void tulle__script_note_open(struct script *script, struct script_endpoint *endpoint)
{
    tulle__mutex_lock(&script->lock);
    endpoint->opened++;
    count_up(&endpoint->open, &endpoint->most_open);
    count_up(&script->open, &script->most_open);
    tulle__mutex_unlock(&script->lock);
}

void tulle__script_note_closed(struct script *script, struct script_endpoint *endpoint)
{
    tulle__mutex_lock(&script->lock);
    endpoint->open--;
    script->open--;
    tulle__mutex_unlock(&script->lock);
}

void tulle__script_note_end(struct script *script, struct script_endpoint *endpoint)
{
    tulle__mutex_lock(&script->lock);
    endpoint->active--;
    tulle__mutex_unlock(&script->lock);
}

/* --- what is remembered --- */

static void requests_free(struct script *script)
{
    for (size_t i = 0; i < script->request_count; i++) {
        script_discard(script, script->requests[i]->url);
        script_discard(script, script->requests[i]->headers);
        script_discard(script, script->requests[i]->body);
        script_discard(script, script->requests[i]->trailers);
        script_discard(script, script->requests[i]);
    }
    script->request_first += script->request_count;
    script->request_count = 0;
}

/* NULL: not kept. */
static struct script_request *request_new(struct script *script)
{
    size_t capacity = script->request_capacity ? script->request_capacity * 2 : REQUESTS_LEAST;
    struct script_request **list = script->requests, *request;

    if (script->request_count >= script->keep_max) {
        return NULL;
    }
    if (script->request_count == script->request_capacity) {
        list = script_resize(script, list, capacity * sizeof(struct script_request *));
        if (!list) {
            return NULL;
        }
        script->requests = list;
        script->request_capacity = capacity;
    }
    request = script_resize(script, NULL, sizeof(*request));
    if (request) {
        list[script->request_count++] = request;
    }
    return request;
}

/* "Name: value\n"... NULL: no memory. */
static char *lines_copy(struct script *script, const struct header_line *lines, size_t count)
{
    size_t size = 1;
    char *text, *out;

    for (size_t i = 0; i < count; i++) {
        size += lines[i].line.size + 1;
    }
    text = out = script_resize(script, NULL, size);
    for (size_t i = 0; out && i < count; i++) {
        memcpy(out, lines[i].line.data, lines[i].line.size);
        out += lines[i].line.size;
        *out++ = '\n';
    }
    if (out) {
        *out = '\0';
    }
    return text;
}

static void body_add(struct script *script, struct script_request *request, const char *data,
                     size_t size)
{
    size_t room = script->body_max - request->body_kept;
    size_t kept = size < room ? size : room;
    char *body;

    request->body_size += size;
    if (kept == 0 || !data) {
        return;
    }
    body = script_resize(script, request->body, request->body_kept + kept + 1);
    if (!body) {
        return;
    }
    memcpy(body + request->body_kept, data, kept);
    request->body = body;
    request->body_kept += kept;
    body[request->body_kept] = '\0';
}

/* Gives its number; UINT64_MAX: not kept. */
static uint64_t request_record(struct script *script, const struct script_endpoint *endpoint,
                               const struct exchange *exchange, const struct script_request *how)
{
    struct script_request *request = request_new(script);

    if (!request) {
        script->requests_cut += script->keep_max > 0;
        return UINT64_MAX;
    }
    *request = *how;
    request->address = endpoint->address;
    snprintf(request->method, sizeof(request->method), "%.*s", STR_ARG(exchange->method));
    request->url = script_resize(script, NULL, exchange->url.size + 1);
    if (request->url) {
        memcpy(request->url, exchange->url.data, exchange->url.size + 1);
    }
    request->headers = lines_copy(script, exchange->headers, exchange->header_count);
    body_add(script, request, exchange->body, exchange->body_size);
    return script->request_first + script->request_count - 1;
}

uint64_t tulle__script_note_request(struct script *script, struct script_endpoint *endpoint,
                                    const struct exchange *exchange,
                                    const struct script_request *how)
{
    uint64_t number;

    tulle__mutex_lock(&script->lock);
    endpoint->requests++;
    script->unexpected += how->unexpected;
    if (!how->unexpected) {
        count_up(&endpoint->active, &endpoint->most_active);
    }
    number = request_record(script, endpoint, exchange, how);
    tulle__mutex_unlock(&script->lock);
    return number;
}

void tulle__script_note_body(struct script *script, uint64_t number, const char *data, size_t size)
{
    uint64_t at;

    tulle__mutex_lock(&script->lock);
    at = number - script->request_first; /* of one that was forgotten: beyond all */
    if (at < script->request_count) {
        body_add(script, script->requests[at], data, size);
    }
    tulle__mutex_unlock(&script->lock);
}

void tulle__script_note_trailers(struct script *script, uint64_t number,
                                 const struct exchange *exchange)
{
    uint64_t at;

    tulle__mutex_lock(&script->lock);
    at = number - script->request_first;
    if (at < script->request_count) {
        script_discard(script, script->requests[at]->trailers);
        script->requests[at]->trailers =
            lines_copy(script, exchange->trailers, exchange->trailer_count);
    }
    tulle__mutex_unlock(&script->lock);
}

void tulle__script_forget(struct script *script)
{
    struct list *node;

    tulle__mutex_lock(&script->lock);
    requests_free(script);
    script->requests_cut = script->unexpected = 0;
    for (node = script->endpoints.next; node != &script->endpoints; node = node->next) {
        CONTAINER_OF(node, struct script_endpoint, node)->requests = 0;
    }
    tulle__mutex_unlock(&script->lock);
}
