/* SPDX-License-Identifier: Apache-2.0 */

#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void exchange_fire(struct timer *timer)
{
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, timer);

    exchange->answer(exchange);
}

static void exchange_count(struct exchange *exchange)
{
    struct host *host = exchange->conn->host;
    struct host_counts *counts = &host->counts;

    exchange->count = ++counts->requests;
    exchange->conn->requests++;
    exchange->begun = true;
    counts->in_flight++;
    if (counts->in_flight > counts->in_flight_max) {
        counts->in_flight_max = counts->in_flight;
    }
    if (!host->quiet) {
        host_note(host, "request %lu %s %s key=%s body=%zu", (unsigned long)exchange->conn->number,
                  exchange->method.data, exchange->target.data,
                  exchange->key.size > 0 ? exchange->key.data : "-",
                  exchange->got > 0 ? exchange->got : exchange->body.size);
    }
}

void exchange_begin(struct exchange *exchange)
{
    struct host *host = exchange->conn->host;
    struct plan *plan = &exchange->plan;

    host_plan(host, exchange->target.data, plan);
    exchange_count(exchange);
    exchange->timer.fire = exchange_fire;
    if (plan->drop) {
        conn_close(exchange->conn);
        return;
    }
    if (plan->reset) {
        conn_reset(exchange->conn);
        return;
    }
    if (plan->hang) {
        return;
    }
    if (plan->hold) {
        link_append(&host->held, &exchange->held);
        return;
    }
    if (plan->delay_ms > 0) {
        timer_set(&host->loop, &exchange->timer, now_ns() + plan->delay_ms * 1000000);
        return;
    }
    exchange->answer(exchange);
}

void exchange_release(struct host *host)
{
    struct link all;

    if (link_is_empty(&host->held)) {
        return;
    }
    link_append(&host->held, &all);
    link_remove(&host->held);
    while (!link_is_empty(&all)) {
        struct exchange *exchange = CONTAINER_OF(all.next, struct exchange, held);

        link_remove(&exchange->held);
        exchange->answer(exchange);
    }
}

void exchange_end(struct exchange *exchange)
{
    if (exchange->begun) {
        exchange->begun = false;
        exchange->conn->host->counts.in_flight--;
    }
    timer_cancel(&exchange->conn->host->loop, &exchange->timer);
    link_remove(&exchange->held);
    exchange->method.size = 0;
    exchange->target.size = 0;
    exchange->key.size = 0;
    exchange->head.size = 0;
    exchange->body.size = 0;
    exchange->trailers.size = 0;
    exchange->got = 0;
}

void exchange_fini(struct exchange *exchange)
{
    exchange_end(exchange);
    buf_free(&exchange->method);
    buf_free(&exchange->target);
    buf_free(&exchange->key);
    buf_free(&exchange->head);
    buf_free(&exchange->body);
    buf_free(&exchange->trailers);
}

static void hex_add(struct buf *out, const char *hex)
{
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        const char pair[] = { hex[0], hex[1], '\0' };
        char byte = (char)strtol(pair, NULL, 16);

        buf_add(out, &byte, 1);
    }
}

void exchange_body(const struct exchange *exchange, struct buf *out)
{
    const struct plan *plan = &exchange->plan;

    if (plan->echo) {
        buf_add(out, exchange->head.data, exchange->head.size);
        return;
    }
    if (plan->echo_body) {
        buf_add(out, exchange->body.data, exchange->body.size);
        return;
    }
    if (plan->sink) {
        buf_format(out, "%zu\n", exchange->got);
        buf_add(out, exchange->trailers.data, exchange->trailers.size);
        return;
    }
    if (plan->body > 0) {
        buf_fill(out, 'x', (size_t)plan->body);
        return;
    }
    hex_add(out, plan->hex);
    buf_add(out, plan->text, strlen(plan->text));
}

void exchange_headers(const struct exchange *exchange,
                      void (*add)(void *user, const char *name, const char *value), void *user)
{
    const struct plan *plan = &exchange->plan;
    struct buf text = { 0 };

    add(user, "x-served-by", exchange->conn->address);
    buf_format(&text, "%lu", (unsigned long)exchange->count);
    add(user, "x-request-count", text.data);
    text.size = 0;
    buf_format(&text, "%lu", (unsigned long)exchange->conn->number);
    add(user, "x-connection", text.data);
    for (long i = 0; i < plan->heads; i++) {
        char name[32];

        snprintf(name, sizeof(name), "x-more-%ld", i);
        add(user, name, "more");
    }
    if (plan->head_bytes > 0) {
        text.size = 0;
        buf_fill(&text, 'h', (size_t)plan->head_bytes);
        add(user, "x-long", text.data);
    }
    if (strchr(plan->header, ':') != NULL) {
        char name[256];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(plan->header, ":"), plan->header);
        add(user, name, strchr(plan->header, ':') + 1);
    }
    buf_free(&text);
}
