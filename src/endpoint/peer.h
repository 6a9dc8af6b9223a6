/* SPDX-License-Identifier: Apache-2.0 */

/* Who is at the other end of a connection: an address and how it is spoken to.
 * Shared by all clusters that name it, over all snapshots. Made, found and
 * freed by the control step; its numbers are changed by every loop. */

#ifndef TULLE_ENDPOINT_PEER_H
#define TULLE_ENDPOINT_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/ewma.h"
#include "base/str.h"
#include "endpoint/slabs.h"
#include "model/cluster.h"

struct pool;
struct load_report;

/* Who it is: never changes. */
struct peer_name {
    uint16_t address_size, host_size;
    uint8_t protocol; /* enum protocol */
    char text[];      /* the address, a NUL, and for HTTPS the name it must prove */
};

/* Of a peer that was called. */
struct peer_pools {
    atomic_uint open;  /* connections, of all loops and clusters: the transport's count */
    struct pool *of[]; /* one for each loop, touched by that loop alone */
};

/* One cache line, shared with nothing that others write: every pick reads it. */
struct peer {
    _Alignas(64) atomic_uint in_flight;
    atomic_ushort open_pools; /* each with a reference of its own */
    atomic_bool leaving;      /* no cluster names it any more: loops drain their pool */
    bool listed;              /* in peers->unnamed; control step only */
    struct ewma latency;
    atomic_uint refs; /* views, and pools that are not drained */
    uint32_t named;   /* views that a newest snapshot names; 0: nobody will pick it
                       * again, its pools may drain. Control step only */
    const struct peer_name *name;
    _Atomic(struct load_report *) report; /* endpoint/report.h; NULL: no balancer wants one */
    _Atomic(struct peer_pools *) pools;   /* NULL: nobody has called it yet */
    struct peer *next;                    /* in peers->unnamed; control step only */
};

struct peer_slot {
    uint32_t hash;
    uint32_t number; /* and one; 0: free */
};

struct peers {
    struct slabs all;
    struct peer_slot *slots; /* a hash table, by name */
    size_t capacity;         /* 0 or a power of two */
    size_t count;
    struct peer *unnamed; /* all that have no name, and some that have one again */
};

void tulle__peers_init(struct peers *peers);
void tulle__peers_fini(struct peers *peers); /* all peers are free by then */
/* Finds or makes; one reference for the caller. `host` is for HTTPS: whom the
 * certificate must name. NULL: no memory. */
struct peer *tulle__peers_get(struct peers *peers, struct str address, enum protocol protocol,
                              struct str host);
/* True: this is the peer that tulle__peers_get() would give. */
bool tulle__peer_is(const struct peer *peer, struct str address, enum protocol protocol,
                    struct str host);
/* One view more, or one less, that a newest snapshot names. */
void tulle__peer_name(struct peer *peer);
void tulle__peer_unname(struct peers *peers, struct peer *peer);
struct peer *tulle__peer_ref(struct peer *peer);
void tulle__peer_unref(struct peer *peer);    /* any thread; the last leaves it for the sweep */
void tulle__peers_sweep(struct peers *peers); /* frees those with no reference */
/* Any loop. NULL: no memory. */
struct peer_pools *tulle__peer_pools(struct peer *peer, size_t loop_count);

static inline struct str peer_address(const struct peer *peer)
{
    return (struct str){ peer->name->text, peer->name->address_size };
}

static inline enum protocol peer_protocol(const struct peer *peer)
{
    return (enum protocol)peer->name->protocol;
}

#endif
