/* SPDX-License-Identifier: Apache-2.0 */

#include "core/pools.h"

#include "base/alloc.h"
#include "stack/held.h"

/* A pool as its loop knows it. */
struct loop_pool {
    struct list node; /* in mesh_loop.pools; in none once it drains */
    struct mesh_loop *here;
    struct peer *peer; /* a reference */
    struct pool *pool;
};

static void pool_drained(void *user)
{
    struct loop_pool *pool = user;

    atomic_fetch_sub_explicit(&pool->peer->open_pools, 1, memory_order_relaxed);
    tulle__peer_unref(pool->peer);
    tulle__free(pool);
}

static struct loop_pool *pool_new(struct mesh_loop *here, struct peer *peer,
                                  struct peer_pools *pools)
{
    struct loop_pool *made = ALLOC_ZERO(struct loop_pool);
    struct pool_spec spec = {
        .address = peer_address(peer),
        .protocol = peer_protocol(peer),
        .open = &pools->open,
        .user = made,
        .drained = pool_drained,
    };

    if (!made) {
        return NULL;
    }
    made->pool = here->mesh->transport->open(here->lend.transport, &spec);
    if (!made->pool) {
        tulle__free(made);
        return NULL;
    }
    made->here = here;
    made->peer = tulle__peer_ref(peer);
    atomic_fetch_add_explicit(&peer->open_pools, 1, memory_order_relaxed);
    atomic_store_explicit(&peer->leaving, false, memory_order_release); /* told anew for this one */
    list_add_last(&here->pools, &made->node);
    return made;
}

struct pool *tulle__pool_known(const struct call_loop *on, const struct peer *peer)
{
    struct peer_pools *pools = atomic_load_explicit(&peer->pools, memory_order_acquire);

    return pools ? pools->of[on->index] : NULL;
}

struct pool *tulle__pool_of(struct call_loop *on, struct peer *peer)
{
    struct mesh_loop *here = CONTAINER_OF(on, struct mesh_loop, lend);
    struct peer_pools *pools = tulle__peer_pools(peer, here->mesh->loops.count);
    struct loop_pool *made;

    if (!pools || pools->of[on->index]) {
        return pools ? pools->of[on->index] : NULL;
    }
    made = pool_new(here, peer, pools);
    if (!made) {
        return NULL;
    }
    pools->of[on->index] = made->pool;
    return made->pool;
}

static void outside_drained(void *user)
{
    (void)user; /* never drained: it goes with its transport */
}

struct pool *tulle__pool_outside(struct mesh_loop *here)
{
    struct pool_spec spec = { .protocol = PROTOCOL_HTTP1, .drained = outside_drained };

    if (!here->lend.outside) {
        here->lend.outside = here->mesh->transport->open(here->lend.transport, &spec);
    }
    return here->lend.outside;
}

void tulle__pools_drain_leaving(struct task *task)
{
    struct mesh_loop *here = CONTAINER_OF(task, struct mesh_loop, drain);
    struct list *next;

    for (struct list *node = here->pools.next; node != &here->pools; node = next) {
        struct loop_pool *each = CONTAINER_OF(node, struct loop_pool, node);

        next = node->next;
        if (atomic_load_explicit(&each->peer->leaving, memory_order_acquire)) {
            each->peer->pools->of[here->lend.index] = NULL;
            list_remove(&each->node);
            here->mesh->transport->drain(each->pool);
        }
    }
}

void tulle__pools_forget(struct mesh_loop *here)
{
    struct list *node;

    while ((node = list_first(&here->pools))) {
        list_remove(node);
        pool_drained(CONTAINER_OF(node, struct loop_pool, node));
    }
}

/* No cluster of the newest mesh names it. A call that began with an older mesh
 * may open a pool once more; that one is drained at the next look. */
static bool peer_is_leaving(const struct peer *peer)
{
    return peer->named == 0 && atomic_load_explicit(&peer->open_pools, memory_order_acquire) > 0;
}

