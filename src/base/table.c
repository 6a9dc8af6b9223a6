/* SPDX-License-Identifier: Apache-2.0 */

/* At most three quarters full. A removal moves what follows back, so there are
 * no gravestones and a lookup always ends at the first free slot. */

#include "base/table.h"

#include "base/alloc.h"

enum { TABLE_LEAST = 8 };

void tulle__table_fini(struct table *table)
{
    tulle__free(table->slots);
    *table = (struct table){ 0 };
}

/* The slot of `key`, or the free one where it belongs. Capacity > 0. */
static size_t table_place(const struct table *table, struct str key, uint64_t hash)
{
    size_t mask = table->capacity - 1;
    size_t at = (size_t)hash & mask;

    while (table->slots[at].value &&
           (table->slots[at].hash != hash || !str_equal(table->slots[at].key, key))) {
        at = (at + 1) & mask;
    }
    return at;
}

void *tulle__table_find(const struct table *table, struct str key)
{
    if (table->count == 0) {
        return NULL;
    }
    return table->slots[table_place(table, key, tulle__str_hash(key, table->seed))].value;
}

static bool table_grow(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : TABLE_LEAST;
    struct table grown = { .capacity = capacity, .count = table->count, .seed = table->seed };
    size_t i;

    grown.slots = tulle__alloc_zero(capacity, sizeof(struct table_slot));
    if (!grown.slots) {
        return false;
    }
    for (i = 0; i < table->capacity; i++) {
        const struct table_slot *slot = &table->slots[i];
        if (slot->value) {
            grown.slots[table_place(&grown, slot->key, slot->hash)] = *slot;
        }
    }
    tulle__free(table->slots);
    *table = grown;
    return true;
}

bool tulle__table_put(struct table *table, struct str key, void *value)
{
    uint64_t hash = tulle__str_hash(key, table->seed);
    struct table_slot *slot;

    if (table->count >= table->capacity / 4 * 3) {
        if (!table_grow(table)) {
            return false;
        }
    }
    slot = &table->slots[table_place(table, key, hash)];
    table->count += slot->value == NULL;
    *slot = (struct table_slot){ key, hash, value };
    return true;
}

/* Closes the gap at `gap`: whoever comes after it and may stand there does. */
static void table_close_gap(struct table *table, size_t gap)
{
    size_t mask = table->capacity - 1;
    size_t at = (gap + 1) & mask;

    while (table->slots[at].value) {
        size_t home = (size_t)table->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table->slots[gap] = table->slots[at];
            gap = at;
        }
        at = (at + 1) & mask;
    }
    table->slots[gap] = (struct table_slot){ 0 };
}

void *tulle__table_remove(struct table *table, struct str key)
{
    void *value;
    size_t at;

    if (table->count == 0) {
        return NULL;
    }
    at = table_place(table, key, tulle__str_hash(key, table->seed));
    value = table->slots[at].value;
    if (value) {
        table->count--;
        table_close_gap(table, at);
    }
    return value;
}

void *tulle__table_next(const struct table *table, size_t *at)
{
    while (*at < table->capacity) {
        void *value = table->slots[(*at)++].value;
        if (value) {
            return value;
        }
    }
    return NULL;
}
