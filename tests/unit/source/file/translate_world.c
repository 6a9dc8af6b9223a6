/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#include "base/alloc.h"

struct translated *translated_new(const struct resource *resources, size_t count,
                                  const struct translate_options *options)
{
    struct translated *translated = ALLOC_ZERO(struct translated);
    const struct resource *list[16];

    assert_true(count <= COUNT_OF(list));
    for (size_t i = 0; i < count; i++) {
        list[i] = &resources[i];
    }
    if (translated == NULL) {
        return NULL;
    }
    tulle__complaints_init(&translated->complaints);
    translated->error = tulle__translate(list, count, options, &translated->complaints,
                                         translated->refused, &translated->draft);
    if (translated->error != TULLE_OK) {
        assert_int_equal(translated->error, TULLE_E_NOMEM);
        assert_true(test_oom_hit());
        translated_free(translated);
        return NULL;
    }
    return translated;
}

struct translated *translated_of(const struct resource *resources, size_t count)
{
    return translated_new(resources, count,
                          &(struct translate_options){ "default", "cluster.local", false });
}

void translated_free(struct translated *translated)
{
    if (translated == NULL) {
        return;
    }
    tulle__draft_fini(&translated->draft);
    tulle__complaints_fini(&translated->complaints);
    tulle__free(translated);
}

const struct service *translated_service(const struct translated *translated, const char *host)
{
    for (size_t i = 0; i < translated->draft.service_count; i++) {
        if (str_equal(translated->draft.services[i]->host, str_of(host))) {
            return translated->draft.services[i];
        }
    }
    return NULL;
}

const struct cluster *translated_cluster(const struct translated *translated, const char *name)
{
    for (size_t i = 0; i < translated->draft.cluster_count; i++) {
        if (str_equal(translated->draft.clusters[i]->name, str_of(name))) {
            return translated->draft.clusters[i];
        }
    }
    return NULL;
}

bool translated_complains(const struct translated *translated, const char *text)
{
    for (size_t i = 0; i < translated->complaints.count; i++) {
        if (str_equal(translated->complaints.list[i].text, str_of(text))) {
            return true;
        }
    }
    for (size_t i = 0; i < translated->complaints.count; i++) {
        print_message("said: %.*s\n", STR_ARG(translated->complaints.list[i].text));
    }
    return false;
}

bool service_answers_to(const struct service *service, const char *name)
{
    for (size_t i = 0; i < service->name_count; i++) {
        if (str_equal(service->names[i], str_of(name))) {
            return true;
        }
    }
    return false;
}
