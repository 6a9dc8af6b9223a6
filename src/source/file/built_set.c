/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/built_set.h"

#include "base/alloc.h"
#include "base/macros.h"
#include "source/file/built.h"
#include "source/file/complaints.h"

void tulle__built_set_init(struct built_set *set)
{
    *set = (struct built_set){ 0 };
    tulle__reading_init(&set->texts);
    tulle__complaints_init(&set->complaints);
}

void tulle__built_set_fini(struct built_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        tulle__part_unref(set->parts[i].part);
    }
    tulle__free(set->parts);
    tulle__reading_fini(&set->texts);
    tulle__complaints_fini(&set->complaints);
    tulle__built_set_init(set);
}

static enum tulle_error policies_make(struct built_set *set, const struct tulle_config *config,
                                      const struct read_options *options)
{
    const struct built_setting *settings;
    size_t count = tulle__built_settings(config, &settings);

    for (size_t i = 0; i < count; i++) {
        struct built_part *built = &set->parts[set->count];

        if (!tulle__built_target_is_new(settings, i)) {
            continue;
        }
        built->part = tulle__built_policy_make(settings, count, settings[i].target, options,
                                               &set->complaints, &built->resource);
        ENSURE(built->part, TULLE_E_NOMEM); /* each was good when it was set */
        set->count++;
    }
    return TULLE_OK;
}

static enum tulle_error parts_copy(struct built_set *set, const struct tulle_config *config)
{
    size_t count;
    const struct resource *const *resources = tulle__built_resources(config, &count);
    const struct built_setting *settings;
    size_t most = count + tulle__built_settings(config, &settings) + 1;

    set->parts = tulle__alloc_zero(most, sizeof(*set->parts));
    ENSURE(set->parts, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        struct built_part *built = &set->parts[i];
        built->part = tulle__built_resource_copy(resources[i], &built->resource);
        ENSURE(built->part, TULLE_E_NOMEM);
        set->count++;
    }
    return TULLE_OK;
}

static enum tulle_error broken_note(struct built_set *set, struct str name)
{
    struct str *copy = &set->broken[set->broken_count];

    *copy = tulle__arena_str(&set->texts.arena, name);
    ENSURE(copy->data, TULLE_E_NOMEM);
    set->broken_count++;
    return TULLE_OK;
}

static enum tulle_error texts_read(struct built_set *set, const struct tulle_config *config,
                                   const struct read_options *options)
{
    const struct built_text *texts;
    size_t count = tulle__built_texts(config, &texts);

    set->broken = ARENA_ARRAY(&set->texts.arena, struct str, count + 1);
    ENSURE(set->broken, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        enum tulle_error error =
            tulle__read_text(&set->texts, &set->complaints, options, texts[i].name, texts[i].text);
        ENSURE(error != TULLE_E_NOMEM, TULLE_E_NOMEM);
        if (error != TULLE_OK) {
            TRY(broken_note(set, texts[i].name));
        }
    }
    return TULLE_OK;
}

enum tulle_error tulle__built_set_read(struct built_set *set, const struct tulle_config *config,
                                       const struct read_options *options)
{
    TRY(parts_copy(set, config));
    TRY(policies_make(set, config, options));
    return texts_read(set, config, options);
}

enum tulle_error tulle__built_set_offer(const struct built_set *set, struct candidates *candidates)
{
    for (size_t i = 0; i < set->count; i++) {
        TRY(tulle__candidates_add(candidates, set->parts[i].resource, set->parts[i].part));
    }
    tulle__complaints_add(candidates->complaints, &set->complaints);
    return tulle__candidates_add_reading(candidates, &set->texts);
}

enum tulle_error tulle__built_set_keep(const struct built_set *set, struct candidates *candidates)
{
    for (size_t i = 0; i < set->broken_count; i++) {
        TRY(tulle__candidates_keep_file(candidates, set->broken[i]));
    }
    return TULLE_OK;
}
