/* SPDX-License-Identifier: Apache-2.0 */

/* The views that are there and the endpoints that should be are two lists in one
 * order. Stretches that both have in the same chunk are passed over; between these
 * the lists are merged. */

#include "endpoint/fitting.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "endpoint/outlier.h"
#include "endpoint/past.h"

void tulle__view_free(struct cluster_live *live, struct view *view)
{
    tulle__peer_unref(view->peer);
    tulle__past_free(view);
    tulle__slabs_give(&live->set->views, view->number);
}

bool tulle__view_prepare(struct view *view, const struct cluster *cluster)
{
    return (cluster->check_count == 0 || tulle__past_prepare(view)) &&
           tulle__outlier_prepare(view, &cluster->outlier);
}

static struct view *view_new(const struct fitting *fitting, const struct endpoint_record *record)
{
    const struct cluster *cluster = fitting->cluster;
    struct live_set *set = fitting->live->set;
    uint32_t number;
    struct view *view = tulle__slabs_take(&set->views, &number);

    if (view == NULL) {
        return NULL;
    }
    view->number = number;
    view->peer =
        tulle__peers_get(&set->peers, record_address(record), cluster->protocol, cluster->host);
    if (view->peer == NULL) {
        tulle__slabs_give(&set->views, number);
        return NULL;
    }
    if (!tulle__view_prepare(view, cluster)) {
        tulle__view_free(fitting->live, view);
        return NULL;
    }
    return view;
}

static bool fit_add(struct fitting *fitting, struct fit fit)
{
    if (fitting->count == fitting->capacity) {
        size_t capacity = fitting->capacity > 0 ? fitting->capacity * 2 : 512;
        struct fit *grown = tulle__realloc(fitting->fits, capacity * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        fitting->fits = grown;
        fitting->capacity = capacity;
    }
    if (fit.record != NULL) {
        fitting->views[fitting->view_count++] = fit.view;
    }
    fitting->fits[fitting->count++] = fit;
    return true;
}

static bool is_of(const struct fitting *fitting, const struct view *view, struct str address)
{
    return tulle__peer_is(view->peer, address, fitting->cluster->protocol, fitting->cluster->host);
}

/* The same address may be there twice: once with the protocol it had before. */
static struct view *gone_find(const struct fitting *fitting, struct str address)
{
    struct view **gone = fitting->gone;
    size_t low = 0, high = fitting->live->gone_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tulle__str_compare(peer_address(gone[middle]->peer), address) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < fitting->live->gone_count; low++) {
        if (!str_equal(peer_address(gone[low]->peer), address)) {
            return NULL;
        }
        if (is_of(fitting, gone[low], address)) {
            return gone[low];
        }
    }
    return NULL;
}

static bool plan_join(struct fitting *fitting, const struct endpoint_record *record)
{
    struct fit fit = { .view = gone_find(fitting, record_address(record)), .record = record };

    if (fit.view != NULL) {
        return tulle__view_prepare(fit.view, fitting->cluster) && fit_add(fitting, fit);
    }
    fit.fresh = true;
    fit.view = view_new(fitting, record);
    if (fit.view != NULL && !fit_add(fitting, fit)) {
        tulle__view_free(fitting->live, fit.view);
        return false;
    }
    return fit.view != NULL;
}

/* Chunks that one of the two sets alone has, and whose place in the order is the same. */
struct stretch {
    size_t old_from, old_to, from, to;
    size_t view; /* of the first of the old */
};

static bool plan_stretch(struct fitting *fitting, const struct endpoint_set *old,
                         const struct stretch *stretch)
{
    const struct endpoint_set *set = fitting->cluster->endpoints;
    struct endpoint_walk walk = { .set = set, .chunk = stretch->from };
    struct view **view = fitting->live->views, **views_end;

    if (stretch->view > 0) {
        view += stretch->view; /* there may be none at all */
    }
    views_end = view;
    for (size_t i = stretch->old_from; i < stretch->old_to; i++) {
        views_end += old->chunks[i]->count;
    }
    while (walk.chunk < stretch->to) {
        const struct endpoint_record *record = endpoint_walk_next(&walk);
        int order = 1;

        while (view < views_end && (order = tulle__str_compare(peer_address((*view)->peer),
                                                               record_address(record))) < 0) {
            if (!fit_add(fitting, (struct fit){ .view = *view++ })) {
                return false;
            }
        }
        if (view < views_end && order == 0 && fitting->same_peers) {
            if (!fit_add(fitting, (struct fit){ .view = *view++, .record = record })) {
                return false;
            }
            continue;
        }
        if (!plan_join(fitting, record)) {
            return false;
        }
    }
    while (view < views_end) {
        if (!fit_add(fitting, (struct fit){ .view = *view++ })) {
            return false;
        }
    }
    return true;
}

