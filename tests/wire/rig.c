/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/test.h"

static void rig_ref(struct connection_limit *limit)
{
    CONTAINER_OF(limit, struct rig, limit)->limit_refs++;
}

static void rig_unref(struct connection_limit *limit)
{
    CONTAINER_OF(limit, struct rig, limit)->limit_refs--;
}

static void rig_wanted(struct connection_limit *limit, struct loop *loop)
{
    (void)loop;
    CONTAINER_OF(limit, struct rig, limit)->wanted++;
}

static void rig_freed(struct connection_limit *limit, struct loop *loop)
{
    struct rig *rig = CONTAINER_OF(limit, struct rig, limit);

    (void)loop;
    rig->freed++;
    rig->transport->type->retry(rig->transport, limit);
}

bool rig_try_init(struct rig *rig, const char *ca_file)
{
    struct transport_options options = { .loop = &rig->loop, .ca_file = ca_file };

    *rig = (struct rig){
        .limit = { .ref = rig_ref, .unref = rig_unref, .wanted = rig_wanted, .freed = rig_freed }
    };
    if (!tulle__loop_init(&rig->loop, &tulle__world)) {
        return false;
    }
    rig->transport = tulle__curl_transport.open_transport(&options);
    if (!rig->transport) {
        tulle__loop_fini(&rig->loop);
    }
    return rig->transport != NULL;
}

void rig_init(struct rig *rig, const char *ca_file)
{
    assert_true(rig_try_init(rig, ca_file));
}

void rig_fini(struct rig *rig)
{
    tulle__curl_transport.close_transport(rig->transport);
    tulle__loop_fini(&rig->loop);
    assert_int_equal(rig->limit_refs, 0);
    assert_int_equal(atomic_load(&rig->limit.open), 0);
    assert_int_equal(atomic_load(&rig->limit.waiting), 0);
}

static void rig_drained(void *user)
{
    ((struct rig *)user)->drained++;
}

struct pool *rig_pool(struct rig *rig, const char *address, enum protocol protocol)
{
    struct pool_spec spec = {
        .address = str_of(address), .protocol = protocol, .user = rig, .drained = rig_drained
    };
    struct pool *pool = tulle__curl_transport.open(rig->transport, &spec);

    assert_non_null(pool);
    return pool;
}

static bool rig_act(struct rig_call *call, enum rig_moment moment)
{
    if (call->act_at != moment || !call->act) {
        return false;
    }
    call->act_at = 0;
    call->act(call);
    return true;
}

static bool rig_header(struct exchange *exchange, struct str name, struct str value)
{
    struct rig_call *call = CONTAINER_OF(exchange, struct rig_call, exchange);
    size_t at = strlen(call->headers);

    snprintf(call->headers + at, sizeof(call->headers) - at, "%.*s: %.*s\n", STR_ARG(name),
             STR_ARG(value));
    if (rig_act(call, RIG_HEADER)) {
        return true;
    }
    return call->headers_max == 0 || strlen(call->headers) <= call->headers_max;
}

static void rig_head(struct exchange *exchange, int status, bool is_http2)
{
    struct rig_call *call = CONTAINER_OF(exchange, struct rig_call, exchange);

    call->heads++;
    call->status = status;
    call->is_http2 = is_http2;
    rig_act(call, RIG_HEAD);
}

static enum body_taken rig_body(struct exchange *exchange, const char *data, size_t size)
{
    struct rig_call *call = CONTAINER_OF(exchange, struct rig_call, exchange);

    call->body = realloc(call->body, call->body_size + size + 1);
    memcpy(call->body + call->body_size, data, size);
    call->body_size += size;
    call->body[call->body_size] = '\0';
    if (rig_act(call, RIG_BODY)) {
        return BODY_TAKEN;
    }
    return call->body_max == 0 || call->body_size <= call->body_max ? BODY_TAKEN : BODY_TOO_LARGE;
}

static void rig_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct rig_call *call = CONTAINER_OF(exchange, struct rig_call, exchange);

    call->ends++;
    call->end = *end;
    call->ended_at = call->rig->loop.now;
    snprintf(call->text, sizeof(call->text), "%s", end->text ? end->text : "");
    rig_act(call, RIG_END);
}

static void rig_sent(struct exchange *exchange)
{
    CONTAINER_OF(exchange, struct rig_call, exchange)->sent++;
}

const struct exchange_events rig_events = {
    .sent = rig_sent,
    .header = rig_header,
    .head = rig_head,
    .body = rig_body,
    .end = rig_end,
};

void rig_call_init(struct rig_call *call, struct rig *rig, const char *url)
{
    *call = (struct rig_call){ .rig = rig };
    snprintf(call->url, sizeof(call->url), "%s", url);
    call->exchange = (struct exchange){ .events = &rig_events,
                                        .method = STR("GET"),
                                        .url = str_of(call->url),
                                        .headers = call->lines,
                                        .connect_timeout_ns = 5 * NS_PER_S,
                                        .idle_timeout_ns = 3600 * NS_PER_S,
                                        .connections = &rig->limit,
                                        .connections_max = LIMIT_NONE };
}

void rig_call_fini(struct rig_call *call)
{
    free(call->body);
    call->body = NULL;
}

void rig_start(struct rig_call *call, struct pool *pool)
{
    call->pool = pool;
    call->exchange.url = str_of(call->url);
    tulle__curl_transport.start(pool, &call->exchange);
}

void rig_wait(struct rig *rig, struct rig_call *calls, size_t count)
{
    int64_t due = test_now() + 20 * NS_PER_S;

    for (size_t i = 0; i < count; i++) {
        while (calls[i].ends == 0) {
            assert_true(test_now() < due);
            tulle__loop_round(&rig->loop, due);
        }
    }
}

void rig_run(struct rig *rig, int64_t time_ns)
{
    int64_t due = test_now() + time_ns;

    while (test_now() < due) {
        tulle__loop_round(&rig->loop, due);
    }
}

void rig_call(struct rig_call *call, struct rig *rig, struct pool *pool, const char *url)
{
    rig_call_init(call, rig, url);
    rig_start(call, pool);
    rig_wait(rig, call, 1);
}
