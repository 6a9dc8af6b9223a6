/* SPDX-License-Identifier: Apache-2.0 */

#include "mock/script.h"

#include <stdio.h>

#include "base/alloc.h"
#include "mock/transport.h"

enum { BODY_KEPT = 64 * 1024 };

static void *alloc_resize(void *ptr, size_t size)
{
    if (size > 0) {
        return tulle__realloc(ptr, size);
    }
    tulle__free(ptr);
    return NULL;
}

static const struct script_memory alloc_memory = { alloc_resize };

bool tulle__script_init(struct script *script, const struct script_memory *memory)
{
    *script = (struct script){ .type = tulle__script_transport,
                               .memory = memory ? memory : &alloc_memory,
                               .keep_max = SIZE_MAX,
                               .body_max = BODY_KEPT };
    list_init(&script->endpoints);
    list_init(&script->transports);
    return tulle__mutex_init(&script->lock);
}

static void endpoint_free(struct script *script, struct script_endpoint *endpoint)
{
    if (endpoint) {
        script_discard(script, endpoint->lines);
        script_discard(script, endpoint);
    }
}

void tulle__script_fini(struct script *script)
{
    struct list *node;

    while ((node = list_first(&script->endpoints))) {
        list_remove(node);
        endpoint_free(script, CONTAINER_OF(node, struct script_endpoint, node));
    }
    endpoint_free(script, script->any);
    tulle__script_forget(script);
    script_discard(script, script->requests);
    tulle__mutex_fini(&script->lock);
}

/* --- endpoints and what they are told --- */

static struct script_endpoint *endpoint_find(struct script *script, const char *address)
{
    struct list *node;

    for (node = script->endpoints.next; node != &script->endpoints; node = node->next) {
        struct script_endpoint *endpoint = CONTAINER_OF(node, struct script_endpoint, node);
        if (strcmp(endpoint->address, address) == 0) {
            return endpoint;
        }
    }
    return NULL;
}

static struct script_endpoint *endpoint_new(struct script *script, const char *address)
{
    struct script_endpoint *endpoint = script_resize(script, NULL, sizeof(*endpoint));

    if (endpoint) {
        *endpoint = (struct script_endpoint){ 0 };
        snprintf(endpoint->address, sizeof(endpoint->address), "%s", address);
        list_init(&endpoint->node);
    }
    return endpoint;
}

struct script_endpoint *tulle__script_endpoint(struct script *script, const char *address)
{
    struct script_endpoint *endpoint;

    tulle__mutex_lock(&script->lock);
    endpoint = endpoint_find(script, address);
    if (!endpoint) {
        endpoint = endpoint_new(script, address);
        if (endpoint) {
            list_add_last(&script->endpoints, &endpoint->node);
        }
    }
    tulle__mutex_unlock(&script->lock);
    return endpoint;
}

bool tulle__script_knows(struct script *script, const char *address)
{
    bool knows;

    tulle__mutex_lock(&script->lock);
    knows = endpoint_find(script, address) != NULL;
    tulle__mutex_unlock(&script->lock);
    return knows;
}

struct script_endpoint *tulle__script_any(struct script *script)
{
    tulle__mutex_lock(&script->lock);
    if (!script->any) {
        script->any = endpoint_new(script, "*");
    }
    tulle__mutex_unlock(&script->lock);
    return script->any;
}

