/* SPDX-License-Identifier: Apache-2.0 */

/* Between source and snapshot: a cluster with STRICT_DNS gets an endpoint for
 * each address, one with LOGICAL_DNS keeps its name as its one endpoint as soon
 * as that was resolved. The clusters made here are sealed like any other, so
 * that the snapshot shares those that came out as before. */

#include "core/names.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/macros.h"
#include "core/mesh.h"
#include "dns/address.h"
#include "model/seal.h"

enum { HELD_FIRST = 16 };

/* The expansion of one draft. */
struct expansion {
    struct names *names;
    struct dns_name **held;
    size_t count, capacity;
    size_t pending;
};

/* What one endpoint of a draft stands for. */
struct stand_in {
    struct endpoint endpoint;
    struct str host; /* with its port cut off */
    struct str port; /* ":80" */
    bool is_address;
    struct dns_answer *answer; /* a reference; NULL: an address, or none yet */
};

static void held_release(struct dns_name **held, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tulle__dns_release(held[i]);
    }
    tulle__free(held);
}

static enum tulle_error held_add(struct expansion *expansion, struct str host,
                                 struct dns_name **out)
{
    size_t capacity = expansion->capacity > 0 ? expansion->capacity * 2 : HELD_FIRST;
    struct dns_name **grown;

    if (expansion->count == expansion->capacity) {
        grown = tulle__realloc(expansion->held, capacity * sizeof(struct dns_name *));
        ENSURE(grown, TULLE_E_NOMEM);
        expansion->held = grown;
        expansion->capacity = capacity;
    }
    *out = tulle__dns_hold(expansion->names->dns, host);
    ENSURE(*out, TULLE_E_NOMEM);
    expansion->held[expansion->count++] = *out;
    return TULLE_OK;
}

static enum tulle_error stand_in_find(struct expansion *expansion,
                                      const struct endpoint_record *record, struct stand_in *out)
{
    struct str address = record_address(record);
    size_t size = address.size;
    struct dns_address literal;
    struct dns_name *name;

    while (size > 0 && address.data[size - 1] != ':') {
        size--;
    }
    size -= size > 0;
    *out = (struct stand_in){
        .endpoint = record_endpoint(record),
        .host = { address.data, size },
        .port = { address.data + size, address.size - size },
    };
    out->is_address = tulle__dns_literal(out->host, &literal);
    if (out->is_address) {
        return TULLE_OK;
    }
    TRY(held_add(expansion, out->host, &name));
    out->answer = tulle__dns_name_answer(name);
    expansion->pending += out->answer == NULL;
    return TULLE_OK;
}

/* IPv4 where there is any, else IPv6: what Istio's V4_ONLY comes to on most
 * machines, without leaving out the others (Envoy's V4_PREFERRED). */
static bool wants_ipv6(const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (!answer->addresses[i].is_ipv6) {
            return false;
        }
    }
    return true;
}

static size_t stand_in_count(const struct stand_in *stand_in, enum discovery discovery)
{
    if (stand_in->is_address) {
        return 1;
    }
    if (!stand_in->answer) {
        return 0;
    }
    return discovery == DISCOVERY_STRICT_DNS ? stand_in->answer->count
                                             : stand_in->answer->count > 0;
}

/* --- endpoints --- */

/* What a set is made of; texts and labels are the draft's or the arena's. */
struct endpoint_list {
    struct arena arena;
    struct endpoint *endpoints;
    size_t count;
};

static bool endpoint_add(struct endpoint_list *list, const struct stand_in *stand_in,
                         struct str host)
{
    struct endpoint *endpoint = &list->endpoints[list->count];

    *endpoint = stand_in->endpoint;
    endpoint->address =
        tulle__arena_format(&list->arena, "%.*s%.*s", STR_ARG(host), STR_ARG(stand_in->port));
    list->count += endpoint->address.data != NULL;
    return endpoint->address.data != NULL;
}

