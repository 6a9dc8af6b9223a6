/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_LEAST = 64 };

void script_init(struct script *script)
{
    *script = (struct script){ 0 };
    list_init(&script->endpoints);
    list_init(&script->connections);
}

void script_fini(struct script *script)
{
    struct list *node, *next;
    size_t i;

    for (node = script->endpoints.next; node != &script->endpoints; node = next) {
        struct script_endpoint *endpoint = CONTAINER_OF(node, struct script_endpoint, node);
        next = node->next;
        free(endpoint->lines);
        free(endpoint);
    }
    for (i = 0; i < script->request_count; i++) {
        free(script->requests[i].url);
        free(script->requests[i].headers);
    }
    free(script->requests);
}

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

static void *must(void *ptr)
{
    if (!ptr) {
        abort();
    }
    return ptr;
}

struct script_endpoint *script_endpoint(struct script *script, const char *address)
{
    struct script_endpoint *endpoint = endpoint_find(script, address);

    if (!endpoint) {
        endpoint = must(calloc(1, sizeof(*endpoint)));
        snprintf(endpoint->address, sizeof(endpoint->address), "%s", address);
        list_add_last(&script->endpoints, &endpoint->node);
    }
    return endpoint;
}

void script_say(struct script_endpoint *endpoint, const struct script_line *line)
{
    while (endpoint->line_count > 0 && endpoint->lines[endpoint->line_count - 1].times == 0) {
        endpoint->line_count--;
    }
    endpoint->lines =
        must(realloc(endpoint->lines, (endpoint->line_count + 1) * sizeof(*endpoint->lines)));
    endpoint->lines[endpoint->line_count++] = *line;
}

struct script_line script_peek(const struct script_endpoint *endpoint)
{
    if (endpoint->dead) {
        return (struct script_line){ .kind = SCRIPT_REFUSE };
    }
    return endpoint->line_count > 0 ? endpoint->lines[0] : (struct script_line){ 0 };
}

struct script_line script_next(struct script_endpoint *endpoint)
{
    struct script_line line = script_peek(endpoint);

    if (!endpoint->dead && line.times > 0 && --endpoint->lines[0].times == 0) {
        endpoint->line_count--;
        memmove(endpoint->lines, endpoint->lines + 1,
                endpoint->line_count * sizeof(*endpoint->lines));
    }
    return line;
}

struct script_request *script_request_new(struct script *script)
{
    struct script_request *request;

    if (script->request_count == script->request_capacity) {
        script->request_capacity =
            script->request_capacity ? script->request_capacity * 2 : REQUESTS_LEAST;
        script->requests =
            must(realloc(script->requests, script->request_capacity * sizeof(*script->requests)));
    }
    request = &script->requests[script->request_count++];
    *request = (struct script_request){ 0 };
    return request;
}
