/* SPDX-License-Identifier: Apache-2.0 */

/* What a mock remembers of picks and events. Texts lie in an arena that is
 * dropped as a whole; names that come again and again are kept once. */

#ifndef TULLE_MOCK_RECORDS_H
#define TULLE_MOCK_RECORDS_H

#include <tulle/mock.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/table.h"

struct record_list {
    void *items;
    size_t count, capacity, item_size;
    size_t cut; /* not kept: over the most, or without memory */
};

struct pick_record {
    struct tulle_mock_pick pick;
    struct tulle_mock_candidate *candidates;
};

struct records {
    size_t keep_max;
    struct record_list picks;  /* struct pick_record */
    struct record_list events; /* struct tulle_mock_event */
    struct arena arena;
    struct table names;
};

void tulle__records_init(struct records *records, size_t keep_max);
void tulle__records_fini(struct records *records);
void tulle__records_forget(struct records *records);

/* A zeroed item behind the others; NULL: it is not kept. */
void *tulle__record_add(struct records *records, struct record_list *list);
/* The one copy of a name, with a NUL; "" without memory. */
const char *tulle__record_name(struct records *records, struct str name);

#endif
