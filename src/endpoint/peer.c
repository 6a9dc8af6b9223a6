/* SPDX-License-Identifier: Apache-2.0 */

/* Peers lie in slabs, a line each, and are found by a table of their numbers: open
 * addressing, linear probing, a removal moves what follows back, as base/table does
 * with keys of its own. */

#include "endpoint/peer.h"

#include "base/alloc.h"
#include "endpoint/lines.h"

enum { SLOTS_FIRST = 16 };

_Static_assert(sizeof(struct peer) == LINE_SIZE, "a peer is one line");

/* --- names --- */

/* Names that a certificate must prove do not share connections; protocols never do. */
static struct str proven_host(enum protocol protocol, struct str host)
{
    return protocol == PROTOCOL_HTTPS ? host : STR_NONE;
}

static struct str name_host(const struct peer_name *name)
{
    return (struct str){ name->text + name->address_size + 1, name->host_size };
}

static uint32_t name_hash(struct str address, enum protocol protocol, struct str host)
{
    uint64_t seed = protocol == PROTOCOL_HTTPS ? tulle__str_hash(host, 0) : (uint64_t)protocol;

    return (uint32_t)tulle__str_hash(address, seed);
}

/* NULL: no memory, or longer than any name. */
static struct peer_name *name_new(struct str address, enum protocol protocol, struct str host)
{
    struct peer_name *name;

    if (address.size > UINT16_MAX || host.size > UINT16_MAX) {
        return NULL;
    }
    name = tulle__alloc(offsetof(struct peer_name, text) + address.size + 1 + host.size);
    if (name == NULL) {
        return NULL;
    }
    name->address_size = (uint16_t)address.size;
    name->host_size = (uint16_t)host.size;
    name->protocol = (uint8_t)protocol;
    if (address.size > 0) {
        memcpy(name->text, address.data, address.size);
    }
    name->text[address.size] = '\0';
    if (host.size > 0) {
        memcpy(name->text + address.size + 1, host.data, host.size);
    }
    return name;
}

bool tulle__peer_is(const struct peer *peer, struct str address, enum protocol protocol,
                    struct str host)
{
    return peer_protocol(peer) == protocol && str_equal(peer_address(peer), address) &&
           str_equal(name_host(peer->name), proven_host(protocol, host));
}

/* --- the table --- */

static struct peer *slot_peer(const struct peers *peers, size_t at)
{
    return slabs_at(&peers->all, peers->slots[at].number - 1);
}

/* The first free slot where something of this hash may be put. Capacity > count. */
static size_t slot_free(const struct peers *peers, uint32_t hash)
{
    size_t mask = peers->capacity - 1, at = hash & mask;

    while (peers->slots[at].number != 0) {
        at = (at + 1) & mask;
    }
    return at;
}

/* At most seven eighths full. */
static bool slots_grow(struct peers *peers)
{
    struct peers grown = *peers;

    if (peers->count < peers->capacity / 8 * 7) {
        return true;
    }
    grown.capacity = peers->capacity > 0 ? peers->capacity * 2 : SLOTS_FIRST;
    grown.slots = tulle__alloc_zero(grown.capacity, sizeof(struct peer_slot));
    if (grown.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < peers->capacity; i++) {
        if (peers->slots[i].number != 0) {
            grown.slots[slot_free(&grown, peers->slots[i].hash)] = peers->slots[i];
        }
    }
    tulle__free(peers->slots);
    *peers = grown;
    return true;
}

static struct peer *peers_find(const struct peers *peers, uint32_t hash, struct str address,
                               enum protocol protocol, struct str host)
{
    size_t mask = peers->capacity - 1, at = hash & mask;

    for (; peers->capacity > 0 && peers->slots[at].number != 0; at = (at + 1) & mask) {
        if (peers->slots[at].hash == hash &&
            tulle__peer_is(slot_peer(peers, at), address, protocol, host)) {
            return slot_peer(peers, at);
        }
    }
    return NULL;
}

/* Closes the gap at `gap`: whoever comes after it and may stand there does. */
static void slots_close_gap(struct peers *peers, size_t gap)
{
    size_t mask = peers->capacity - 1;

    for (size_t at = (gap + 1) & mask; peers->slots[at].number != 0; at = (at + 1) & mask) {
        size_t home = peers->slots[at].hash & mask;

        if (((at - home) & mask) >= ((at - gap) & mask)) {
            peers->slots[gap] = peers->slots[at];
            gap = at;
        }
    }
    peers->slots[gap] = (struct peer_slot){ 0 };
}

