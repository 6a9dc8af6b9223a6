/* SPDX-License-Identifier: Apache-2.0 */

/* A cluster outlives the resources that it was made of: what its policies point
 * at moves into its own arena. */

#include "source/file/translate.h"

static bool text_own(struct arena *arena, struct str *text)
{
    *text = tulle__arena_str(arena, text->data != NULL ? *text : STR(""));
    return text->data != NULL;
}

/* False: no memory. A list of none is NULL. */
static bool list_own(struct arena *arena, const void *from, size_t count, size_t size, void *out)
{
    void *copy = NULL;

    if (count > 0) {
        copy = tulle__arena_alloc(arena, count * size);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, from, count * size);
    }
    *(void **)out = copy;
    return true;
}

static bool hash_own(struct arena *arena, struct balancer_config *balancer)
{
    struct hash_policy *list;

    if (!list_own(arena, balancer->hash, balancer->hash_count, sizeof(*list), &list)) {
        return false;
    }
    for (size_t i = 0; i < balancer->hash_count; i++) {
        if (!text_own(arena, &list[i].name) || !text_own(arena, &list[i].path)) {
            return false;
        }
    }
    balancer->hash = list;
    return true;
}

static bool callers_own(struct arena *arena, struct locality_config *locality)
{
    struct caller_share *list;

    if (!list_own(arena, locality->callers, locality->caller_count, sizeof(*list), &list)) {
        return false;
    }
    for (size_t i = 0; i < locality->caller_count; i++) {
        if (!text_own(arena, &list[i].locality)) {
            return false;
        }
    }
    locality->callers = list;
    return true;
}

static bool headers_own(struct arena *arena, struct health_check *check)
{
    struct check_header *list;

    if (!list_own(arena, check->headers, check->header_count, sizeof(*list), &list)) {
        return false;
    }
    for (size_t i = 0; i < check->header_count; i++) {
        if (!text_own(arena, &list[i].name) || !text_own(arena, &list[i].value)) {
            return false;
        }
    }
    check->headers = list;
    return true;
}

static bool check_own(struct arena *arena, struct health_check *check)
{
    return text_own(arena, &check->path) && text_own(arena, &check->host) &&
           text_own(arena, &check->method) && text_own(arena, &check->send) &&
           text_own(arena, &check->receive) && text_own(arena, &check->service) &&
           list_own(arena, check->expected, check->expected_count, sizeof(*check->expected),
                    &check->expected) &&
           list_own(arena, check->retriable, check->retriable_count, sizeof(*check->retriable),
                    &check->retriable) &&
           headers_own(arena, check);
}

static bool checks_own(struct arena *arena, struct cluster *cluster)
{
    struct health_check *list;

    if (!list_own(arena, cluster->checks, cluster->check_count, sizeof(*list), &list)) {
        return false;
    }
    for (size_t i = 0; i < cluster->check_count; i++) {
        if (!check_own(arena, &list[i])) {
            return false;
        }
    }
    cluster->checks = list;
    return true;
}

static bool retry_own(struct arena *arena, struct retry_more *retry)
{
    struct str *list;

    if (!list_own(arena, retry->statuses, retry->status_count, sizeof(*retry->statuses),
                  &retry->statuses) ||
        !list_own(arena, retry->headers, retry->header_count, sizeof(*list), &list)) {
        return false;
    }
    for (size_t i = 0; i < retry->header_count; i++) {
        if (!text_own(arena, &list[i])) {
            return false;
        }
    }
    retry->headers = list;
    return true;
}

enum tulle_error tulle__translate_own(struct cluster *cluster)
{
    struct arena *arena = &cluster->part.arena;
    struct balancer_config *balancer = &cluster->balancer;
    bool ok = text_own(arena, &balancer->prequal.probe_path) &&
              text_own(arena, &balancer->drop_category) &&
              text_own(arena, &balancer->locality.local) && hash_own(arena, balancer) &&
              callers_own(arena, &balancer->locality) && checks_own(arena, cluster) &&
              retry_own(arena, &cluster->retry);

    return ok ? TULLE_OK : TULLE_E_NOMEM;
}
