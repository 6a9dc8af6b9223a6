/* SPDX-License-Identifier: Apache-2.0 */

/* The table of live clusters owns no reference: a cluster that nobody refers to
 * stays findable, with all it learned, until the next sweep. Only the control
 * step takes a count up from 0 or frees, so the two cannot meet. */

#include "endpoint/live.h"

#include "base/alloc.h"
#include "endpoint/adopt.h"
#include "endpoint/lines.h"
#include "endpoint/live_latency.h"
#include "endpoint/live_overload.h"
#include "endpoint/outlier.h"

static void limit_ref(struct connection_limit *limit)
{
    tulle__live_ref(CONTAINER_OF(limit, struct cluster_live, connections));
}

static void limit_unref(struct connection_limit *limit)
{
    tulle__live_unref(CONTAINER_OF(limit, struct cluster_live, connections));
}

static void limit_ignore(struct connection_limit *limit, struct loop *loop)
{
    (void)limit;
    (void)loop;
}

static struct cluster_live *live_new(size_t loop_count, struct str name)
{
    size_t loops_size = sizeof(struct cluster_live) + loop_count * sizeof(struct live_loop);
    struct cluster_live *live = tulle__lines_alloc(loops_size + name.size + 1);
    char *text;

    if (live == NULL) {
        return NULL;
    }
    text = (char *)live + loops_size;
    if (name.size > 0) {
        memcpy(text, name.data, name.size);
    }
    live->name = (struct str){ text, name.size };
    live->next_trial = NEVER;
    list_init(&live->pickers);
    live->connections.ref = limit_ref;
    live->connections.unref = limit_unref;
    live->connections.wanted = limit_ignore;
    live->connections.freed = limit_ignore;
    live->loop_count = loop_count;
    for (size_t i = 0; i < loop_count; i++) {
        list_init(&live->loops[i].held);
    }
    return live;
}

static void live_discard_picker(struct cluster_live *live)
{
    struct picker *picker = atomic_exchange_explicit(&live->picker, NULL, memory_order_acq_rel);

    if (picker != NULL) {
        ((struct picker_head *)(void *)picker)->discard(picker);
    }
}

static void live_free(struct cluster_live *live)
{
    live_discard_picker(live);
    tulle__live_latency_free(atomic_load_explicit(&live->latency, memory_order_relaxed));
    tulle__live_overload_free(live);
    tulle__views_disown(live);
    tulle__views_sweep(live, true);
    tulle__free(live->views);
    tulle__part_unref(live->config);
    tulle__lines_free(live);
}

void tulle__live_set_init(struct live_set *set, size_t loop_count, const struct log *log)
{
    *set = (struct live_set){ .loop_count = loop_count, .log = log };
    tulle__peers_init(&set->peers);
    tulle__slabs_init(&set->views, sizeof(struct view));
}

void tulle__live_set_fini(struct live_set *set)
{
    struct cluster_live *live;
    size_t at = 0;

    while ((live = tulle__table_next(&set->by_name, &at)) != NULL) {
        live->next_dead = NULL;
        live_free(live);
    }
    tulle__table_fini(&set->by_name);
    tulle__peers_sweep(&set->peers);
    tulle__peers_fini(&set->peers);
    tulle__slabs_fini(&set->views);
}

static struct cluster_live *live_get(struct live_set *set, struct str name, bool *made)
{
    struct cluster_live *live = tulle__table_find(&set->by_name, name);

    *made = live == NULL;
    if (live != NULL) {
        return live;
    }
    live = live_new(set->loop_count, name);
    if (live != NULL && !tulle__table_put(&set->by_name, live->name, live)) {
        live_free(live);
        return NULL;
    }
    if (live != NULL) {
        live->draws = set->seed++ * UINT64_C(0x9e3779b97f4a7c15);
        live->watcher = set->watcher;
        live->set = set;
    }
    return live;
}

static bool localities_equal(const struct endpoint_set *a, const struct endpoint_set *b)
{
    if (a == b || a->locality_count != b->locality_count) {
        return a == b;
    }
    for (size_t i = 0; i < a->locality_count; i++) {
        const struct locality_weight *left = &a->localities[i], *right = &b->localities[i];

        if (left->priority != right->priority || left->weight != right->weight ||
            !str_equal(left->locality, right->locality)) {
            return false;
        }
    }
    return true;
}

/* Nobody is kept out, and a breaker that went away left no trial: there is nothing to refit. */
static bool may_refit(const struct cluster_live *live, const struct outlier_config *old,
                      const struct outlier_config *now)
{
    return atomic_load_explicit(&live->ejected, memory_order_relaxed) > 0 ||
           (old->breaker.enabled && !now->breaker.enabled);
}