static void plan_keep(struct fitting *fitting, size_t view, size_t count)
{
    memcpy(&fitting->views[fitting->view_count], &fitting->live->views[view],
           count * sizeof(struct view *));
    fitting->view_count += count;
}

/* Grows the stretch up to the next chunk that both have. */
static void stretch_grow(const struct endpoint_set *old, const struct endpoint_set *set,
                         struct stretch *stretch)
{
    while (stretch->old_to < old->chunk_count && stretch->to < set->chunk_count) {
        const struct endpoint_chunk *left = old->chunks[stretch->old_to];
        const struct endpoint_chunk *right = set->chunks[stretch->to];
        int order;

        if (left == right) {
            return;
        }
        order = tulle__str_compare(chunk_last(left), chunk_last(right));
        stretch->old_to += order <= 0;
        stretch->to += order >= 0;
    }
    stretch->old_to = old->chunk_count;
    stretch->to = set->chunk_count;
}

static bool plan_all(struct fitting *fitting, const struct endpoint_set *old)
{
    const struct endpoint_set *set = fitting->cluster->endpoints;
    struct stretch stretch = { 0 };

    while (stretch.old_to < old->chunk_count || stretch.to < set->chunk_count) {
        stretch.old_from = stretch.old_to;
        stretch.from = stretch.to;
        if (fitting->same_peers) {
            stretch_grow(old, set, &stretch);
        } else {
            stretch.old_to = old->chunk_count;
            stretch.to = set->chunk_count;
        }
        if (!plan_stretch(fitting, old, &stretch)) {
            return false;
        }
        for (size_t i = stretch.old_from; i < stretch.old_to; i++) {
            stretch.view += old->chunks[i]->count;
        }
        for (; stretch.old_to < old->chunk_count && stretch.to < set->chunk_count &&
               old->chunks[stretch.old_to] == set->chunks[stretch.to];
             stretch.old_to++, stretch.to++) {
            size_t count = old->chunks[stretch.old_to]->count;

            plan_keep(fitting, stretch.view, count);
            stretch.view += count;
        }
    }
    return true;
}

void tulle__fitting_undo(struct fitting *fitting)
{
    for (size_t i = 0; i < fitting->count; i++) {
        if (fitting->fits[i].fresh) {
            tulle__view_free(fitting->live, fitting->fits[i].view);
        }
    }
    tulle__free(fitting->fits);
    tulle__free(fitting->views);
    tulle__free(fitting->gone);
}

static int gone_compare(const void *left, const void *right)
{
    const struct view *const *a = left, *const *b = right;

    return tulle__str_compare(peer_address((*a)->peer), peer_address((*b)->peer));
}

static bool gone_sort(struct fitting *fitting)
{
    size_t count = 0;

    if (fitting->live->gone_count == 0) {
        return true;
    }
    fitting->gone = tulle__alloc(fitting->live->gone_count * sizeof(struct view *));
    if (fitting->gone == NULL) {
        return false;
    }
    for (struct view *view = fitting->live->gone; view != NULL; view = view->next_gone) {
        fitting->gone[count++] = view;
    }
    qsort(fitting->gone, count, sizeof(struct view *), gone_compare);
    return true;
}

bool tulle__fitting_plan(struct fitting *fitting)
{
    static const struct endpoint_set nothing;
    const struct cluster_live *live = fitting->live;
    size_t count = fitting->cluster->endpoints->count;

    fitting->views = tulle__alloc((count + 1) * sizeof(struct view *));
    return fitting->views != NULL && gone_sort(fitting) &&
           plan_all(fitting, live->view_count > 0 ? live->config->endpoints : &nothing);
}
