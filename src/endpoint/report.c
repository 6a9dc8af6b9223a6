/* SPDX-License-Identifier: Apache-2.0 */

/* Weights are kept as A58's formula needs them, apart from the penalty, which is
 * the cluster's: qps / (u + e/q * p) = 1 / (u/q + e/q^2 * p). Loops overwrite each
 * other without harm: every report is true, and the next comes soon. */

#include "endpoint/report.h"

#include <float.h>
#include <string.h>

#include "base/clock.h"
#include "endpoint/lines.h"

/* Each reply counts a sixteenth; a failing endpoint is asked again after the pause. */
#define FAILING_STEP  0.0625F
#define FAILING_SHARE 0.25F
#define FAILING_PAUSE (10 * NS_PER_S)

static uint64_t pair_pack(double a, double b)
{
    float pair[2] = { (float)a, (float)b };
    uint64_t word;

    memcpy(&word, pair, sizeof(word));
    return word;
}

static void pair_unpack(uint64_t word, float pair[2])
{
    memcpy(pair, &word, sizeof(word));
}

static struct load_report *report_of(const struct peer *peer)
{
    return atomic_load_explicit(&peer->report, memory_order_acquire);
}

bool tulle__peer_want_report(struct peer *peer)
{
    struct load_report *made;

    if (report_of(peer) != NULL) {
        return true;
    }
    made = tulle__lines_alloc(sizeof(*made));
    if (made == NULL) {
        return false;
    }
    atomic_init(&made->shared_at, NEVER);
    atomic_init(&made->said_since, NEVER);
    atomic_init(&made->heated_at, NEVER);
    atomic_init(&made->failed_at, NEVER);
    atomic_store_explicit(&peer->report, made, memory_order_release);
    return true;
}

/* A58: a report without utilization or queries leaves the weight as it is. */
static void report_share(struct load_report *report, const struct load *load, int64_t now)
{
    double used = load->application > 0 ? load->application : load->cpu;
    double errors = load->eps > 0 ? load->eps : 0;

    if (!(used > 0) || !(load->qps > 0)) {
        return;
    }
    if (atomic_load_explicit(&report->said_since, memory_order_relaxed) == NEVER) {
        atomic_store_explicit(&report->said_since, now, memory_order_relaxed);
    }
    atomic_store_explicit(&report->share,
                          pair_pack(used / load->qps, errors / (load->qps * load->qps)),
                          memory_order_relaxed);
    atomic_store_explicit(&report->shared_at, now, memory_order_relaxed);
}

void tulle__peer_report(struct peer *peer, const struct load *load, int64_t now)
{
    struct load_report *report = report_of(peer);

    if (report == NULL) {
        return;
    }
    report_share(report, load, now);
    if (!(load->rif >= 0) || !(load->latency_ms >= 0)) {
        return;
    }
    atomic_store_explicit(&report->own,
                          atomic_load_explicit(&peer->in_flight, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&report->heat, pair_pack(load->rif, load->latency_ms * NS_PER_MS),
                          memory_order_relaxed);
    atomic_store_explicit(&report->heated_at, now, memory_order_relaxed);
}

void tulle__peer_report_reply(struct peer *peer, bool is_good, int64_t now)
{
    struct load_report *report = report_of(peer);
    float share;

    if (report == NULL) {
        return;
    }
    share = atomic_load_explicit(&report->failing, memory_order_relaxed);
    if (is_good && share == 0) {
        return; /* the usual case writes nothing */
    }
    share += ((is_good ? 0.0F : 1.0F) - share) * FAILING_STEP;
    atomic_store_explicit(&report->failing, share < 0.001F ? 0 : share, memory_order_relaxed);
    if (!is_good) {
        atomic_store_explicit(&report->failed_at, now, memory_order_relaxed);
    }
}

void tulle__peer_report_lost(struct peer *peer)
{
    struct load_report *report = report_of(peer);

    if (report != NULL) {
        atomic_store_explicit(&report->lost, true, memory_order_relaxed);
    }
}

void tulle__peer_report_back(struct peer *peer)
{
    struct load_report *report = report_of(peer);

    if (report != NULL && atomic_load_explicit(&report->lost, memory_order_relaxed)) {
        atomic_store_explicit(&report->lost, false, memory_order_relaxed);
        atomic_store_explicit(&report->said_since, NEVER, memory_order_relaxed);
    }
}

double tulle__peer_weight(const struct peer *peer, const struct weighted_config *config,
                          int64_t now)
{
    struct load_report *report = report_of(peer);
    int64_t at, since;
    double weight;
    float share[2];

    at = report ? atomic_load_explicit(&report->shared_at, memory_order_relaxed) : NEVER;
    if (at == NEVER) {
        return 0;
    }
    if (now - at >= config->expiration_ns) {
        atomic_store_explicit(&report->said_since, NEVER, memory_order_relaxed);
        return 0;
    }
    since = atomic_load_explicit(&report->said_since, memory_order_relaxed);
    if (config->blackout_ns > 0 && now - since < config->blackout_ns) {
        return 0;
    }
    pair_unpack(atomic_load_explicit(&report->share, memory_order_relaxed), share);
    weight = 1000.0 / (1000.0 * (double)share[0] + (double)share[1] * config->error_penalty);
    return weight > 0 && weight <= DBL_MAX ? weight : 0; /* what was said may be absurd */
}

bool tulle__peer_is_failing(const struct peer *peer, int64_t now)
{
    struct load_report *report = report_of(peer);

    return report != NULL &&
           atomic_load_explicit(&report->failing, memory_order_relaxed) > FAILING_SHARE &&
           now - atomic_load_explicit(&report->failed_at, memory_order_relaxed) < FAILING_PAUSE;
}

bool tulle__peer_heat(const struct peer *peer, int64_t age, int64_t now, struct heat *out)
{
    struct load_report *report = report_of(peer);
    unsigned own, in_flight;
    float heat[2];

    out->at = report ? atomic_load_explicit(&report->heated_at, memory_order_relaxed) : NEVER;
    if (out->at == NEVER || now - out->at > age) {
        return false;
    }
    pair_unpack(atomic_load_explicit(&report->heat, memory_order_relaxed), heat);
    own = atomic_load_explicit(&report->own, memory_order_relaxed);
    in_flight = atomic_load_explicit(&peer->in_flight, memory_order_relaxed);
    heat[0] += (float)in_flight - (float)own;
    out->rif = heat[0] > 0 ? heat[0] : 0;
    out->latency_ns = heat[1];
    out->failing = tulle__peer_is_failing(peer, now);
    return true;
}
