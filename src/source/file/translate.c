/* SPDX-License-Identifier: Apache-2.0 */

/* Resources to parts, as istiod does it: the phases, and Istio's order within
 * each of them. See translate.h. */

#include "source/file/translate.h"

#include <stdlib.h>

#include "base/macros.h"

static const char *const kind_names[RESOURCE_KINDS] = {
    [RESOURCE_SERVICE_ENTRY] = "ServiceEntry",       [RESOURCE_VIRTUAL_SERVICE] = "VirtualService",
    [RESOURCE_DESTINATION_RULE] = "DestinationRule", [RESOURCE_TRAFFIC_POLICY] = "TrafficPolicy",
    [RESOURCE_MOCK_ENDPOINT] = "MockEndpoint",
};

struct ordered {
    const struct resource *resource;
    size_t index;
    struct str key; /* "KIND NAMESPACE/NAME" */
};

/* Older first, then by name, then by namespace: istiod's sortConfigByCreationTime. */
static int ordered_compare(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;
    int order;

    if (a->resource->created != b->resource->created) {
        return a->resource->created < b->resource->created ? -1 : 1;
    }
    order = tulle__str_compare(a->resource->name, b->resource->name);
    if (order == 0) {
        order = tulle__str_compare(a->resource->name_space, b->resource->name_space);
    }
    if (order == 0) {
        order = a->index < b->index ? -1 : 1;
    }
    return order;
}

static void enter(struct translation *translation, const struct ordered *ordered)
{
    translation->resource = ordered->resource;
    translation->index = ordered->index;
    translation->label = ordered->key;
}

static enum tulle_error duplicate_check(struct translation *translation, struct table *seen,
                                        struct ordered *ordered)
{
    const struct resource *resource = ordered->resource;
    const struct resource *first;

    ordered->key = tulle__arena_format(
        &translation->arena, "%s %.*s/%.*s", kind_names[resource->kind],
        STR_ARG(tulle__translate_name_space(translation, resource)), STR_ARG(resource->name));
    ENSURE(ordered->key.data != NULL, TULLE_E_NOMEM);
    first = tulle__table_find(seen, ordered->key);
    if (first != NULL) {
        enter(translation, ordered);
        REFUSE(translation, resource->place, "is there twice, the first time at %.*s:%u",
               STR_ARG(first->place.file), first->place.line);
        return TULLE_OK;
    }
    ENSURE(tulle__table_put(seen, ordered->key, (void *)resource), TULLE_E_NOMEM);
    return TULLE_OK;
}

/* The resources in Istio's order; of two with one name the second as given is refused. */
static enum tulle_error order_make(struct translation *translation,
                                   const struct resource *const *resources, size_t count,
                                   struct ordered **out)
{
    struct ordered *order = ARENA_ARRAY(&translation->arena, struct ordered, count + 1);
    struct table seen = { 0 };
    enum tulle_error error = TULLE_OK;

    ENSURE(order != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < count && error == TULLE_OK; i++) {
        order[i] = (struct ordered){ .resource = resources[i], .index = i };
        error = duplicate_check(translation, &seen, &order[i]);
    }
    tulle__table_fini(&seen);
    ENSURE(error == TULLE_OK, error);
    qsort(order, count, sizeof(*order), ordered_compare);
    *out = order;
    return TULLE_OK;
}

typedef enum tulle_error phase_fn(struct translation *translation);

static enum tulle_error phase_run(struct translation *translation, const struct ordered *order,
                                  size_t count, enum resource_kind kind, phase_fn *run)
{
    for (size_t i = 0; i < count; i++) {
        if (order[i].resource->kind == kind && !translation->refused[order[i].index]) {
            enter(translation, &order[i]);
            TRY(run(translation));
        }
    }
    return TULLE_OK;
}

static enum tulle_error phases_run(struct translation *translation, const struct ordered *order,
                                   size_t count)
{
    TRY(phase_run(translation, order, count, RESOURCE_SERVICE_ENTRY, tulle__translate_entry));
    TRY(tulle__translate_names(translation));
    TRY(phase_run(translation, order, count, RESOURCE_DESTINATION_RULE, tulle__translate_rule));
    for (struct mesh_host *host = translation->hosts; host; host = host->next) {
        TRY(tulle__translate_merge_rules(translation, host));
    }
    TRY(phase_run(translation, order, count, RESOURCE_TRAFFIC_POLICY, tulle__translate_overlay));
    return phase_run(translation, order, count, RESOURCE_VIRTUAL_SERVICE, tulle__translate_routes);
}

static enum tulle_error build(struct translation *translation, struct draft *out)
{
    for (const struct mesh_host *host = translation->hosts; host; host = host->next) {
        TRY(tulle__translate_clusters(translation, host, out));
        TRY(tulle__translate_service(translation, host, out));
    }
    return translation->complaints->no_memory ? TULLE_E_NOMEM : TULLE_OK;
}

static enum tulle_error translate(struct translation *translation,
                                  const struct resource *const *resources, size_t count,
                                  struct draft *out)
{
    struct ordered *order;

    TRY(order_make(translation, resources, count, &order));
    TRY(phases_run(translation, order, count));
    return build(translation, out);
}

static struct translate_options options_complete(const struct translate_options *options)
{
    struct translate_options known = *options;

    known.self.locality = known.self.locality ? known.self.locality : "";
    known.self.labels = known.self.labels ? known.self.labels : "";
    return known;
}

enum tulle_error tulle__translate(const struct resource *const *resources, size_t count,
                                  const struct translate_options *options,
                                  struct complaints *complaints, bool *refused, struct draft *out)
{
    const struct translate_options known = options_complete(options);
    struct translation translation = { .options = &known,
                                       .complaints = complaints,
                                       .refused = refused };
    enum tulle_error error;

    *out = (struct draft){ 0 };
    for (size_t i = 0; i < count; i++) {
        refused[i] = false;
    }
    tulle__arena_init(&translation.arena, 4096);
    translation.last_host = &translation.hosts;
    error = translate(&translation, resources, count, out);
    if (error != TULLE_OK) {
        tulle__draft_fini(out);
    }
    tulle__table_fini(&translation.by_host);
    tulle__table_fini(&translation.by_name);
    tulle__table_fini(&translation.hidden);
    tulle__arena_fini(&translation.arena);
    return error;
}
