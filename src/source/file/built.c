/* SPDX-License-Identifier: Apache-2.0 */

/* A configuration in code is the resources it would be in YAML: each service a
 * ServiceEntry, what is set of a host a TrafficPolicy, and texts as they are.
 * Translation treats them alike. */

#include "source/file/built.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/macros.h"
#include "base/table.h"
#include "source/file/complaints.h"
#include "source/file/translate.h"

enum { FAULT_MAX = 512 };

struct built_service {
    struct resource resource;
    struct placed host;
    struct entry_port port;
    struct entry_endpoint *endpoints; /* of the service entry, with room */
    size_t endpoint_capacity;
};

struct tulle_config {
    struct arena arena;
    struct table services; /* struct built_service by host */
    const struct resource **resources;
    size_t resource_count, resource_capacity;
    struct built_text *texts;
    size_t text_count, text_capacity;
    struct built_setting *settings;
    size_t setting_count, setting_capacity;
    char fault[FAULT_MAX];
};

enum tulle_error tulle_config_new(struct tulle_config **out)
{
    ENSURE(out != NULL, TULLE_E_USAGE);
    *out = ALLOC_ZERO(struct tulle_config);
    ENSURE(*out != NULL, TULLE_E_NOMEM);
    tulle__arena_init(&(*out)->arena, 1024);
    return TULLE_OK;
}

void tulle_config_free(struct tulle_config *config)
{
    size_t at = 0;
    struct built_service *service;

    if (config == NULL) {
        return;
    }
    while ((service = tulle__table_next(&config->services, &at)) != NULL) {
        tulle__free(service->endpoints);
    }
    tulle__table_fini(&config->services);
    tulle__free(config->resources);
    tulle__free(config->texts);
    tulle__free(config->settings);
    tulle__arena_fini(&config->arena);
    tulle__free(config);
}

/* The list with room for one more; NULL: no memory, and the old list stays. */
static void *with_room(void *list, size_t count, size_t *capacity, size_t item_size)
{
    size_t next = *capacity > 0 ? *capacity * 2 : 8;
    void *grown;

    if (count < *capacity) {
        return list;
    }
    grown = tulle__realloc(list, next * item_size);
    if (grown != NULL) {
        *capacity = next;
    }
    return grown;
}

/* --- services --- */

static struct str host_lower(struct arena *arena, const char *host)
{
    struct str copy = tulle__arena_str(arena, str_of(host));
    char *text = (char *)copy.data;

    for (size_t i = 0; text != NULL && i < copy.size; i++) {
        text[i] = tulle__char_lower(text[i]);
    }
    return copy;
}

static struct entry_port port_of(uint16_t number, int32_t protocol)
{
    struct entry_port port = { .number = number, .name = STR("http"), .protocol = PROTOCOL_HTTP1 };

    if (protocol == TULLE_PROTOCOL_HTTP2) {
        port.name = STR("http2");
        port.protocol = PROTOCOL_HTTP2;
    }
    if (protocol == TULLE_PROTOCOL_HTTPS) {
        port.name = STR("https");
        port.protocol = PROTOCOL_HTTPS;
    }
    return port;
}

/* The print goes on from what the service was before: equal histories, equal prints. */
static bool print_extend(struct fingerprint *print, struct str first, const char *second,
                         uint32_t number)
{
    struct buf content = { 0 };
    bool ok;

    tulle__buf_addf(&content, "%016llx%016llx%.*s|%s|%u", (unsigned long long)print->low,
                    (unsigned long long)print->high, STR_ARG(first), second ? second : "", number);
    ok = tulle__buf_ok(&content);
    if (ok) {
        *print = tulle__fingerprint(content.data, content.size);
    }
    tulle__buf_fini(&content);
    return ok;
}

static struct built_service *service_new(struct tulle_config *config, struct str host,
                                         struct entry_port port)
{
    struct built_service *service = ARENA_NEW(&config->arena, struct built_service);
    struct place place = { .file = STR("(built in code)") };

