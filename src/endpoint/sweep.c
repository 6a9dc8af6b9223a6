/* SPDX-License-Identifier: Apache-2.0 */

/* What the control step does for outlier detection: who comes back, who may be
 * tried, and, each interval in Envoy's order: first all returns, then who is an
 * outlier beside his peers, then a step off the multipliers. */

#include "base/alloc.h"
#include "base/clock.h"
#include "endpoint/eject.h"

/* --- windows --- */

bool tulle__outlier_needs_window(const struct outlier_config *config)
{
    return config->breaker.enabled || config->latency.factor > 0 ||
           (config->enabled &&
            (config->enforcing_success_rate > 0 || config->enforcing_local_success_rate > 0 ||
             config->enforcing_failure_percentage > 0 ||
             config->enforcing_local_failure_percentage > 0));
}

bool tulle__outlier_prepare(struct view *view, const struct outlier_config *config)
{
    struct window *window;

    if (outlier_is_on(config) && !tulle__past_prepare(view)) {
        return false;
    }
    if (!tulle__outlier_needs_window(config) || view_window(view) != NULL) {
        return true;
    }
    window = ALLOC_ZERO(struct window);
    atomic_store_explicit(&view_past(view)->window, window, memory_order_release);
    return window != NULL;
}

/* --- returns --- */

bool tulle__outlier_lift(struct cluster_live *live, struct view *view)
{
    return tulle__view_open(live, view, GATE_READY);
}

/* A trial that is under way ends without an effect. */
static bool trial_waive(struct view *view)
{
    return gate_move(&view->gate, GATE_TRIAL, GATE_READY);
}

void tulle__outlier_forget(struct cluster_live *live, struct view *view)
{
    struct window *window = view_window(view);
    struct past *past = view_past(view);

    if (past == NULL) {
        return;
    }
    tulle__outlier_lift(live, view);
    trial_waive(view);
    tulle__view_forgive(view);
    atomic_store_explicit(&past->ejections_in_a_row, 0, memory_order_relaxed);
    past->returned_at = 0;
    if (window != NULL) {
        atomic_store_explicit(&window->breaker.trips, 0, memory_order_relaxed);
        window->slow = 0;
    }
}

static bool kind_is_on(const struct view *view, const struct outlier_config *config)
{
    return sentence_kind(view_past(view)) == OUTLIER_BREAKER ? config->breaker.enabled
                                                             : outlier_is_swept(config);
}

bool tulle__outlier_refit(struct cluster_live *live, const struct outlier_config *config)
{
    bool changed = false;

    for (size_t i = 0; i < live->view_count; i++) {
        struct view *view = live->views[i];

        if (view_past(view) == NULL) {
            continue;
        }
        if (!config->breaker.enabled) {
            changed |= trial_waive(view);
        }
        if (!kind_is_on(view, config)) {
            changed |= tulle__outlier_lift(live, view);
        }
    }
    return changed;
}

static void view_came_back(struct cluster_live *live, struct view *view, const struct witness *by,
                           const char *text)
{
    view_past(view)->returned_at = by->now;
    view->joined_at = by->now;
    tulle__gate_tell(live, view, GATE_READY, by, text);
}

static bool ejection_is_over(const struct view *view, const struct outlier_config *config,
                             int64_t now)
{
    const struct past *past = view_past(view);
    int64_t since = view_ejected_at(view);

    if (since == 0 || sentence_kind(past) == OUTLIER_BREAKER) {
        return false;
    }
    return tulle__past_ejection_time(past, config) + sentence_jitter_ms(past) * NS_PER_MS <=
           now - since;
}

static bool returns_sweep(struct cluster_live *live, const struct outlier_config *config,
                          const struct witness *by)
{
    bool changed = false;

    for (size_t i = 0; i < live->view_count; i++) {
        struct view *view = live->views[i];

        if (word_load(&view->gate) == GATE_EJECTED && ejection_is_over(view, config, by->now) &&
            tulle__outlier_lift(live, view)) {
            view_came_back(live, view, by, "is back");
            changed = true;
        }
    }
    return changed;
}

bool tulle__outlier_checked(struct cluster_live *live, struct view *view,
                            const struct outlier_config *config, const struct log *log, int64_t now)
{
    const struct witness by = { BY_CONTROL, log, now };

    if (!config->check_unejects || !view_is_named(view) || word_load(&view->gate) != GATE_EJECTED ||
        view_ejected_at(view) == 0 || sentence_kind(view_past(view)) == OUTLIER_BREAKER ||
        !tulle__outlier_lift(live, view)) {
        return false;
    }
    view_came_back(live, view, &by, "is back: a health check succeeded");
    return true;
}

/* --- trials --- */

static int64_t penalty_end(const struct view *view)
{
    struct window *window = view_window(view);

    if (window == NULL || view_ejected_at(view) == 0 ||
        sentence_kind(view_past(view)) != OUTLIER_BREAKER) {
        return NEVER;
    }
    return atomic_load_explicit(&window->breaker.over_at, memory_order_relaxed);
}

static bool view_try(struct cluster_live *live, struct view *view,
                     const struct outlier_config *config, const struct witness *by)
{
    enum gate to = config->breaker.enabled ? GATE_TRIAL : GATE_READY;

    if (!tulle__view_open(live, view, to)) {
        return false;
    }
    view->joined_at = by->now;
    tulle__gate_tell(live, view, to, by, to == GATE_TRIAL ? "is tried by one request" : "is back");
    return true;
}

bool tulle__outlier_trials(struct cluster_live *live, const struct outlier_config *config,
                           const struct log *log, int64_t now)
{
    const struct witness by = { BY_CONTROL, log, now };
    bool changed = false;

    /* Whoever trips one from here on comes after this with his own instant. */
    atomic_store_explicit(&live->next_trial, NEVER, memory_order_relaxed);
    for (size_t i = 0; i < live->view_count; i++) {
        int64_t end = penalty_end(live->views[i]);

        if (end <= now) {
            changed |= view_try(live, live->views[i], config, &by);
            continue;
        }
        tulle__next_trial_by(live, end);
    }
    return changed;
}

/* --- all of it --- */

/* One off for each whole interval since its return. */
static void multipliers_lower(struct cluster_live *live, const struct outlier_config *config,
                              int64_t now)
{
    for (size_t i = 0; i < live->view_count; i++) {
        const struct view *view = live->views[i];
        struct past *past = view_past(view);

        if (past == NULL || past->returned_at == 0 || word_load(&view->gate) == GATE_EJECTED ||
            now - past->returned_at < config->interval_ns) {
            continue;
        }
        if (word_load(&past->ejections_in_a_row) > 0) {
            atomic_fetch_sub_explicit(&past->ejections_in_a_row, 1, memory_order_relaxed);
        }
    }
}

bool tulle__outlier_sweep(struct cluster_live *live, const struct outlier_config *config,
                          const struct log *log, int64_t now)
{
    const struct witness by = { BY_CONTROL, log, now };
    bool changed = returns_sweep(live, config, &by);

    if (tulle__outlier_needs_window(config)) {
        changed = tulle__outlier_compare(live, config, &by) || changed;
    }
    multipliers_lower(live, config, now);
    return changed;
}
