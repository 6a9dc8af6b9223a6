/* SPDX-License-Identifier: Apache-2.0 */

/* What each result of an attempt changes. Rows are counted by whoever has a
 * result, so exactly one loop sees a row reach its threshold (Envoy compares for
 * equality too). */

#include "endpoint/outlier.h"

#include "base/clock.h"
#include "endpoint/eject.h"
#include "endpoint/success_rate.h"

#include <stdio.h>

enum { WHY_SIZE = 128, NS_PER_US = 1000 };

static bool row_reaches(atomic_uint *row, uint32_t threshold)
{
    return atomic_fetch_add_explicit(row, 1, memory_order_relaxed) + 1 == threshold;
}

/* --- rows --- */

struct row {
    enum outlier_kind kind;
    atomic_uint *failures;
    uint32_t threshold, enforcing;
    const char *name;
};

/* One failure of a kind. Its row starts anew, ejected or not. */
static bool row_charge(struct cluster_live *live, struct view *view,
                       const struct outlier_config *config, const struct row *row,
                       const struct witness *by)
{
    char why[WHY_SIZE];
    bool ejected;

    if (!row_reaches(row->failures, row->threshold) || !view_may_eject(view)) {
        return false;
    }
    snprintf(why, sizeof(why), "%s %u times in a row", row->name, row->threshold);
    ejected = tulle__view_eject(live, view, config,
                                &(struct finding){ row->kind, row->enforcing, why }, by);
    row_reset(row->failures);
    return ejected;
}

static bool charge_5xx(struct cluster_live *live, struct view *view,
                       const struct outlier_config *config, const struct witness *by)
{
    const struct row row = { OUTLIER_5XX, &view_past(view)->row_5xx, config->consecutive_5xx,
                             config->enforcing_5xx, "5xx" };

    return row_charge(live, view, config, &row, by);
}

static bool charge_gateway(struct cluster_live *live, struct view *view,
                           const struct outlier_config *config, const struct witness *by)
{
    const struct row row = { OUTLIER_GATEWAY, &view_past(view)->row_gateway,
                             config->consecutive_gateway, config->enforcing_gateway,
                             "gateway error" };

    return row_charge(live, view, config, &row, by);
}

static bool charge_local(struct cluster_live *live, struct view *view,
                         const struct outlier_config *config, const struct witness *by)
{
    const struct row row = { OUTLIER_LOCAL, &view_past(view)->row_local,
                             config->consecutive_local_origin, config->enforcing_local_origin,
                             "local failure" };

    return row_charge(live, view, config, &row, by);
}

/* --- what an interval counts --- */

static void monitor_add(atomic_uint_least64_t *monitor, uint64_t what)
{
    atomic_fetch_add_explicit(monitor, what, memory_order_relaxed);
}

/* With split, the connection is a local success of its own: Envoy hears of it
 * first, and then of the answer. */
static void monitors_note(struct view *view, const struct outlier_config *config,
                          enum verdict verdict)
{
    struct window *window = view_window(view);
    bool is_local = verdict == VERDICT_LOCAL || verdict == VERDICT_CONNECTED;

    if (window == NULL) {
        return;
    }
    if (config->split_local_origin) {
        monitor_add(&window->local, verdict == VERDICT_LOCAL ? MONITOR_REQUEST : MONITOR_SUCCESS);
    }
    if (verdict == VERDICT_CONNECTED || (is_local && config->split_local_origin)) {
        return;
    }
    monitor_add(&window->external, verdict_is_failure(verdict) ? MONITOR_REQUEST : MONITOR_SUCCESS);
}

void tulle__outlier_time(struct view *view, int64_t took_ns)
{
    struct window *window = view_window(view);

    if (window == NULL || took_ns < 0) {
        return;
    }
    monitor_add(&window->latency_us, (uint64_t)(took_ns / NS_PER_US));
    monitor_add(&window->answers, 1);
}

void tulle__outlier_time_at_least(struct view *view, int64_t took_ns)
{
    struct window *window = view_window(view);
    uint64_t sum, answers;

    if (window == NULL || took_ns < 0) {
        return;
    }
    sum = atomic_load_explicit(&window->latency_us, memory_order_relaxed);
    answers = atomic_load_explicit(&window->answers, memory_order_relaxed);
    if ((uint64_t)(took_ns / NS_PER_US) * answers >= sum) {
        tulle__outlier_time(view, took_ns);
    }
}