static bool addresses_add(struct endpoint_list *list, const struct stand_in *stand_in)
{
    const struct dns_answer *answer = stand_in->answer;
    bool is_ipv6 = wants_ipv6(answer);

    for (size_t i = 0; i < answer->count; i++) {
        char text[DNS_ADDRESS_TEXT];

        if (answer->addresses[i].is_ipv6 == is_ipv6 &&
            !endpoint_add(list, stand_in, tulle__dns_address_text(&answer->addresses[i], text))) {
            return false;
        }
    }
    return true;
}

static int endpoint_compare(const void *left, const void *right)
{
    const struct endpoint *a = left, *b = right;

    return tulle__str_compare(a->address, b->address);
}

/* Two names may lead to one address: it is one endpoint, as in Envoy. */
static void endpoints_settle(struct endpoint_list *list)
{
    struct endpoint *endpoints = list->endpoints;
    size_t kept = 0;

    qsort(endpoints, list->count, sizeof(*endpoints), endpoint_compare);
    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || !str_equal(endpoints[kept - 1].address, endpoints[i].address)) {
            endpoints[kept++] = endpoints[i];
        }
    }
    list->count = kept;
}

static bool endpoints_list(struct endpoint_list *list, const struct stand_in *stand_ins,
                           size_t stand_in_total, enum discovery discovery)
{
    size_t room = 1;
    bool filled = true;

    for (size_t i = 0; i < stand_in_total; i++) {
        room += stand_in_count(&stand_ins[i], discovery);
    }
    list->endpoints = ARENA_ARRAY(&list->arena, struct endpoint, room);
    for (size_t i = 0; list->endpoints && filled && i < stand_in_total; i++) {
        const struct stand_in *each = &stand_ins[i];

        if (stand_in_count(each, discovery) == 0) {
            continue;
        }
        filled = each->answer && discovery == DISCOVERY_STRICT_DNS
                     ? addresses_add(list, each)
                     : endpoint_add(list, each, each->host);
    }
    return list->endpoints && filled;
}

static bool endpoints_fill(struct endpoint_set *set, const struct stand_in *stand_ins,
                           size_t stand_in_total, enum discovery discovery)
{
    struct endpoint_list list = { .count = 0 };
    bool filled;

    tulle__arena_init(&list.arena, 1024);
    filled = endpoints_list(&list, stand_ins, stand_in_total, discovery);
    if (filled) {
        endpoints_settle(&list);
        filled = tulle__endpoint_set_fill(set, list.endpoints, list.count);
    }
    tulle__arena_fini(&list.arena);
    if (filled) {
        tulle__endpoint_set_seal(set);
    }
    return filled;
}

static struct endpoint_set *endpoint_set_new(const struct cluster *from,
                                             const struct stand_in *stand_ins)
{
    struct endpoint_set *set = tulle__part_new(sizeof(*set));

    if (!set) {
        return NULL;
    }
    if (!tulle__part_add_cleanup(&set->part, tulle__part_unref, tulle__part_ref(from->endpoints))) {
        tulle__part_unref(from->endpoints);
        tulle__part_unref(set);
        return NULL;
    }
    set->localities = from->endpoints->localities;
    set->locality_count = from->endpoints->locality_count;
    if (!endpoints_fill(set, stand_ins, from->endpoints->count, from->discovery)) {
        tulle__part_unref(set);
        return NULL;
    }
    return set;
}

/* --- clusters --- */

/* Why there is no endpoint; "" as long as one may come. `.data` NULL: no memory. */
static struct str trouble_of(struct arena *arena, const struct endpoint_set *set,
                             const struct stand_in *stand_ins, size_t count)
{
    const struct stand_in *failed = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct stand_in *each = &stand_ins[i];

        if (!each->is_address && !each->answer) {
            return STR("");
        }
        failed = !failed && each->answer && each->answer->count == 0 ? each : failed;
    }
    if (set->count > 0 || !failed) {
        return STR("");
    }
    return tulle__arena_format(arena, "%.*s: %s", STR_ARG(failed->host),
                               tulle__dns_fault_text(failed->answer->fault));
}

