/* SPDX-License-Identifier: Apache-2.0 */

/* Who is an outlier beside his peers in the interval that is over: by success
 * rate, by failure percentage, by latency. In Envoy's order: success rates before
 * percentages, those of external origin before the local ones.
 *
 * Nothing is allocated: each view keeps what it counted, and means, deviations
 * and medians are found by looking at all views again. */

#include "base/clock.h"
#include "endpoint/eject.h"
#include "endpoint/slow.h"
#include "endpoint/success_rate.h"

#include <stdio.h>

enum { WHY_SIZE = 128 };

/* --- success rates --- */

/* One of the two monitors, and what is asked of it. */
struct comparison {
    bool local;
    enum outlier_kind rate_kind, percentage_kind;
    uint32_t enforcing_rate, enforcing_percentage;
};

static uint64_t past_of(const struct view *view, const struct comparison *asked)
{
    const struct window *window = view_window(view);

    if (window == NULL) {
        return 0;
    }
    return asked->local ? window->past_local : window->past_external;
}

static bool is_valid(uint64_t past, uint32_t volume)
{
    return monitor_requests(past) > 0 && monitor_requests(past) >= volume;
}

static uint64_t monitor_turn(atomic_uint_least64_t *monitor, bool counts)
{
    uint64_t past = atomic_exchange_explicit(monitor, 0, memory_order_relaxed);

    return counts ? past : 0;
}

/* Who is out already does not count; asked once, that all passes see the same. */
static void monitors_turn(struct cluster_live *live)
{
    for (size_t i = 0; i < live->view_count; i++) {
        struct window *window = view_window(live->views[i]);
        bool counts = view_may_eject(live->views[i]);

        if (window != NULL) {
            window->past_external = monitor_turn(&window->external, counts);
            window->past_local = monitor_turn(&window->local, counts);
        }
    }
}

/* Those below the threshold; Envoy decides by the rates as they were before any of
 * them was ejected. */
static bool rates_judge(struct cluster_live *live, const struct outlier_config *config,
                        const struct comparison *asked, double threshold, const struct witness *by)
{
    bool changed = false;

    for (size_t i = 0; i < live->view_count; i++) {
        struct view *view = live->views[i];
        uint64_t past = past_of(view, asked);
        char why[WHY_SIZE];

        if (!is_valid(past, config->success_rate_volume) || monitor_rate(past) >= threshold ||
            !view_may_eject(view)) {
            continue;
        }
        snprintf(why, sizeof(why), "success rate %.1f %% of %u requests, below %.1f %%",
                 monitor_rate(past), monitor_requests(past), threshold);
        changed |= tulle__view_eject(
            live, view, config, &(struct finding){ asked->rate_kind, asked->enforcing_rate, why },
            by);
    }
    return changed;
}

static bool rates_sweep(struct cluster_live *live, const struct outlier_config *config,
                        const struct comparison *asked, const struct witness *by)
{
    struct success_rates rates = { 0 };

    for (size_t i = 0; i < live->view_count; i++) {
        uint64_t past = past_of(live->views[i], asked);

        if (is_valid(past, config->success_rate_volume)) {
            success_rates_add(&rates, monitor_rate(past));
        }
    }
    if (rates.count == 0 || rates.count < config->success_rate_min_hosts) {
        return false;
    }
    for (size_t i = 0; i < live->view_count; i++) {
        uint64_t past = past_of(live->views[i], asked);

        if (is_valid(past, config->success_rate_volume)) {
            success_rates_deviate(&rates, monitor_rate(past));
        }
    }
    return rates_judge(live, config, asked,
                       tulle__success_rates_threshold(&rates, config->success_rate_stdev), by);
}

static bool percentage_judge(struct cluster_live *live, struct view *view,
                             const struct outlier_config *config, const struct comparison *asked,
                             const struct witness *by)
{
    uint64_t past = past_of(view, asked);
    char why[WHY_SIZE];
    double failed;

    if (!is_valid(past, config->failure_percentage_volume) || !view_may_eject(view)) {
        return false;
    }
    failed = 100.0 - monitor_rate(past);
    if (failed < config->failure_percentage_threshold) {
        return false;
    }
    snprintf(why, sizeof(why), "%.1f %% of %u requests failed, %u %% is too many", failed,
             monitor_requests(past), config->failure_percentage_threshold);
    return tulle__view_eject(
        live, view, config,
        &(struct finding){ asked->percentage_kind, asked->enforcing_percentage, why }, by);
}

static size_t valid_count(const struct cluster_live *live, const struct comparison *asked,
                          uint32_t volume)
{
    size_t count = 0;

    for (size_t i = 0; i < live->view_count; i++) {
        count += is_valid(past_of(live->views[i], asked), volume);
    }
    return count;
}

