/* SPDX-License-Identifier: Apache-2.0 */

/* Outlier detection, the consecutive kinds, as Envoy does it
 * (source/common/upstream/outlier_detection_impl.cc): an endpoint is ejected
 * inline at the n-th failure in a row, for base * ejections-in-a-row (at most
 * max); a sweep each interval lets it back, and takes one off the multiplier
 * for each whole interval that it was healthy since. It is not ejected when
 * that would push the ejected share over max_ejection_percent; its row starts
 * anew all the same.
 *
 *                    5xx row   gateway row   local row
 *   success          0         0             0 if split
 *   5xx              +1        0             0 if split
 *   gateway          +1        +1            0 if split
 *   connected        -         -             0 if split
 *   local            +1        +1            -           (not split: Envoy's 503 or 504)
 *   local, split     -         -             +1 */

#ifndef TULLE_ENDPOINT_OUTLIER_H
#define TULLE_ENDPOINT_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint/live.h"

/* What an attempt said about its endpoint. */
enum verdict {
    VERDICT_NONE,    /* nothing: refused here, cancelled, lost */
    VERDICT_SUCCESS, /* an answer below 500 */
    VERDICT_5XX,     /* 500, 501, 505... */
    VERDICT_GATEWAY, /* 502, 503, 504 */
    VERDICT_LOCAL,   /* connect failure, reset, timeout: seen from here */
    /* The attempt got a connection, new or kept. Envoy says so before it knows the
     * rest: with split, resets and timeouts after it are then never in a row. */
    VERDICT_CONNECTED
};

/* From any loop. True: the view was ejected now; the control step must be poked. */
bool tulle__outlier_record(struct cluster_live *live, size_t loop, struct view *view,
                           const struct outlier_config *config, enum verdict verdict,
                           const struct log *log, int64_t now);

/* Ends the ejection of `view`, if it has one. True: it had. Control step. */
bool tulle__outlier_lift(struct cluster_live *live, struct view *view);

/* By the control step, each config->interval_ns. True: a gate changed. */
bool tulle__outlier_sweep(struct cluster_live *live, const struct outlier_config *config,
                          const struct log *log, int64_t now);

#endif