    if (service == NULL) {
        return NULL;
    }
    service->host = (struct placed){ host, place };
    service->port = port;
    service->resource = (struct resource){
        .kind = RESOURCE_SERVICE_ENTRY,
        .name = host,
        .name_space = STR(""),
        .created = INT64_MAX,
        .is_exported = true,
        .place = place,
        .spec.service_entry = { .hosts = &service->host,
                                .host_count = 1,
                                .ports = &service->port,
                                .port_count = 1 },
    };
    return print_extend(&service->resource.print, host, port.name.data, port.number) ? service
                                                                                     : NULL;
}

static enum tulle_error service_add(struct tulle_config *config, struct built_service *service)
{
    const struct resource **list = with_room(config->resources, config->resource_count,
                                             &config->resource_capacity, sizeof(*list));

    ENSURE(list != NULL, TULLE_E_NOMEM);
    config->resources = list;
    ENSURE(tulle__table_put(&config->services, service->resource.name, service), TULLE_E_NOMEM);
    config->resources[config->resource_count++] = &service->resource;
    return TULLE_OK;
}

enum tulle_error tulle_config_add_service(struct tulle_config *config, const char *host,
                                          uint16_t port, int32_t protocol)
{
    struct built_service *service;
    struct str lower;

    ENSURE(config != NULL && host != NULL && port != 0, TULLE_E_USAGE);
    ENSURE(protocol >= TULLE_PROTOCOL_HTTP && protocol <= TULLE_PROTOCOL_HTTPS, TULLE_E_USAGE);
    lower = host_lower(&config->arena, host);
    ENSURE(lower.data != NULL, TULLE_E_NOMEM);
    ENSURE(tulle__host_fault(lower) == NULL, TULLE_E_USAGE);
    ENSURE(tulle__table_find(&config->services, lower) == NULL, TULLE_E_USAGE);
    service = service_new(config, lower, port_of(port, protocol));
    ENSURE(service != NULL, TULLE_E_NOMEM);
    return service_add(config, service);
}

/* --- endpoints --- */

/* Splits "10.0.0.1:9080" and "[::1]:9080". */
static bool address_split(struct str text, struct str *address, uint16_t *port)
{
    struct str rest;
    uint64_t number;

    if (text.size > 0 && text.data[0] == '[') {
        text = (struct str){ text.data + 1, text.size - 1 };
        *address = tulle__str_cut(text, ']', &rest);
        if (rest.size == 0 || rest.data[0] != ':' ||
            memchr(address->data, ':', address->size) == NULL) {
            return false;
        }
        rest = (struct str){ rest.data + 1, rest.size - 1 };
    } else {
        *address = tulle__str_cut(text, ':', &rest);
    }
    if (!tulle__str_to_u64(rest, UINT16_MAX, &number) || number == 0) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

static bool is_label_text(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = tulle__char_lower(text.data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("-_./", c) != NULL))) {
            return false;
        }
    }
    return true;
}

/* "name=value", as new as the labels before it. */
static bool label_read(struct str text, const struct label *before, size_t count, struct label *out)
{
    struct str value;
    struct str name = tulle__str_cut(text, '=', &value);

    for (size_t i = 0; i < count; i++) {
        if (str_equal(before[i].name, name)) {
            return false;
        }
    }
    *out = (struct label){ name, value };
    return name.size > 0 && value.data != NULL && is_label_text(name) && is_label_text(value);
}

static enum tulle_error labels_read(struct arena *arena, const char *text,
                                    struct entry_endpoint *endpoint)
{
    struct str rest = tulle__arena_str(arena, str_of(text));
    struct label *labels;
    size_t most = 1;

    ENSURE(rest.data != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < rest.size; i++) {
        most += rest.data[i] == ',';
    }
    labels = ARENA_ARRAY(arena, struct label, most);
    ENSURE(labels != NULL, TULLE_E_NOMEM);
    while (rest.data != NULL) {
        struct str item = tulle__str_cut(rest, ',', &rest);

        ENSURE(label_read(item, labels, endpoint->label_count, &labels[endpoint->label_count]),
               TULLE_E_USAGE);
        endpoint->label_count++;
    }
    endpoint->labels = labels;
    return TULLE_OK;
}

