/* SPDX-License-Identifier: Apache-2.0 */

/* Hashes the request once, for all its attempts, and tells the app of a cookie
 * that was made for it: it must come back with the next request, or the next one
 * is another client. A pick may bring its own hash. */

#include "policy/hash_policy.h"
#include "policy/layers.h"
#include "stack/call.h"

#include <stdio.h>

struct hash_slot {
    uint64_t cookies;
    char cookie_value[HASH_COOKIE_SIZE + 1];
};

static const struct balancer_config *balancer_of(const struct tulle_call *call)
{
    return &call_target(call)->cluster->balancer;
}

static bool is_hashed(const struct balancer_config *balancer)
{
    return balancer->kind == BALANCER_RING_HASH || balancer->kind == BALANCER_MAGLEV;
}

/* One stack serves all picks: what it is to do there it asks when it is there. */
static enum tulle_error hash_prepare(const struct prepare *prepare, const void **config,
                                     bool *absent)
{
    const struct cluster *cluster = prepare->cluster;

    (void)config;
    *absent = cluster && (!is_hashed(&cluster->balancer) || cluster->balancer.hash_count == 0);
    return TULLE_OK;
}

static enum down hash_on_call(struct tulle_call *call, size_t at)
{
    const struct balancer_config *balancer = balancer_of(call);
    struct hash_slot *slot = call_slot(call, at);
    struct hash_request request = {
        .headers = call->headers,
        .header_count = call->header_count,
        .url = &call->url,
        .method = call->method,
        .source = call->source,
    };
    struct hash_made made;

    if (call->has_hash || !is_hashed(balancer) || balancer->hash_count == 0) {
        return DOWN_PASS;
    }
    request.drawn = rand_next(&call->on->rand);
    tulle__hash_request(balancer->hash, balancer->hash_count, &request, &made);
    call->hash = made.hash;
    call->has_hash = made.has_hash;
    slot->cookies = made.cookies;
    memcpy(slot->cookie_value, made.cookie_value, sizeof(slot->cookie_value));
    tulle__call_tell(call, at, made.has_hash ? "the request's hash is %016llx" : "nothing to hash",
                     (unsigned long long)made.hash);
    return DOWN_PASS;
}

static bool cookie_add(struct tulle_reply *reply, const struct hash_policy *policy,
                       const char *value)
{
    static const char name[] = "set-cookie";
    int size = tulle__hash_cookie(policy, value, NULL, 0);
    struct buf *headers = &reply->headers;

    if (!tulle__buf_reserve(headers, sizeof(name) + (size_t)size + 2)) {
        return false;
    }
    memcpy(headers->data + headers->size, name, sizeof(name));
    headers->size += sizeof(name);
    tulle__hash_cookie(policy, value, headers->data + headers->size, (size_t)size + 1);
    headers->size += (size_t)size + 1;
    headers->data[headers->size] = '\0';
    reply->header_count++;
    return true;
}

/* Without its cookie the reply is not the one that was asked for. */
static void fail_without_memory(struct tulle_call *call, size_t at)
{
    const struct outcome outcome = {
        .error = TULLE_E_NOMEM,
        .progress = TULLE_ANSWERED,
        .origin = ORIGIN_HERE,
        .status = 503,
        .layer = "hash",
        .text = "no memory for the cookie",
    };

    tulle__call_answer(call, at, &outcome, &outcome);
}

static enum up hash_on_reply(struct tulle_call *call, size_t at)
{
    const struct hash_policy *policies = balancer_of(call)->hash;
    struct hash_slot *slot = call_slot(call, at);

    if (call->outcome.error != TULLE_OK) {
        return UP_PASS;
    }
    for (; slot->cookies != 0; slot->cookies &= slot->cookies - 1) {
        int i = __builtin_ctzll(slot->cookies);

        if (!cookie_add(&call->reply, &policies[i], slot->cookie_value)) {
            fail_without_memory(call, at);
            break;
        }
    }
    slot->cookies = 0;
    return UP_PASS;
}

const struct layer_type tulle__hash_layer = {
    .name = "hash",
    .tier = TIER_CALL,
    .slot_size = sizeof(struct hash_slot),
    .on_call = hash_on_call,
    .on_reply = hash_on_reply,
    .prepare = hash_prepare,
};
