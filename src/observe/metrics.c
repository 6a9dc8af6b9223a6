/* SPDX-License-Identifier: Apache-2.0 */

/* One table of label sets for all loops, numbers apart for each loop.
 *
 * A label set is found by a walk over shared memory that nobody writes, and its
 * numbers are on lines that one loop alone writes: a call costs one hash, one
 * compare and three histogram steps, and no atomic read-modify-write. The
 * table only grows (its buckets are chains to which a new set is added at the
 * front by compare-and-swap), so the scraper reads it at any time without a
 * lock.
 *
 * There is one cap for all loops. A name outside the mesh is the caller's to
 * choose, so such sets may take half of the cap at most: a crawler leaves room
 * for the services of the mesh. What gets no set of its own, by the cap or for
 * lack of memory, is counted in `other`: no call is lost. */

#include "observe/metrics.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { BUCKETS_MAX = 4096 };

struct observer_shard {
    struct metrics *metrics;
    size_t loop;
};

struct metrics {
    size_t loop_count;
    size_t max, max_outside;
    atomic_size_t count, count_outside;
    uint64_t seed;
    size_t bucket_count; /* a power of two */
    _Atomic(const struct series *) *buckets;
    struct series *other;
    struct observer_shard *shards;
    char *workload;
    size_t workload_size;
};

static bool count_reserve(atomic_size_t *count, size_t max)
{
    if (atomic_load_explicit(count, memory_order_relaxed) >= max) {
        return false;
    }
    if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) < max) {
        return true;
    }
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
    return false;
}

static void room_give_back(struct metrics *metrics, enum series_kind kind)
{
    atomic_fetch_sub_explicit(&metrics->count, 1, memory_order_relaxed);
    if (kind != SERIES_SERVICE) {
        atomic_fetch_sub_explicit(&metrics->count_outside, 1, memory_order_relaxed);
    }
}

static bool room_reserve(struct metrics *metrics, enum series_kind kind)
{
    if (kind != SERIES_SERVICE && !count_reserve(&metrics->count_outside, metrics->max_outside)) {
        return false;
    }
    if (count_reserve(&metrics->count, metrics->max)) {
        return true;
    }
    if (kind != SERIES_SERVICE) {
        atomic_fetch_sub_explicit(&metrics->count_outside, 1, memory_order_relaxed);
    }
    return false;
}

static const struct series *bucket_find(const struct series *series, const struct series_key *key)
{
    while (series && !tulle__series_is(series, key)) {
        series = series->next;
    }
    return series;
}

/* Another loop may add the same set meanwhile: each lost race looks again, and
 * the one that comes second gives its own back. */
static const struct series *series_publish(struct metrics *metrics,
                                           _Atomic(const struct series *) *bucket,
                                           struct series *series, const struct series_key *key)
{
    const struct series *first = atomic_load_explicit(bucket, memory_order_acquire);
    const struct series *found;

    do {
        found = bucket_find(first, key);
        if (found) {
            tulle__series_free(series);
            room_give_back(metrics, key->kind);
            return found;
        }
        series->next = first;
    } while (!atomic_compare_exchange_weak_explicit(bucket, &first, series, memory_order_acq_rel,
                                                    memory_order_acquire));
    return series;
}

/* NULL: no room, or no memory. */
static const struct series *series_add(struct metrics *metrics,
                                       _Atomic(const struct series *) *bucket,
                                       const struct series_key *key)
{
    struct series *series;

    if (!room_reserve(metrics, key->kind)) {
        return NULL;
    }
    series = tulle__series_new(metrics->loop_count, key);
    if (!series) {
        room_give_back(metrics, key->kind);
        return NULL;
    }
    return series_publish(metrics, bucket, series, key);
}

static struct series_numbers *shard_numbers(struct observer_shard *shard,
                                            const struct call_record *record)
{
    struct metrics *metrics = shard->metrics;
    struct series_numbers *numbers = NULL;
    _Atomic(const struct series *) *bucket;
    const struct series *series;
    struct series_key key;

    tulle__series_key(record, metrics->seed, &key);
    bucket = &metrics->buckets[key.hash & (metrics->bucket_count - 1)];
    series = bucket_find(atomic_load_explicit(bucket, memory_order_acquire), &key);
    if (!series) {
        series = series_add(metrics, bucket, &key);
    }
    if (series) {
        numbers = tulle__series_numbers(series, shard->loop);
    }
    return numbers ? numbers : tulle__series_numbers(metrics->other, shard->loop);
}

