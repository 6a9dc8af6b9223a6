/* SPDX-License-Identifier: Apache-2.0 */

/* The life of a name on the control step's loop: looked up, believed for a
 * time, looked up again, asleep, forgotten.
 *
 * A and AAAA are asked at once. The first good half
 * is given out when the other has had its 50 ms (RFC 8305 3): a name server that
 * swallows AAAA must not cost every call its timeout. Only a cluster waits for
 * A behind AAAA, since its endpoints are those of IPv4 where there are any. */

#include "base/alloc.h"
#include "dns/address.h"
#include "dns/internal.h"
#include "dns/time.h"

static int64_t name_now(const struct dns_name *name)
{
    return world_now(name->dns->loop->world);
}

static void name_arm(struct dns_name *name, int64_t in)
{
    tulle__timer_arm(name->dns->loop, &name->timer, time_add(name_now(name), in));
}

void tulle__dns_wake_desks(struct dns *dns)
{
    for (struct list *node = dns->desks.next; node != &dns->desks; node = node->next) {
        struct dns_desk *desk = CONTAINER_OF(node, struct dns_desk, node);

        if (atomic_load(&desk->count) > 0) {
            desk->post(desk->on, &desk->task);
        }
    }
}

/* --- giving out --- */

/* Takes `answer` over. */
static void answer_set(struct dns_name *name, struct dns_answer *answer)
{
    struct dns *dns = name->dns;
    struct dns_answer *old = name->answer;
    bool changed =
        !old || old->print != answer->print || (answer->count == 0 && old->fault != answer->fault);

    tulle__mutex_lock(&dns->lock);
    name->answer = answer;
    name->asleep = false;
    tulle__mutex_unlock(&dns->lock);
    tulle__dns_answer_unref(old);
    tulle__dns_wake_desks(dns);
    if (changed && name->holds > 0) {
        dns->changed(dns->user);
    }
}

/* Without memory for a new answer the last one stays. */
static void name_give_out(struct dns_name *name, enum dns_fault fault)
{
    struct dns_answer *answer = tulle__dns_answer_new(name->halves, fault);

    if (!answer) {
        answer = tulle__dns_answer_ref(name->answer ? name->answer : &name->dns->no_memory);
    }
    answer_set(name, answer);
}

static void name_wake_up(struct dns_name *name)
{
    tulle__mutex_lock(&name->dns->lock);
    name->asleep = false;
    tulle__mutex_unlock(&name->dns->lock);
    tulle__dns_wake_desks(name->dns);
}

/* --- the end of a look-up --- */

static bool half_is_good(const struct dns_half *half)
{
    return !half->pending && half->fault == DNS_OK;
}

