/* SPDX-License-Identifier: Apache-2.0 */

/* What the mock's discovery says: lists that the test edits, from which the
 * configuration is made anew at each change. A source takes it up in its next
 * step (source.c), which happens at once unless a callback is under way.
 *
 * An edit is made on the lists first; if the configuration cannot be built of
 * them, it is taken back. */

#include "base/alloc.h"
#include "base/macros.h"
#include "mock/mock.h"

static struct mock_service *service_of(struct list *node)
{
    return CONTAINER_OF(node, struct mock_service, node);
}

static struct mock_endpoint_entry *entry_of(struct list *node)
{
    return CONTAINER_OF(node, struct mock_endpoint_entry, node);
}

static struct mock_text *text_of(struct list *node)
{
    return CONTAINER_OF(node, struct mock_text, node);
}

/* --- the configuration of the lists --- */

static enum tulle_error service_build(const struct mock_service *service,
                                      struct tulle_config *config)
{
    struct list *node;

    TRY(tulle_config_add_service(config, service->host, service->port, service->protocol));
    for (node = service->endpoints.next; node != &service->endpoints; node = node->next) {
        const struct mock_endpoint_entry *entry = entry_of(node);
        TRY(tulle_config_add_endpoint(config, service->host, entry->address, entry->labels,
                                      entry->weight));
    }
    return TULLE_OK;
}

static enum tulle_error config_fill(const struct tulle_mock *mock, struct tulle_config *config)
{
    struct list *node;

    for (node = mock->services.next; node != &mock->services; node = node->next) {
        TRY(service_build(service_of(node), config));
    }
    for (node = mock->texts.next; node != &mock->texts; node = node->next) {
        TRY(tulle_config_add_yaml(config, text_of(node)->name, text_of(node)->text));
    }
    return TULLE_OK;
}

static enum tulle_error rebuild(struct tulle_mock *mock)
{
    struct tulle_config *config;
    enum tulle_error error;

    TRY(tulle_config_new(&config));
    error = config_fill(mock, config);
    if (error != TULLE_OK) {
        tulle_config_free(config);
        return error;
    }
    tulle_config_free(mock->config);
    mock->config = config;
    mock->generation++;
    return TULLE_OK;
}

/* Sources look now, if nobody is under way who will let them. */
static enum tulle_error deliver(struct tulle_mock *mock)
{
    struct list *node;

    mock->errors = 0;
    for (node = mock->meshes.next; node != &mock->meshes; node = node->next) {
        struct mock_mesh *each = CONTAINER_OF(node, struct mock_mesh, node);
        if (each->mesh) {
            tulle__control_poke(each->mesh);
        }
    }
    if (!mock->turning) {
        TRY(tulle_mock_run(mock));
    }
    return mock->errors > 0 ? TULLE_E_CONFIG : TULLE_OK;
}

/* --- services --- */

static struct mock_service *service_find(struct tulle_mock *mock, const char *host)
{
    struct list *node;

    for (node = mock->services.next; node != &mock->services; node = node->next) {
        if (tulle__str_equal_nocase(str_of(service_of(node)->host), str_of(host))) {
            return service_of(node);
        }
    }
    return NULL;
}

static void entry_free(struct mock_endpoint_entry *entry)
{
    list_remove(&entry->node);
    tulle__free((char *)(uintptr_t)entry->address);
    tulle__free((char *)(uintptr_t)entry->labels);
    tulle__free(entry);
}

static void service_free(struct mock_service *service)
{
    struct list *node;

    while ((node = list_first(&service->endpoints))) {
        entry_free(entry_of(node));
    }
    list_remove(&service->node);
    tulle__free((char *)(uintptr_t)service->host);
    tulle__free(service);
}

enum tulle_error tulle_mock_add_service(struct tulle_mock *mock, const char *host, uint16_t port,
                                        int32_t protocol)
{
    struct mock_service *service;
    enum tulle_error error;

    ENSURE(host && !service_find(mock, host), TULLE_E_USAGE);
    service = ALLOC_ZERO(struct mock_service);
    ENSURE(service, TULLE_E_NOMEM);
    list_init(&service->endpoints);
    list_add_last(&mock->services, &service->node);
    service->host = tulle__strndup(host, strlen(host));
    service->port = port;
    service->protocol = protocol;
    error = service->host ? rebuild(mock) : TULLE_E_NOMEM;
    if (error != TULLE_OK) {
        service_free(service);
        return error;
    }
    return deliver(mock);
}

/* Out of the list for as long as it takes to see whether the rest can be built. */
static enum tulle_error rebuild_without(struct tulle_mock *mock, struct list *node)
{
    struct list *before = node->prev;
    enum tulle_error error;

    list_remove(node);
    error = rebuild(mock);
    if (error != TULLE_OK) {
        list_add_first(before, node);
    }
    return error;
}

enum tulle_error tulle_mock_remove_service(struct tulle_mock *mock, const char *host)
{
    struct mock_service *service = host ? service_find(mock, host) : NULL;