static enum tulle_error endpoint_read(struct arena *arena, const struct built_service *service,
                                      const char *text, struct entry_endpoint *out)
{
    char canonical[ADDRESS_TEXT_SIZE];
    struct entry_endpoint_port *port;
    struct str address;
    uint16_t number;

    ENSURE(address_split(str_of(text), &address, &number), TULLE_E_USAGE);
    ENSURE(tulle__address_canonical(address, canonical), TULLE_E_USAGE);
    port = ARENA_NEW(arena, struct entry_endpoint_port);
    out->address.text = tulle__arena_str(arena, address);
    out->address.place = service->resource.place;
    ENSURE(port != NULL && out->address.text.data != NULL, TULLE_E_NOMEM);
    *port = (struct entry_endpoint_port){ service->port.name, number };
    out->ports = port;
    out->port_count = 1;
    out->locality = STR("");
    return TULLE_OK;
}

static enum tulle_error endpoint_add(struct built_service *service,
                                     const struct entry_endpoint *endpoint, const char *address,
                                     const char *labels)
{
    struct service_entry *entry = &service->resource.spec.service_entry;
    struct entry_endpoint *list = with_room(service->endpoints, entry->endpoint_count,
                                            &service->endpoint_capacity, sizeof(*list));

    ENSURE(list != NULL, TULLE_E_NOMEM);
    service->endpoints = list;
    entry->endpoints = list;
    ENSURE(print_extend(&service->resource.print, str_of(address), labels, endpoint->weight),
           TULLE_E_NOMEM);
    list[entry->endpoint_count++] = *endpoint;
    return TULLE_OK;
}

enum tulle_error tulle_config_add_endpoint(struct tulle_config *config, const char *host,
                                           const char *address, const char *labels, uint32_t weight)
{
    struct entry_endpoint endpoint = { .weight = weight > 0 ? weight : 1 };
    struct built_service *service;
    struct str lower;

    ENSURE(config != NULL && host != NULL && address != NULL, TULLE_E_USAGE);
    lower = host_lower(&config->arena, host);
    ENSURE(lower.data != NULL, TULLE_E_NOMEM);
    service = tulle__table_find(&config->services, lower);
    ENSURE(service != NULL, TULLE_E_USAGE);
    TRY(endpoint_read(&config->arena, service, address, &endpoint));
    if (labels != NULL && labels[0] != '\0') {
        TRY(labels_read(&config->arena, labels, &endpoint));
    }
    return endpoint_add(service, &endpoint, address, labels);
}

/* --- texts --- */

enum tulle_error tulle_config_add_yaml(struct tulle_config *config, const char *name,
                                       const char *text)
{
    struct built_text built, *list;

    ENSURE(config != NULL && name != NULL && text != NULL, TULLE_E_USAGE);
    built.name = tulle__arena_str(&config->arena, str_of(name));
    built.text = tulle__arena_str(&config->arena, str_of(text));
    ENSURE(built.name.data != NULL && built.text.data != NULL, TULLE_E_NOMEM);
    list = with_room(config->texts, config->text_count, &config->text_capacity, sizeof(*list));
    ENSURE(list != NULL, TULLE_E_NOMEM);
    config->texts = list;
    config->texts[config->text_count++] = built;
    return TULLE_OK;
}

/* --- policies --- */

static enum tulle_error setting_add(struct tulle_config *config, struct str target, struct str path,
                                    struct str value)
{
    struct built_setting setting, *list;

    setting.target = tulle__arena_str(&config->arena, target);
    setting.path = tulle__arena_str(&config->arena, path);
    setting.value = tulle__arena_str(&config->arena, value);
    ENSURE(setting.target.data && setting.path.data && setting.value.data, TULLE_E_NOMEM);
    list = with_room(config->settings, config->setting_count, &config->setting_capacity,
                     sizeof(*list));
    ENSURE(list != NULL, TULLE_E_NOMEM);
    config->settings = list;
    config->settings[config->setting_count++] = setting;
    return TULLE_OK;
}

