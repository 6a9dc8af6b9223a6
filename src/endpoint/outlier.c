/* SPDX-License-Identifier: Apache-2.0 */

/* Rows are counted by whoever has a result, so exactly one loop sees a row reach
 * its threshold (Envoy compares for equality too). Envoy then asks its main
 * thread; here that loop ejects at once: it reserves a place under the cap, then
 * flips the gate, and gives the place back if another was faster. Whoever flips
 * the gate changes the count of ejected views with it, so the count is exact.
 *
 * The numbers are relaxed: each stands alone. The gate is acquired and released
 * around `ejected_at`: an ejection whose instant is not written yet is left alone. */

#include "endpoint/outlier.h"

#include "base/clock.h"
#include "seam/watcher.h"

static unsigned word_load(const atomic_uint *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* Most results are successes of a healthy endpoint: no write, no bouncing line. */
static void row_reset(atomic_uint *row)
{
    if (word_load(row) != 0) {
        atomic_store_explicit(row, 0, memory_order_relaxed);
    }
}

static bool row_reaches(atomic_uint *row, uint32_t threshold)
{
    return atomic_fetch_add_explicit(row, 1, memory_order_relaxed) + 1 == threshold;
}

/* A place under the cap. Counts overflow, and says it once. */
static bool cap_reserve(struct cluster_live *live, size_t loop, const struct view *view,
                        const struct outlier_config *config, const struct log *log)
{
    uint64_t endpoints = atomic_load_explicit(&live->endpoint_count, memory_order_relaxed);
    unsigned ejected = word_load(&live->ejected);

    while ((uint64_t)(ejected + 1) * 100 <= endpoints * config->max_ejection_percent) {
        if (atomic_compare_exchange_weak_explicit(&live->ejected, &ejected, ejected + 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    live_count(live, loop, COUNT_EJECTIONS_OVERFLOW);
    if (!atomic_exchange_explicit(&live->cap_logged, true, memory_order_relaxed)) {
        tulle__log(log, LOG_WARNING, "outlier",
                   "%.*s: %.*s should be ejected, but maxEjectionPercent %u allows it for %u of "
                   "%u endpoints; told once, ejections_overflow counts",
                   STR_ARG(live->name), STR_ARG(view->peer->address), config->max_ejection_percent,
                   (unsigned)(endpoints * config->max_ejection_percent / 100), (unsigned)endpoints);
    }
    return false;
}

static void cap_release(struct cluster_live *live)
{
    atomic_fetch_sub_explicit(&live->ejected, 1, memory_order_relaxed);
}

/* base * times, at most max. */
static int64_t ejection_time(const struct outlier_config *config, unsigned times)
{
    int64_t base = config->base_ejection_ns;

    if (base > 0 && times > config->max_ejection_ns / base) {
        return config->max_ejection_ns;
    }
    return base * (int64_t)times;
}

/* The multiplier grows until it can change nothing any more: as in Envoy to one
 * above that, which a recovering endpoint has to wait off. */
static unsigned multiplier_raise(struct view *view, const struct outlier_config *config)
{
    unsigned times = word_load(&view->ejections_in_a_row);

    if (times == 0 || ejection_time(config, times - 1) < config->max_ejection_ns) {
        times = atomic_fetch_add_explicit(&view->ejections_in_a_row, 1, memory_order_relaxed) + 1;
    }
    return times;
}

static bool gate_close(struct view *view)
{
    unsigned gate = word_load(&view->gate);

    while (gate != GATE_EJECTED) {
        if (atomic_compare_exchange_weak_explicit(&view->gate, &gate, GATE_EJECTED,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* A view that left the mesh, or is out already, is left alone. */
static bool may_eject(const struct view *view)
{
    return atomic_load_explicit(&view->named, memory_order_relaxed) &&
           word_load(&view->gate) != GATE_EJECTED;
}

static void gate_tell(const struct cluster_live *live, const struct view *view, enum gate gate,
                      int64_t now)
{
    if (live->watcher) {
        live->watcher->gate_changed(live->watcher, live, view, (int)gate, now);
    }
}

static bool view_eject(struct cluster_live *live, size_t loop, struct view *view,
                       const struct outlier_config *config, enum live_counter kind,
                       const struct log *log, int64_t now)
{
    unsigned times;

    if (!cap_reserve(live, loop, view, config, log)) {
        return false;
    }
    if (!gate_close(view)) {
        cap_release(live);
        return false;
    }
    times = multiplier_raise(view, config);
    atomic_fetch_add_explicit(&view->ejections, 1, memory_order_relaxed);
    atomic_store_explicit(&view->ejected_at, now, memory_order_release);
    atomic_store_explicit(&live->gates_changed, true, memory_order_relaxed);
    live_count(live, loop, kind);
    gate_tell(live, view, GATE_EJECTED, now);
    tulle__log(log, LOG_INFO, "outlier", "%.*s: %.*s is ejected for %lld ms (%s in a row)",
               STR_ARG(live->name), STR_ARG(view->peer->address),
               (long long)(ejection_time(config, times) / NS_PER_MS),
               kind == COUNT_EJECTIONS_5XX       ? "5xx"
               : kind == COUNT_EJECTIONS_GATEWAY ? "gateway errors"
                                                 : "local failures");
    return true;
}

/* One failure of a kind. Its row starts anew, ejected or not. */
static bool row_charge(struct cluster_live *live, size_t loop, struct view *view,
                       const struct outlier_config *config, enum live_counter kind,
                       const struct log *log, int64_t now)
{
    atomic_uint *row = kind == COUNT_EJECTIONS_5XX       ? &view->row_5xx
                       : kind == COUNT_EJECTIONS_GATEWAY ? &view->row_gateway
                                                         : &view->row_local;
    uint32_t threshold = kind == COUNT_EJECTIONS_5XX       ? config->consecutive_5xx
                         : kind == COUNT_EJECTIONS_GATEWAY ? config->consecutive_gateway
                                                           : config->consecutive_local_origin;
    bool ejected;

    if (!row_reaches(row, threshold) || !may_eject(view)) {
        return false;
    }
    ejected = view_eject(live, loop, view, config, kind, log, now);
    row_reset(row);
    return ejected;
}

bool tulle__outlier_record(struct cluster_live *live, size_t loop, struct view *view,
                           const struct outlier_config *config, enum verdict verdict,
                           const struct log *log, int64_t now)
{
    bool is_gateway = verdict == VERDICT_GATEWAY || verdict == VERDICT_LOCAL;
    bool ejected = false;

    if (!config->enabled || verdict == VERDICT_NONE) {
        return false;
    }
    if (config->split_local_origin) {
        if (verdict == VERDICT_LOCAL) {
            return row_charge(live, loop, view, config, COUNT_EJECTIONS_LOCAL, log, now);
        }
        row_reset(&view->row_local);
    }
    if (verdict == VERDICT_CONNECTED) {
        return false;
    }
    if (!is_gateway) {
        row_reset(&view->row_gateway);
    }
    if (verdict == VERDICT_SUCCESS) {
        row_reset(&view->row_5xx);
        return false;
    }
    if (is_gateway) {
        ejected = row_charge(live, loop, view, config, COUNT_EJECTIONS_GATEWAY, log, now);
    }
    return row_charge(live, loop, view, config, COUNT_EJECTIONS_5XX, log, now) || ejected;
}

bool tulle__outlier_lift(struct cluster_live *live, struct view *view)
{
    unsigned gate = GATE_EJECTED;

    if (atomic_load_explicit(&view->ejected_at, memory_order_acquire) == 0) {
        return false;
    }
    /* Rows too, or the one that did not trigger would eject it again at once. */
    row_reset(&view->row_5xx);
    row_reset(&view->row_gateway);
    row_reset(&view->row_local);
    atomic_store_explicit(&view->ejected_at, 0, memory_order_relaxed);
    if (!atomic_compare_exchange_strong_explicit(&view->gate, &gate, GATE_READY,
                                                 memory_order_release, memory_order_relaxed)) {
        return false;
    }
    cap_release(live);
    return true;
}

static bool ejection_is_over(const struct view *view, const struct outlier_config *config,
                             int64_t now)
{
    int64_t since = atomic_load_explicit(&view->ejected_at, memory_order_acquire);
    int64_t length = ejection_time(config, word_load(&view->ejections_in_a_row));

    return since != 0 &&
           (!atomic_load_explicit(&view->named, memory_order_relaxed) || length <= now - since);
}

/* One off for each whole interval since its return. */
static void multiplier_lower(struct view *view, const struct outlier_config *config, int64_t now)
{
    if (view->returned_at == 0 || now - view->returned_at < config->interval_ns) {
        return;
    }
    if (word_load(&view->ejections_in_a_row) > 0) {
        atomic_fetch_sub_explicit(&view->ejections_in_a_row, 1, memory_order_relaxed);
    }
}

bool tulle__outlier_sweep(struct cluster_live *live, const struct outlier_config *config,
                          const struct log *log, int64_t now)
{
    bool changed = false;

    for (size_t i = 0; i < live->view_count; i++) {
        struct view *view = live->views[i];

        if (word_load(&view->gate) != GATE_EJECTED) {
            multiplier_lower(view, config, now);
            continue;
        }
        if (ejection_is_over(view, config, now) && tulle__outlier_lift(live, view)) {
            view->returned_at = now;
            changed = true;
            gate_tell(live, view, GATE_READY, now);
            tulle__log(log, LOG_INFO, "outlier", "%.*s: %.*s is back", STR_ARG(live->name),
                       STR_ARG(view->peer->address));
        }
    }
    return changed;
}
