/* SPDX-License-Identifier: Apache-2.0 */

/* The endpoints of a cluster, as configured.
 *
 * A set is a spine of chunks, each with a count, which sets share: who changes one
 * endpoint of 100,000 makes one chunk anew. Where a chunk ends is said by the
 * addresses alone (endpoint_set.c), so that equal contents have equal chunks,
 * however they came about. */

#ifndef TULLE_MODEL_ENDPOINT_H
#define TULLE_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/part.h"

struct label {
    struct str name;
    struct str value;
};

/* What the control plane says of an endpoint (EDS health_status). */
enum endpoint_health {
    HEALTH_UNKNOWN, /* as healthy */
    HEALTH_HEALTHY,
    HEALTH_DEGRADED, /* used when the healthy ones are not enough */
    HEALTH_UNHEALTHY,
    HEALTH_DRAINING /* as unhealthy */
};

/* As a source says it. */
struct endpoint {
    struct str address;  /* "10.0.0.1:9080" or "[::1]:9080", canonical; "name:9080" */
    struct str locality; /* "region/zone/subzone" or "" */
    struct str hash_key; /* in place of the address, for ring hash and Maglev; "": none */
    uint32_t weight;     /* at least 1 */
    uint32_t priority;   /* 0 first */
    enum endpoint_health health;
    const struct label *labels;
    size_t label_count;
};

/* What neighbours have in common: one for all in a row that say the same. */
struct endpoint_place {
    struct str locality;
    struct str hash_key;
    const struct label *labels;
    size_t label_count;
    uint32_t priority;
};

/* As a set keeps it: there may be very many. */
struct endpoint_record {
    const char *address;
    const struct endpoint_place *place;
    uint32_t weight;
    uint16_t address_size;
    uint8_t health; /* enum endpoint_health */
};

/* One allocation, its texts included. */
struct endpoint_chunk {
    size_t refs; /* control step only */
    struct fingerprint print;
    size_t count; /* at least 1 */
    struct endpoint_record records[];
};

/* A group of endpoints of one priority; of locality weights. */
struct locality_weight {
    struct str locality;
    uint32_t priority;
    uint32_t weight; /* 0: gets nothing */
};

struct endpoint_set {
    struct part part;
    struct endpoint_chunk **chunks; /* sorted by address, no address twice */
    size_t chunk_count;
    size_t count;                             /* of endpoints */
    const struct locality_weight *localities; /* none: all weigh the same */
    size_t locality_count;
};

/* One that is to be there from now on, or not any more. */
struct endpoint_edit {
    struct endpoint endpoint; /* of one that goes, its address alone */
    bool gone;
};

/* Gives a set that has none its endpoints: copies of these, which are sorted by
 * address, no address twice and none longer than ADDRESS_SIZE_MAX. Once, before it is
 * sealed. False: no memory. */
bool tulle__endpoint_set_fill(struct endpoint_set *set, const struct endpoint *endpoints,
                              size_t count);
/* The same of those of `from`, changed by `edits` (sorted by address, no address
 * twice), which shares each chunk that they do not touch. */
bool tulle__endpoint_set_fill_from(struct endpoint_set *set, const struct endpoint_set *from,
                                   const struct endpoint_edit *edits, size_t edit_count);
/* Every chunk of `set` that is in `from` as well becomes that one. */
void tulle__endpoint_set_share(struct endpoint_set *set, const struct endpoint_set *from);

enum { ADDRESS_SIZE_MAX = UINT16_MAX };

static inline struct str record_address(const struct endpoint_record *record)
{
    return (struct str){ record->address, record->address_size };
}

static inline struct endpoint record_endpoint(const struct endpoint_record *record)
{
    const struct endpoint_place *place = record->place;

    return (struct endpoint){
        .address = record_address(record),
        .locality = place->locality,
        .hash_key = place->hash_key,
        .weight = record->weight,
        .priority = place->priority,
        .health = (enum endpoint_health)record->health,
        .labels = place->labels,
        .label_count = place->label_count,
    };
}

static inline struct str chunk_first(const struct endpoint_chunk *chunk)
{
    return record_address(&chunk->records[0]);
}

static inline struct str chunk_last(const struct endpoint_chunk *chunk)
{
    return record_address(&chunk->records[chunk->count - 1]);
}

/* A walk over all of a set. */
struct endpoint_walk {
    const struct endpoint_set *set;
    size_t chunk, at;
};

/* NULL: that was all. */
static inline const struct endpoint_record *endpoint_walk_next(struct endpoint_walk *walk)
{
    const struct endpoint_chunk *chunk;

    if (walk->chunk == walk->set->chunk_count) {
        return NULL;
    }
    chunk = walk->set->chunks[walk->chunk];
    if (walk->at + 1 < chunk->count) {
        return &chunk->records[walk->at++];
    }
    walk->chunk++;
    walk->at = 0;
    return &chunk->records[chunk->count - 1];
}

/* The i-th of a set that has so many. */
static inline struct endpoint endpoint_at(const struct endpoint_set *set, size_t i)
{
    struct endpoint_chunk *const *chunk = set->chunks;

    while (i >= (*chunk)->count) {
        i -= (*chunk++)->count;
    }
    return record_endpoint(&(*chunk)->records[i]);
}

#endif
