/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>
#include <string.h>

static const char *const ignored[] = { "WasmPlugin", NULL };

void readout_read_bytes(struct readout *out, const char *text, size_t size)
{
    const struct read_options options = { .name_space = "default", .ignore_kinds = ignored };

    tulle__reading_init(&out->reading);
    tulle__complaints_init(&out->complaints);
    out->error = tulle__read_text(&out->reading, &out->complaints, &options, STR("a.yaml"),
                                  (struct str){ text, size });
}

void readout_read(struct readout *out, const char *text)
{
    readout_read_bytes(out, text, strlen(text));
}

void readout_fini(struct readout *out)
{
    tulle__reading_fini(&out->reading);
    tulle__complaints_fini(&out->complaints);
}

void readout_read_spec(struct readout *out, const char *kind, const char *spec)
{
    const char *version =
        strcmp(kind, "TrafficPolicy") == 0 ? "tulle.dev/v1alpha1" : "networking.istio.io/v1";
    char text[8192];
    size_t size =
        (size_t)snprintf(text, sizeof(text),
                         "apiVersion: %s\nkind: %s\nmetadata: {name: x}\nspec:\n  ", version, kind);

    for (const char *at = spec; *at && size + 3 < sizeof(text); at++) {
        text[size++] = *at;
        if (*at == '\n') {
            text[size++] = ' ';
            text[size++] = ' ';
        }
    }
    readout_read_bytes(out, text, size);
}

const struct read_item *readout_item(const struct readout *out, size_t index)
{
    const struct read_item *item = out->reading.first;

    while (item && index > 0) {
        item = item->next;
        index--;
    }
    return item;
}

size_t readout_count(const struct readout *out)
{
    size_t count = 0;

    while (readout_item(out, count)) {
        count++;
    }
    return count;
}

const char *readout_told(const struct readout *out, size_t index, char *line, size_t size)
{
    line[0] = '\0';
    if (index < out->complaints.count) {
        const struct complaint *complaint = &out->complaints.list[index];
        snprintf(line, size, "%u:%u: %.*s%s%.*s", complaint->place.line, complaint->place.column,
                 STR_ARG(complaint->resource), complaint->resource.size > 0 ? ": " : "",
                 STR_ARG(complaint->text));
    }
    return line;
}

void assert_only_told(const struct readout *out, const char *line)
{
    char told[1024];

    assert_string_equal(readout_told(out, 0, told, sizeof(told)), line);
    assert_int_equal(out->complaints.count, *line ? 1 : 0);
}

const struct resource *readout_resource(const struct readout *out)
{
    assert_only_told(out, "");
    assert_int_equal(out->error, TULLE_OK);
    assert_int_equal(readout_count(out), 1);
    assert_non_null(out->reading.first->resource);
    return out->reading.first->resource;
}

void assert_mistake(const char *kind, const char *spec, const char *line)
{
    struct readout out;
    char expected[1024];
    const char *text = strchr(line, ' ') + 1;

    readout_read_spec(&out, kind, spec);
    snprintf(expected, sizeof(expected), "%.*s%s default/x: %s", (int)(text - line), line, kind,
             text);
    assert_only_told(&out, expected);
    assert_int_equal(readout_count(&out), 1);
    assert_null(out.reading.first->resource);
    readout_fini(&out);
}

void assert_good(const char *kind, const char *spec)
{
    struct readout out;

    readout_read_spec(&out, kind, spec);
    (void)readout_resource(&out);
    readout_fini(&out);
}

static const char *with_host(const char *spec, char *out, size_t size)
{
    snprintf(out, size, "host: a\n%s", spec);
    return out;
}

const struct traffic_policy *readout_policy(struct readout *out, const char *spec)
{
    char whole[4096];

    readout_read_spec(out, "TrafficPolicy", with_host(spec, whole, sizeof(whole)));
    return &readout_resource(out)->spec.traffic_policy;
}

void assert_policy_mistake(const char *spec, const char *line)
{
    char whole[4096];

    assert_mistake("TrafficPolicy", with_host(spec, whole, sizeof(whole)), line);
}
