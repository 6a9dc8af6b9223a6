/* SPDX-License-Identifier: Apache-2.0 */

/* A hash table from a text to a pointer: open addressing, linear probing. It
 * borrows the keys. */

#ifndef TULLE_BASE_TABLE_H
#define TULLE_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct table_slot {
    struct str key;
    uint64_t hash;
    void *value; /* NULL: free */
};

struct table {
    struct table_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
    uint64_t seed; /* set before the first use where others choose the keys, else 0 */
};

void tulle__table_fini(struct table *table);                        /* values are the caller's */
void *tulle__table_find(const struct table *table, struct str key); /* NULL: not there */
/* False: no memory. Replaces the value of a key that is there (and the key). value != NULL. */
bool tulle__table_put(struct table *table, struct str key, void *value);
void *tulle__table_remove(struct table *table, struct str key); /* what it was, or NULL */
/* Walks in no order: start with *at = 0; NULL at the end. Do not change the table meanwhile. */
void *tulle__table_next(const struct table *table, size_t *at);

#endif
