/* SPDX-License-Identifier: Apache-2.0 */

/* Envoy asks its main thread to eject; here that loop ejects at once which saw the
 * last failure: it reserves a place under the cap, then flips the gate, and gives
 * the place back if another was faster. Whoever flips the gate changes the count
 * of ejected views with it, so the count is exact.
 *
 * The numbers are relaxed: each stands alone. The gate is acquired and released
 * around `ejected_at`: an ejection whose instant is not written yet is left alone. */

#include "endpoint/eject.h"

#include "base/clock.h"
#include "base/word.h"
#include "seam/watcher.h"

#include <stdio.h>

static const struct {
    enum live_counter detected, enforced;
} counters[OUTLIER_KINDS] = {
    [OUTLIER_5XX] = { COUNT_DETECTED_5XX, COUNT_EJECTIONS_5XX },
    [OUTLIER_GATEWAY] = { COUNT_DETECTED_GATEWAY, COUNT_EJECTIONS_GATEWAY },
    [OUTLIER_LOCAL] = { COUNT_DETECTED_LOCAL, COUNT_EJECTIONS_LOCAL },
    [OUTLIER_SUCCESS_RATE] = { COUNT_DETECTED_SUCCESS_RATE, COUNT_EJECTIONS_SUCCESS_RATE },
    [OUTLIER_LOCAL_SUCCESS_RATE] = { COUNT_DETECTED_LOCAL_SUCCESS_RATE,
                                     COUNT_EJECTIONS_LOCAL_SUCCESS_RATE },
    [OUTLIER_FAILURE_PERCENTAGE] = { COUNT_DETECTED_FAILURE_PERCENTAGE,
                                     COUNT_EJECTIONS_FAILURE_PERCENTAGE },
    [OUTLIER_LOCAL_FAILURE_PERCENTAGE] = { COUNT_DETECTED_LOCAL_FAILURE_PERCENTAGE,
                                           COUNT_EJECTIONS_LOCAL_FAILURE_PERCENTAGE },
    [OUTLIER_LATENCY] = { COUNT_DETECTED_LATENCY, COUNT_EJECTIONS_LATENCY },
    [OUTLIER_BREAKER] = { COUNT_DETECTED_BREAKER, COUNT_EJECTIONS_BREAKER },
};

static void count(struct cluster_live *live, const struct witness *by, enum live_counter counter)
{
    if (by->loop == BY_CONTROL) {
        live_count_control(live, counter);
        return;
    }
    live_count(live, by->loop, counter);
}

/* --- under the cap --- */

/* How many may be ejected. */
static unsigned cap_of(const struct cluster_live *live, const struct outlier_config *config)
{
    uint64_t endpoints = word_load(&live->endpoint_count);
    uint64_t most = endpoints * config->max_ejection_percent / 100;

    return most == 0 && config->always_eject_one ? 1 : (unsigned)most;
}

static void cap_tell(struct cluster_live *live, const struct view *view,
                     const struct outlier_config *config, const struct witness *by)
{
    unsigned endpoints = word_load(&live->endpoint_count);

    count(live, by, COUNT_EJECTIONS_OVERFLOW);
    if (atomic_exchange_explicit(&live->cap_logged, true, memory_order_relaxed)) {
        return;
    }
    tulle__log(by->log, LOG_WARNING, "outlier",
               "%.*s: %.*s should be ejected, but maxEjectionPercent %u allows it for %u of "
               "%u endpoints; told once, ejections_overflow counts",
               STR_ARG(live->name), STR_ARG(peer_address(view->peer)), config->max_ejection_percent,
               (unsigned)((uint64_t)endpoints * config->max_ejection_percent / 100), endpoints);
}

/* A place under the cap. Counts overflow, and says it once. */
static bool cap_reserve(struct cluster_live *live, const struct view *view,
                        const struct outlier_config *config, const struct witness *by)
{
    if (word_take(&live->ejected, cap_of(live, config))) {
        return true;
    }
    cap_tell(live, view, config, by);
    return false;
}

/* --- chance --- */