/* NXDOMAIN is said of all families (RFC 8020); of others the worse one counts. */
static enum dns_fault worse(enum dns_fault a, enum dns_fault b)
{
    if (a == DNS_NO_NAME || b == DNS_NO_NAME) {
        return DNS_NO_NAME;
    }
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void half_forget(struct dns_half *half)
{
    tulle__free(half->good);
    half->good = NULL;
    half->count = 0;
    half->cut = false;
}

/* Where one family is good, a denial of the other one is believed; a failure is not. */
static void halves_settle(struct dns_half halves[2])
{
    for (int i = 0; i < 2; i++) {
        bool denied = halves[i].fault == DNS_NO_DATA || halves[i].fault == DNS_NO_NAME ||
                      halves[i].fault == DNS_UNUSABLE;

        if (half_is_good(&halves[1 - i]) && denied) {
            half_forget(&halves[i]);
        }
    }
}

static size_t name_addresses(const struct dns_name *name)
{
    return name->halves[0].count + name->halves[1].count;
}

static long long seconds_since_good(const struct dns_name *name)
{
    return (name_now(name) - name->good_at) / NS_PER_S;
}

static void tell_failure(struct dns_name *name, enum dns_fault fault)
{
    size_t count = name_addresses(name);

    if (name->failing) {
        return;
    }
    name->failing = true;
    if (count == 0) {
        tulle__log(name->dns->log, name->holds > 0 ? LOG_WARNING : LOG_INFO, "dns", "%.*s: %s",
                   STR_ARG(name->host), tulle__dns_fault_text(fault));
        return;
    }
    tulle__log(name->dns->log, LOG_WARNING, "dns", "%.*s: %s; %zu addresses of %lld s ago stay",
               STR_ARG(name->host), tulle__dns_fault_text(fault), count, seconds_since_good(name));
}

/* Whom nothing has found for too long. */
static void name_give_up(struct dns_name *name)
{
    size_t count = name_addresses(name);

    if (count == 0 || name_now(name) < time_add(name->good_at, name->dns->stale_ns)) {
        return;
    }
    half_forget(&name->halves[0]);
    half_forget(&name->halves[1]);
    tulle__log(name->dns->log, LOG_WARNING, "dns",
               "%.*s: its %zu addresses of %lld s ago are given up", STR_ARG(name->host), count,
               seconds_since_good(name));
}

static void tell_success(struct dns_name *name)
{
    if (name->failing) {
        name->failing = false;
        tulle__log(name->dns->log, LOG_WARNING, "dns", "%.*s: resolves again, to %zu addresses",
                   STR_ARG(name->host), name_addresses(name));
    }
}

static void name_count(struct dns_name *name, enum dns_fault fault)
{
    struct dns *dns = name->dns;

    tulle__mutex_lock(&dns->lock);
    dns->stats.lookups++;
    dns->stats.failures[fault] += fault != DNS_OK;
    tulle__mutex_unlock(&dns->lock);
}

/* Names that a program was made to call, by whoever answers for them with long
 * TTLs, must not keep others out. */
static bool name_is_in_a_crowd(struct dns_name *name)
{
    bool crowded;

    tulle__mutex_lock(&name->dns->lock);
    crowded = name->dns->names.count > NAMES_SOFT;
    tulle__mutex_unlock(&name->dns->lock);
    return crowded && name->holds == 0;
}

/* A cluster came to a name of which not all was kept. */
static bool name_lacks_some(const struct dns_name *name)
{
    return name->holds > 0 && (name->halves[0].cut || name->halves[1].cut);
}

static int64_t name_next(struct dns_name *name, enum dns_fault fault)
{
    int64_t ttl = NEVER;

    for (int i = 0; i < 2; i++) {
        const struct dns_half *half = &name->halves[i];

        if (half->fault == DNS_OK || fault != DNS_OK) {
            ttl = sooner(ttl, half->ttl_ns);
        }
    }
    ttl = fault == DNS_OK ? tulle__dns_time_good(ttl)
                          : tulle__dns_time_bad(fault, ttl, name->failures);
    if (fault != DNS_OK && name_addresses(name) > 0) {
        ttl = sooner(ttl, time_add(name->good_at, name->dns->stale_ns) - name_now(name));
    }
    if (fault == DNS_OK && name_lacks_some(name)) {
        return DNS_TTL_LEAST;
    }
    return name_is_in_a_crowd(name) ? sooner(ttl, DNS_CROWDED) : ttl;
}

static void lookup_finish(struct dns_name *name)
{
    struct dns_half *halves = name->halves;
    bool good = half_is_good(&halves[0]) || half_is_good(&halves[1]);
    enum dns_fault fault = good ? DNS_OK : worse(halves[0].fault, halves[1].fault);

    name->looking = false;
    name_count(name, fault);
    halves_settle(halves);
    if (good) {
        tell_success(name);
        name->failures = 0;
        name->good_at = name_now(name);
    } else {
        name->failures++;
        tell_failure(name, fault);
        name_give_up(name);
    }
    name_arm(name, tulle__dns_time_jitter(name_next(name, fault), &name->dns->rand));
    name_give_out(name, fault);
}

static bool half_take(struct dns_half *half, const struct resolver_result *result)
{
    struct dns_address *copy;
    size_t count = result->count;

    if (result->fault != DNS_OK) {
        return true;
    }
    if (half->name->holds == 0 && count > OUTSIDE_ADDRESSES) {
        count = OUTSIDE_ADDRESSES;
    }
    copy = tulle__alloc((count + 1) * sizeof(*copy));
    if (!copy) {
        return false;
    }
    if (count > 0) {
        memcpy(copy, result->addresses, count * sizeof(*copy));
    }
    tulle__free(half->good);
    half->good = copy;
    half->count = count;
    half->cut = count < result->count;
    return true;
}

static void half_done(struct resolver_query *query, const struct resolver_result *result)
{
    struct dns_half *half = CONTAINER_OF(query, struct dns_half, query);
    struct dns_name *name = half->name;

    half->pending = false;
    half->fault = result->fault;
    half->ttl_ns = result->ttl_ns;
    if (!half_take(half, result)) {
        half->fault = DNS_NO_MEMORY;
    }
    if (!name->halves[0].pending && !name->halves[1].pending) {
        lookup_finish(name);
        return;
    }
    if (half_is_good(half) && (!half->is_ipv6 || name->holds == 0)) {
        name_arm(name, DNS_DELAY);
    }
}

/* --- its beginning --- */

static void half_answer_locally(struct dns_half *half)
{
    static const struct dns_address loopback[2] = {
        { .is_ipv6 = true, .bytes = { [15] = 1 } },
        { .bytes = { 127, 0, 0, 1 } },
    };

    half->query.done(&half->query,
                     &(struct resolver_result){ .addresses = &loopback[half->is_ipv6 ? 0 : 1],
                                                .count = 1,
                                                .ttl_ns = DNS_TTL_MOST });
}

static void lookup_start(struct dns_name *name)
{
    struct dns *dns = name->dns;

    name->looking = true;
    name->halves[0].pending = name->halves[1].pending = true;
    tulle__timer_disarm(dns->loop, &name->timer);
    if (name->answer && name->asleep) {
        name_arm(name, DNS_STALE_WAIT);
    }
    for (int i = 0; i < 2; i++) {
        struct dns_half *half = &name->halves[i];

        if (tulle__dns_is_localhost(name->host)) {
            half_answer_locally(half);
        } else {
            dns->type->start(dns->resolver, &half->query, name->host, half->is_ipv6);
        }
    }
}

/* Patience is over: what is there must do. */
static void lookup_hurry(struct dns_name *name)
{
    if (half_is_good(&name->halves[0]) || half_is_good(&name->halves[1])) {
        name_give_out(name, DNS_OK);
    } else if (name->answer) {
        name_wake_up(name);
    }
}

/* Under the lock. What is done with a name whose time is over. */
enum fate { FATE_LOOK, FATE_SLEEP, FATE_FORGET };

static enum fate name_fate(struct dns_name *name)
{
    bool has_addresses = name->answer && name->answer->count > 0;
    bool used = name->used;

