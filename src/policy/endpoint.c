/* SPDX-License-Identifier: Apache-2.0 */

/* What an attempt teaches about its endpoint: requests in flight, latency, and
 * outlier detection. It learns from answers, timeouts and the transport; what
 * was refused here, cancelled or lost never touches an endpoint; of a lost race
 * the time it was given is known. */

#include "endpoint/latency.h"
#include "endpoint/outlier.h"
#include "endpoint/past.h"
#include "policy/layers.h"
#include "stack/call.h"

struct endpoint_slot {
    struct view *view;
    int64_t started_at;
    bool sampled;
};

static enum verdict verdict_of(const struct outcome *outcome)
{
    switch (outcome->origin) {
    case ORIGIN_HERE:
    case ORIGIN_CANCELLED: return VERDICT_NONE;
    case ORIGIN_TIMEOUT:
    case ORIGIN_TRANSPORT: return VERDICT_LOCAL;
    case ORIGIN_PEER: return VERDICT_5XX;
    case ORIGIN_NONE:
    default: break;
    }
    if (outcome->status < 500) {
        return outcome->status == 429 ? VERDICT_LIMITED : VERDICT_SUCCESS;
    }
    return outcome->status >= 502 && outcome->status <= 504 ? VERDICT_GATEWAY : VERDICT_5XX;
}

static bool balancer_reads_latency(const struct balancer_config *config)
{
    return config->kind == BALANCER_PEAK_EWMA ||
           (config->kind == BALANCER_PREQUAL && config->prequal.reports == PREQUAL_LOCAL);
}

static void latency_learn(struct tulle_call *call, const struct target *target,
                          struct endpoint_slot *slot, enum verdict verdict)
{
    const struct cluster *cluster = target->cluster;
    int64_t now = call_now(call), took = now - slot->started_at;

    if (slot->sampled || verdict == VERDICT_NONE) {
        return;
    }
    slot->sampled = true;
    if (balancer_reads_latency(&cluster->balancer)) {
        tulle__latency_learn(&slot->view->peer->latency, &cluster->balancer, took,
                             verdict_is_failure(verdict), now);
    }
    if (cluster->outlier.latency.factor > 0 && !verdict_is_failure(verdict)) {
        tulle__outlier_time(slot->view, took);
    }
}

/* Who has lost a race has neither succeeded nor failed, but took at least so long:
 * an endpoint whose slow answers are all cut must not look fast. A hedge is cut
 * early, which makes nobody look fast either. */
static void latency_at_least(struct tulle_call *call, const struct cluster *cluster,
                             struct endpoint_slot *slot)
{
    struct ewma *latency = &slot->view->peer->latency;
    int64_t now = call_now(call), took = now - slot->started_at;
    double known = tulle__ewma_read(latency, cluster->balancer.ewma_tau_ns, now);

    if (slot->sampled) {
        return;
    }
    if (balancer_reads_latency(&cluster->balancer) && (double)took > known &&
        (known > 0 || !call->parent)) {
        tulle__ewma_add(latency, took, cluster->balancer.ewma_tau_ns, now);
    }
    if (cluster->outlier.latency.factor > 0 && !call->parent) {
        tulle__outlier_time_at_least(slot->view, took);
    }
}

static enum down endpoint_on_call(struct tulle_call *call, size_t at)
{
    struct endpoint_slot *slot = call_slot(call, at);

    slot->view = call->view;
    slot->started_at = call_now(call);
    view_use(slot->view);
    atomic_fetch_add_explicit(&slot->view->peer->in_flight, 1, memory_order_relaxed);
    return DOWN_PASS;
}

static bool reply_declines(const struct tulle_call *call)
{
    const char *line = call->reply.headers.data;

    for (size_t i = 0; i < call->reply.header_count; i++) {
        struct str name = str_of(line), value = str_of(line + name.size + 1);

        if (tulle__str_equal_nocase(name, STR("x-envoy-immediate-health-check-fail"))) {
            return true;
        }
        line = value.data + value.size + 1;
    }
    return false;
}

