/* SPDX-License-Identifier: Apache-2.0 */

/* A merge of two lists that are sorted by address: the views that are there and
 * the endpoints that should be. All memory is taken first, so that running out
 * of it leaves the cluster as it was. What lost its name stays in the list
 * until nobody can reach it (view.h), and may be named again meanwhile; its
 * ejection is forgotten, as Envoy forgets a host that left. */

#include "endpoint/adopt.h"

#include "base/alloc.h"
#include "endpoint/outlier.h"

/* What becomes of a view. */
struct fit {
    struct view *view;
    const struct endpoint *endpoint; /* NULL: nobody names it */
    bool fresh;
};

struct fitting {
    struct fit *fits;
    size_t count;
    const struct cluster *cluster;
    struct peers *peers;
    int64_t now;
};

static void view_free(struct view *view)
{
    tulle__peer_unref(view->peer);
    tulle__free(atomic_load_explicit(&view->window, memory_order_relaxed));
    tulle__free(view);
}

static struct view *view_new(struct fitting *fitting, const struct endpoint *endpoint)
{
    struct view *view = ALLOC_ZERO(struct view);

    if (view == NULL) {
        return NULL;
    }
    view->peer = tulle__peers_get(fitting->peers, endpoint->address, fitting->cluster->protocol,
                                  fitting->cluster->host);
    if (view->peer == NULL) {
        tulle__free(view);
        return NULL;
    }
    if (!tulle__outlier_prepare(view, &fitting->cluster->outlier)) {
        view_free(view);
        return NULL;
    }
    return view;
}

static void fit_add(struct fitting *fitting, struct view *view, const struct endpoint *endpoint,
                    bool fresh)
{
    fitting->fits[fitting->count++] = (struct fit){ view, endpoint, fresh };
}

/* Puts the view of `endpoint` where it belongs, after the old ones that come before it. */
static bool fit_endpoint(struct fitting *fitting, const struct cluster_live *live, size_t *at,
                         const struct endpoint *endpoint)
{
    const struct cluster *cluster = fitting->cluster;
    struct view *fresh;
    bool found = false;
    int order = -1;

    while (*at < live->view_count) {
        struct view *view = live->views[*at];

        order = tulle__str_compare(view->peer->address, endpoint->address);
        if (order > 0) {
            break;
        }
        ++*at;
        /* The same address may be there twice: once with the protocol it had before. */
        if (order == 0 && !found &&
            tulle__peer_is(view->peer, endpoint->address, cluster->protocol, cluster->host)) {
            fit_add(fitting, view, endpoint, false);
            found = true;
            continue;
        }
        fit_add(fitting, view, NULL, false);
    }
    if (found) {
        return true;
    }
    fresh = view_new(fitting, endpoint);
    if (fresh == NULL) {
        return false;
    }
    fit_add(fitting, fresh, endpoint, true);
    return true;
}

static bool fit_all(struct fitting *fitting, const struct cluster_live *live)
{
    const struct endpoint_set *set = fitting->cluster->endpoints;
    size_t at = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (!fit_endpoint(fitting, live, &at, &set->endpoints[i])) {
            return false;
        }
    }
    while (at < live->view_count) {
        fit_add(fitting, live->views[at++], NULL, false);
    }
    return true;
}

static void fit_undo(struct fitting *fitting)
{
    for (size_t i = 0; i < fitting->count; i++) {
        if (fitting->fits[i].fresh) {
            view_free(fitting->fits[i].view);
        }
    }
}

/* True: it was named. */
static bool view_unname(struct cluster_live *live, struct view *view)
{
    bool was_named = atomic_exchange_explicit(&view->named, false, memory_order_relaxed);

    tulle__outlier_forget(live, view);
    view->endpoint = NULL;
    if (was_named) {
        view->peer->named--;
    }
    return was_named;
}

/* The set before is still there. */
static bool endpoint_differs(const struct view *view, const struct endpoint *endpoint)
{
    return view->weight != endpoint->weight || view->priority != endpoint->priority ||
           !str_equal(view->endpoint->locality, endpoint->locality) ||
           !str_equal(view->endpoint->hash_key, endpoint->hash_key);
}

