/* SPDX-License-Identifier: Apache-2.0 */

/* Outlier detection: who is kept out for a while. Envoy's kinds to the letter
 * (source/common/upstream/outlier_detection_impl.cc), linkerd2-proxy's breaker
 * (breaker.h) and ejection by latency (slow.h).
 *
 * Failures in a row and the breaker eject inline, on the loop that saw the last
 * one; what compares endpoints is decided by a sweep each interval. An ejection
 * lasts base * ejections-in-a-row, at most max, and some jitter; a sweep lets the
 * endpoint back, and takes one off the multiplier for each whole interval that it
 * was healthy since. It is not ejected when that would push the ejected share
 * over max_ejection_percent; its row starts anew all the same. The breaker has no
 * such cap, as it has none in linkerd: it has penalties of its own, after each of
 * which one trial request decides.
 *
 *                    5xx row   gateway row   local row    breaker
 *   success          0         0             0 if split   good
 *   limited (429)    0         0             0 if split   bad
 *   5xx              +1        0             0 if split   bad
 *   gateway          +1        +1            0 if split   bad
 *   connected        -         -             0 if split   -
 *   local            +1        +1            -            bad     (not split: Envoy's 503 or 504)
 *   local, split     -         -             +1           bad */

#ifndef TULLE_ENDPOINT_OUTLIER_H
#define TULLE_ENDPOINT_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint/live.h"

/* What an attempt said about its endpoint. */
enum verdict {
    VERDICT_NONE,    /* nothing: refused here, cancelled, lost */
    VERDICT_SUCCESS, /* an answer below 500 */
    VERDICT_LIMITED, /* 429: an answer to Envoy's kinds, a failure to the breaker */
    VERDICT_5XX,     /* 500, 501, 505... */
    VERDICT_GATEWAY, /* 502, 503, 504 */
    VERDICT_LOCAL,   /* connect failure, reset, timeout: seen from here */
    /* The attempt got a connection, new or kept. Envoy says so before it knows the
     * rest: with split, resets and timeouts after it are then never in a row. */
    VERDICT_CONNECTED
};

enum outlier_kind {
    OUTLIER_5XX,
    OUTLIER_GATEWAY,
    OUTLIER_LOCAL,
    OUTLIER_SUCCESS_RATE,
    OUTLIER_LOCAL_SUCCESS_RATE,
    OUTLIER_FAILURE_PERCENTAGE,
    OUTLIER_LOCAL_FAILURE_PERCENTAGE,
    OUTLIER_LATENCY,
    OUTLIER_BREAKER,
    OUTLIER_KINDS
};

static inline bool verdict_is_failure(enum verdict verdict)
{
    return verdict >= VERDICT_5XX && verdict <= VERDICT_LOCAL;
}

/* There is something to detect; else a call asks nothing more. */
static inline bool outlier_is_on(const struct outlier_config *config)
{
    return config->enabled || config->breaker.enabled || config->latency.factor > 0;
}

/* Something is looked at each interval. */
static inline bool outlier_is_swept(const struct outlier_config *config)
{
    return config->interval_ns > 0 && (config->enabled || config->latency.factor > 0);
}

/* --- from any loop --- */

/* True: a gate changed; the control step must be poked. */
bool tulle__outlier_record(struct cluster_live *live, size_t loop, struct view *view,
                           const struct outlier_config *config, enum verdict verdict,
                           const struct log *log, int64_t now);
/* How long an answer (no failure) took; only where config->latency is on. */
void tulle__outlier_time(struct view *view, int64_t took_ns);
/* An answer that nobody waited for took this or more: it counts where it is over the mean. */
void tulle__outlier_time_at_least(struct view *view, int64_t took_ns);

/* Right after the pick. False: another attempt tries this view; pick again. True
 * with `*trial`: this attempt is the one that tries it, and owes an end of trial. */
static inline bool trial_claim(struct view *view, bool *trial)
{
    unsigned nobody = 0;

    *trial = false;
    if (atomic_load_explicit(&view->gate, memory_order_relaxed) != GATE_TRIAL) {
        return true;
    }
    *trial = atomic_compare_exchange_strong_explicit(&view->trial, &nobody, 1, memory_order_acquire,
                                                     memory_order_relaxed);
    return *trial;
}

/* An attempt that never went out gives its trial back. */
static inline void trial_return(struct view *view)
{
    atomic_store_explicit(&view->trial, 0, memory_order_release);
}

/* The trial request has ended; after tulle__outlier_record(). With VERDICT_NONE
 * the next request is the trial. True: a gate changed, as above. */
bool tulle__outlier_trial_end(struct cluster_live *live, size_t loop, struct view *view,
                              const struct outlier_config *config, enum verdict verdict,
                              const struct log *log, int64_t now);

/* --- control step --- */

/* True: the kinds in `config` need something of every view. */
bool tulle__outlier_needs_window(const struct outlier_config *config);
/* Gives the view what the kinds in `config` need. False: no memory. */
bool tulle__outlier_prepare(struct view *view, const struct outlier_config *config);
/* Ends the ejection of `view`, if it has one. True: it had. */
bool tulle__outlier_lift(struct cluster_live *live, struct view *view);
/* It left the mesh: all that was known against it is forgotten. */
void tulle__outlier_forget(struct cluster_live *live, struct view *view);
/* Lets those back whom no kind in `config` would ever let back. True: a gate changed. */
bool tulle__outlier_refit(struct cluster_live *live, const struct outlier_config *config);
/* Each config->interval_ns. True: a gate changed. */
bool tulle__outlier_sweep(struct cluster_live *live, const struct outlier_config *config,
                          const struct log *log, int64_t now);
/* When live->next_trial has come: whose penalty is over may be tried. True: a gate changed. */
bool tulle__outlier_trials(struct cluster_live *live, const struct outlier_config *config,
                           const struct log *log, int64_t now);
/* An active health check of it succeeded, which ends an ejection where check_unejects
 * says so; never a penalty of the breaker, which trusts requests alone. True: a gate
 * changed. */
bool tulle__outlier_checked(struct cluster_live *live, struct view *view,
                            const struct outlier_config *config, const struct log *log,
                            int64_t now);

#endif