static bool percentages_sweep(struct cluster_live *live, const struct outlier_config *config,
                              const struct comparison *asked, size_t valid,
                              const struct witness *by)
{
    bool changed = false;

    if (valid == 0 || valid < config->failure_percentage_min_hosts) {
        return false;
    }
    for (size_t i = 0; i < live->view_count; i++) {
        changed |= percentage_judge(live, live->views[i], config, asked, by);
    }
    return changed;
}

static bool comparison_sweep(struct cluster_live *live, const struct outlier_config *config,
                             const struct comparison *asked, const struct witness *by)
{
    size_t valid = valid_count(live, asked, config->failure_percentage_volume);
    bool changed = false;

    if (asked->enforcing_rate > 0) {
        changed = rates_sweep(live, config, asked, by);
    }
    if (asked->enforcing_percentage > 0) {
        changed = percentages_sweep(live, config, asked, valid, by) || changed;
    }
    return changed;
}

static bool monitors_sweep(struct cluster_live *live, const struct outlier_config *config,
                           const struct witness *by)
{
    const struct comparison external = { false, OUTLIER_SUCCESS_RATE, OUTLIER_FAILURE_PERCENTAGE,
                                         config->enforcing_success_rate,
                                         config->enforcing_failure_percentage };
    const struct comparison local = { true, OUTLIER_LOCAL_SUCCESS_RATE,
                                      OUTLIER_LOCAL_FAILURE_PERCENTAGE,
                                      config->enforcing_local_success_rate,
                                      config->enforcing_local_failure_percentage };
    bool changed;

    monitors_turn(live);
    changed = comparison_sweep(live, config, &external, by);
    if (config->split_local_origin) {
        changed = comparison_sweep(live, config, &local, by) || changed;
    }
    return changed;
}

/* --- latency --- */

/* Means of the interval that is over; how many are known. */
static size_t means_turn(struct cluster_live *live, const struct latency_ejection_config *config)
{
    size_t known = 0;

    for (size_t i = 0; i < live->view_count; i++) {
        struct window *window = view_window(live->views[i]);
        uint64_t answers, sum;

        if (window == NULL) {
            continue;
        }
        answers = atomic_exchange_explicit(&window->answers, 0, memory_order_relaxed);
        sum = atomic_exchange_explicit(&window->latency_us, 0, memory_order_relaxed);
        window->mean_us = 0;
        if (answers > 0 && answers >= config->volume && view_may_eject(live->views[i])) {
            sum /= answers;
            window->mean_us = sum == 0 ? 1 : sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
            known++;
        }
    }
    return known;
}

static uint32_t mean_of(const struct view *view)
{
    const struct window *window = view_window(view);

    return window != NULL ? window->mean_us : 0;
}

static uint32_t means_median(const struct cluster_live *live, size_t known)
{
    struct median median;

    tulle__median_begin(&median, known);
    for (int round = 0; round < MEDIAN_ROUNDS; round++) {
        for (size_t i = 0; i < live->view_count; i++) {
            if (mean_of(live->views[i]) > 0) {
                tulle__median_show(&median, mean_of(live->views[i]));
            }
        }
        tulle__median_round(&median);
    }
    return median.value;
}

static bool slow_judge(struct cluster_live *live, struct view *view,
                       const struct outlier_config *config, uint32_t median,
                       const struct witness *by)
{
    struct window *window = view_window(view);
    char why[WHY_SIZE];

    if (window == NULL) {
        return false;
    }
    if (window->mean_us == 0 || !is_slow(window->mean_us, median, config->latency.factor)) {
        window->slow = 0;
        return false;
    }
    if (++window->slow < config->latency.intervals) {
        return false;
    }
    window->slow = 0;
    snprintf(why, sizeof(why), "latency %.1f ms, the median of its peers is %.1f ms",
             window->mean_us / 1000.0, median / 1000.0);
    return tulle__view_eject(live, view, config, &(struct finding){ OUTLIER_LATENCY, 100, why },
                             by);
}

static bool latency_sweep(struct cluster_live *live, const struct outlier_config *config,
                          const struct witness *by)
{
    size_t known = means_turn(live, &config->latency);
    bool enough = known > 0 && known >= config->latency.min_hosts;
    uint32_t median = enough ? means_median(live, known) : UINT32_MAX;
    bool changed = false;

    for (size_t i = 0; i < live->view_count; i++) {
        changed |= slow_judge(live, live->views[i], config, median, by);
    }
    return changed;
}

bool tulle__outlier_compare(struct cluster_live *live, const struct outlier_config *config,
                            const struct witness *by)
{
    bool changed = config->enabled && monitors_sweep(live, config, by);

    return (config->latency.factor > 0 && latency_sweep(live, config, by)) || changed;
}