/* Of one that is asked how it is, as Envoy's router: it is as if a check had failed. */
static void decline_hear(struct tulle_call *call, struct cluster_live *live, struct view *view)
{
    struct past *past = view_past(view);

    if (past != NULL && reply_declines(call)) {
        atomic_store_explicit(&past->declined, true, memory_order_relaxed);
        atomic_store_explicit(&live->declined, true, memory_order_release);
        call->on->poke(call->on);
    }
}

static enum up endpoint_on_reply(struct tulle_call *call, size_t at)
{
    const struct target *target = call_target(call);

    if (target->cluster->check_count > 0) {
        decline_hear(call, target->live, ((struct endpoint_slot *)call_slot(call, at))->view);
    }
    latency_learn(call, target, call_slot(call, at), verdict_of(&call->outcome));
    return UP_PASS;
}

static void endpoint_count(const struct endpoint_slot *slot, enum verdict verdict)
{
    if (verdict == VERDICT_NONE) {
        return;
    }
    atomic_fetch_add_explicit(&slot->view->requests, 1, memory_order_relaxed);
    if (verdict_is_failure(verdict)) {
        atomic_fetch_add_explicit(&slot->view->failures, 1, memory_order_relaxed);
    }
}

/* With local-origin errors split, Envoy hears of the connection first, and that
 * ends a row: what breaks on a connection that stood is never the second. */
static bool verdict_needs_connected(const struct target *target, const struct outcome *outcome,
                                    enum verdict verdict)
{
    return target->cluster->outlier.split_local_origin && verdict == VERDICT_LOCAL &&
           outcome->progress != TULLE_NOTHING_SENT;
}

/* The attempt that tried an endpoint says last what came of that. */
static void outlier_tell(struct tulle_call *call, size_t at, const struct outcome *outcome,
                         enum verdict verdict)
{
    const struct target *target = call_target(call);
    const struct outlier_config *config = &target->cluster->outlier;
    struct view *view = ((struct endpoint_slot *)call_slot(call, at))->view;
    const struct log *log = call->on->log;
    size_t loop = call->on->index;
    int64_t now = call_now(call);
    bool changed;

    if (verdict_needs_connected(target, outcome, verdict)) {
        (void)tulle__outlier_record(target->live, loop, view, config, VERDICT_CONNECTED, log, now);
    }
    changed = tulle__outlier_record(target->live, loop, view, config, verdict, log, now);
    if (call->trial) {
        call->trial = false;
        changed = tulle__outlier_trial_end(target->live, loop, view, config, verdict, log, now) ||
                  changed;
    }
    if (changed) {
        tulle__call_tell(call, at, "%s is %s", call->scratch->endpoint,
                         atomic_load_explicit(&view->gate, memory_order_relaxed) == GATE_READY
                             ? "back"
                             : "ejected");
        call->on->poke(call->on);
    }
}

static void endpoint_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    const struct target *target = call_target(call);
    struct endpoint_slot *slot = call_slot(call, at);
    enum verdict verdict = verdict_of(outcome);

    latency_learn(call, target, slot, verdict);
    if (outcome->lost) {
        latency_at_least(call, target->cluster, slot);
    }
    endpoint_count(slot, verdict);
    if (outcome->connect_failure) {
        live_count(target->live, call->on->index, COUNT_CONNECT_FAIL);
    }
    outlier_tell(call, at, outcome, verdict);
    atomic_fetch_sub_explicit(&slot->view->peer->in_flight, 1, memory_order_relaxed);
    view_release(slot->view);
}

const struct layer_type tulle__endpoint_layer = {
    .name = "endpoint",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct endpoint_slot),
    .on_call = endpoint_on_call,
    .on_reply = endpoint_on_reply,
    .on_end = endpoint_on_end,
};