/* Reads what the target has now, and gives it up again. */
static enum tulle_error settings_check(struct tulle_config *config, struct str target)
{
    const struct read_options options = { .name_space = "default" };
    const struct resource *resource;
    struct complaints complaints;
    enum tulle_error error = TULLE_OK;
    struct part *part;

    tulle__complaints_init(&complaints);
    part = tulle__built_policy_make(config->settings, config->setting_count, target, &options,
                                    &complaints, &resource);
    if (part == NULL) {
        error = complaints.no_memory ? TULLE_E_NOMEM : TULLE_E_USAGE;
    }
    if (error == TULLE_E_USAGE) {
        snprintf(config->fault, sizeof(config->fault), "%.*s: %.*s", STR_ARG(target),
                 STR_ARG(complaints.list[0].text));
    }
    tulle__part_unref(part);
    tulle__complaints_fini(&complaints);
    return error;
}

enum tulle_error tulle_config_set(struct tulle_config *config, const char *target, const char *path,
                                  const char *value)
{
    enum tulle_error error;

    ENSURE(config != NULL && target != NULL && path != NULL && value != NULL, TULLE_E_USAGE);
    config->fault[0] = '\0';
    TRY(setting_add(config, str_of(target), str_of(path), str_of(value)));
    error = settings_check(config, str_of(target));
    config->setting_count -= error != TULLE_OK;
    return error;
}

const char *tulle_config_fault(const struct tulle_config *config)
{
    return config != NULL ? config->fault : "";
}

/* --- copying --- */

static enum tulle_error resources_copy(const struct tulle_config *from, struct tulle_config *to)
{
    to->resources = tulle__alloc_zero(from->resource_count + 1, sizeof(*to->resources));
    ENSURE(to->resources != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < from->resource_count; i++) {
        struct resource *copy = ARENA_NEW(&to->arena, struct resource);
        ENSURE(copy != NULL, TULLE_E_NOMEM);
        ENSURE(tulle__built_resource_fill(&to->arena, from->resources[i], copy), TULLE_E_NOMEM);
        to->resources[to->resource_count++] = copy;
    }
    return TULLE_OK;
}

static enum tulle_error texts_copy(const struct tulle_config *from, struct tulle_config *to)
{
    to->texts = tulle__alloc_zero(from->text_count + 1, sizeof(*to->texts));
    ENSURE(to->texts != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < from->text_count; i++) {
        struct built_text *copy = &to->texts[to->text_count++];
        copy->name = tulle__arena_str(&to->arena, from->texts[i].name);
        copy->text = tulle__arena_str(&to->arena, from->texts[i].text);
        ENSURE(copy->name.data != NULL && copy->text.data != NULL, TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

static enum tulle_error settings_copy(const struct tulle_config *from, struct tulle_config *to)
{
    for (size_t i = 0; i < from->setting_count; i++) {
        const struct built_setting *setting = &from->settings[i];

        TRY(setting_add(to, setting->target, setting->path, setting->value));
    }
    return TULLE_OK;
}

enum tulle_error tulle__built_copy(const struct tulle_config *config, struct tulle_config **out)
{
    struct tulle_config *copy;

    TRY(tulle_config_new(&copy));
    *out = copy;
    TRY(resources_copy(config, copy));
    TRY(texts_copy(config, copy));
    return settings_copy(config, copy);
}

/* --- what the source takes --- */

size_t tulle__built_texts(const struct tulle_config *config, const struct built_text **out)
{
    *out = config->texts;
    return config->text_count;
}

size_t tulle__built_settings(const struct tulle_config *config, const struct built_setting **out)
{
    *out = config->settings;
    return config->setting_count;
}

const struct resource *const *tulle__built_resources(const struct tulle_config *config,
                                                     size_t *count)
{
    *count = config->resource_count;
    return config->resources;
}
