/* SPDX-License-Identifier: Apache-2.0 */

/* An endpoint ends its chunk when the hash of its address says so, one in
 * CHUNK_MEAN, or when the chunk is full. So where chunks end after a change is
 * where they ended before, but for those it touches. */

#include "model/endpoint.h"

#include "base/alloc.h"
#include "model/seal.h"

enum { CHUNK_MEAN = 128, CHUNK_MOST = 512 };

/* --- one chunk --- */

struct room {
    char *texts, *places, *labels;
};

static bool labels_equal(const struct endpoint *a, const struct endpoint *b)
{
    if (a->label_count != b->label_count) {
        return false;
    }
    for (size_t i = 0; i < a->label_count; i++) {
        if (!str_equal(a->labels[i].name, b->labels[i].name) ||
            !str_equal(a->labels[i].value, b->labels[i].value)) {
            return false;
        }
    }
    return true;
}

static bool is_same_place(const struct endpoint *a, const struct endpoint *b)
{
    return a->priority == b->priority && str_equal(a->locality, b->locality) &&
           str_equal(a->hash_key, b->hash_key) && labels_equal(a, b);
}

/* What a chunk of these takes, by kind. */
struct need {
    size_t texts, places, labels;
};

static struct need need_of(const struct endpoint *endpoints, size_t count)
{
    struct need need = { 0 };

    for (size_t i = 0; i < count; i++) {
        const struct endpoint *each = &endpoints[i];

        need.texts += each->address.size;
        if (i > 0 && is_same_place(each, &endpoints[i - 1])) {
            continue;
        }
        need.places++;
        need.labels += each->label_count;
        need.texts += each->locality.size + each->hash_key.size;
        for (size_t k = 0; k < each->label_count; k++) {
            need.texts += each->labels[k].name.size + each->labels[k].value.size;
        }
    }
    return need;
}

static struct str text_put(char **at, struct str text)
{
    struct str copy = { *at, text.size };

    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
        *at += text.size;
    }
    return copy;
}

static const struct endpoint_place *place_put(struct room *room, const struct endpoint *endpoint)
{
    struct endpoint_place *place = (void *)room->places;
    struct label *labels = (void *)room->labels;

    room->places += sizeof(*place);
    room->labels += endpoint->label_count * sizeof(*labels);
    *place = (struct endpoint_place){
        .locality = text_put(&room->texts, endpoint->locality),
        .hash_key = text_put(&room->texts, endpoint->hash_key),
        .labels = labels,
        .label_count = endpoint->label_count,
        .priority = endpoint->priority,
    };
    for (size_t i = 0; i < endpoint->label_count; i++) {
        labels[i].name = text_put(&room->texts, endpoint->labels[i].name);
        labels[i].value = text_put(&room->texts, endpoint->labels[i].value);
    }
    return place;
}

static struct endpoint_chunk *chunk_new(const struct endpoint *endpoints, size_t count)
{
    struct need need = need_of(endpoints, count);
    size_t places_at = sizeof(struct endpoint_chunk) + count * sizeof(struct endpoint_record);
    size_t labels_at = places_at + need.places * sizeof(struct endpoint_place);
    size_t texts_at = labels_at + need.labels * sizeof(struct label);
    struct endpoint_chunk *chunk = tulle__alloc(texts_at + need.texts);
    const struct endpoint_place *place = NULL;
    struct room room;

    if (chunk == NULL) {
        return NULL;
    }
    room = (struct room){ (char *)chunk + texts_at, (char *)chunk + places_at,
                          (char *)chunk + labels_at };
    chunk->refs = 1;
    chunk->count = count;
    for (size_t i = 0; i < count; i++) {
        const struct endpoint *each = &endpoints[i];
        struct str address = text_put(&room.texts, each->address);

        if (i == 0 || !is_same_place(each, &endpoints[i - 1])) {
            place = place_put(&room, each);
        }
        chunk->records[i] = (struct endpoint_record){
            .address = address.data,
            .place = place,
            .weight = each->weight,
            .address_size = (uint16_t)address.size,
            .health = (uint8_t)each->health,
        };
    }
    tulle__endpoint_chunk_seal(chunk);
    return chunk;
}

static void chunk_unref(struct endpoint_chunk *chunk)
{
    if (--chunk->refs == 0) {
        tulle__free(chunk);
    }
}

/* --- cutting --- */

struct cutter {
    struct endpoint_chunk **chunks;
    size_t chunk_count, capacity, count;
    size_t open; /* endpoints of the chunk to be */
    struct endpoint pending[CHUNK_MOST];
};

static struct cutter *cutter_new(size_t chunks)
{
    struct cutter *cutter = ALLOC_ZERO(struct cutter);

    if (cutter == NULL) {
        return NULL;
    }
    cutter->capacity = chunks + 8;
    cutter->chunks = tulle__alloc(cutter->capacity * sizeof(struct endpoint_chunk *));
    if (cutter->chunks == NULL) {
        tulle__free(cutter);
        return NULL;
    }
    return cutter;
}

static bool cutter_has_room(struct cutter *cutter)
{
    struct endpoint_chunk **grown;

    if (cutter->chunk_count < cutter->capacity) {
        return true;
    }
    grown = tulle__realloc(cutter->chunks, cutter->capacity * 2 * sizeof(struct endpoint_chunk *));
    if (grown == NULL) {
        return false;
    }
    cutter->chunks = grown;
    cutter->capacity *= 2;
    return true;
}

