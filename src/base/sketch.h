/* SPDX-License-Identifier: Apache-2.0 */

/* Percentiles of latencies as they are of late. Samples fall into buckets that
 * grow with what they hold (eight to each doubling: a bucket is at most an
 * eighth of its value wide), counted by one writer for each sketch; whoever
 * wants to know adds the sketches up, every few seconds, into a window in which
 * older samples count less.
 *
 * Nothing is forgotten while little comes: a window lets go of a tenth at each
 * look only when it holds more than SKETCH_PLENTY samples. */

#ifndef TULLE_BASE_SKETCH_H
#define TULLE_BASE_SKETCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* From 8 us to 137 s; what lies outside counts at the ends. */
enum { SKETCH_STEPS_LOG2 = 3, SKETCH_FIRST_LOG2 = 13, SKETCH_OCTAVES = 24 };
enum { SKETCH_BUCKETS = SKETCH_OCTAVES << SKETCH_STEPS_LOG2 };
enum { SKETCH_ENOUGH = 100, SKETCH_PLENTY = 1000 };

/* One writer; readers may look meanwhile. Counts wrap around. */
struct sketch {
    _Alignas(64) atomic_uint_least32_t counts[SKETCH_BUCKETS];
};

struct sketch_window {
    uint32_t seen[SKETCH_BUCKETS]; /* of the sum of all sketches, at the last look */
    float weights[SKETCH_BUCKETS];
    double total;
};

void tulle__sketch_add(struct sketch *sketch, int64_t ns);

/* Takes in what came to `count` sketches since the last look; says how much. */
uint64_t tulle__sketch_take(struct sketch_window *window, const struct sketch *sketches,
                            size_t count);
/* What `permille` of the samples stay below; 0: fewer than SKETCH_ENOUGH are known. */
int64_t tulle__sketch_read(const struct sketch_window *window, unsigned permille);
/* The same of however few; 0: none. */
int64_t tulle__sketch_rank(const struct sketch_window *window, unsigned permille);
/* All that was taken in; what comes later counts alone. */
void tulle__sketch_forget(struct sketch_window *window);

#endif