static void line_drop(struct script_endpoint *endpoint, size_t at)
{
    endpoint->line_count--;
    memmove(endpoint->lines + at, endpoint->lines + at + 1,
            (endpoint->line_count - at) * sizeof(*endpoint->lines));
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool answers_alike(const struct script_line *a, const struct script_line *b)
{
    return is_same(a->method, b->method) && is_same(a->path, b->path) &&
           is_same(a->prefix, b->prefix);
}

static bool say(struct script *script, struct script_endpoint *endpoint,
                const struct script_line *line)
{
    struct script_line *lines =
        script_resize(script, endpoint->lines, (endpoint->line_count + 1) * sizeof(*lines));

    if (!lines) {
        return false;
    }
    endpoint->lines = lines;
    for (size_t i = endpoint->line_count; i > 0; i--) {
        if (lines[i - 1].times == 0 && answers_alike(&lines[i - 1], line)) {
            line_drop(endpoint, i - 1);
        }
    }
    lines[endpoint->line_count++] = *line;
    return true;
}

bool tulle__script_say(struct script *script, struct script_endpoint *endpoint,
                       const struct script_line *line)
{
    bool ok;

    tulle__mutex_lock(&script->lock);
    ok = say(script, endpoint, line);
    tulle__mutex_unlock(&script->lock);
    return ok;
}

void tulle__script_unsay(struct script *script, struct script_endpoint *endpoint)
{
    tulle__mutex_lock(&script->lock);
    endpoint->line_count = 0;
    tulle__mutex_unlock(&script->lock);
}

static bool line_fits(const struct script_line *line, struct str method, struct str path)
{
    return (!line->method || str_equal(str_of(line->method), method)) &&
           (!line->path || str_equal(str_of(line->path), path)) &&
           (!line->prefix || tulle__str_starts(path, str_of(line->prefix)));
}

/* "http://reviews:9080/x?y" has the path "/x". */
static struct str path_of(struct str url)
{
    const char *from = strstr(url.data, "://");
    const char *path = strchr(from ? from + 3 : url.data, '/');

    return path ? (struct str){ path, strcspn(path, "?#") } : STR("/");
}

/* Those with times in the order they were said, then what was said last for
 * ever. SIZE_MAX: none. */
static size_t line_find(const struct script_endpoint *endpoint, const struct exchange *exchange)
{
    struct str path = path_of(exchange->url);
    size_t found = SIZE_MAX;

    for (size_t i = 0; endpoint && i < endpoint->line_count; i++) {
        const struct script_line *line = &endpoint->lines[i];
        if (!line_fits(line, exchange->method, path)) {
            continue;
        }
        found = i;
        if (line->times > 0) {
            return i;
        }
    }
    return found;
}

/* Under the lock. `from` is who said it; NULL: nobody. */
static struct script_line line_of(struct script *script, struct script_endpoint *endpoint,
                                  const struct exchange *exchange, struct script_endpoint **from,
                                  size_t *at)
{
    *from = NULL;
    if (endpoint->dead) {
        return (struct script_line){ .kind = SCRIPT_REFUSE };
    }
    *from = endpoint;
    *at = line_find(endpoint, exchange);
    if (*at == SIZE_MAX) {
        *from = script->any;
        *at = line_find(script->any, exchange);
    }
    if (*at != SIZE_MAX) {
        return (*from)->lines[*at];
    }
    *from = NULL;
    return script->strict ? (struct script_line){ .kind = SCRIPT_REFUSE, .unexpected = true }
                          : (struct script_line){ .kind = SCRIPT_ANSWER };
}

struct script_line tulle__script_peek(struct script *script, struct script_endpoint *endpoint,
                                      const struct exchange *exchange)
{
    struct script_endpoint *from;
    struct script_line line;
    size_t at;

    tulle__mutex_lock(&script->lock);
    line = line_of(script, endpoint, exchange, &from, &at);
    tulle__mutex_unlock(&script->lock);
    return line;
}

struct script_line tulle__script_next(struct script *script, struct script_endpoint *endpoint,
                                      const struct exchange *exchange)
{
    struct script_endpoint *from;
    struct script_line line;
    size_t at;

    tulle__mutex_lock(&script->lock);
    line = line_of(script, endpoint, exchange, &from, &at);
    if (from && line.times > 0 && --from->lines[at].times == 0) {
        line_drop(from, at);
    }
    tulle__mutex_unlock(&script->lock);
    return line;
}