/* Takes `set` over, also on failure. */
static struct cluster *cluster_new(struct cluster *from, struct endpoint_set *set,
                                   const struct stand_in *stand_ins)
{
    struct cluster *cluster = set ? tulle__part_new(sizeof(*cluster)) : NULL;
    struct part part;

    if (!cluster || !tulle__part_add_cleanup(&cluster->part, tulle__part_unref, set)) {
        tulle__part_unref(cluster);
        tulle__part_unref(set);
        return NULL;
    }
    if (!tulle__part_add_cleanup(&cluster->part, tulle__part_unref, tulle__part_ref(from))) {
        tulle__part_unref(from);
        tulle__part_unref(cluster);
        return NULL;
    }
    part = cluster->part;
    *cluster = *from;
    cluster->part = part;
    cluster->endpoints = set;
    cluster->trouble = trouble_of(&cluster->part.arena, set, stand_ins, from->endpoints->count);
    if (!cluster->trouble.data) {
        tulle__part_unref(cluster);
        return NULL;
    }
    tulle__cluster_seal(cluster);
    return cluster;
}

static enum tulle_error cluster_expand(struct expansion *expansion, struct cluster *from,
                                       struct cluster **out)
{
    size_t count = from->endpoints->count;
    struct endpoint_walk walk = { .set = from->endpoints };
    struct stand_in *stand_ins = tulle__alloc_zero(count + 1, sizeof(*stand_ins));
    enum tulle_error error = stand_ins ? TULLE_OK : TULLE_E_NOMEM;

    *out = NULL;
    for (size_t i = 0; error == TULLE_OK && i < count; i++) {
        error = stand_in_find(expansion, endpoint_walk_next(&walk), &stand_ins[i]);
    }
    if (error == TULLE_OK) {
        *out = cluster_new(from, endpoint_set_new(from, stand_ins), stand_ins);
        error = *out ? TULLE_OK : TULLE_E_NOMEM;
    }
    for (size_t i = 0; stand_ins && i < count; i++) {
        tulle__dns_answer_unref(stand_ins[i].answer);
    }
    tulle__free(stand_ins);
    return error;
}

