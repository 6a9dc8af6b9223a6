/* SPDX-License-Identifier: Apache-2.0 */

/* See run.h. */

#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const error_names[] = { "OK",        "USAGE",       "NOMEM",     "CONFIG", "REFUSED",
                                    "LIMIT",     "NO_ENDPOINT", "NETWORK",   "TLS",    "PEER",
                                    "TOO_LARGE", "TIMEOUT",     "CANCELLED", "CLOSED", "INTERNAL",
                                    "AGAIN",     "FORKED",      NULL };
const char *const progress_names[] = { "NOTHING_SENT", "PERHAPS_EXECUTED", "REFUSED_UNPROCESSED",
                                       "ANSWERED", NULL };
const char *const kind_names[] = { "ANSWER",         "HANG",  "REFUSE",
                                   "CONNECT_HANG",   "RESET", "RESET_BEFORE",
                                   "REFUSED_STREAM", "BREAK", NULL };

void fault(struct run *run, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "%s: ", run->name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    run->faults++;
}

static bool is_among(const char *words, const char *word)
{
    size_t size = strlen(word);
    const char *at;

    for (at = strstr(words, word); at; at = strstr(at + 1, word)) {
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

bool has_only(struct run *run, const json_t *object, const char *allowed)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object)) {
        fault(run, "no object where one with \"%s\" is wanted", allowed);
        return false;
    }
    json_object_foreach((json_t *)object, key, value)
    {
        if (!is_among(allowed, key)) {
            fault(run, "unknown key \"%s\"", key);
            return false;
        }
    }
    return true;
}

const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

size_t count_at(const json_t *object, const char *key)
{
    return (size_t)json_integer_value(json_object_get(object, key));
}

int64_t duration_at(struct run *run, const json_t *object, const char *key)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 }
    };
    const char *text = text_at(object, key);
    char *end = NULL;
    int64_t number;

    if (!text) {
        return 0;
    }
    number = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end != text && strcmp(end, units[i].name) == 0) {
            return number * units[i].ns;
        }
    }
    fault(run, "no duration: \"%s\"", text);
    return 0;
}

size_t lines_at(struct run *run, const json_t *object, const char *key, struct tulle_header *out)
{
    const json_t *array = json_object_get(object, key);
    size_t count = json_array_size(array), i;

    if (count > LINES_MAX) {
        fault(run, "more than %d lines in \"%s\"", LINES_MAX, key);
        return 0;
    }
    for (i = 0; i < count; i++) {
        const json_t *pair = json_array_get(array, i);

        out[i].name = json_string_value(json_array_get(pair, 0));
        out[i].value = json_string_value(json_array_get(pair, 1));
        if (!out[i].name || !out[i].value) {
            fault(run, "no pair of texts in \"%s\"", key);
            return 0;
        }
    }
    return count;
}

int32_t number_of(struct run *run, const char *const *names, const char *text)
{
    for (int32_t i = 0; text && names[i]; i++) {
        if (strcmp(names[i], text) == 0) {
            return i;
        }
    }
    if (text) {
        fault(run, "unknown name \"%s\"", text);
    }
    return 0;
}

char *yaml_of(struct run *run, const char *name)
{
    const json_t *lines = json_object_get(run->texts, name ? name : "");
    char *text = NULL;
    size_t size, i;
    FILE *file = open_memstream(&text, &size);

    if (!lines || !file) {
        fault(run, "no text \"%s\"", name ? name : "");
    }
    for (i = 0; file && i < json_array_size(lines); i++) {
        fprintf(file, "%s\n", json_string_value(json_array_get(lines, i)));
    }
    if (file) {
        fclose(file);
    }
    return text;
}
