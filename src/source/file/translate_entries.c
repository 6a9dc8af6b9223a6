/* SPDX-License-Identifier: Apache-2.0 */

/* A ServiceEntry makes a host of each of its hosts. Its endpoints are laid out
 * here once for each port: address with port, canonical, sorted. */

#include "source/file/translate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/macros.h"

bool tulle__address_canonical(struct str address, char out[ADDRESS_TEXT_SIZE])
{
    char text[INET6_ADDRSTRLEN] = "";
    unsigned char bytes[sizeof(struct in6_addr)];

    if (address.size == 0 || address.size >= sizeof(text) ||
        memchr(address.data, '\0', address.size) != NULL) {
        return false;
    }
    memcpy(text, address.data, address.size);
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return inet_ntop(AF_INET, bytes, out, ADDRESS_TEXT_SIZE) != NULL;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1) {
        return false;
    }
    out[0] = '[';
    inet_ntop(AF_INET6, bytes, out + 1, INET6_ADDRSTRLEN);
    memcpy(out + strlen(out), "]", 2);
    return true;
}

static uint16_t endpoint_port(const struct entry_endpoint *endpoint, const struct entry_port *port)
{
    for (size_t i = 0; i < endpoint->port_count; i++) {
        if (str_equal(endpoint->ports[i].name, port->name)) {
            return endpoint->ports[i].number;
        }
    }
    return port->target > 0 ? port->target : port->number;
}

static int port_endpoint_compare(const void *left, const void *right)
{
    const struct port_endpoint *a = left, *b = right;

    return tulle__str_compare(a->address, b->address);
}

static void endpoints_check_twice(struct translation *translation,
                                  const struct port_endpoints *endpoints)
{
    for (size_t i = 1; i < endpoints->count; i++) {
        const struct port_endpoint *endpoint = &endpoints->list[i];

        if (str_equal(endpoint[-1].address, endpoint->address)) {
            REFUSE(translation, endpoint->endpoint->address.place, "endpoint %.*s is there twice",
                   STR_ARG(endpoint->address));
        }
    }
}

/* `addresses` are the canonical ones of the entry's endpoints. */
static enum tulle_error endpoints_lay_out(struct translation *translation,
                                          const struct service_entry *entry,
                                          const struct str *addresses,
                                          const struct entry_port *port, struct port_endpoints *out)
{
    out->list = ARENA_ARRAY(&translation->arena, struct port_endpoint, entry->endpoint_count + 1);
    ENSURE(out->list != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < entry->endpoint_count; i++) {
        const struct entry_endpoint *endpoint = &entry->endpoints[i];
        struct str address;

        if (addresses[i].size == 0) {
            continue;
        }
        address = tulle__arena_format(&translation->arena, "%.*s:%u", STR_ARG(addresses[i]),
                                      (unsigned)endpoint_port(endpoint, port));
        ENSURE(address.data != NULL, TULLE_E_NOMEM);
        out->list[out->count++] = (struct port_endpoint){ address, endpoint };
    }
    qsort(out->list, out->count, sizeof(*out->list), port_endpoint_compare);
    endpoints_check_twice(translation, out);
    return TULLE_OK;
}

static void endpoint_check_ports(struct translation *translation, const struct service_entry *entry,
                                 const struct entry_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->port_count; i++) {
        struct str name = endpoint->ports[i].name;
        bool known = false;

        for (size_t k = 0; k < entry->port_count; k++) {
            known = known || str_equal(name, entry->ports[k].name);
        }
        if (!known) {
            REFUSE(translation, endpoint->address.place,
                   "endpoint %.*s: the service has no port named \"%.*s\"",
                   STR_ARG(endpoint->address.text), STR_ARG(name));
        }
    }
}

/* A name to look up. Its size is 0 when it was refused. */
static enum tulle_error name_make(struct translation *translation,
                                  const struct service_entry *entry,
                                  const struct entry_endpoint *endpoint, struct str *out)
{
    const char *fault;

    if (entry->resolution == DISCOVERY_STATIC) {
        REFUSE(translation, endpoint->address.place, "endpoint \"%.*s\" is not an IP address",
               STR_ARG(endpoint->address.text));
        return TULLE_OK;
    }
    *out = tulle__host_lower(&translation->arena, endpoint->address.text);
    ENSURE(out->data != NULL, TULLE_E_NOMEM);
    fault = tulle__host_fault(*out);
    if (fault != NULL) {
        *out = STR_NONE;
        REFUSE(translation, endpoint->address.place, "endpoint \"%.*s\" %s",
               STR_ARG(endpoint->address.text), fault);
    }
    return TULLE_OK;
}

static enum tulle_error addresses_make(struct translation *translation,
                                       const struct service_entry *entry, struct str **out)
{
    struct str *addresses = ARENA_ARRAY(&translation->arena, struct str, entry->endpoint_count + 1);

    ENSURE(addresses != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < entry->endpoint_count; i++) {
        const struct entry_endpoint *endpoint = &entry->endpoints[i];
        char text[ADDRESS_TEXT_SIZE];

        endpoint_check_ports(translation, entry, endpoint);
        if (tulle__address_canonical(endpoint->address.text, text)) {
            addresses[i] = tulle__arena_str(&translation->arena, str_of(text));
            ENSURE(addresses[i].data != NULL, TULLE_E_NOMEM);
            continue;
        }
        TRY(name_make(translation, entry, endpoint, &addresses[i]));
    }
    *out = addresses;
    return TULLE_OK;
}

