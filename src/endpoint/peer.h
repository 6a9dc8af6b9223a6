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
#include "base/table.h"
#include "model/cluster.h"

struct pool;
struct load_report;

struct peer {
    /* Read by every pick: one cache line, shared with nothing that others write. */
    _Alignas(64) atomic_uint in_flight;
    struct ewma latency;
    atomic_size_t refs;     /* views, and pools that are not drained */
    size_t named;           /* views that a newest snapshot names; 0: nobody will pick it
                             * again, its pools may drain. Control step only */
    struct peer *next_dead; /* of a sweep */
    struct str key;         /* "http|10.0.0.1:80", "https|api.example.com|10.0.0.1:443" */
    struct str address;
    _Atomic(struct load_report *) report; /* endpoint/report.h; NULL: no balancer wants one */
    enum protocol protocol;
    atomic_uint open_pools; /* each with a reference of its own */
    atomic_bool leaving;    /* no cluster names it any more: loops drain their pool */
    size_t loop_count;
    struct pool *pools[]; /* one for each loop, touched by that loop alone */
};

struct peers {
    struct table by_key;
    size_t loop_count;
};

void tulle__peers_init(struct peers *peers, size_t loop_count);
void tulle__peers_fini(struct peers *peers); /* all peers are free by then */
/* Finds or makes; one reference for the caller. `host` is for HTTPS: whom the
 * certificate must name. NULL: no memory. */
struct peer *tulle__peers_get(struct peers *peers, struct str address, enum protocol protocol,
                              struct str host);
/* True: this is the peer that tulle__peers_get() would give. */
bool tulle__peer_is(const struct peer *peer, struct str address, enum protocol protocol,
                    struct str host);
struct peer *tulle__peer_ref(struct peer *peer);
void tulle__peer_unref(struct peer *peer);    /* any thread; the last leaves it for the sweep */
void tulle__peers_sweep(struct peers *peers); /* frees those with no reference */

#endif
