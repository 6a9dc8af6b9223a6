/* SPDX-License-Identifier: Apache-2.0 */

/* What a route asks of a request. */

#ifndef TULLE_MODEL_MATCH_H
#define TULLE_MODEL_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct regex; /* model/regex.h */

enum match_kind { MATCH_EXACT, MATCH_PREFIX, MATCH_REGEX, MATCH_PRESENT };

struct text_match {
    enum match_kind kind;
    struct str text;           /* of exact and prefix; of regex: the pattern */
    const struct regex *regex; /* of regex: the whole text must match */
};

struct named_match {
    struct str name; /* headers: lower case */
    struct text_match match;
};

/* All that is given must hold. */
struct route_match {
    bool has_uri, has_method;
    struct text_match uri; /* against the normalised path without the query */
    struct text_match method;
    const struct named_match *headers;
    size_t header_count;
    const struct named_match *query; /* compared undecoded; the first of a name counts */
    size_t query_count;
};

bool tulle__text_match(const struct text_match *match, struct str text);

#endif
