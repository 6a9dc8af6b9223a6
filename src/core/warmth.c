/* SPDX-License-Identifier: Apache-2.0 */

/* A peer belongs to several clusters (subsets), so what these want of it is put
 * together here: the most that any wants, counted in the limit of that one. An
 * endpoint that is ejected or unfit, or that no picker has (it is not of this
 * process's subset), gets none. The loops are told what has changed, each its share. */

#include "core/warmth.h"

#include "balance/picker.h"
#include "core/mesh.h"
#include "core/pools.h"

enum { NONE_AHEAD = 1000 };

struct wish {
    unsigned count;
    uint32_t per_endpoint;
    struct cluster_live *live; /* NULL: nobody wants any */
};

struct peer_warmth {
    struct list node;
    struct peer *peer;        /* a reference */
    struct wish wanted, told; /* told.live is a reference */
};

/* To one loop; it holds its peer and its cluster. */
struct warm_order {
    struct task task;
    struct mesh_loop *here;
    struct peer *peer;
    struct cluster_live *live;
    struct warm_spec spec;
};

static void order_run(struct task *task)
{
    struct warm_order *order = CONTAINER_OF(task, struct warm_order, task);
    struct mesh_loop *here = order->here;
    bool is_end = order->spec.count == 0 && order->spec.per_endpoint <= NONE_AHEAD;
    struct pool *pool = is_end ? tulle__pool_known(&here->lend, order->peer)
                               : tulle__pool_of(&here->lend, order->peer);

    if (pool && !here->closing) {
        here->mesh->transport->warm(pool, &order->spec);
    }
    tulle__peer_unref(order->peer);
    tulle__live_unref(order->live);
    tulle__free(order);
}

/* Of `count` connections those of one loop. */
static unsigned share_of(unsigned count, size_t index, size_t loops)
{
    return (unsigned)(count / loops + (index < count % loops));
}

static bool order_send(struct tulle *mesh, const struct peer_warmth *each, size_t index)
{
    struct cluster_live *live = each->wanted.live ? each->wanted.live : each->told.live;
    const struct cluster *cluster = live->config;
    struct warm_order *order = ALLOC_ZERO(struct warm_order);

    if (!order) {
        return false;
    }
    order->task.run = order_run;
    order->here = &mesh->loops.each[index];
    order->peer = tulle__peer_ref(each->peer);
    order->live = tulle__live_ref(live);
    order->spec = (struct warm_spec){
        .count = share_of(each->wanted.count, index, mesh->loops.count),
        .per_endpoint = each->wanted.per_endpoint,
        .connect_timeout_ns = cluster->connect_timeout_ns,
        .idle_timeout_ns = cluster->idle_timeout_ns,
        .keepalive = cluster->connection.keepalive,
        .connections = &live->connections,
        .connections_max = cluster->limits.max_connections,
        .endpoint_connections_max = cluster->limits.endpoint_max_connections,
    };
    tulle__mesh_loop_post(order->here, &order->task);
    return true;
}

static bool wishes_equal(const struct wish *left, const struct wish *right)
{
    return left->live == right->live && left->count == right->count &&
           left->per_endpoint == right->per_endpoint;
}

/* --- what is wanted --- */

/* A peer is itself its key. */
static struct str key_of(struct peer *const *peer)
{
    return (struct str){ (const char *)peer, sizeof(*peer) };
}

static struct peer_warmth *warmth_of(struct warmth *warmth, struct peer *peer)
{
    struct peer_warmth *each = tulle__table_find(&warmth->by_key, key_of(&peer));

    if (each) {
        return each;
    }
    each = ALLOC_ZERO(struct peer_warmth);
    if (!each) {
        return NULL;
    }
    each->peer = peer;
    if (!tulle__table_put(&warmth->by_key, key_of(&each->peer), each)) {
        tulle__free(each);
        return NULL;
    }
    (void)tulle__peer_ref(peer);
    list_init(&each->node);
    list_add_last(&warmth->all, &each->node);
    return each;
}

