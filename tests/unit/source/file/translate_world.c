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

static struct translated *reading_translate(const struct reading *reading,
                                            const struct source_self *self)
{
    const struct translate_options options = {
        "default",
        "cluster.local",
        false,
        self ? *self : (struct source_self){ 0 },
    };
    struct resource list[16];
    size_t count = 0;

    for (const struct read_item *item = reading->first; item; item = item->next) {
        assert_true(count < COUNT_OF(list));
        assert_non_null(item->resource);
        list[count++] = *item->resource;
    }
    return translated_new(list, count, &options);
}

struct translated *translated_yaml(const char *yaml, const struct source_self *self)
{
    const struct read_options options = { .name_space = "default" };
    struct translated *translated = NULL;
    struct complaints complaints;
    struct reading reading;
    enum tulle_error error;

    tulle__reading_init(&reading);
    tulle__complaints_init(&complaints);
    error = tulle__read_text(&reading, &complaints, &options, STR("mesh.yaml"), str_of(yaml));
    if (error == TULLE_OK && !complaints.no_memory) {
        if (complaints.count > 0) {
            fail_msg("%u: %.*s", complaints.list[0].place.line, STR_ARG(complaints.list[0].text));
        }
        translated = reading_translate(&reading, self);
    }
    tulle__complaints_fini(&complaints);
    tulle__reading_fini(&reading);
    return translated;
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
