/* SPDX-License-Identifier: Apache-2.0 */

/* An adoption is planned first (fitting.c), which takes all memory, so that running
 * out of it leaves the cluster as it was. What lost its name waits among the gone
 * until nobody can reach it (view.h), and may be named again meanwhile; its ejection
 * is forgotten, as Envoy forgets a host that left. */

#include "endpoint/adopt.h"

#include "base/alloc.h"
#include "endpoint/fitting.h"
#include "endpoint/outlier.h"

/* In a version that is to come. */
static void view_unname(struct cluster_live *live, struct view *view)
{
    atomic_store_explicit(&view->named, false, memory_order_relaxed);
    view->is_back = false;
    tulle__outlier_forget(live, view);
    tulle__peer_unname(&live->set->peers, view->peer);
    view->gone_since = live->version + 1;
    view->next_gone = live->gone;
    live->gone = view;
    live->gone_count++;
}

/* The set before is still there. */
static bool endpoint_differs(const struct view *view, const struct endpoint_record *record)
{
    const struct endpoint_place *old = view->endpoint->place, *now = record->place;

    return view_weight(view) != record->weight || view_priority(view) != now->priority ||
           !str_equal(old->locality, now->locality) || !str_equal(old->hash_key, now->hash_key);
}

/* True: a picker would see a difference. */
static bool view_name(struct view *view, const struct fitting *fitting,
                      const struct endpoint_record *record)
{
    bool was_named = view_is_named(view);
    bool changed = !was_named || endpoint_differs(view, record);

    view->endpoint = record;
    atomic_store_explicit(&view->named, true, memory_order_relaxed);
    if (!was_named) {
        tulle__peer_name(view->peer);
        view->joined_at = fitting->now;
        /* Where there are checks it has to pass one first, as in Envoy. */
        view->checked = fitting->cluster->check_count > 0 ? FIT_NOT : FIT;
    }
    return view_judge(view, fitting->now) || changed;
}

static void difference_note(struct view *list[], size_t *count, struct view_difference *difference,
                            struct view *view)
{
    if (*count == DIFFERENCE_MAX) {
        difference->known = false;
        return;
    }
    list[(*count)++] = view;
}

static bool fit_commit(struct fitting *fitting, const struct fit *fit)
{
    struct cluster_live *live = fitting->live;
    struct view_difference *difference = &live->difference;
    bool was_named = view_is_named(fit->view), changed;

    if (fit->record == NULL) {
        view_unname(live, fit->view);
        difference_note(difference->left, &difference->left_count, difference, fit->view);
        return true;
    }
    changed = view_name(fit->view, fitting, fit->record);
    if (!was_named) {
        difference_note(difference->joined, &difference->joined_count, difference, fit->view);
    } else if (changed) {
        difference->known = false;
    }
    return changed;
}

/* Those who come back are in the new list already. */
static void gone_return(struct fitting *fitting)
{
    struct cluster_live *live = fitting->live;
    struct view **link = &live->gone;

    if (live->gone_count == 0) {
        return;
    }
    for (size_t i = 0; i < fitting->count; i++) {
        fitting->fits[i].view->is_back = fitting->fits[i].record != NULL;
    }
    while (*link != NULL) {
        if ((*link)->is_back) {
            *link = (*link)->next_gone;
            live->gone_count--;
            continue;
        }
        link = &(*link)->next_gone;
    }
}

static bool commit(struct fitting *fitting)
{
    struct cluster_live *live = fitting->live;
    bool changed = false;

    live->difference = (struct view_difference){ .known = true, .from = live->version };
    gone_return(fitting);
    for (size_t i = 0; i < fitting->count; i++) {
        changed |= fit_commit(fitting, &fitting->fits[i]);
    }
    tulle__free(fitting->fits);
    tulle__free(fitting->gone);
    tulle__free(live->views);
    live->views = fitting->views;
    live->view_count = fitting->view_count;
    atomic_store_explicit(&live->endpoint_count, (unsigned)fitting->view_count,
                          memory_order_relaxed);
    return changed;
}

static bool has_same_peers(const struct cluster_live *live, const struct cluster *cluster)
{
    const struct cluster *config = live->config;

    return config != NULL && config->protocol == cluster->protocol &&
           str_equal(config->host, cluster->host);
}

/* Of what is known against an endpoint. */
static bool needs_more(const struct cluster *cluster, const struct cluster *old)
{
    bool past = cluster->check_count > 0 || outlier_is_on(&cluster->outlier);

    return (past && old->check_count == 0 && !outlier_is_on(&old->outlier)) ||
           (tulle__outlier_needs_window(&cluster->outlier) &&
            !tulle__outlier_needs_window(&old->outlier));
}

/* What they get here they keep, also when the adoption fails later: it is room. Those
 * who are there have it where the configuration before wanted it. */
static bool views_prepare(const struct cluster_live *live, const struct cluster *cluster)
{
    if (live->config == NULL || !needs_more(cluster, live->config)) {
        return true;
    }
    for (size_t i = 0; i < live->view_count; i++) {
        if (!tulle__view_prepare(live->views[i], cluster)) {
            return false;
        }
    }
    return true;
}

bool tulle__views_adopt(struct cluster_live *live, const struct cluster *cluster, int64_t now,
                        bool *changed)
{
    struct fitting fitting = {
        .live = live, .cluster = cluster, .now = now, .same_peers = has_same_peers(live, cluster)
    };

    *changed = false;
    if (!views_prepare(live, cluster)) {
        return false;
    }
    /* The very set that the views fit already, spoken to in the same way. */
    if (fitting.same_peers && live->config->endpoints == cluster->endpoints &&
        live->view_count == cluster->endpoints->count) {
        return true;
    }
    if (!tulle__fitting_plan(&fitting)) {
        tulle__fitting_undo(&fitting);
        return false;
    }
    *changed = commit(&fitting);
    return true;
}

/* --- the end --- */

void tulle__views_disown(struct cluster_live *live)
{
    for (size_t i = 0; i < live->view_count; i++) {
        view_unname(live, live->views[i]);
    }
    live->version += live->view_count > 0;
    live->view_count = 0;
    atomic_store_explicit(&live->endpoint_count, 0, memory_order_relaxed);
}

/* Pairs with view_release(): whoever used it is done with it. */
static bool view_is_free(const struct cluster_live *live, const struct view *view)
{
    const struct list *oldest = list_first(&live->pickers);

    return (oldest == NULL ||
            CONTAINER_OF(oldest, struct picker_head, node)->version >= view->gone_since) &&
           atomic_load_explicit(&view->users, memory_order_acquire) == 0;
}

void tulle__views_sweep(struct cluster_live *live, bool all)
{
    struct view **link = &live->gone, *view;

    while ((view = *link) != NULL) {
        /* A call that began before may have ejected it since. */
        tulle__outlier_lift(live, view);
        if (!all && !view_is_free(live, view)) {
            link = &view->next_gone;
            continue;
        }
        *link = view->next_gone;
        live->gone_count--;
        tulle__view_free(live, view);
    }
}
