/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of the translation share. It runs in phases over resources in
 * Istio's order (older first, then by name): ServiceEntries make hosts;
 * DestinationRules and TrafficPolicies are merged into them; VirtualServices
 * give them routes; then every host becomes a service and its clusters. Each
 * phase looks only at what the phases before it accepted, so a refusal takes
 * with it what refers to it, without a second pass.
 *
 * Where this is not istiod, on purpose: a host without a dot in a ServiceEntry
 * is completed like any other (and still answers to its short name); a rule or
 * policy for a host, subset or port that nobody has is refused with a
 * suggestion, where istiod passes over it in silence; so are two ServiceEntries
 * with one host, and wildcard hosts, for now. A rule for a ServiceEntry that is
 * not exported to us is passed over; a route to one is refused. */

#ifndef TULLE_SOURCE_FILE_TRANSLATE_H
#define TULLE_SOURCE_FILE_TRANSLATE_H

#include "base/arena.h"
#include "base/table.h"
#include "source/file/resource.h"

/* An endpoint as one port of its service sees it. */
struct port_endpoint {
    struct str address; /* canonical, or a name in lower case; with the port */
    const struct entry_endpoint *endpoint;
};

struct port_endpoints {
    struct port_endpoint *list; /* sorted by address */
    size_t count;
};

struct resource_node {
    struct resource_node *next;
    const struct resource *resource;
};

/* In the order they were added; only those of the nearest namespace. */
struct resource_list {
    struct resource_node *first, **last;
    unsigned distance;
};

/* A host that a ServiceEntry has. */
struct mesh_host {
    struct mesh_host *next;
    struct str host;    /* full, lower case */
    struct str written; /* as the ServiceEntry has it, lower case */
    struct str service, name_space;
    const struct resource *entry;
    const struct port_endpoints *endpoints; /* one for each port of the entry */
    struct str *names;                      /* `host` first */
    size_t name_count;
    struct resource_list rules;
    const struct rule_traffic_policy *policy; /* of the merged rules; NULL: none */
    const struct rule_subset **subsets;       /* of the merged rules */
    size_t subset_count;
    struct resource_list overlays;
    const struct resource *routes; /* the VirtualService that won; NULL: none */
};

struct translation {
    const struct translate_options *options;
    struct complaints *complaints;
    bool *refused;
    struct arena arena; /* scratch */
    struct mesh_host *hosts, **last_host;
    struct table by_host; /* struct mesh_host by full host */
    struct table by_name; /* the same, by each other name */
    struct table hidden;  /* full hosts of ServiceEntries that are not exported to us */
    /* What is being looked at: */
    const struct resource *resource;
    size_t index;
    struct str label; /* "VirtualService default/reviews" */
};

/* Complains about the resource that is being looked at and refuses it. */
#define REFUSE(translation, place, ...)                                                            \
    do {                                                                                           \
        tulle__complain((translation)->complaints, (place), (translation)->label, __VA_ARGS__);    \
        (translation)->refused[(translation)->index] = true;                                       \
    } while (0)

/* --- translate_hosts.c --- */

struct str tulle__translate_name_space(const struct translation *translation,
                                       const struct resource *resource);

/* NULL: `host`, in lower case, is a host name. Otherwise what is wrong: "is not...". */
const char *tulle__host_fault(struct str host);

/* In lower case, without the dot at the end. `.data` is NULL when there is no memory. */
struct str tulle__host_lower(struct arena *arena, struct str host);

/* What `written` means in the namespace of the current resource; `*fault` is not
 * NULL when it is no host. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate_full_host(struct translation *translation, struct str written,
                                            struct str *out, const char **fault);

/* The full host of one that the current resource names. `out->data` is NULL
 * when it was refused. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate_resolve(struct translation *translation,
                                          const struct placed *written, struct str *out);

/* The host that the current resource refers to; NULL: it was refused, or
 * (`*hidden`) its ServiceEntry is not exported to us. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate_find_host(struct translation *translation,
                                            const struct placed *written, struct mesh_host **out,
                                            bool *hidden);

/* Once all hosts are there: what else each of them answers to. */
enum tulle_error tulle__translate_names(struct translation *translation);

/* Refuses the current resource unless the host has the port, or the subset. */
enum tulle_error tulle__translate_check_port(struct translation *translation, struct place place,
                                             const struct mesh_host *host, uint16_t port);
void tulle__translate_check_subset(struct translation *translation, const struct placed *subset,
                                   const struct mesh_host *host);

/* --- translate_entries.c --- */

enum { ADDRESS_TEXT_SIZE = 48 };

/* The IP address in its one canonical writing, an IPv6 one in brackets, as it
 * stands before a port. False: it is none. */
bool tulle__address_canonical(struct str address, char out[ADDRESS_TEXT_SIZE]);

/* --- one phase each; they look at the current resource --- */

enum tulle_error tulle__translate_entry(struct translation *translation);
enum tulle_error tulle__translate_rule(struct translation *translation);
enum tulle_error tulle__translate_overlay(struct translation *translation);
enum tulle_error tulle__translate_routes(struct translation *translation);

/* Makes policy and subsets of the host's rules. */
enum tulle_error tulle__translate_merge_rules(struct translation *translation,
                                              struct mesh_host *host);

/* --- building --- */

enum tulle_error tulle__translate_clusters(struct translation *translation,
                                           const struct mesh_host *host, struct draft *out);
/* Fills in all that rules and TrafficPolicies decide; port and subset are set.
 * `*setting` is what the rules say of localities, to be used at once.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate_policies(struct translation *translation, struct cluster *cluster,
                                           const struct mesh_host *host,
                                           const struct rule_subset *subset,
                                           const struct locality_setting **setting);
/* What a set is made of. */
struct endpoint_list {
    struct endpoint *endpoints;
    size_t count;
};

/* Gives the endpoints their priorities, and the set the weights of localities, or
 * takes endpoints out of the list. Policies are there already. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate_localities(struct translation *translation,
                                             const struct cluster *cluster,
                                             const struct locality_setting *setting,
                                             struct endpoint_set *set, struct endpoint_list *list);
/* How many endpoints the service that this program is one of has where; `said_by`
 * names it. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate_callers(struct translation *translation,
                                          const struct resource *said_by,
                                          const struct placed *service, struct cluster *cluster);
void tulle__translate_overlay_apply(struct cluster *cluster, const struct traffic_policy *policy);
/* Moves what its policies point at into the cluster's arena. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__translate_own(struct cluster *cluster);
enum tulle_error tulle__translate_service(struct translation *translation,
                                          const struct mesh_host *host, struct draft *out);

#endif