/* splitmix64 over one shared word: a loop that ejects has no generator at hand. */
static uint64_t draw(struct cluster_live *live)
{
    uint64_t z =
        atomic_fetch_add_explicit(&live->draws, UINT64_C(0x9e3779b97f4a7c15), memory_order_relaxed);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool is_enforced(struct cluster_live *live, uint32_t percent)
{
    return percent >= 100 || (percent > 0 && draw(live) % 100 < percent);
}

/* --- how long --- */

/* base * times, at most max. */
static int64_t ejection_time(const struct outlier_config *config, unsigned times)
{
    int64_t base = config->base_ejection_ns;

    if (base > 0 && times > config->max_ejection_ns / base) {
        return config->max_ejection_ns;
    }
    return base * (int64_t)times;
}

int64_t tulle__past_ejection_time(const struct past *past, const struct outlier_config *config)
{
    return ejection_time(config, word_load(&past->ejections_in_a_row));
}

/* The multiplier grows until it can change nothing any more: as in Envoy to one
 * above that, which a recovering endpoint has to wait off. */
static unsigned multiplier_raise(struct past *past, const struct outlier_config *config)
{
    unsigned times = word_load(&past->ejections_in_a_row);

    if (times == 0 || ejection_time(config, times - 1) < config->max_ejection_ns) {
        times = atomic_fetch_add_explicit(&past->ejections_in_a_row, 1, memory_order_relaxed) + 1;
    }
    return times;
}

/* Whole milliseconds from 0 to the most, as Envoy draws them. */
static uint32_t jitter_draw(struct cluster_live *live, const struct outlier_config *config)
{
    uint64_t most = (uint64_t)(config->max_ejection_jitter_ns / NS_PER_MS);

    most = most < SENTENCE_JITTER_MAX ? most : SENTENCE_JITTER_MAX;
    return most == 0 ? 0 : (uint32_t)(draw(live) % (most + 1));
}

/* --- the gate --- */

void tulle__gate_tell(const struct cluster_live *live, const struct view *view, enum gate gate,
                      const struct witness *by, const char *text)
{
    /* A trial is news to the log alone: whoever watches hears how it ended. */
    if (live->watcher && gate != GATE_TRIAL) {
        live->watcher->gate_changed(live->watcher, live, view, (int)gate, by->now);
    }
    tulle__log(by->log, LOG_INFO, "outlier", "%.*s: %.*s %s", STR_ARG(live->name),
               STR_ARG(peer_address(view->peer)), text);
}

/* The gate is closed, and by whom is not said yet: until `ejected_at` is there,
 * nobody opens it. */
static void ejection_tell(struct cluster_live *live, struct view *view, enum outlier_kind kind,
                          uint32_t jitter_ms, int64_t lasts, const char *why,
                          const struct witness *by)
{
    struct past *past = view_past(view);
    char text[192];

    atomic_fetch_add_explicit(&past->ejections, 1, memory_order_relaxed);
    atomic_store_explicit(&past->sentence, jitter_ms << SENTENCE_KIND_BITS | kind,
                          memory_order_relaxed);
    atomic_store_explicit(&past->ejected_at, by->now, memory_order_release);
    atomic_store_explicit(&live->gates_changed, true, memory_order_relaxed);
    count(live, by, counters[kind].enforced);
    snprintf(text, sizeof(text), "is ejected for %lld ms (%s)", (long long)(lasts / NS_PER_MS),
             why);
    tulle__gate_tell(live, view, GATE_EJECTED, by, text);
}

bool tulle__view_eject(struct cluster_live *live, struct view *view,
                       const struct outlier_config *config, const struct finding *finding,
                       const struct witness *by)
{
    unsigned times;
    uint32_t jitter_ms;

    count(live, by, counters[finding->kind].detected);
    if (!is_enforced(live, finding->enforcing)) {
        /* Envoy looks at the cap first, and counts what it holds back of this, too. */
        if (word_load(&live->ejected) >= cap_of(live, config)) {
            cap_tell(live, view, config, by);
        }
        return false;
    }
    if (!cap_reserve(live, view, config, by)) {
        return false;
    }
    if (!gate_close(&view->gate)) {
        word_give(&live->ejected);
        return false;
    }
    times = multiplier_raise(view_past(view), config);
    jitter_ms = jitter_draw(live, config);
    ejection_tell(live, view, finding->kind, jitter_ms,
                  ejection_time(config, times) + jitter_ms * NS_PER_MS, finding->why, by);
    return true;
}

void tulle__next_trial_by(struct cluster_live *live, int64_t due)
{
    word_lower(&live->next_trial, due);
}

bool tulle__view_trip(struct cluster_live *live, struct view *view,
                      const struct outlier_config *config, unsigned from, const char *why,
                      const struct witness *by)
{
    struct breaker *breaker = &view_window(view)->breaker;
    int64_t penalty;
    unsigned trips;

    if (!gate_move(&view->gate, from, GATE_EJECTED)) {
        return false;
    }
    count(live, by, COUNT_DETECTED_BREAKER);
    atomic_fetch_add_explicit(&live->ejected, 1, memory_order_relaxed);
    trips = atomic_fetch_add_explicit(&breaker->trips, 1, memory_order_relaxed) + 1;
    penalty = tulle__breaker_penalty(&config->breaker, trips, draw(live));
    atomic_store_explicit(&breaker->over_at, time_add(by->now, penalty), memory_order_relaxed);
    ejection_tell(live, view, OUTLIER_BREAKER, 0, penalty, why, by);
    tulle__next_trial_by(live, time_add(by->now, penalty));
    return true;
}

/* Rows too, or the one that did not trigger would eject it again at once. */
void tulle__view_forgive(struct view *view)
{
    struct window *window = view_window(view);
    struct past *past = view_past(view);

    if (past == NULL) {
        return;
    }
    row_reset(&past->row_5xx);
    row_reset(&past->row_gateway);
    row_reset(&past->row_local);
    if (window != NULL) {
        tulle__breaker_clear(&window->breaker);
    }
}

bool tulle__view_open(struct cluster_live *live, struct view *view, enum gate to)
{
    if (view_ejected_at(view) == 0) {
        return false;
    }
    tulle__view_forgive(view);
    atomic_store_explicit(&view_past(view)->ejected_at, 0, memory_order_relaxed);
    if (!gate_move(&view->gate, GATE_EJECTED, to)) {
        return false;
    }
    word_give(&live->ejected);
    return true;
}