/* True: its picker must be built anew. */
static bool live_configure(struct cluster_live *live, struct cluster *cluster)
{
    struct cluster *old = live->config;
    bool changed = old == NULL ||
                   !fingerprint_equal(old->balancer.print, cluster->balancer.print) ||
                   !str_equal(old->trouble, cluster->trouble) ||
                   !localities_equal(old->endpoints, cluster->endpoints);

    if (old == NULL || may_refit(live, &old->outlier, &cluster->outlier)) {
        changed |= tulle__outlier_refit(live, &cluster->outlier);
    }
    live->difference.known &= !changed;
    live->config = tulle__part_ref(cluster);
    tulle__part_unref(old);
    return changed;
}

/* Also when there was no memory for the picker of an earlier change. */
static bool picker_is_old(const struct cluster_live *live)
{
    const void *picker = atomic_load_explicit(&live->picker, memory_order_relaxed);

    return picker == NULL || ((const struct picker_head *)picker)->version != live->version;
}

/* Envoy holds a cluster back till its first endpoints were checked; so is one here
 * that had none, while calls wait for it. True: a picker would see a difference. */
static bool live_warm(struct cluster_live *live, bool was_empty)
{
    bool before = live->warming;

    live->warming = live->config->check_count > 0 && (before || was_empty);
    return live->warming != before;
}

struct cluster_live *tulle__live_adopt(struct live_set *set, struct cluster *cluster,
                                       bool *views_changed)
{
    bool made, was_empty;
    struct cluster_live *live = live_get(set, cluster->name, &made);

    *views_changed = false;
    if (live == NULL) {
        return NULL;
    }
    was_empty = atomic_load_explicit(&live->endpoint_count, memory_order_relaxed) == 0;
    if (!tulle__live_overload_adopt(live, cluster, set->now) ||
        !tulle__views_adopt(live, cluster, set->now, views_changed)) {
        if (made) {
            tulle__table_remove(&set->by_name, live->name);
            live_free(live);
        }
        return NULL;
    }
    live->adopted = true;
    *views_changed |= live_configure(live, cluster);
    if (live_warm(live, was_empty)) {
        *views_changed = true;
        live->difference.known = false;
    }
    live->version += *views_changed;
    *views_changed = picker_is_old(live);
    return tulle__live_ref(live);
}

void tulle__live_set_begin(struct live_set *set)
{
    struct cluster_live *live;
    size_t at = 0;

    while ((live = tulle__table_next(&set->by_name, &at)) != NULL) {
        live->adopted = false;
    }
}

void tulle__live_set_end(struct live_set *set)
{
    struct cluster_live *live;
    size_t at = 0;

    while ((live = tulle__table_next(&set->by_name, &at)) != NULL) {
        if (!live->adopted) {
            tulle__views_disown(live);
        }
    }
}

struct cluster_live *tulle__live_ref(struct cluster_live *live)
{
    atomic_fetch_add_explicit(&live->refs, 1, memory_order_relaxed);
    return live;
}

/* Release: what the caller did with it is done before the sweep sees 0. */
void tulle__live_unref(struct cluster_live *live)
{
    atomic_fetch_sub_explicit(&live->refs, 1, memory_order_release);
}

/* A call of an older snapshot may still eject after a new one ended the detection. */
static void live_tidy(struct cluster_live *live)
{
    bool any =
        live->config != NULL && atomic_load_explicit(&live->ejected, memory_order_relaxed) > 0;

    if (any && tulle__outlier_refit(live, &live->config->outlier)) {
        atomic_store_explicit(&live->gates_changed, true, memory_order_relaxed);
    }
    tulle__views_sweep(live, false);
}

/* True: it is all gone but itself. A retired picker may still name its views. */
static bool live_wind_up(struct cluster_live *live)
{
    live_discard_picker(live);
    tulle__views_disown(live);
    tulle__views_sweep(live, false);
    return live->view_count == 0 && live->gone_count == 0 && list_is_empty(&live->pickers);
}

void tulle__live_sweep(struct live_set *set)
{
    struct cluster_live *dead = NULL;
    struct cluster_live *live;
    size_t at = 0;

    while ((live = tulle__table_next(&set->by_name, &at)) != NULL) {
        if (atomic_load_explicit(&live->refs, memory_order_acquire) > 0) {
            live_tidy(live);
            continue;
        }
        if (live_wind_up(live)) {
            live->next_dead = dead;
            dead = live;
        }
    }
    while (dead != NULL) {
        live = dead;
        dead = live->next_dead;
        tulle__table_remove(&set->by_name, live->name);
        live_free(live);
    }
    tulle__peers_sweep(&set->peers);
}

uint64_t tulle__live_counter(const struct cluster_live *live, enum live_counter counter)
{
    uint64_t sum = atomic_load_explicit(&live->control_counters[counter], memory_order_relaxed);

    for (size_t i = 0; i < live->loop_count; i++) {
        sum += atomic_load_explicit(&live->loops[i].counters[counter], memory_order_relaxed);
    }
    return sum;
}
