/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/hash_policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/macros.h"

enum { POLICIES_WITH_COOKIE = 64 };

uint64_t tulle__hash_text(struct str text)
{
    return XXH64(text.data, text.size, 0);
}

/* --- header --- */

/* Envoy's headers of a request that are none here. */
static bool pseudo_header(const struct hash_request *request, struct str name, struct str *out)
{
    const struct {
        struct str name, value;
    } all[] = {
        { STR(":authority"), request->url->authority },
        { STR("host"), request->url->authority },
        { STR(":path"), request->url->target },
        { STR(":method"), request->method },
        { STR(":scheme"), request->url->is_https ? STR("https") : STR("http") },
    };

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (str_equal(all[i].name, name)) {
            *out = all[i].value;
            return true;
        }
    }
    return false;
}

static bool header_is(const struct header_line *header, struct str name)
{
    return tulle__str_equal_nocase((struct str){ header->line.data, header->name_size }, name);
}

static struct str header_value(const struct header_line *header)
{
    return tulle__str_trim((struct str){ header->line.data + header->name_size + 1,
                                         header->line.size - header->name_size - 1 });
}

/* Of the values after `last` the least; equal ones by their place. SIZE_MAX: none is left. */
static size_t next_value(const struct hash_request *request, struct str name, size_t last)
{
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < request->header_count; i++) {
        struct str value;
        int order;

        if (!header_is(&request->headers[i], name)) {
            continue;
        }
        value = header_value(&request->headers[i]);
        order =
            last != SIZE_MAX ? tulle__str_compare(value, header_value(&request->headers[last])) : 1;
        if (order < 0 || (order == 0 && i <= last)) {
            continue;
        }
        if (least == SIZE_MAX ||
            tulle__str_compare(value, header_value(&request->headers[least])) < 0) {
            least = i;
        }
    }
    return least;
}

/* Sorted, so that their order on the wire does not matter. */
static bool hash_header(const struct hash_request *request, struct str name, uint64_t *hash)
{
    struct str value;
    size_t at = SIZE_MAX;
    uint64_t seed = 0;
    bool found = false;

    if (pseudo_header(request, name, &value)) {
        *hash = tulle__hash_text(value);
        return true;
    }
    while ((at = next_value(request, name, at)) != SIZE_MAX) {
        value = header_value(&request->headers[at]);
        seed = XXH64(value.data, value.size, seed);
        found = true;
    }
    *hash = seed;
    return found;
}

/* --- cookie --- */

static struct str unquoted(struct str value)
{
    if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"') {
        return (struct str){ value.data + 1, value.size - 2 };
    }
    return value;
}

static bool cookie_in(struct str cookies, struct str name, struct str *out)
{
    while (cookies.size > 0) {
        struct str pair = tulle__str_trim(tulle__str_cut(cookies, ';', &cookies));
        struct str value;

        if (str_equal(tulle__str_cut(pair, '=', &value), name) && value.data != NULL) {
            *out = unquoted(value);
            return true;
        }
    }
    return false;
}

static struct str cookie_find(const struct hash_request *request, struct str name)
{
    struct str value = STR_NONE;

    for (size_t i = 0; i < request->header_count; i++) {
        if (header_is(&request->headers[i], STR("cookie")) &&
            cookie_in(header_value(&request->headers[i]), name, &value)) {
            break;
        }
    }
    return value;
}

/* Envoy makes it from the two ends of the client's connection. Here it is made from
 * who asks, or is a new one each time. */
static bool cookie_make(const struct hash_request *request, size_t index, struct hash_made *out)
{
    uint64_t word = request->source.size > 0 ? tulle__hash_text(request->source) : request->drawn;

    if (index >= POLICIES_WITH_COOKIE) {
        return false;
    }
    snprintf(out->cookie_value, sizeof(out->cookie_value), "%016" PRIx64, word);
    out->cookies |= UINT64_C(1) << index;
    return true;
}

static bool hash_cookie(const struct hash_request *request, const struct hash_policy *policy,
                        size_t index, struct hash_made *out, uint64_t *hash)
{
    struct str value = cookie_find(request, policy->name);

    if (value.size == 0) {
        if (policy->ttl_ns == NEVER || !cookie_make(request, index, out)) {
            return false;
        }
        value = str_of(out->cookie_value);
    }
    *hash = tulle__hash_text(value);
    return true;
}

int tulle__hash_cookie(const struct hash_policy *policy, const char *value, char *text, size_t size)
{
    long long seconds = (long long)(policy->ttl_ns / NS_PER_S);
    char age[40] = "";

    if (seconds > 0) {
        snprintf(age, sizeof(age), "; Max-Age=%lld", seconds);
    }
    return snprintf(text, size, "%.*s=\"%s\"%s%s%.*s; HttpOnly", STR_ARG(policy->name), value, age,
                    policy->path.size > 0 ? "; Path=" : "", STR_ARG(policy->path));
}

/* --- all --- */

static bool hash_one(const struct hash_request *request, const struct hash_policy *policy,
                     size_t index, struct hash_made *out, uint64_t *hash)
{
    struct str value;

    switch (policy->kind) {
    case HASH_HEADER: return hash_header(request, policy->name, hash);
    case HASH_COOKIE: return hash_cookie(request, policy, index, out, hash);
    case HASH_QUERY:
        if (!tulle__query_find(request->url->query, policy->name, &value)) {
            return false;
        }
        *hash = tulle__hash_text(value);
        return true;
    case HASH_SOURCE:
    default: break;
    }
    *hash = tulle__hash_text(request->source);
    return request->source.size > 0;
}

void tulle__hash_request(const struct hash_policy *policies, size_t count,
                         const struct hash_request *request, struct hash_made *out)
{
    *out = (struct hash_made){ 0 };
    for (size_t i = 0; i < count; i++) {
        uint64_t hash;

        if (hash_one(request, &policies[i], i, out, &hash)) {
            out->hash = (out->hash << 1 | out->hash >> 63) ^ hash;
            out->has_hash = true;
        }
        if (policies[i].terminal && out->has_hash) {
            return;
        }
    }
}
