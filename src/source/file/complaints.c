/* SPDX-License-Identifier: Apache-2.0 */

/* What is told quotes what others wrote: control characters become '?', so
 * that a resource cannot write lines of its own into a log. */

#include "source/file/complaints.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 512 };

void tulle__complaints_init(struct complaints *complaints)
{
    *complaints = (struct complaints){ 0 };
    tulle__arena_init(&complaints->arena, 1024);
}

void tulle__complaints_fini(struct complaints *complaints)
{
    tulle__arena_fini(&complaints->arena);
    *complaints = (struct complaints){ 0 };
}

/* NULL data: no memory. */
static struct str clean_copy(struct arena *arena, struct str text)
{
    char *copy = tulle__arena_alloc(arena, text.size + 1);

    if (!copy) {
        return STR_NONE;
    }
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        copy[i] = (char)((unsigned char)c < ' ' || c == 0x7f ? '?' : c);
    }
    copy[text.size] = '\0';
    return (struct str){ copy, text.size };
}

static bool keep(struct complaints *complaints, struct place place, struct str resource,
                 struct str text)
{
    struct complaint *complaint = &complaints->list[complaints->count];

    complaint->place = place;
    complaint->place.file = clean_copy(&complaints->arena, place.file);
    complaint->resource = clean_copy(&complaints->arena, resource);
    complaint->text = clean_copy(&complaints->arena, text);
    return complaint->place.file.data && complaint->resource.data && complaint->text.data;
}

static void add(struct complaints *complaints, struct place place, struct str resource,
                struct str text)
{
    if (complaints->count < ERRORS_TOLD_MAX && !keep(complaints, place, resource, text)) {
        complaints->no_memory = true;
        return;
    }
    complaints->count++;
}

void tulle__complain(struct complaints *complaints, struct place place, struct str resource,
                     const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size < 0) {
        text[0] = '\0';
    }
    add(complaints, place, resource, str_of(text));
}

void tulle__complaints_add(struct complaints *complaints, const struct complaints *more)
{
    size_t told = more->count < ERRORS_TOLD_MAX ? more->count : ERRORS_TOLD_MAX;

    for (size_t i = 0; i < told; i++) {
        add(complaints, more->list[i].place, more->list[i].resource, more->list[i].text);
    }
    complaints->count += more->count - told;
    complaints->no_memory = complaints->no_memory || more->no_memory;
}

static void complaint_log(const struct complaint *complaint, const struct log *log)
{
    const struct place *place = &complaint->place;
    const char *between = complaint->resource.size > 0 ? ": " : "";

    if (place->line == 0) {
        tulle__log(log, LOG_ERROR, "config", "%.*s%s%.*s%s%.*s", STR_ARG(place->file),
                   place->file.size > 0 ? ": " : "", STR_ARG(complaint->resource), between,
                   STR_ARG(complaint->text));
        return;
    }
    tulle__log(log, LOG_ERROR, "config", "%.*s:%u:%u: %.*s%s%.*s", STR_ARG(place->file),
               place->line, place->column, STR_ARG(complaint->resource), between,
               STR_ARG(complaint->text));
}

void tulle__complaints_log(const struct complaints *complaints, const struct log *log)
{
    for (size_t i = 0; i < complaints->count && i < ERRORS_TOLD_MAX; i++) {
        complaint_log(&complaints->list[i], log);
    }
    if (complaints->count > ERRORS_TOLD_MAX) {
        tulle__log(log, LOG_ERROR, "config", "and %zu more errors",
                   complaints->count - ERRORS_TOLD_MAX);
    }
}
