/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes as a file of a folder: read, and what is good of it translated.
 * Whatever is refused must be complained of, and with a place. */

#include <stdint.h>
#include <stdlib.h>

#include "source/file/complaints.h"
#include "source/file/resource.h"

enum { RESOURCES_MAX = 256 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void translate(const struct reading *reading, struct complaints *complaints)
{
    const struct translate_options options = { .name_space = "default", .domain = "cluster.local" };
    const struct resource *resources[RESOURCES_MAX];
    bool refused[RESOURCES_MAX];
    struct draft draft;
    size_t count = 0;

    for (const struct read_item *item = reading->first; item; item = item->next) {
        must(item->resource || complaints->count > 0);
        if (item->resource && count < RESOURCES_MAX) {
            resources[count++] = item->resource;
        }
    }
    must(tulle__translate(resources, count, &options, complaints, refused, &draft) == TULLE_OK);
    tulle__draft_fini(&draft);
}

static void check_places(const struct complaints *complaints)
{
    for (size_t i = 0; i < complaints->count && i < ERRORS_TOLD_MAX; i++) {
        must(complaints->list[i].place.line > 0 && complaints->list[i].place.column > 0);
        must(complaints->list[i].text.size > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct read_options options = { .name_space = "default" };
    struct complaints complaints;
    struct reading reading;

    tulle__complaints_init(&complaints);
    tulle__reading_init(&reading);
    enum tulle_error error = tulle__read_text(&reading, &complaints, &options, STR("a.yaml"),
                                              (struct str){ (const char *)data, size });
    must(error == TULLE_OK || (error == TULLE_E_CONFIG && complaints.count > 0));
    translate(&reading, &complaints);
    check_places(&complaints);
    tulle__reading_fini(&reading);
    tulle__complaints_fini(&complaints);
    return 0;
}
