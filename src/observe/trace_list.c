/* SPDX-License-Identifier: Apache-2.0 */

#include "observe/trace_list.h"

#include "seam/trace.h"

enum { LIST_MAX = 32 * 1024, KEY_MAX = 256, VALUE_MAX = 256, MEMBER_LARGE = 128 };

bool tulle__trace_list_add(struct buf *list, struct str value)
{
    struct str text = tulle__str_trim(value);

    if (text.size == 0 || list->size + text.size > LIST_MAX) {
        return true;
    }
    return (list->size == 0 || tulle__buf_add_str(list, STR(","))) &&
           tulle__buf_add_str(list, text);
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Level 2's keys, of which level 1's are some; at most one tenant. */
static bool key_is_good(struct str key)
{
    size_t tenants = 0;

    if (key.size == 0 || key.size > KEY_MAX || !is_lower_or_digit(key.data[0])) {
        return false;
    }
    for (size_t i = 0; i < key.size; i++) {
        char c = key.data[i];

        tenants += c == '@';
        if (!is_lower_or_digit(c) && (c == '\0' || !strchr("_-*/@", c))) {
            return false;
        }
    }
    return tenants <= 1 && key.data[key.size - 1] != '@';
}

static bool value_is_good(struct str value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];

        if (c < ' ' || c > '~' || c == ',' || c == '=') {
            return false;
        }
    }
    return value.size > 0 && value.size <= VALUE_MAX;
}

static bool member_is_good(struct str member)
{
    struct str value, key = tulle__str_cut(member, '=', &value);

    return value.data && key_is_good(key) && value_is_good(value);
}

/* Empty members are allowed and do not count. */
static bool state_is_good(struct str list)
{
    size_t members = 0;
    struct str rest = list;

    while (rest.data) {
        struct str member = tulle__str_trim(tulle__str_cut(rest, ',', &rest));

        if (member.size > 0 && !member_is_good(member)) {
            return false;
        }
        members += member.size > 0;
    }
    return members > 0 && members <= TRACE_STATE_MEMBERS_MAX;
}

/* The last member over MEMBER_LARGE, else the last. */
static struct str member_to_drop(struct str list)
{
    struct str rest = list, last = list, large = STR_NONE;

    while (rest.data) {
        last = tulle__str_cut(rest, ',', &rest);
        large = last.size > MEMBER_LARGE ? last : large;
    }
    return large.data ? large : last;
}

/* With the comma before it, or behind it where it is the first. */
static void member_drop(struct buf *list, struct str member)
{
    size_t at = (size_t)(member.data - list->data), size = member.size;

    if (at > 0) {
        at--;
        size++;
    } else if (size < list->size) {
        size++;
    }
    memmove(list->data + at, list->data + at + size, list->size - at - size);
    list->size -= size;
}

/* In one pass: whoever sends nothing but commas must not have each dropped alone. */
static void members_drop_empty(struct buf *list)
{
    struct str rest = { list->data, list->size };
    size_t size = 0;

    while (rest.data) {
        struct str member = tulle__str_cut(rest, ',', &rest);

        if (tulle__str_trim(member).size == 0) {
            continue;
        }
        if (size > 0) {
            list->data[size++] = ',';
        }
        memmove(list->data + size, member.data, member.size);
        size += member.size;
    }
    list->size = size;
}

struct str tulle__tracestate_fit(struct buf *list)
{
    if (!list->data || !state_is_good((struct str){ list->data, list->size })) {
        return STR_NONE;
    }
    if (list->size > TRACE_STATE_MAX) {
        members_drop_empty(list);
    }
    while (list->size > TRACE_STATE_MAX) {
        member_drop(list, member_to_drop((struct str){ list->data, list->size }));
    }
    return tulle__str_trim((struct str){ list->data, list->size });
}

struct str tulle__baggage_fit(const struct buf *list)
{
    size_t size = list->size;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)list->data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return STR_NONE;
        }
    }
    if (size > TRACE_BAGGAGE_MAX) {
        size = TRACE_BAGGAGE_MAX;
        while (size > 0 && list->data[size] != ',') {
            size--;
        }
    }
    return tulle__str_trim((struct str){ list->data, size });
}
