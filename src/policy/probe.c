/* SPDX-License-Identifier: Apache-2.0 */

/* A probe is an exchange without a call. It ends when it was answered, when it
 * failed, when its time is over or when its loop closes. What it says counts when
 * its head is there; its body is of no use and bounded.
 *
 * Its time is over in two steps: a loop that nobody ran for a while finds the timer
 * due and the answer in the socket, and looks at timers first. So the timer comes
 * once more, behind the descriptors of that round. An answer that came late is told
 * to be as old as it may be. */

#include "policy/probe.h"

#include <stdio.h>

#include "balance/prequal.h"
#include "base/alloc.h"
#include "endpoint/report.h"
#include "policy/orca.h"

enum { HEAD_SIZE_MAX = 16 * 1024, BODY_SIZE_MAX = 4 * 1024, STATUS_GOOD = 200, STATUS_MORE = 300 };

struct probe_trip {
    struct exchange exchange;
    struct timer timer;
    struct list node; /* in call_loop.probes */
    struct call_loop *on;
    struct cluster_live *live; /* a reference */
    struct view *view;         /* used */
    int64_t started_at, limit_ns;
    size_t head_size, body_size;
    struct load load;
    bool has_load, is_overdue;
    char url[];
};

static struct probe_trip *trip_of(struct exchange *exchange)
{
    return CONTAINER_OF(exchange, struct probe_trip, exchange);
}

static void trip_free(struct probe_trip *trip)
{
    tulle__timer_disarm(trip->on->loop, &trip->timer);
    tulle__loop_release_timers(trip->on->loop, 1);
    list_remove(&trip->node);
    view_release(trip->view);
    tulle__live_unref(trip->live);
    tulle__free(trip);
}

static void trip_cancel(struct probe_trip *trip)
{
    trip->on->transport->type->cancel(&trip->exchange);
    live_count(trip->live, trip->on->index, COUNT_PROBES_LOST);
    trip_free(trip);
}

static void trip_time_over(struct timer *timer, int64_t now)
{
    struct probe_trip *trip = CONTAINER_OF(timer, struct probe_trip, timer);

    if (trip->is_overdue) {
        trip_cancel(trip);
        return;
    }
    trip->is_overdue = true;
    tulle__timer_arm(trip->on->loop, timer, now + 1);
}

static void trip_sent(struct exchange *exchange)
{
    (void)exchange;
}

static bool trip_header(struct exchange *exchange, struct str name, struct str value)
{
    struct probe_trip *trip = trip_of(exchange);

    trip->head_size += name.size + value.size;
    if (tulle__orca_read(name, value, &trip->load) == ORCA_GOOD) {
        trip->has_load = true;
    }
    return trip->head_size <= HEAD_SIZE_MAX;
}

static void trip_head(struct exchange *exchange, int status, bool is_http2)
{
    struct probe_trip *trip = trip_of(exchange);
    struct call_loop *on = trip->on;
    int64_t now = on->loop->now, latest = time_add(trip->started_at, trip->limit_ns);
    struct pick pick = { .loop = on->index, .rand = &on->rand, .now = now };

    (void)is_http2;
    if (!trip->has_load || status < STATUS_GOOD || status >= STATUS_MORE) {
        trip->has_load = false;
        return;
    }
    tulle__peer_report(trip->view->peer, &trip->load, now < latest ? now : latest);
    tulle__prequal_hear(trip->live, &pick, trip->view);
}

static enum body_taken trip_body(struct exchange *exchange, const char *data, size_t size)
{
    struct probe_trip *trip = trip_of(exchange);

    (void)data;
    trip->body_size += size;
    return trip->body_size <= BODY_SIZE_MAX ? BODY_TAKEN : BODY_TOO_LARGE;
}

static void trip_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct probe_trip *trip = trip_of(exchange);
    bool is_answered = trip->has_load && (end->error == TULLE_OK || end->truncated);

    if (end->error == TULLE_E_NETWORK || end->error == TULLE_E_TIMEOUT) {
        tulle__peer_report_lost(trip->view->peer);
    }
    live_count(trip->live, trip->on->index,
               is_answered ? COUNT_PROBES_ANSWERED : COUNT_PROBES_LOST);
    trip_free(trip);
}

static const struct exchange_events trip_events = {
    .sent = trip_sent,
    .header = trip_header,
    .head = trip_head,
    .body = trip_body,
    .end = trip_end,
};

/* NULL: no memory. */
static struct probe_trip *trip_new(const struct tulle_call *call, struct view *view)
{
    const struct url *url = &call->url;
    const struct prequal_config *config = &call_target(call)->cluster->balancer.prequal;
    size_t room = sizeof("https://") + url->authority.size + config->probe_path.size;
    struct probe_trip *trip = tulle__alloc_zero(1, sizeof(*trip) + room);

    if (trip == NULL) {
        return NULL;
    }
    if (!tulle__loop_reserve_timers(call->on->loop, 1)) {
        tulle__free(trip);
        return NULL;
    }
    snprintf(trip->url, room, "%s://%.*s%.*s", url->is_https ? "https" : "http",
             STR_ARG(url->authority), STR_ARG(config->probe_path));
    trip->on = call->on;
    trip->view = view;
    trip->started_at = call_now(call);
    trip->limit_ns = config->probe_limit_ns;
    trip->timer.fire = trip_time_over;
    return trip;
}

static void trip_start(struct probe_trip *trip, const struct target *target, struct pool *pool)
{
    struct call_loop *on = trip->on;

    trip->exchange = (struct exchange){
        .events = &trip_events,
        .method = STR("GET"),
        .url = str_of(trip->url),
        .connect_timeout_ns = trip->limit_ns,
        .idle_timeout_ns = target->cluster->idle_timeout_ns,
        .connections = &target->live->connections,
        .connections_max = target->cluster->limits.max_connections,
        .endpoint_connections_max = target->cluster->limits.endpoint_max_connections,
    };
    trip->live = tulle__live_ref(target->live);
    view_use(trip->view);
    list_add_last(&on->probes, &trip->node);
    tulle__timer_arm(on->loop, &trip->timer, time_add(trip->started_at, trip->limit_ns));
    on->transport->type->start(pool, &trip->exchange);
}

static void probe_send(struct tulle_call *call, struct view *view)
{
    struct pool *pool = call->on->pool_of(call->on, view->peer);
    struct probe_trip *trip = pool != NULL ? trip_new(call, view) : NULL;

    if (trip != NULL) {
        trip_start(trip, call_target(call), pool);
    }
}

void tulle__probes_send(struct tulle_call *call)
{
    struct view *views[PREQUAL_TARGETS_MAX];
    struct pick pick = { .loop = call->on->index, .rand = &call->on->rand, .now = call_now(call) };
    size_t count = tulle__prequal_targets(call_target(call)->live, &pick, call->view, views);

    if (call->on->probes.next == NULL) {
        list_init(&call->on->probes);
    }
    for (size_t i = 0; i < count; i++) {
        probe_send(call, views[i]);
    }
}

void tulle__probes_cancel(struct call_loop *on)
{
    struct list *node;

    while (on->probes.next != NULL && (node = list_first(&on->probes)) != NULL) {
        trip_cancel(CONTAINER_OF(node, struct probe_trip, node));
    }
}
