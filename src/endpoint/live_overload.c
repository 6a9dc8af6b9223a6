/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/live_overload.h"

#include "endpoint/lines.h"
#include "endpoint/live_adaptive.h"
#include "endpoint/recent.h"

static bool recent_make(_Atomic(struct recent *) *out, bool wanted)
{
    struct recent *recent = atomic_load_explicit(out, memory_order_relaxed);

    if (!wanted || recent) {
        return true;
    }
    recent = tulle__lines_alloc(sizeof(*recent));
    atomic_store_explicit(out, recent, memory_order_release);
    return recent;
}

static bool adaptive_make(struct cluster_live *live,
                          const struct adaptive_concurrency_config *config, int64_t now)
{
    struct live_adaptive *adaptive = atomic_load_explicit(&live->adaptive, memory_order_relaxed);

    if (!config->enabled || adaptive) {
        return true;
    }
    adaptive = tulle__live_adaptive_new(live->loop_count, live->draws, config, now);
    atomic_store_explicit(&live->adaptive, adaptive, memory_order_release);
    return adaptive;
}

bool tulle__live_overload_adopt(struct cluster_live *live, const struct cluster *cluster,
                                int64_t now)
{
    return adaptive_make(live, &cluster->adaptive, now) &&
           recent_make(&live->admission, cluster->admission.enabled) &&
           recent_make(&live->throttling, cluster->throttling.enabled);
}

void tulle__live_overload_free(struct cluster_live *live)
{
    tulle__live_adaptive_free(atomic_load_explicit(&live->adaptive, memory_order_relaxed));
    tulle__lines_free(atomic_load_explicit(&live->admission, memory_order_relaxed));
    tulle__lines_free(atomic_load_explicit(&live->throttling, memory_order_relaxed));
}