/* Takes it out. Its number. */
static uint32_t slots_remove(struct peers *peers, const struct peer *peer)
{
    uint32_t hash = name_hash(peer_address(peer), peer_protocol(peer), name_host(peer->name));
    size_t mask = peers->capacity - 1, at = hash & mask;
    uint32_t number;

    while (peers->slots[at].hash != hash || slot_peer(peers, at) != peer) {
        at = (at + 1) & mask;
    }
    number = peers->slots[at].number - 1;
    slots_close_gap(peers, at);
    peers->count--;
    return number;
}

/* --- peers --- */

void tulle__peers_init(struct peers *peers)
{
    *peers = (struct peers){ .count = 0 };
    tulle__slabs_init(&peers->all, sizeof(struct peer));
}

void tulle__peers_fini(struct peers *peers)
{
    tulle__slabs_fini(&peers->all);
    tulle__free(peers->slots);
}

static void peer_list(struct peers *peers, struct peer *peer)
{
    if (!peer->listed) {
        peer->listed = true;
        peer->next = peers->unnamed;
        peers->unnamed = peer;
    }
}

void tulle__peer_name(struct peer *peer)
{
    peer->named++;
}

void tulle__peer_unname(struct peers *peers, struct peer *peer)
{
    if (--peer->named == 0) {
        peer_list(peers, peer);
    }
}

static struct peer *peer_new(struct peers *peers, uint32_t hash, struct peer_name *name)
{
    struct peer *peer = NULL;
    uint32_t number;

    if (name != NULL && slots_grow(peers)) {
        peer = tulle__slabs_take(&peers->all, &number);
    }
    if (peer == NULL) {
        tulle__free(name);
        return NULL;
    }
    peer->name = name;
    peers->slots[slot_free(peers, hash)] = (struct peer_slot){ hash, number + 1 };
    peers->count++;
    peer_list(peers, peer);
    return peer;
}

struct peer *tulle__peers_get(struct peers *peers, struct str address, enum protocol protocol,
                              struct str host)
{
    struct str proven = proven_host(protocol, host);
    uint32_t hash = name_hash(address, protocol, proven);
    struct peer *peer = peers_find(peers, hash, address, protocol, host);

    if (peer == NULL) {
        peer = peer_new(peers, hash, name_new(address, protocol, proven));
    }
    return peer != NULL ? tulle__peer_ref(peer) : NULL;
}

struct peer *tulle__peer_ref(struct peer *peer)
{
    atomic_fetch_add_explicit(&peer->refs, 1, memory_order_relaxed);
    return peer;
}

void tulle__peer_unref(struct peer *peer)
{
    atomic_fetch_sub_explicit(&peer->refs, 1, memory_order_release);
}

static void peer_free(struct peers *peers, struct peer *peer)
{
    uint32_t number = slots_remove(peers, peer);

    tulle__lines_free(atomic_load_explicit(&peer->report, memory_order_relaxed));
    tulle__free(atomic_load_explicit(&peer->pools, memory_order_relaxed));
    tulle__free((void *)(uintptr_t)peer->name);
    tulle__slabs_give(&peers->all, number);
}

void tulle__peers_sweep(struct peers *peers)
{
    struct peer **link = &peers->unnamed, *peer;

    while ((peer = *link) != NULL) {
        bool is_free = atomic_load_explicit(&peer->refs, memory_order_acquire) == 0;

        if (peer->named == 0 && !is_free) {
            link = &peer->next;
            continue;
        }
        *link = peer->next;
        peer->listed = false;
        /* Named again: its pools stay. */
        atomic_store_explicit(&peer->leaving, false, memory_order_release);
        if (is_free) {
            peer_free(peers, peer);
        }
    }
}

/* Two loops may need them at once: the first one's count. */
struct peer_pools *tulle__peer_pools(struct peer *peer, size_t loop_count)
{
    struct peer_pools *known = atomic_load_explicit(&peer->pools, memory_order_acquire);
    struct peer_pools *made;

    if (known != NULL) {
        return known;
    }
    made = tulle__alloc_zero(1, sizeof(*made) + loop_count * sizeof(struct pool *));
    if (made == NULL) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong_explicit(&peer->pools, &known, made, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        tulle__free(made);
        return known;
    }
    return made;
}
