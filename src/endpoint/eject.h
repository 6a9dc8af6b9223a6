/* SPDX-License-Identifier: Apache-2.0 */

/* The gate of a view: who closes it, under which cap, and what is told of it. For
 * the files of outlier detection alone. */

#ifndef TULLE_ENDPOINT_EJECT_H
#define TULLE_ENDPOINT_EJECT_H

#include "endpoint/gate.h"
#include "endpoint/outlier.h"
#include "endpoint/past.h"
#include "endpoint/window.h"

/* Who detects: a loop, or the control step. */
struct witness {
    size_t loop; /* BY_CONTROL: none of them */
    const struct log *log;
    int64_t now;
};

#define BY_CONTROL SIZE_MAX

/* What was detected. */
struct finding {
    enum outlier_kind kind;
    uint32_t enforcing; /* percent */
    const char *why;    /* "success rate 61.2 % of 250 requests, below 83.4 %" */
};

static inline unsigned word_load(const atomic_uint *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* Most results are successes of a healthy endpoint: no write, no bouncing line. */
static inline void row_reset(atomic_uint *row)
{
    if (word_load(row) != 0) {
        atomic_store_explicit(row, 0, memory_order_relaxed);
    }
}

/* past->sentence: by which kind it was ejected, and the jitter in milliseconds. */
enum { SENTENCE_KIND_BITS = 4 };

#define SENTENCE_JITTER_MAX (UINT32_MAX >> SENTENCE_KIND_BITS)

static inline enum outlier_kind sentence_kind(const struct past *past)
{
    return (enum outlier_kind)(word_load(&past->sentence) & ((1U << SENTENCE_KIND_BITS) - 1));
}

static inline uint32_t sentence_jitter_ms(const struct past *past)
{
    return word_load(&past->sentence) >> SENTENCE_KIND_BITS;
}

static inline struct window *view_window(const struct view *view)
{
    const struct past *past = view_past(view);

    return past != NULL ? atomic_load_explicit(&past->window, memory_order_acquire) : NULL;
}

/* 0: it is not, or that is not said yet. */
static inline int64_t view_ejected_at(const struct view *view)
{
    const struct past *past = view_past(view);

    return past != NULL ? atomic_load_explicit(&past->ejected_at, memory_order_acquire) : 0;
}

/* A view that left the mesh, or is out already, is left alone. */
static inline bool view_may_eject(const struct view *view)
{
    return view_is_named(view) && word_load(&view->gate) != GATE_EJECTED;
}

/* Under the cap, for config->base_ejection_ns and on. True: it was ejected now. */
bool tulle__view_eject(struct cluster_live *live, struct view *view,
                       const struct outlier_config *config, const struct finding *finding,
                       const struct witness *by);
/* By the breaker, from gate `from`: no cap, and a penalty that ends with a trial. */
bool tulle__view_trip(struct cluster_live *live, struct view *view,
                      const struct outlier_config *config, unsigned from, const char *why,
                      const struct witness *by);
/* Control step: ends an ejection. `to`: GATE_READY or GATE_TRIAL. True: it had one. */
bool tulle__view_open(struct cluster_live *live, struct view *view, enum gate to);
/* The control step looks for trials no later than `due`. */
void tulle__next_trial_by(struct cluster_live *live, int64_t due);
/* Without jitter. */
int64_t tulle__past_ejection_time(const struct past *past, const struct outlier_config *config);
/* All rows and what the breaker knows start anew. */
void tulle__view_forgive(struct view *view);

/* By the sweep: whoever is an outlier beside his peers. True: a gate changed. */
bool tulle__outlier_compare(struct cluster_live *live, const struct outlier_config *config,
                            const struct witness *by);

void tulle__gate_tell(const struct cluster_live *live, const struct view *view, enum gate gate,
                      const struct witness *by, const char *text);

#endif