/* --- the kinds --- */

static bool envoy_record(struct cluster_live *live, struct view *view,
                         const struct outlier_config *config, enum verdict verdict,
                         const struct witness *by)
{
    bool is_gateway = verdict == VERDICT_GATEWAY || verdict == VERDICT_LOCAL;
    bool ejected = false;

    monitors_note(view, config, verdict);
    if (config->split_local_origin) {
        if (verdict == VERDICT_LOCAL) {
            return charge_local(live, view, config, by);
        }
        row_reset(&view_past(view)->row_local);
    }
    if (verdict == VERDICT_CONNECTED) {
        return false;
    }
    if (!is_gateway) {
        row_reset(&view_past(view)->row_gateway);
    }
    if (!verdict_is_failure(verdict)) {
        row_reset(&view_past(view)->row_5xx);
        return false;
    }
    if (is_gateway) {
        ejected = charge_gateway(live, view, config, by);
    }
    return charge_5xx(live, view, config, by) || ejected;
}

/* What comes while it is shut or tried is ignored, but for the trial itself. */
static bool breaker_record(struct cluster_live *live, struct view *view,
                           const struct outlier_config *config, enum verdict verdict,
                           const struct witness *by)
{
    struct window *window = view_window(view);
    struct breaker_sum sum;
    char why[WHY_SIZE];

    if (window == NULL || verdict == VERDICT_CONNECTED || !view_is_named(view) ||
        word_load(&view->gate) != GATE_READY) {
        return false;
    }
    sum =
        tulle__breaker_add(&window->breaker, &config->breaker, verdict == VERDICT_SUCCESS, by->now);
    if (!breaker_trips(&config->breaker, sum)) {
        return false;
    }
    snprintf(why, sizeof(why), "success rate %.1f %% of %u requests, below %.1f %%",
             sum.successes * 100.0 / sum.requests, sum.requests,
             config->breaker.success_rate / 10.0);
    return tulle__view_trip(live, view, config, GATE_READY, why, by);
}

bool tulle__outlier_record(struct cluster_live *live, size_t loop, struct view *view,
                           const struct outlier_config *config, enum verdict verdict,
                           const struct log *log, int64_t now)
{
    const struct witness by = { loop, log, now };
    bool changed = false;

    /* One without a past is newer than what the caller knows of detection. */
    if (!outlier_is_on(config) || verdict == VERDICT_NONE || view_past(view) == NULL) {
        return false;
    }
    if (config->enabled) {
        changed = envoy_record(live, view, config, verdict, &by);
    }
    if (config->breaker.enabled) {
        changed = breaker_record(live, view, config, verdict, &by) || changed;
    }
    return changed;
}

/* --- the trial --- */

/* True: the gate is open to all. */
static bool trial_passed(struct cluster_live *live, struct view *view, const struct witness *by)
{
    struct window *window = view_window(view);

    tulle__view_forgive(view);
    if (!gate_move(&view->gate, GATE_TRIAL, GATE_READY)) {
        return false;
    }
    if (window != NULL) {
        atomic_store_explicit(&window->breaker.trips, 0, memory_order_relaxed);
    }
    atomic_store_explicit(&live->gates_changed, true, memory_order_relaxed);
    tulle__gate_tell(live, view, GATE_READY, by, "is back");
    return true;
}

bool tulle__outlier_trial_end(struct cluster_live *live, size_t loop, struct view *view,
                              const struct outlier_config *config, enum verdict verdict,
                              const struct log *log, int64_t now)
{
    const struct witness by = { loop, log, now };
    bool changed = false;

    if (verdict == VERDICT_SUCCESS) {
        changed = trial_passed(live, view, &by);
    } else if (verdict != VERDICT_NONE && view_window(view) != NULL && view_is_named(view)) {
        changed = tulle__view_trip(live, view, config, GATE_TRIAL, "the trial request failed", &by);
    }
    /* Released last: by now the gate says what came of it. */
    trial_return(view);
    return changed;
}
