/* SPDX-License-Identifier: Apache-2.0 */

/* Resources written as C, and what became of them. */

#ifndef TESTS_UNIT_SOURCE_FILE_TRANSLATE_WORLD_H
#define TESTS_UNIT_SOURCE_FILE_TRANSLATE_WORLD_H

#include "harness/test.h"

#include <stdio.h>

#include "base/clock.h"
#include "source/file/complaints.h"
#include "source/file/resource.h"

/* An array and its count, for two fields that follow each other. */
#define LIST(type, ...)                                                                            \
    (const type[]){ __VA_ARGS__ }, sizeof((const type[]){ __VA_ARGS__ }) / sizeof(type)

#define AT(line_)                                                                                  \
    {                                                                                              \
        .file = { "mesh.yaml", 9 }, .line = (line_), .column = 1                                   \
    }
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define PLACED(literal)                                                                            \
    {                                                                                              \
        TEXT(literal), AT(__LINE__)                                                                \
    }
#define HOSTS(...) .hosts = LIST(struct placed, __VA_ARGS__)
#define PORTS(...) .ports = LIST(struct entry_port, __VA_ARGS__)
#define HTTP(number_)                                                                              \
    {                                                                                              \
        .number = (number_), .name = TEXT("http")                                                  \
    }
#define ENDPOINTS(...) .endpoints = LIST(struct entry_endpoint, __VA_ARGS__)
#define ENDPOINT(address_)                                                                         \
    {                                                                                              \
        .address = PLACED(address_), .weight = 1                                                   \
    }
#define LABELLED(address_, name_, value_)                                                          \
    {                                                                                              \
        .address = PLACED(address_),                                                               \
        .labels = (const struct label[]){ { TEXT(name_), TEXT(value_) } }, .label_count = 1,       \
        .weight = 1                                                                                \
    }
#define RESOURCE(kind_, name_, spec_, ...)                                                         \
    {                                                                                              \
        .kind = (kind_), .name = TEXT(name_), .name_space = TEXT("default"), .created = INT64_MAX, \
        .is_exported = true, .place = AT(__LINE__), .spec.spec_ = {                                \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define SERVICE_ENTRY(name_, ...)                                                                  \
    RESOURCE(RESOURCE_SERVICE_ENTRY, name_, service_entry, __VA_ARGS__)
#define DESTINATION_RULE(name_, ...)                                                               \
    RESOURCE(RESOURCE_DESTINATION_RULE, name_, destination_rule, __VA_ARGS__)
#define VIRTUAL_SERVICE(name_, ...)                                                                \
    RESOURCE(RESOURCE_VIRTUAL_SERVICE, name_, virtual_service, __VA_ARGS__)
#define TRAFFIC_POLICY(name_, ...)                                                                 \
    RESOURCE(RESOURCE_TRAFFIC_POLICY, name_, traffic_policy, __VA_ARGS__)
#define SUBSETS(...) .subsets = LIST(struct rule_subset, __VA_ARGS__)
#define SUBSET(name_, value_)                                                                      \
    {                                                                                              \
        .name = PLACED(name_),                                                                     \
        .labels = (const struct label[]){ { TEXT("version"), TEXT(value_) } }, .label_count = 1    \
    }
#define ROUTES(...) .routes = LIST(struct rule_route, __VA_ARGS__)
#define TO(...)                                                                                    \
    .place = AT(__LINE__), .timeout_ns = NEVER,                                                    \
    .destinations = LIST(struct rule_destination, __VA_ARGS__)

struct translated {
    enum tulle_error error;
    struct complaints complaints;
    bool refused[16];
    struct draft draft;
};

struct translated *translated_new(const struct resource *resources, size_t count,
                                  const struct translate_options *options);
/* As a client in namespace `default` of cluster.local. NULL: out of memory. */
struct translated *translated_of(const struct resource *resources, size_t count);
#define TRANSLATED(resources) translated_of((resources), COUNT_OF(resources))
/* Of resources as YAML, which are gone again before anybody looks: what a part has
 * is its own. `self` may be NULL. NULL: out of memory. */
struct translated *translated_yaml(const char *yaml, const struct source_self *self);
void translated_free(struct translated *translated);

const struct service *translated_service(const struct translated *translated, const char *host);
const struct cluster *translated_cluster(const struct translated *translated, const char *name);
/* Some complaint is exactly this text. */
bool translated_complains(const struct translated *translated, const char *text);
bool service_answers_to(const struct service *service, const char *name);

#endif