void tulle__pools_mark_leaving(struct tulle *mesh)
{
    bool any = false;

    for (struct peer *peer = mesh->live.peers.unnamed; peer; peer = peer->next) {
        bool leaving = peer_is_leaving(peer);

        /* Told once, or the loops' answer would bring the step here again at once. */
        if (leaving != atomic_load_explicit(&peer->leaving, memory_order_relaxed)) {
            atomic_store_explicit(&peer->leaving, leaving, memory_order_release);
            any = any || leaving;
        }
    }
    for (size_t i = 0; any && i < mesh->loops.count; i++) {
        tulle__mesh_loop_post(&mesh->loops.each[i], &mesh->loops.each[i].drain);
    }
}

/* --- the connection limit of a cluster, over all loops --- */

static struct cluster_live *live_of(struct connection_limit *limit)
{
    return CONTAINER_OF(limit, struct cluster_live, connections);
}

static void limit_ref(struct connection_limit *limit)
{
    tulle__live_ref(live_of(limit));
}

static void limit_unref(struct connection_limit *limit)
{
    tulle__live_unref(live_of(limit));
}

/* A task that is posted holds its cluster. */
static void half_post(struct live_loop *half, struct task *task)
{
    struct call_loop *on = half->on;

    tulle__live_ref(half->owner);
    if (!on->post(on, task)) {
        tulle__live_unref(half->owner);
    }
}

static void shed_run(struct task *task)
{
    struct live_loop *half = CONTAINER_OF(task, struct live_loop, shed);
    struct call_loop *on = half->on;
    struct connection_limit *limit = &half->owner->connections;
    unsigned wanted = atomic_load(&limit->waiting);

    /* Several may have asked since it was posted. */
    while (wanted-- > 0 && on->transport->type->shed(on->transport, limit)) {
    }
    tulle__live_unref(half->owner);
}

/* Idle connections of the other loops are asked to go. */
static void others_shed(struct cluster_live *live, const struct live_loop *mine)
{
    for (size_t i = 0; i < live->loop_count; i++) {
        if (&live->loops[i] != mine) {
            half_post(&live->loops[i], &live->loops[i].shed);
        }
    }
}

/* The room may be another's by now, or not enough (a new mesh has a lower limit):
 * who still waits asks again, and must hear of the next. */
static void room_run(struct task *task)
{
    struct live_loop *half = CONTAINER_OF(task, struct live_loop, room);
    struct call_loop *on = half->on;

    if (atomic_load_explicit(&on->transport->waiting, memory_order_relaxed) == 0) {
        atomic_store_explicit(&half->wants_room, false, memory_order_seq_cst);
    } else {
        others_shed(half->owner, half);
    }
    on->transport->type->retry(on->transport, &half->owner->connections);
    tulle__live_unref(half->owner);
}

/* Room that came before this was said is found by one more look. */
static void limit_wanted(struct connection_limit *limit, struct loop *loop)
{
    struct cluster_live *live = live_of(limit);

    for (size_t i = 0; i < live->loop_count; i++) {
        struct live_loop *half = &live->loops[i];
        struct call_loop *on = half->on;

        if (on->loop == loop) {
            atomic_store_explicit(&half->wants_room, true, memory_order_seq_cst);
            half_post(half, &half->room);
            others_shed(live, half);
        }
    }
}

static void limit_freed(struct connection_limit *limit, struct loop *loop)
{
    struct cluster_live *live = live_of(limit);

    (void)loop;
    for (size_t i = 0; i < live->loop_count; i++) {
        if (atomic_load_explicit(&live->loops[i].wants_room, memory_order_seq_cst)) {
            half_post(&live->loops[i], &live->loops[i].room);
        }
    }
}

void tulle__live_wire(struct tulle *mesh, struct cluster_live *live)
{
    if (live->mesh) {
        return;
    }
    live->mesh = mesh;
    live->connections.ref = limit_ref;
    live->connections.unref = limit_unref;
    live->connections.wanted = limit_wanted;
    live->connections.freed = limit_freed;
    for (size_t i = 0; i < live->loop_count; i++) {
        live->loops[i].shed.run = shed_run;
        live->loops[i].room.run = room_run;
        tulle__held_init(live, i, &mesh->loops.each[i].lend);
    }
}