    ENSURE(service, TULLE_E_USAGE);
    TRY(rebuild_without(mock, &service->node));
    service_free(service);
    return deliver(mock);
}

/* --- endpoints --- */

static struct mock_endpoint_entry *entry_find(struct mock_service *service, const char *address)
{
    struct list *node;

    for (node = service->endpoints.next; node != &service->endpoints; node = node->next) {
        if (strcmp(entry_of(node)->address, address) == 0) {
            return entry_of(node);
        }
    }
    return NULL;
}

static struct mock_endpoint_entry *entry_new(struct mock_service *service, const char *address,
                                             const char *labels, uint32_t weight)
{
    struct mock_endpoint_entry *entry = ALLOC_ZERO(struct mock_endpoint_entry);

    if (!entry) {
        return NULL;
    }
    list_add_last(&service->endpoints, &entry->node);
    entry->address = tulle__strndup(address, strlen(address));
    entry->labels = labels ? tulle__strndup(labels, strlen(labels)) : NULL;
    entry->weight = weight;
    if (!entry->address || (labels && !entry->labels)) {
        entry_free(entry);
        return NULL;
    }
    return entry;
}

enum tulle_error tulle_mock_add_endpoint(struct tulle_mock *mock, const char *host,
                                         const char *address, const char *labels, uint32_t weight)
{
    struct mock_service *service = host ? service_find(mock, host) : NULL;
    struct mock_endpoint_entry *entry;
    enum tulle_error error;

    ENSURE(service && address && !entry_find(service, address), TULLE_E_USAGE);
    entry = entry_new(service, address, labels, weight);
    ENSURE(entry, TULLE_E_NOMEM);
    error = rebuild(mock);
    if (error != TULLE_OK) {
        entry_free(entry);
        return error;
    }
    return deliver(mock);
}

enum tulle_error tulle_mock_remove_endpoint(struct tulle_mock *mock, const char *host,
                                            const char *address)
{
    struct mock_service *service = host ? service_find(mock, host) : NULL;
    struct mock_endpoint_entry *entry = service && address ? entry_find(service, address) : NULL;

    ENSURE(entry, TULLE_E_USAGE);
    TRY(rebuild_without(mock, &entry->node));
    entry_free(entry);
    return deliver(mock);
}

/* --- texts --- */

static struct mock_text *text_find(struct tulle_mock *mock, const char *name)
{
    struct list *node;

    for (node = mock->texts.next; node != &mock->texts; node = node->next) {
        if (strcmp(text_of(node)->name, name) == 0) {
            return text_of(node);
        }
    }
    return NULL;
}

static void text_free(struct mock_text *text)
{
    list_remove(&text->node);
    tulle__free((char *)(uintptr_t)text->name);
    tulle__free((char *)(uintptr_t)text->text);
    tulle__free(text);
}

static enum tulle_error text_add(struct tulle_mock *mock, const char *name, const char *content)
{
    struct mock_text *text = ALLOC_ZERO(struct mock_text);
    enum tulle_error error;

    ENSURE(text, TULLE_E_NOMEM);
    list_add_last(&mock->texts, &text->node);
    text->name = tulle__strndup(name, strlen(name));
    text->text = tulle__strndup(content, strlen(content));
    error = text->name && text->text ? rebuild(mock) : TULLE_E_NOMEM;
    if (error != TULLE_OK) {
        text_free(text);
    }
    return error;
}

static enum tulle_error text_replace(struct tulle_mock *mock, struct mock_text *text,
                                     const char *content)
{
    const char *before = text->text;
    enum tulle_error error;

    text->text = tulle__strndup(content, strlen(content));
    error = text->text ? rebuild(mock) : TULLE_E_NOMEM;
    if (error != TULLE_OK) {
        tulle__free((char *)(uintptr_t)text->text);
        text->text = before;
        return error;
    }
    tulle__free((char *)(uintptr_t)before);
    return TULLE_OK;
}

enum tulle_error tulle_mock_yaml(struct tulle_mock *mock, const char *name, const char *text)
{
    struct mock_text *there = name ? text_find(mock, name) : NULL;

    ENSURE(name && (text || there), TULLE_E_USAGE);
    if (!text) {
        TRY(rebuild_without(mock, &there->node));
        text_free(there);
    } else {
        TRY(there ? text_replace(mock, there, text) : text_add(mock, name, text));
    }
    return deliver(mock);
}

enum tulle_error tulle_mock_discovery(struct tulle_mock *mock, int32_t state)
{
    ENSURE(state >= TULLE_MOCK_FRESH && state <= TULLE_MOCK_FAILING, TULLE_E_USAGE);
    mock->discovery = state;
    return deliver(mock);
}

void tulle__mock_discovery_fini(struct tulle_mock *mock)
{
    struct list *node;

    while ((node = list_first(&mock->services))) {
        service_free(service_of(node));
    }
    while ((node = list_first(&mock->texts))) {
        text_free(text_of(node));
    }
    tulle_config_free(mock->config);
}
