/* SPDX-License-Identifier: Apache-2.0 */

#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum directive_kind { NUMBER, FLAG, TEXT };

struct directive {
    const char *name;
    enum directive_kind kind;
    size_t offset;
};

#define MEMBER(member) offsetof(struct plan, member)

static const struct directive directives[] = {
    { "status", NUMBER, MEMBER(status) },
    { "delay", NUMBER, MEMBER(delay_ms) },
    { "body", NUMBER, MEMBER(body) },
    { "slow", NUMBER, MEMBER(slow_ms) },
    { "piece", NUMBER, MEMBER(piece) },
    { "break", NUMBER, MEMBER(break_at) },
    { "heads", NUMBER, MEMBER(heads) },
    { "headbytes", NUMBER, MEMBER(head_bytes) },
    { "rst", NUMBER, MEMBER(rst) },
    { "text", TEXT, MEMBER(text) },
    { "hex", TEXT, MEMBER(hex) },
    { "header", TEXT, MEMBER(header) },
    { "headers", FLAG, MEMBER(echo) },
    { "echo", FLAG, MEMBER(echo) },
    { "echobody", FLAG, MEMBER(echo_body) },
    { "close", FLAG, MEMBER(close) },
    { "cut", FLAG, MEMBER(cut) },
    { "drop", FLAG, MEMBER(drop) },
    { "reset", FLAG, MEMBER(reset) },
    { "hang", FLAG, MEMBER(hang) },
    { "hold", FLAG, MEMBER(hold) },
    { "raw", FLAG, MEMBER(raw) },
    { "chunked", FLAG, MEMBER(chunked) },
    { "untilclose", FLAG, MEMBER(until_close) },
    { "refuse", FLAG, MEMBER(refuse) },
    { "relay", FLAG, MEMBER(relay) },
    { "sink", FLAG, MEMBER(sink) },
    { "early", FLAG, MEMBER(early) },
    { "stall", NUMBER, MEMBER(stall_ms) },
    { "dropat", NUMBER, MEMBER(drop_at) },
    { "trailer", TEXT, MEMBER(trailer) },
};

void plan_init(struct plan *plan)
{
    *plan = (struct plan){
        .status = 200, .piece = 1, .break_at = PLAN_NONE, .rst = PLAN_NONE, .drop_at = PLAN_NONE
    };
}

static const struct directive *directive_find(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        if (strlen(directives[i].name) == size && memcmp(directives[i].name, name, size) == 0) {
            return &directives[i];
        }
    }
    return NULL;
}

static void text_set(char *text, const char *value, size_t size)
{
    size = size < 255 ? size : 255;
    for (size_t i = 0; i < size; i++) {
        text[i] = value[i] == '+' ? ' ' : value[i];
    }
    text[size] = '\0';
}

static void directive_set(const struct directive *directive, struct plan *plan, const char *value,
                          size_t size)
{
    char *field = (char *)plan + directive->offset;

    switch (directive->kind) {
    case NUMBER: *(long *)(void *)field = strtol(value, NULL, 10); break;
    case FLAG: *(bool *)(void *)field = size != 1 || value[0] != '0'; break;
    case TEXT: text_set(field, value, size); break;
    }
}

bool plan_parse(struct plan *plan, const char *text)
{
    bool known = true;

    while (*(text += strspn(text, " &")) != '\0') {
        size_t size = strcspn(text, " &");
        size_t name = strcspn(text, " &=");
        const struct directive *directive = directive_find(text, name);
        size_t value = name < size ? name + 1 : size;

        known = known && directive != NULL;
        if (directive != NULL) {
            directive_set(directive, plan, text + value, size - value);
        }
        text += size;
    }
    return known;
}

bool plan_streams(const struct plan *plan)
{
    return plan->relay || plan->sink || plan->early;
}

void plan_parse_target(struct plan *plan, const char *target)
{
    const char *query = strchr(target, '?');
    size_t name = strcspn(target + 1, "/?");
    const struct directive *directive = directive_find(target + 1, name);

    if (directive != NULL) {
        const char *value = target + 1 + name + (target[1 + name] == '/');

        directive_set(directive, plan, value, strcspn(value, "/?"));
    }
    if (query != NULL) {
        plan_parse(plan, query + 1);
    }
}
