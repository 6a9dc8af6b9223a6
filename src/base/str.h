/* SPDX-License-Identifier: Apache-2.0 */

/* A text with its length. Borrowed; only arena copies are NUL-terminated. */

#ifndef TULLE_BASE_STR_H
#define TULLE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data;
    size_t size;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_NONE     ((struct str){ NULL, 0 })
/* For "%.*s". */
#define STR_ARG(s) (int)(s).size, (s).data

static inline struct str str_of(const char *text)
{
    return (struct str){ text, text ? strlen(text) : 0 };
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool tulle__str_equal_nocase(struct str a, struct str b); /* ASCII only, no locale */
int tulle__str_compare(struct str a, struct str b);       /* bytewise, shorter first */
bool tulle__str_starts(struct str text, struct str prefix);
bool tulle__str_ends(struct str text, struct str suffix);
/* Up to (not with) the first `at`; `*rest` is what follows it, or STR_NONE when there is none. */
struct str tulle__str_cut(struct str text, char at, struct str *rest);
struct str tulle__str_trim(struct str text); /* blanks and tabs on both ends */
bool tulle__str_to_u64(struct str text, uint64_t max, uint64_t *out); /* decimal digits only */
char tulle__char_lower(char c);
/* Edits that make one the other (insert, drop, change, swap neighbours); more
 * than `limit` are not counted further. For "did you mean". */
size_t tulle__str_distance(struct str a, struct str b, size_t limit);
uint64_t tulle__str_hash(struct str text, uint64_t seed); /* XXH3, 64 bits */

#endif