    name->used = false;
    if (name->holds > 0 || (used && has_addresses && !name->asleep)) {
        return FATE_LOOK;
    }
    if (!list_is_empty(&name->wanted)) {
        return FATE_LOOK;
    }
    if (has_addresses && !name->asleep && name->dns->names.count <= NAMES_SOFT) {
        name->asleep = true;
        return FATE_SLEEP;
    }
    tulle__table_remove(&name->dns->names, name->host);
    return FATE_FORGET;
}

static void name_expire(struct dns_name *name)
{
    enum fate fate;

    tulle__mutex_lock(&name->dns->lock);
    fate = name_fate(name);
    tulle__mutex_unlock(&name->dns->lock);
    switch (fate) {
    case FATE_LOOK: lookup_start(name); return;
    case FATE_SLEEP: name_arm(name, DNS_SLEEP); return;
    case FATE_FORGET: tulle__dns_name_free(name); return;
    }
}

static void name_fire(struct timer *timer, int64_t now)
{
    struct dns_name *name = CONTAINER_OF(timer, struct dns_name, timer);

    (void)now;
    if (name->looking) {
        lookup_hurry(name);
    } else {
        name_expire(name);
    }
}

bool tulle__dns_name_reserve(struct dns_name *name)
{
    if (!name->reserved) {
        name->reserved = tulle__loop_reserve_timers(name->dns->loop, 1);
        name->timer.fire = name_fire;
        for (int i = 0; i < 2; i++) {
            name->halves[i].query.done = half_done;
            name->halves[i].name = name;
            name->halves[i].is_ipv6 = i == 0;
        }
    }
    return name->reserved;
}

void tulle__dns_name_want(struct dns_name *name)
{
    bool known = name->answer && name->answer != &name->dns->no_memory && !name->asleep &&
                 !name_lacks_some(name);

    if (name->looking || known) {
        return;
    }
    if (!tulle__dns_name_reserve(name)) {
        answer_set(name, tulle__dns_answer_ref(&name->dns->no_memory));
        return;
    }
    lookup_start(name);
}

void tulle__dns_name_free(struct dns_name *name)
{
    tulle__timer_disarm(name->dns->loop, &name->timer);
    if (name->reserved) {
        tulle__loop_release_timers(name->dns->loop, 1);
    }
    half_forget(&name->halves[0]);
    half_forget(&name->halves[1]);
    tulle__dns_answer_unref(name->answer);
    tulle__free(name);
}