static void ports_check(struct translation *translation, const struct service_entry *entry)
{
    struct place place = translation->resource->place;

    if (entry->port_count == 0) {
        REFUSE(translation, place, "has no ports");
    }
    for (size_t i = 1; i < entry->port_count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct entry_port *a = &entry->ports[k], *b = &entry->ports[i];

            if (a->number == b->number) {
                REFUSE(translation, place, "port %u is there twice", (unsigned)b->number);
            }
            if (b->name.size > 0 && str_equal(a->name, b->name)) {
                REFUSE(translation, place, "two ports are named \"%.*s\"", STR_ARG(b->name));
            }
        }
    }
}

static enum tulle_error endpoints_make(struct translation *translation,
                                       const struct service_entry *entry,
                                       struct port_endpoints **out)
{
    struct str *addresses;
    struct port_endpoints *endpoints =
        ARENA_ARRAY(&translation->arena, struct port_endpoints, entry->port_count + 1);

    ENSURE(endpoints != NULL, TULLE_E_NOMEM);
    TRY(addresses_make(translation, entry, &addresses));
    for (size_t i = 0; i < entry->port_count; i++) {
        TRY(endpoints_lay_out(translation, entry, addresses, &entry->ports[i], &endpoints[i]));
    }
    *out = endpoints;
    return TULLE_OK;
}

/* For reviews.default.svc.cluster.local reviews and default; for a host outside
 * the cluster the host itself and the resource's namespace, as istiod has it. */
static void host_name_parts(const struct translation *translation, struct mesh_host *host)
{
    struct str rest, name = tulle__str_cut(host->host, '.', &rest);
    struct str name_space = tulle__str_cut(rest, '.', &rest);
    struct str svc = tulle__str_cut(rest, '.', &rest);

    host->service = host->host;
    host->name_space = tulle__translate_name_space(translation, translation->resource);
    if (str_equal(svc, STR("svc")) && str_equal(rest, str_of(translation->options->domain))) {
        host->service = name;
        host->name_space = name_space;
    }
}

static enum tulle_error host_new(struct translation *translation, const struct placed *written,
                                 struct str full, struct mesh_host **out)
{
    struct mesh_host *host = ARENA_NEW(&translation->arena, struct mesh_host);
    struct str first, rest;

    ENSURE(host != NULL, TULLE_E_NOMEM);
    host->host = full;
    host->written = full;
    if (written->text.size < full.size - 1) { /* it was completed: its first label is all of it */
        first = tulle__str_cut(full, '.', &rest);
        host->written = first;
    }
    host->entry = translation->resource;
    host_name_parts(translation, host);
    *out = host;
    return TULLE_OK;
}

/* The hosts of the entry, in a list of their own until all of them are good. */
static enum tulle_error hosts_make(struct translation *translation,
                                   const struct service_entry *entry, struct mesh_host **list)
{
    for (size_t i = 0; i < entry->host_count; i++) {
        const struct placed *written = &entry->hosts[i];
        const struct mesh_host *other;
        struct mesh_host *host;
        struct str full;

        TRY(tulle__translate_resolve(translation, written, &full));
        if (full.data == NULL) {
            continue;
        }
        other = tulle__table_find(&translation->by_host, full);
        for (host = *list; other == NULL && host != NULL; host = host->next) {
            other = str_equal(host->host, full) ? host : NULL;
        }
        if (other != NULL) {
            REFUSE(translation, written->place, "host \"%.*s\": ServiceEntry %.*s has it already",
                   STR_ARG(written->text), STR_ARG(other->entry->name));
            continue;
        }
        TRY(host_new(translation, written, full, &host));
        host->next = *list;
        *list = host;
    }
    return TULLE_OK;
}

/* Not ours to complain about: what is no host hides nothing. */
static enum tulle_error hosts_hide(struct translation *translation,
                                   const struct service_entry *entry)
{
    for (size_t i = 0; i < entry->host_count; i++) {
        struct str full;
        const char *fault;

        TRY(tulle__translate_full_host(translation, entry->hosts[i].text, &full, &fault));
        ENSURE(fault != NULL ||
                   tulle__table_put(&translation->hidden, full, (void *)translation->resource),
               TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

/* Without endpoints a host that is looked up is its own, as in Istio. */
static enum tulle_error host_endpoints(struct translation *translation,
                                       const struct service_entry *entry, struct mesh_host *host)
{
    struct entry_endpoint *own = ARENA_NEW(&translation->arena, struct entry_endpoint);
    struct service_entry alone = *entry;
    struct port_endpoints *endpoints;

    ENSURE(own != NULL, TULLE_E_NOMEM);
    *own = (struct entry_endpoint){ .address = { host->written, translation->resource->place },
                                    .locality = STR(""),
                                    .weight = 1 };
    alone.endpoints = own;
    alone.endpoint_count = 1;
    TRY(endpoints_make(translation, &alone, &endpoints));
    host->endpoints = endpoints;
    return TULLE_OK;
}

enum tulle_error tulle__translate_entry(struct translation *translation)
{
    const struct service_entry *entry = &translation->resource->spec.service_entry;
    struct mesh_host *list = NULL;
    struct port_endpoints *endpoints;

    if (!translation->resource->is_exported) {
        return hosts_hide(translation, entry);
    }
    TRY(hosts_make(translation, entry, &list));
    ports_check(translation, entry);
    TRY(endpoints_make(translation, entry, &endpoints));
    while (list != NULL && !translation->refused[translation->index]) {
        struct mesh_host *host = list;

        list = host->next;
        host->next = NULL;
        host->endpoints = endpoints;
        if (entry->resolution != DISCOVERY_STATIC && entry->endpoint_count == 0) {
            TRY(host_endpoints(translation, entry, host));
        }
        ENSURE(tulle__table_put(&translation->by_host, host->host, host), TULLE_E_NOMEM);
        *translation->last_host = host;
        translation->last_host = &host->next;
    }
    return TULLE_OK;
}
