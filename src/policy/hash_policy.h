/* SPDX-License-Identifier: Apache-2.0 */

/* What a request is hashed by, as Envoy does it (source/common/http/hash_policy.cc,
 * xxHash64 of seed 0), so that both send it to the same endpoint. A policy whose
 * part is not there gives nothing; the hash so far is turned left by one bit and
 * xor-ed with the next, until a terminal policy stands after a hash. No hash at
 * all: the endpoint is drawn. */

#ifndef TULLE_POLICY_HASH_POLICY_H
#define TULLE_POLICY_HASH_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/balancer.h"
#include "route/url.h"
#include "seam/transport.h"

struct hash_request {
    const struct header_line *headers;
    size_t header_count;
    const struct url *url;
    struct str method;
    struct str source; /* who asks; "": nobody said so */
    uint64_t drawn;    /* a cookie that is made for nobody in particular is made from this */
};

enum { HASH_COOKIE_SIZE = 16 };

struct hash_made {
    bool has_hash;
    uint64_t hash;
    uint64_t cookies;                        /* a bit for each policy whose cookie was made */
    char cookie_value[HASH_COOKIE_SIZE + 1]; /* of all of them */
};

uint64_t tulle__hash_text(struct str text);
void tulle__hash_request(const struct hash_policy *policies, size_t count,
                         const struct hash_request *request, struct hash_made *out);
/* The value of Set-Cookie, into `text`; its size, as snprintf() counts. */
int tulle__hash_cookie(const struct hash_policy *policy, const char *value, char *text,
                       size_t size);

#endif
