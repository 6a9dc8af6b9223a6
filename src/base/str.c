/* SPDX-License-Identifier: Apache-2.0 */

#include "base/str.h"

#include <xxhash.h>

enum { DISTANCE_MAX = 64 };

static char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

char tulle__char_lower(char c)
{
    return char_lower(c);
}

bool tulle__str_equal_nocase(struct str a, struct str b)
{
    size_t i;

    if (a.size != b.size) {
        return false;
    }
    for (i = 0; i < a.size; i++) {
        if (a.data[i] != b.data[i] && char_lower(a.data[i]) != char_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

int tulle__str_compare(struct str a, struct str b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool tulle__str_starts(struct str text, struct str prefix)
{
    return text.size >= prefix.size &&
           (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

bool tulle__str_ends(struct str text, struct str suffix)
{
    return text.size >= suffix.size &&
           (suffix.size == 0 ||
            memcmp(text.data + text.size - suffix.size, suffix.data, suffix.size) == 0);
}

struct str tulle__str_cut(struct str text, char at, struct str *rest)
{
    const char *found = text.size > 0 ? memchr(text.data, at, text.size) : NULL;
    size_t size;

    if (!found) {
        *rest = STR_NONE;
        return text;
    }
    size = (size_t)(found - text.data);
    *rest = (struct str){ found + 1, text.size - size - 1 };
    return (struct str){ text.data, size };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str tulle__str_trim(struct str text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

bool tulle__str_to_u64(struct str text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t i;

    *out = 0;
    if (text.size == 0) {
        return false;
    }
    for (i = 0; i < text.size; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text.data[i] - '0';
        if (digit > 9 || digit > max || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One row of the table of distances: of the first `i` bytes of `a` to each start of `b`. */
static size_t distance_row(struct str a, struct str b, size_t i, size_t rows[3][DISTANCE_MAX + 1])
{
    size_t *row = rows[i % 3];
    const size_t *above = rows[(i + 2) % 3];
    const size_t *above2 = rows[(i + 1) % 3];
    size_t smallest = row[0] = i;
    size_t j;

    for (j = 1; j <= b.size; j++) {
        size_t change = a.data[i - 1] != b.data[j - 1];
        row[j] = least(above[j - 1] + change, least(above[j], row[j - 1]) + 1);
        if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1]) {
            row[j] = least(row[j], above2[j - 2] + 1);
        }
        smallest = least(smallest, row[j]);
    }
    return smallest;
}

/* Optimal string alignment, in three rows. Longer texts are no typing mistakes. */
size_t tulle__str_distance(struct str a, struct str b, size_t limit)
{
    size_t rows[3][DISTANCE_MAX + 1];
    size_t i;

    if (str_equal(a, b)) {
        return 0;
    }
    if (a.size > DISTANCE_MAX || b.size > DISTANCE_MAX) {
        return limit + 1;
    }
    for (i = 0; i <= b.size; i++) {
        rows[0][i] = i;
    }
    for (i = 1; i <= a.size; i++) {
        /* A swap reaches back two rows, but never below what the row between had. */
        if (distance_row(a, b, i, rows) > limit) {
            return limit + 1;
        }
    }
    return least(rows[a.size % 3][b.size], limit + 1);
}

uint64_t tulle__str_hash(struct str text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text.data, text.size, seed);
}