static bool cutter_cut(struct cutter *cutter)
{
    struct endpoint_chunk *chunk;

    if (cutter->open == 0) {
        return true;
    }
    chunk = cutter_has_room(cutter) ? chunk_new(cutter->pending, cutter->open) : NULL;
    if (chunk == NULL) {
        return false;
    }
    cutter->chunks[cutter->chunk_count++] = chunk;
    cutter->count += cutter->open;
    cutter->open = 0;
    return true;
}

static bool cutter_add(struct cutter *cutter, const struct endpoint *endpoint)
{
    cutter->pending[cutter->open++] = *endpoint;
    if (cutter->open == CHUNK_MOST || tulle__str_hash(endpoint->address, 0) % CHUNK_MEAN == 0) {
        return cutter_cut(cutter);
    }
    return true;
}

/* Where no chunk is begun. */
static bool cutter_share(struct cutter *cutter, struct endpoint_chunk *chunk)
{
    if (!cutter_has_room(cutter)) {
        return false;
    }
    chunk->refs++;
    cutter->chunks[cutter->chunk_count++] = chunk;
    cutter->count += chunk->count;
    return true;
}

static void chunks_release(void *object)
{
    struct endpoint_set *set = object;

    for (size_t i = 0; i < set->chunk_count; i++) {
        chunk_unref(set->chunks[i]);
    }
    set->chunk_count = 0;
}

/* The set gets what was cut, if all of it was. */
static bool cutter_end(struct cutter *cutter, struct endpoint_set *set, bool done)
{
    size_t size;

    done = done && cutter_cut(cutter);
    size = cutter->chunk_count * sizeof(struct endpoint_chunk *);
    if (done) {
        set->chunks = tulle__arena_alloc(&set->part.arena, size);
        done = set->chunks != NULL && tulle__part_add_cleanup(&set->part, chunks_release, set);
    }
    if (done) {
        memcpy(set->chunks, cutter->chunks, size);
        set->chunk_count = cutter->chunk_count;
        set->count = cutter->count;
    }
    for (size_t i = 0; !done && i < cutter->chunk_count; i++) {
        chunk_unref(cutter->chunks[i]);
    }
    tulle__free(cutter->chunks);
    tulle__free(cutter);
    return done;
}

bool tulle__endpoint_set_fill(struct endpoint_set *set, const struct endpoint *endpoints,
                              size_t count)
{
    struct cutter *cutter = cutter_new(count / CHUNK_MEAN);
    bool done = cutter != NULL;

    for (size_t i = 0; done && i < count; i++) {
        done = cutter_add(cutter, &endpoints[i]);
    }
    return cutter != NULL && cutter_end(cutter, set, done);
}

/* --- changes --- */

struct editing {
    struct cutter *cutter;
    const struct endpoint_edit *next, *end;
};

/* Those that stand before `before` (NULL data: all that are left) are put in. */
static bool edits_put(struct editing *editing, struct str before)
{
    bool done = true;

    while (
        done && editing->next < editing->end &&
        (before.data == NULL || tulle__str_compare(editing->next->endpoint.address, before) < 0)) {
        done = editing->next->gone || cutter_add(editing->cutter, &editing->next->endpoint);
        editing->next++;
    }
    return done;
}

static bool edits_reach(const struct editing *editing, struct str last)
{
    return editing->next < editing->end &&
           tulle__str_compare(editing->next->endpoint.address, last) <= 0;
}

/* An edit of its own address takes its place. */
static bool record_put(struct editing *editing, const struct endpoint_record *record)
{
    struct endpoint endpoint = record_endpoint(record);

    if (!edits_put(editing, endpoint.address)) {
        return false;
    }
    if (editing->next < editing->end &&
        str_equal(editing->next->endpoint.address, endpoint.address)) {
        const struct endpoint_edit *edit = editing->next++;

        return edit->gone || cutter_add(editing->cutter, &edit->endpoint);
    }
    return cutter_add(editing->cutter, &endpoint);
}

static bool chunk_put(struct editing *editing, struct endpoint_chunk *chunk)
{
    bool done = true;

    if (editing->cutter->open == 0 && !edits_reach(editing, chunk_last(chunk))) {
        return cutter_share(editing->cutter, chunk);
    }
    for (size_t i = 0; done && i < chunk->count; i++) {
        done = record_put(editing, &chunk->records[i]);
    }
    return done;
}

bool tulle__endpoint_set_fill_from(struct endpoint_set *set, const struct endpoint_set *from,
                                   const struct endpoint_edit *edits, size_t edit_count)
{
    struct cutter *cutter = cutter_new(from->chunk_count);
    struct editing editing = { cutter, edits, edits + edit_count };
    bool done = cutter != NULL;

    for (size_t i = 0; done && i < from->chunk_count; i++) {
        done = chunk_put(&editing, from->chunks[i]);
    }
    done = done && edits_put(&editing, STR_NONE);
    return cutter != NULL && cutter_end(cutter, set, done);
}

void tulle__endpoint_set_share(struct endpoint_set *set, const struct endpoint_set *from)
{
    size_t k = 0;

    for (size_t i = 0; i < set->chunk_count; i++) {
        struct endpoint_chunk *mine = set->chunks[i];

        while (k < from->chunk_count &&
               tulle__str_compare(chunk_first(from->chunks[k]), chunk_first(mine)) < 0) {
            k++;
        }
        if (k < from->chunk_count && from->chunks[k] != mine &&
            fingerprint_equal(from->chunks[k]->print, mine->print)) {
            set->chunks[i] = from->chunks[k];
            set->chunks[i]->refs++;
            chunk_unref(mine);
        }
    }
}
