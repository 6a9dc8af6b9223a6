/* SPDX-License-Identifier: Apache-2.0 */

#include "mock/records.h"

#include "base/alloc.h"
#include "base/macros.h"
#include "mock/fill.h"
#include "mock/mock.h"

enum { RECORDS_LEAST = 64, RECORDS_BLOCK = 16 * 1024 };

void tulle__records_init(struct records *records, size_t keep_max)
{
    *records = (struct records){
        .keep_max = keep_max,
        .picks.item_size = sizeof(struct pick_record),
        .events.item_size = sizeof(struct tulle_mock_event),
    };
    tulle__arena_init(&records->arena, RECORDS_BLOCK);
}

void tulle__records_fini(struct records *records)
{
    tulle__free(records->picks.items);
    tulle__free(records->events.items);
    tulle__table_fini(&records->names);
    tulle__arena_fini(&records->arena);
}

void tulle__records_forget(struct records *records)
{
    size_t keep_max = records->keep_max;

    tulle__records_fini(records);
    tulle__records_init(records, keep_max);
}

static bool list_grow(struct record_list *list)
{
    size_t capacity = list->capacity > 0 ? list->capacity * 2 : RECORDS_LEAST;
    void *items;

    if (list->count < list->capacity) {
        return true;
    }
    items = tulle__realloc(list->items, capacity * list->item_size);
    if (items) {
        list->items = items;
        list->capacity = capacity;
    }
    return items != NULL;
}

void *tulle__record_add(struct records *records, struct record_list *list)
{
    void *item;

    if (list->count >= records->keep_max || !list_grow(list)) {
        list->cut++;
        return NULL;
    }
    item = (char *)list->items + list->count++ * list->item_size;
    memset(item, 0, list->item_size);
    return item;
}

const char *tulle__record_name(struct records *records, struct str name)
{
    const char *kept = tulle__table_find(&records->names, name);
    struct str copy;

    if (kept || name.size == 0) {
        return kept ? kept : "";
    }
    copy = tulle__arena_str(&records->arena, name);
    if (!copy.data || !tulle__table_put(&records->names, copy, (char *)(uintptr_t)copy.data)) {
        return "";
    }
    return copy.data;
}

/* --- what the app asks --- */

size_t tulle_mock_picks(const struct tulle_mock *mock)
{
    return mock->records.picks.count;
}

static const struct pick_record *pick_at(const struct tulle_mock *mock, size_t index)
{
    const struct record_list *picks = &mock->records.picks;

    return index < picks->count ? &((const struct pick_record *)picks->items)[index] : NULL;
}

enum tulle_error tulle_mock_pick_at(const struct tulle_mock *mock, size_t index,
                                    struct tulle_mock_pick *out)
{
    const struct pick_record *record = pick_at(mock, index);

    ENSURE(record, TULLE_E_USAGE);
    return mock_fill(out, out->size, &record->pick, sizeof(record->pick));
}

enum tulle_error tulle_mock_candidate_at(const struct tulle_mock *mock, size_t pick, size_t index,
                                         struct tulle_mock_candidate *out)
{
    const struct pick_record *record = pick_at(mock, pick);

    ENSURE(record && index < record->pick.candidate_count, TULLE_E_USAGE);
    return mock_fill(out, out->size, &record->candidates[index], sizeof(*record->candidates));
}

size_t tulle_mock_events(const struct tulle_mock *mock)
{
    return mock->records.events.count;
}

enum tulle_error tulle_mock_event_at(const struct tulle_mock *mock, size_t index,
                                     struct tulle_mock_event *out)
{
    const struct record_list *events = &mock->records.events;

    ENSURE(index < events->count, TULLE_E_USAGE);
    return mock_fill(out, out->size, &((const struct tulle_mock_event *)events->items)[index],
                     sizeof(struct tulle_mock_event));
}

size_t tulle_mock_requests(const struct tulle_mock *mock, const char *address)
{
    const struct list *all = &mock->script.endpoints;
    size_t sum = 0;

    for (struct list *node = all->next; node != all; node = node->next) {
        const struct script_endpoint *each = CONTAINER_OF(node, struct script_endpoint, node);
        sum += !address || strcmp(each->address, address) == 0 ? each->requests : 0;
    }
    return sum;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

enum tulle_error tulle_mock_request_at(const struct tulle_mock *mock, size_t index,
                                       struct tulle_mock_request *out)
{
    const struct script_request *request;
    struct tulle_mock_request filled;

    ENSURE(index < mock->script.request_count, TULLE_E_USAGE);
    request = mock->script.requests[index];
    filled = (struct tulle_mock_request){
        .size = out->size,
        .endpoint = request->address,
        .method = request->method,
        .url = or_empty(request->url),
        .headers = or_empty(request->headers),
        .body = or_empty(request->body),
        .body_size = request->body_size,
        .at_ns = request->at,
        .reused = request->reused,
        .unexpected = request->unexpected,
    };
    return mock_fill(out, out->size, &filled, sizeof(filled));
}

/* "Name: value\n"...: the value of the first line of this name; STR_NONE: none. */
static struct str header_find(struct str lines, struct str name)
{
    while (lines.size > 0) {
        struct str value, line = tulle__str_cut(lines, '\n', &lines);
        struct str found = tulle__str_cut(line, ':', &value);
        if (tulle__str_equal_nocase(found, name)) {
            return tulle__str_trim(value);
        }
    }
    return STR_NONE;
}

enum tulle_error tulle_mock_request_header(struct tulle_mock *mock, size_t index, const char *name,
                                           const char **out)
{
    struct str value;

    *out = NULL;
    ENSURE(index < mock->script.request_count, TULLE_E_USAGE);
    value = header_find(str_of(mock->script.requests[index]->headers), str_of(name));
    if (value.data) {
        *out = tulle__arena_str(&mock->records.arena, value).data;
        ENSURE(*out, TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

void tulle_mock_forget(struct tulle_mock *mock)
{
    tulle__script_forget(&mock->script);
    tulle__records_forget(&mock->records);
}