static enum tulle_error draft_expand(struct expansion *expansion, const struct draft *from,
                                     struct draft *out)
{
    for (size_t i = 0; i < from->service_count; i++) {
        ENSURE(tulle__draft_add_service(out, tulle__part_ref(from->services[i])), TULLE_E_NOMEM);
    }
    for (size_t i = 0; i < from->cluster_count; i++) {
        struct cluster *cluster = from->clusters[i];

        if (cluster->discovery == DISCOVERY_STATIC) {
            tulle__part_ref(cluster);
        } else {
            TRY(cluster_expand(expansion, cluster, &cluster));
        }
        ENSURE(tulle__draft_add_cluster(out, cluster), TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

enum tulle_error tulle__names_expand(struct names *names, const struct draft *from,
                                     struct draft *out, size_t *pending)
{
    struct expansion expansion = { .names = names };
    enum tulle_error error;

    *out = (struct draft){ 0 };
    error = draft_expand(&expansion, from, out);
    if (error != TULLE_OK) {
        held_release(expansion.held, expansion.count);
        tulle__draft_fini(out);
        return error;
    }
    held_release(names->held, names->count);
    names->held = expansion.held;
    names->count = expansion.count;
    *pending = expansion.pending;
    return TULLE_OK;
}

/* --- where one is --- */

/* Whole addresses. */
static void addresses_copy(const struct dns_answer *answer, char *out, size_t size)
{
    size_t length = answer->count > 0 ? answer->text.size : 0;

    while (length >= size) {
        while (length > 0 && answer->text.data[--length] != ',') {
        }
    }
    if (length > 0) {
        memcpy(out, answer->text.data, length);
    }
    out[length] = '\0';
}

/* It is held already, for its cluster: this looks nothing up. */
bool tulle__names_where(struct names *names, struct str host, char *out, size_t size)
{
    struct dns_address literal;
    struct dns_name *name;
    struct dns_answer *answer;

    if (tulle__dns_literal(host, &literal)) {
        snprintf(out, size, "%.*s", STR_ARG(host));
        return true;
    }
    name = tulle__dns_hold(names->dns, host);
    answer = name ? tulle__dns_name_answer(name) : NULL;
    if (answer) {
        addresses_copy(answer, out, size);
        tulle__dns_answer_unref(answer);
    }
    if (name) {
        tulle__dns_release(name);
    }
    return answer != NULL;
}

/* --- birth, death, and who waits --- */

static void names_changed(void *user)
{
    struct tulle *mesh = user;

    mesh->names.changed = true;
    tulle__control_poke(mesh);
}

enum tulle_error tulle__names_open(struct tulle *mesh, const struct resolver_type *resolver,
                                   const struct tulle_options *given)
{
    struct names *names = &mesh->names;
    struct rand rand = mesh->rand; /* a copy: the mesh's own draws are as they were */
    const struct dns_options options = {
        .loop = &mesh->control,
        .log = &mesh->log,
        .resolver = resolver,
        .servers = given->dns_servers,
        .stale_ns = given->dns_stale_ns > 0 ? given->dns_stale_ns : NEVER,
        .seed = rand_next(&rand),
        .changed = names_changed,
        .user = mesh,
    };

    ENSURE(tulle__mutex_init(&names->lock), TULLE_E_INTERNAL);
    if (!tulle__cond_init(&names->ready)) {
        tulle__mutex_fini(&names->lock);
        return TULLE_E_INTERNAL;
    }
    names->open = true;
    return tulle__dns_open(&options, &names->dns);
}

void tulle__names_close(struct names *names)
{
    if (!names->open) {
        return;
    }
    held_release(names->held, names->count);
    tulle__dns_close(names->dns);
    tulle__cond_fini(&names->ready);
    tulle__mutex_fini(&names->lock);
}

static bool names_are_ready(const struct names *names)
{
    return names->pending == 0 && names->warming == 0;
}

static void names_tell(struct names *names)
{
    if (names_are_ready(names)) {
        tulle__cond_broadcast(&names->ready);
    }
}

void tulle__names_published(struct names *names, size_t pending)
{
    tulle__mutex_lock(&names->lock);
    names->pending = pending;
    names_tell(names);
    tulle__mutex_unlock(&names->lock);
}

void tulle__names_warming(struct names *names, size_t warming)
{
    tulle__mutex_lock(&names->lock);
    names->warming = warming;
    names_tell(names);
    tulle__mutex_unlock(&names->lock);
}

void tulle__names_leave(struct names *names)
{
    tulle__mutex_lock(&names->lock);
    names->leaving = true;
    tulle__cond_broadcast(&names->ready);
    tulle__mutex_unlock(&names->lock);
}

enum tulle_error tulle__names_state(struct names *names)
{
    enum tulle_error state;

    tulle__mutex_lock(&names->lock);
    state = names_are_ready(names) ? TULLE_OK : names->leaving ? TULLE_E_CLOSED : TULLE_E_AGAIN;
    tulle__mutex_unlock(&names->lock);
    return state;
}

void tulle__names_wait(struct names *names, int64_t due)
{
    tulle__mutex_lock(&names->lock);
    while (!names_are_ready(names) && !names->leaving && world_now(&tulle__world) < due) {
        tulle__cond_wait(&names->ready, &names->lock, due);
    }
    tulle__mutex_unlock(&names->lock);
}