/* True: a picker would see a difference. */
static bool view_name(struct view *view, const struct endpoint *endpoint, int64_t now)
{
    bool was_named = atomic_exchange_explicit(&view->named, true, memory_order_relaxed);
    bool changed = !was_named || endpoint_differs(view, endpoint);

    view->weight = endpoint->weight;
    view->priority = endpoint->priority;
    view->endpoint = endpoint;
    if (!was_named) {
        view->peer->named++;
        view->joined_at = now;
    }
    return view_judge(view, now) || changed;
}

static bool fit_commit(const struct fitting *fitting, struct cluster_live *live,
                       struct view **views)
{
    bool changed = false;

    for (size_t i = 0; i < fitting->count; i++) {
        const struct fit *fit = &fitting->fits[i];

        views[i] = fit->view;
        changed |= fit->endpoint != NULL ? view_name(fit->view, fit->endpoint, fitting->now)
                                         : view_unname(live, fit->view);
    }
    tulle__free(live->views);
    live->views = views;
    live->view_count = fitting->count;
    atomic_store_explicit(&live->endpoint_count, (unsigned)fitting->cluster->endpoints->count,
                          memory_order_relaxed);
    return changed;
}

/* The very set that the views fit already, spoken to in the same way. */
static bool fits_already(const struct cluster_live *live, const struct cluster *cluster)
{
    const struct cluster *config = live->config;

    return config != NULL && config->endpoints == cluster->endpoints &&
           config->protocol == cluster->protocol && str_equal(config->host, cluster->host) &&
           atomic_load_explicit(&live->endpoint_count, memory_order_relaxed) ==
               cluster->endpoints->count;
}

/* What they get here they keep, also when the adoption fails later: it is room. */
static bool views_prepare(const struct cluster_live *live, const struct cluster *cluster)
{
    for (size_t i = 0; i < live->view_count; i++) {
        if (!tulle__outlier_prepare(live->views[i], &cluster->outlier)) {
            return false;
        }
    }
    return true;
}

bool tulle__views_adopt(struct cluster_live *live, struct peers *peers,
                        const struct cluster *cluster, int64_t now, bool *changed)
{
    size_t most = live->view_count + cluster->endpoints->count;
    struct fitting fitting = { .cluster = cluster, .peers = peers, .now = now };
    struct view **views;

    *changed = false;
    if (!views_prepare(live, cluster)) {
        return false;
    }
    if (most == 0 || fits_already(live, cluster)) {
        return true;
    }
    fitting.fits = tulle__alloc_zero(most, sizeof(*fitting.fits));
    views = tulle__alloc_zero(most, sizeof(struct view *));
    if (fitting.fits == NULL || views == NULL || !fit_all(&fitting, live)) {
        fit_undo(&fitting);
        tulle__free(fitting.fits);
        tulle__free(views);
        return false;
    }
    *changed = fit_commit(&fitting, live, views);
    tulle__free(fitting.fits);
    return true;
}

void tulle__views_disown(struct cluster_live *live)
{
    for (size_t i = 0; i < live->view_count; i++) {
        view_unname(live, live->views[i]);
    }
    atomic_store_explicit(&live->endpoint_count, 0, memory_order_relaxed);
}

/* Pairs with view_release(): whoever used it is done with it. */
static bool view_is_free(const struct view *view)
{
    return !atomic_load_explicit(&view->named, memory_order_relaxed) && view->pickers == 0 &&
           atomic_load_explicit(&view->users, memory_order_acquire) == 0;
}

void tulle__views_sweep(struct cluster_live *live, bool all)
{
    size_t kept = 0;

    for (size_t i = 0; i < live->view_count; i++) {
        struct view *view = live->views[i];

        if (all || view_is_free(view)) {
            tulle__outlier_lift(live, view);
            view_free(view);
            continue;
        }
        live->views[kept++] = view;
    }
    live->view_count = kept;
}