static void metrics_call_ended(struct observer_shard *shard, const struct call_record *record)
{
    struct series_numbers *numbers = shard_numbers(shard, record);

    tulle__histogram_add(&numbers->of[SERIES_DURATION],
                         (double)record->duration_ns / (double)NS_PER_MS);
    tulle__histogram_add(&numbers->of[SERIES_REQUEST_BYTES], (double)record->bytes_sent);
    tulle__histogram_add(&numbers->of[SERIES_RESPONSE_BYTES], (double)record->bytes_received);
}

const struct observer tulle__metrics_observer = { .call_ended = metrics_call_ended };

static size_t bucket_count_for(size_t series_max)
{
    size_t count = 64;

    while (count < series_max && count < BUCKETS_MAX) {
        count *= 2;
    }
    return count;
}

/* Its numbers are there from the start, so that counting in it cannot fail. */
static bool other_init(struct metrics *metrics)
{
    metrics->other =
        tulle__series_new(metrics->loop_count, &(struct series_key){ .kind = SERIES_OTHER });
    for (size_t i = 0; metrics->other && i < metrics->loop_count; i++) {
        if (!tulle__series_numbers(metrics->other, i)) {
            return false;
        }
    }
    return metrics->other != NULL;
}

static bool shards_init(struct metrics *metrics)
{
    metrics->shards = tulle__alloc_zero(metrics->loop_count, sizeof(*metrics->shards));
    if (!metrics->shards) {
        return false;
    }
    for (size_t i = 0; i < metrics->loop_count; i++) {
        metrics->shards[i] = (struct observer_shard){ .metrics = metrics, .loop = i };
    }
    return true;
}

struct metrics *tulle__metrics_new(const struct metrics_options *options)
{
    struct str workload = options->workload.size > 0 ? options->workload : STR("unknown");
    struct metrics *metrics = ALLOC_ZERO(struct metrics);

    if (!metrics) {
        return NULL;
    }
    metrics->loop_count = options->loop_count;
    metrics->max = options->series_max == 0            ? SERIES_MAX_DEFAULT
                   : options->series_max == UINT32_MAX ? SIZE_MAX
                                                       : options->series_max;
    metrics->max_outside = metrics->max / 2;
    metrics->seed = options->seed;
    metrics->bucket_count = bucket_count_for(metrics->max);
    metrics->buckets = tulle__alloc_zero(metrics->bucket_count, sizeof(*metrics->buckets));
    metrics->workload = tulle__strndup(workload.data, workload.size);
    metrics->workload_size = workload.size;
    if (!metrics->buckets || !metrics->workload || !shards_init(metrics) || !other_init(metrics)) {
        tulle__metrics_free(metrics);
        return NULL;
    }
    return metrics;
}

static void bucket_free(const struct series *series)
{
    while (series) {
        const struct series *next = series->next;

        tulle__series_free(series);
        series = next;
    }
}

void tulle__metrics_free(struct metrics *metrics)
{
    if (!metrics) {
        return;
    }
    for (size_t i = 0; metrics->buckets && i < metrics->bucket_count; i++) {
        bucket_free(atomic_load_explicit(&metrics->buckets[i], memory_order_acquire));
    }
    tulle__series_free(metrics->other);
    tulle__free(metrics->buckets);
    tulle__free(metrics->shards);
    tulle__free(metrics->workload);
    tulle__free(metrics);
}

struct observer_shard *tulle__metrics_shard(struct metrics *metrics, size_t loop)
{
    return &metrics->shards[loop];
}

static int compare_series(const void *left, const void *right)
{
    return tulle__series_compare(*(const struct series *const *)left,
                                 *(const struct series *const *)right);
}

size_t tulle__metrics_list(const struct metrics *metrics, const struct series **out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < metrics->bucket_count; i++) {
        const struct series *series =
            atomic_load_explicit(&metrics->buckets[i], memory_order_acquire);

        for (; series && count < max; series = series->next) {
            out[count++] = series;
        }
    }
    if (count > 1) {
        qsort(out, count, sizeof(*out), compare_series);
    }
    return count;
}

size_t tulle__metrics_count(const struct metrics *metrics)
{
    return atomic_load_explicit(&metrics->count, memory_order_relaxed);
}

const struct series *tulle__metrics_other(const struct metrics *metrics)
{
    return metrics->other;
}

struct str tulle__metrics_workload(const struct metrics *metrics)
{
    return (struct str){ metrics->workload, metrics->workload_size };
}

size_t tulle__metrics_max(const struct metrics *metrics)
{
    return metrics->max;
}