static bool view_may_be_warm(const struct view *view)
{
    return atomic_load_explicit(&view->named, memory_order_relaxed) &&
           atomic_load_explicit(&view->gate, memory_order_relaxed) == GATE_READY &&
           atomic_load_explicit(&view->fitness, memory_order_relaxed) == FIT;
}

static bool view_wish(struct warmth *warmth, const struct view *view, struct cluster_live *live)
{
    const struct preconnect_config *config = &live->config->preconnect;
    struct peer_warmth *each = warmth_of(warmth, view->peer);

    if (!each) {
        return false;
    }
    if (!each->wanted.live || config->warm > each->wanted.count) {
        each->wanted.live = live;
        each->wanted.count = config->warm;
    }
    if (config->per_endpoint > each->wanted.per_endpoint) {
        each->wanted.per_endpoint = config->per_endpoint;
    }
    return true;
}

static bool cluster_wish(struct warmth *warmth, struct cluster_live *live)
{
    const struct picker *picker = atomic_load_explicit(&live->picker, memory_order_relaxed);
    const struct cluster *config = live->config;
    bool done = true;

    if (!picker || !config ||
        (config->preconnect.warm == 0 && config->preconnect.per_endpoint <= NONE_AHEAD)) {
        return true;
    }
    for (size_t i = 0; i < picker->count; i++) {
        const struct view *view = picker->entries[i].view;

        if (view_may_be_warm(view)) {
            done = view_wish(warmth, view, live) && done;
        }
    }
    return done;
}

static bool all_wish(struct tulle *mesh)
{
    struct warmth *warmth = &mesh->warmth;
    struct cluster_live *live;
    bool done = true;

    for (struct list *node = warmth->all.next; node != &warmth->all; node = node->next) {
        CONTAINER_OF(node, struct peer_warmth, node)->wanted = (struct wish){ 0 };
    }
    for (size_t at = 0; (live = tulle__table_next(&mesh->live.by_name, &at));) {
        done = cluster_wish(warmth, live) && done;
    }
    return done;
}

/* --- what is told --- */

static void warmth_forget(struct warmth *warmth, struct peer_warmth *each)
{
    list_remove(&each->node);
    (void)tulle__table_remove(&warmth->by_key, key_of(&each->peer));
    if (each->told.live) {
        tulle__live_unref(each->told.live);
    }
    tulle__peer_unref(each->peer);
    tulle__free(each);
}

/* False: no memory; told once more, it does no harm. */
static bool warmth_tell(struct tulle *mesh, struct peer_warmth *each)
{
    for (size_t i = 0; i < mesh->loops.count; i++) {
        if (!order_send(mesh, each, i)) {
            return false;
        }
    }
    if (each->wanted.live) {
        tulle__live_ref(each->wanted.live);
    }
    if (each->told.live) {
        tulle__live_unref(each->told.live);
    }
    each->told = each->wanted;
    return true;
}

void tulle__warmth_init(struct warmth *warmth)
{
    *warmth = (struct warmth){ 0 };
    list_init(&warmth->all);
}

void tulle__warmth_fini(struct warmth *warmth)
{
    struct list *node;

    while (warmth->all.next && (node = list_first(&warmth->all))) {
        warmth_forget(warmth, CONTAINER_OF(node, struct peer_warmth, node));
    }
    tulle__table_fini(&warmth->by_key);
}

void tulle__warmth_step(struct tulle *mesh)
{
    struct warmth *warmth = &mesh->warmth;
    struct list *node;

    if (!warmth->stale || !mesh->transport->warm) {
        return;
    }
    warmth->stale = !all_wish(mesh);
    for (node = warmth->all.next; node != &warmth->all;) {
        struct peer_warmth *each = CONTAINER_OF(node, struct peer_warmth, node);

        node = node->next;
        if (!wishes_equal(&each->wanted, &each->told) && !warmth_tell(mesh, each)) {
            warmth->stale = true;
            continue;
        }
        if (!each->told.live) {
            warmth_forget(warmth, each);
        }
    }
}
