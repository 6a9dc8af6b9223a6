/* SPDX-License-Identifier: Apache-2.0 */

/* Labels say what a label set is, never a pointer to a cluster: clusters go
 * with their snapshot and their addresses are used again, and two subsets of
 * one service are one label set in Istio's metrics. The numbers of a loop are
 * a block of their own, made when that loop first needs them, so that no two
 * loops write one line. */

#include "observe/series.h"

#include "base/alloc.h"

/* Envoy answers 502 for what REGISTRY_ONLY refuses, 404 and 503 where a known
 * service has no route or no such cluster. */
static enum series_kind kind_of(const struct call_record *record)
{
    if (record->cluster) {
        return SERIES_SERVICE;
    }
    if (record->outside) {
        return SERIES_PASSTHROUGH;
    }
    return record->status == 502 ? SERIES_BLACKHOLE : SERIES_NO_ROUTE;
}

void tulle__series_key(const struct call_record *record, uint64_t seed, struct series_key *out)
{
    const struct cluster *cluster = record->cluster;
    uint64_t numbers;

    out->kind = kind_of(record);
    out->status = record->status;
    out->flags = record->flags;
    out->is_grpc = record->is_grpc;
    out->host = cluster ? cluster->host : record->host;
    out->service = cluster ? cluster->service : STR_NONE;
    out->name_space = cluster ? cluster->name_space : STR_NONE;
    numbers = (uint64_t)(uint32_t)out->status << 32 | (uint64_t)out->flags << 4 |
              (uint64_t)out->kind << 1 | (uint64_t)out->is_grpc;
    out->hash = tulle__str_hash(out->host, seed ^ numbers);
}

bool tulle__series_is(const struct series *series, const struct series_key *key)
{
    const struct series_key *own = &series->key;

    return own->hash == key->hash && own->status == key->status && own->flags == key->flags &&
           own->kind == key->kind && own->is_grpc == key->is_grpc &&
           str_equal(own->host, key->host) && str_equal(own->name_space, key->name_space);
}

static int compare_numbers(const struct series_key *a, const struct series_key *b)
{
    if (a->status != b->status) {
        return a->status < b->status ? -1 : 1;
    }
    if (a->flags != b->flags) {
        return a->flags < b->flags ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return (int)a->is_grpc - (int)b->is_grpc;
}

int tulle__series_compare(const struct series *a, const struct series *b)
{
    int order = tulle__str_compare(a->key.host, b->key.host);

    if (order == 0) {
        order = tulle__str_compare(a->key.name_space, b->key.name_space);
    }
    return order ? order : compare_numbers(&a->key, &b->key);
}

static struct str text_place(char **room, struct str text)
{
    struct str copy = { *room, text.size };

    if (text.size > 0) {
        memcpy(*room, text.data, text.size);
    }
    *room += text.size;
    return copy;
}

struct series *tulle__series_new(size_t loop_count, const struct series_key *key)
{
    size_t head = sizeof(struct series) + loop_count * sizeof(_Atomic(struct series_numbers *));
    size_t texts = key->host.size + key->service.size + key->name_space.size;
    struct series *series = tulle__alloc_zero(1, head + texts);
    char *room;

    if (!series) {
        return NULL;
    }
    room = (char *)series + head;
    series->loop_count = loop_count;
    series->key = *key;
    series->key.host = text_place(&room, key->host);
    series->key.service = text_place(&room, key->service);
    series->key.name_space = text_place(&room, key->name_space);
    return series;
}

static struct series_numbers *numbers_of(const struct series *series, size_t loop)
{
    return atomic_load_explicit(&series->numbers[loop], memory_order_acquire);
}

void tulle__series_free(const struct series *series)
{
    for (size_t i = 0; series && i < series->loop_count; i++) {
        tulle__free(numbers_of(series, i));
    }
    tulle__free((struct series *)series);
}

struct series_numbers *tulle__series_numbers(const struct series *series, size_t loop)
{
    struct series_numbers *numbers = numbers_of(series, loop);

    if (numbers) {
        return numbers;
    }
    numbers = ALLOC_ZERO(struct series_numbers);
    if (numbers) {
        atomic_store_explicit(&((struct series *)series)->numbers[loop], numbers,
                              memory_order_release);
    }
    return numbers;
}

static void total_add(struct series_total *total, struct histogram *histogram)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        uint64_t count = atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);

        total->counts[i] += count;
        total->count += count;
    }
    total->sum += atomic_load_explicit(&histogram->sum, memory_order_relaxed);
}

void tulle__series_total(const struct series *series, enum series_metric metric,
                         struct series_total *out)
{
    *out = (struct series_total){ .count = 0 };
    for (size_t i = 0; i < series->loop_count; i++) {
        struct series_numbers *numbers = numbers_of(series, i);

        if (numbers) {
            total_add(out, &numbers->of[metric]);
        }
    }
}
