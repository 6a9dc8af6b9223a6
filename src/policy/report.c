/* SPDX-License-Identifier: Apache-2.0 */

/* What a reply says about its endpoint's load (ORCA, in headers or trailers), for
 * the balancers that choose by it; with Prequal by probe, the asking as well.
 *
 * A weight is read from any reply, as gRPC does: errors a second are in it. What
 * Prequal compares is not read from a failure, and an endpoint that mostly fails is
 * noted as failing: fast failures must not look like speed. */

#include "endpoint/report.h"
#include "policy/layers.h"
#include "policy/orca.h"
#include "policy/probe.h"

struct report_slot {
    struct view *view; /* the endpoint layer, above, uses it */
    bool heard;
};

static enum tulle_error report_prepare(const struct prepare *prepare, const void **config,
                                       bool *absent)
{
    enum balancer_kind kind =
        prepare->cluster ? prepare->cluster->balancer.kind : BALANCER_LEAST_REQUEST;

    (void)config;
    *absent = kind != BALANCER_WEIGHTED && kind != BALANCER_PREQUAL;
    return TULLE_OK;
}

/* A name has no address before the layer below has asked for it. */
static bool wants_probes(const struct cluster *cluster)
{
    const struct balancer_config *balancer = &cluster->balancer;

    return balancer->kind == BALANCER_PREQUAL && balancer->prequal.reports == PREQUAL_PROBE &&
           balancer->prequal.probe_path.size > 0 && cluster->discovery != DISCOVERY_LOGICAL_DNS;
}

static enum down report_on_call(struct tulle_call *call, size_t at)
{
    *(struct report_slot *)call_slot(call, at) = (struct report_slot){ .view = call->view };
    if (wants_probes(call_target(call)->cluster)) {
        tulle__probes_send(call);
    }
    return DOWN_PASS;
}

static void report_take(struct tulle_call *call, size_t at, struct load load)
{
    struct report_slot *slot = call_slot(call, at);

    slot->heard = true;
    live_count(call_target(call)->live, call->on->index, COUNT_LOAD_REPORTS);
    tulle__call_tell(call, at,
                     "load: cpu %.3g, application %.3g, qps %.3g, eps %.3g, rif %.3g, "
                     "latency %.3g ms (below 0: unsaid)",
                     load.cpu, load.application, load.qps, load.eps, load.rif, load.latency_ms);
    if (call->outcome.status >= 500) {
        load.rif = load.latency_ms = -1;
    }
    tulle__peer_report(slot->view->peer, &load, call_now(call));
}

/* Lines are "name NUL value NUL". */
static void report_find(struct tulle_call *call, size_t at, const struct buf *lines, size_t count)
{
    const struct report_slot *slot = call_slot(call, at);
    const char *line = lines->data;
    struct load load;

    for (size_t i = 0; i < count && !slot->heard; i++) {
        struct str name = str_of(line), value = str_of(line + name.size + 1);

        line = value.data + value.size + 1;
        switch (tulle__orca_read(name, value, &load)) {
        case ORCA_GOOD: report_take(call, at, load); break;
        case ORCA_BAD:
            live_count(call_target(call)->live, call->on->index, COUNT_LOAD_REPORTS_BAD);
            tulle__call_tell(call, at, "%s cannot be read", name.data);
            break;
        case ORCA_NONE:
        default: break;
        }
    }
}

static enum up report_on_reply(struct tulle_call *call, size_t at)
{
    const struct report_slot *slot = call_slot(call, at);

    if (call->outcome.error != TULLE_OK) {
        return UP_PASS;
    }
    if (call->connected_at != 0) {
        tulle__peer_report_back(slot->view->peer);
    }
    report_find(call, at, &call->reply.headers, call->reply.header_count);
    return UP_PASS;
}

static void report_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct report_slot *slot = call_slot(call, at);
    bool is_peers = outcome->origin != ORIGIN_HERE && outcome->origin != ORIGIN_CANCELLED;
    bool is_good = outcome->origin == ORIGIN_NONE && outcome->status < 500;

    if (outcome->error == TULLE_OK && !outcome->open) {
        report_find(call, at, &call->reply.trailers, call->reply.trailer_count);
    }
    if (outcome->origin == ORIGIN_TRANSPORT) {
        tulle__peer_report_lost(slot->view->peer);
    }
    if (is_peers) {
        tulle__peer_report_reply(slot->view->peer, is_good, call_now(call));
    }
}

const struct layer_type tulle__report_layer = {
    .name = "report",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct report_slot),
    .prepare = report_prepare,
    .on_call = report_on_call,
    .on_reply = report_on_reply,
    .on_end = report_on_end,
};
