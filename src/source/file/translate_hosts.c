/* SPDX-License-Identifier: Apache-2.0 */

/* Names: what a host means where it is written, who answers to it, and what
 * was probably meant when nobody does.
 *
 * As istiod: a name without a dot is NAME.<namespace of the resource>.svc.<domain>;
 * one with a dot is full (model.ResolveShortnameToFQDN), so `reviews.prod` in a
 * VirtualService is nobody's host, and the complaint says whose it should be. */

#include "source/file/translate.h"

#include "base/buf.h"
#include "base/macros.h"

enum { HOST_SIZE_MAX = 253, LABEL_SIZE_MAX = 63, EDITS_MAX = 2 };

struct str tulle__translate_name_space(const struct translation *translation,
                                       const struct resource *resource)
{
    return resource->name_space.size > 0 ? resource->name_space
                                         : str_of(translation->options->name_space);
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

const char *tulle__host_fault(struct str host)
{
    size_t label = 0;

    for (size_t i = 0; i < host.size; i++) {
        if (host.data[i] == '*') {
            return "is a wildcard: not supported yet";
        }
        if (host.data[i] == '.' ? label == 0 : !is_host_char(host.data[i])) {
            return "is not a host name";
        }
        label = host.data[i] == '.' ? 0 : label + 1;
        if (label > LABEL_SIZE_MAX) {
            return "has a label of more than 63 characters";
        }
    }
    if (host.size > HOST_SIZE_MAX) {
        return "has more than 253 characters";
    }
    return label == 0 ? "is not a host name" : NULL;
}

struct str tulle__host_lower(struct arena *arena, struct str host)
{
    char *copy = tulle__arena_alloc(arena, host.size + 1);

    if (copy == NULL) {
        return STR_NONE;
    }
    for (size_t i = 0; i < host.size; i++) {
        copy[i] = tulle__char_lower(host.data[i]);
    }
    if (host.size > 1 && copy[host.size - 1] == '.') {
        host.size--;
    }
    copy[host.size] = '\0';
    return (struct str){ copy, host.size };
}

static bool has_dot(struct str host)
{
    return host.size > 0 && memchr(host.data, '.', host.size) != NULL;
}

enum tulle_error tulle__translate_full_host(struct translation *translation, struct str written,
                                            struct str *out, const char **fault)
{
    struct str name_space = tulle__translate_name_space(translation, translation->resource);
    struct str host = tulle__host_lower(&translation->arena, written);

    ENSURE(host.data != NULL, TULLE_E_NOMEM);
    *out = host;
    *fault = tulle__host_fault(host);
    if (*fault != NULL || has_dot(host)) {
        return TULLE_OK;
    }
    host = tulle__arena_format(&translation->arena, "%.*s.%.*s.svc.%s", STR_ARG(host),
                               STR_ARG(name_space), translation->options->domain);
    ENSURE(host.data != NULL, TULLE_E_NOMEM);
    *out = host;
    *fault = tulle__host_fault(host);
    return TULLE_OK;
}

enum tulle_error tulle__translate_resolve(struct translation *translation,
                                          const struct placed *written, struct str *out)
{
    const char *fault;

    TRY(tulle__translate_full_host(translation, written->text, out, &fault));
    if (fault != NULL) {
        *out = STR_NONE;
        REFUSE(translation, written->place, "host \"%.*s\" %s", STR_ARG(written->text), fault);
    }
    return TULLE_OK;
}

/* --- did you mean --- */

struct suggestion {
    struct str text;
    size_t edits;
};

static void suggest(struct suggestion *best, struct str meant, struct str candidate)
{
    size_t edits = tulle__str_distance(meant, candidate, EDITS_MAX);

    if (edits < best->edits && edits * 2 < meant.size) {
        *best = (struct suggestion){ candidate, edits };
    }
}

/* What the complaint ends with: "" or "; did you mean \"X\"?". */
static struct str suggestion_text(struct translation *translation, const struct suggestion *best)
{
    if (best->text.size == 0) {
        return STR("");
    }
    return tulle__arena_format(&translation->arena, "; did you mean \"%.*s\"?",
                               STR_ARG(best->text));
}

/* A short name is held against short names: as parts of full ones any two of
 * three letters would be neighbours. */
static void suggest_names(struct suggestion *best, const struct mesh_host *host, struct str written,
                          struct str full)
{
    struct str service;

    if (has_dot(written)) {
        suggest(best, full, host->host);
        for (size_t i = 0; i < host->name_count; i++) {
            suggest(best, written, host->names[i]);
        }
        return;
    }
    service = tulle__str_cut(host->host, '.', &full);
    suggest(best, written, service);
}

/* Looking for neighbours of a name costs as much as there are names: only for
 * complaints that will be told. */
static struct str host_suggestion(struct translation *translation, struct str written,
                                  struct str full)
{
    struct suggestion best = { .edits = EDITS_MAX + 1 };
    const struct mesh_host *known = tulle__table_find(&translation->by_name, written);

    if (known != NULL) {
        best.text = known->host;
        return suggestion_text(translation, &best);
    }
    if (translation->complaints->count >= ERRORS_TOLD_MAX) {
        return STR("");
    }
    for (const struct mesh_host *host = translation->hosts; host; host = host->next) {
        suggest_names(&best, host, written, full);
    }
    return suggestion_text(translation, &best);
}

enum tulle_error tulle__translate_find_host(struct translation *translation,
                                            const struct placed *written, struct mesh_host **out,
                                            bool *hidden)
{
    struct str full, text;

    *out = NULL;
    *hidden = false;
    TRY(tulle__translate_resolve(translation, written, &full));
    if (full.data == NULL) {
        return TULLE_OK;
    }
    *out = tulle__table_find(&translation->by_host, full);
    *hidden = *out == NULL && tulle__table_find(&translation->hidden, full) != NULL;
    if (*out != NULL || *hidden) {
        return TULLE_OK;
    }
    text = host_suggestion(translation, written->text, full);
    ENSURE(text.data != NULL, TULLE_E_NOMEM);
    REFUSE(translation, written->place, "host \"%.*s\": no service of that name%.*s",
           STR_ARG(written->text), STR_ARG(text));
    return TULLE_OK;
}

static bool ports_write(struct buf *text, const struct service_entry *entry)
{
    for (size_t i = 0; i < entry->port_count; i++) {
        tulle__buf_addf(text, "%s%u", i > 0 ? ", " : "", (unsigned)entry->ports[i].number);
    }
    return tulle__buf_ok(text);
}

enum tulle_error tulle__translate_check_port(struct translation *translation, struct place place,
                                             const struct mesh_host *host, uint16_t port)
{
    const struct service_entry *entry = &host->entry->spec.service_entry;
    struct buf ports = { 0 };

    for (size_t i = 0; i < entry->port_count; i++) {
        if (entry->ports[i].number == port) {
            return TULLE_OK;
        }
    }
    if (!ports_write(&ports, entry)) {
        tulle__buf_fini(&ports);
        return TULLE_E_NOMEM;
    }
    REFUSE(translation, place, "port %u: %.*s has no such port, it has %.*s", (unsigned)port,
           STR_ARG(host->host), (int)ports.size, ports.data);
    tulle__buf_fini(&ports);
    return TULLE_OK;
}

void tulle__translate_check_subset(struct translation *translation, const struct placed *subset,
                                   const struct mesh_host *host)
{
    struct suggestion best = { .edits = EDITS_MAX + 1 };

    for (size_t i = 0; i < host->subset_count; i++) {
        if (str_equal(host->subsets[i]->name.text, subset->text)) {
            return;
        }
        suggest(&best, subset->text, host->subsets[i]->name.text);
    }
    if (best.text.size == 0) {
        REFUSE(translation, subset->place, "subset \"%.*s\": no DestinationRule for %.*s has it",
               STR_ARG(subset->text), STR_ARG(host->host));
        return;
    }
    REFUSE(translation, subset->place,
           "subset \"%.*s\": no DestinationRule for %.*s has it; did you mean \"%.*s\"?",
           STR_ARG(subset->text), STR_ARG(host->host), STR_ARG(best.text));
}

/* --- names --- */

static enum tulle_error name_add(struct translation *translation, struct mesh_host *host,
                                 struct str name)
{
    ENSURE(name.data != NULL, TULLE_E_NOMEM);
    if (tulle__table_find(&translation->by_host, name) != NULL ||
        tulle__table_find(&translation->by_name, name) != NULL) {
        return TULLE_OK;
    }
    ENSURE(tulle__table_put(&translation->by_name, name, host), TULLE_E_NOMEM);
    host->names[host->name_count++] = name;
    return TULLE_OK;
}

/* `name.ns.svc`, `name.ns`, and `name` where ns is the client's: istiod's
 * generateAltVirtualHosts. */
static enum tulle_error names_add(struct translation *translation, struct mesh_host *host)
{
    struct arena *arena = &translation->arena;
    struct str suffix = tulle__arena_format(arena, ".svc.%s", translation->options->domain);
    struct str rest = host->host;

    ENSURE(suffix.data != NULL, TULLE_E_NOMEM);
    if (!tulle__str_ends(rest, suffix)) {
        return TULLE_OK;
    }
    rest.size -= suffix.size;
    if (!has_dot(rest)) {
        return TULLE_OK;
    }
    TRY(name_add(translation, host, (struct str){ rest.data, rest.size + 4 }));
    TRY(name_add(translation, host, rest));
    if (str_equal(host->name_space, str_of(translation->options->name_space))) {
        rest.size -= host->name_space.size + 1;
        TRY(name_add(translation, host, rest));
    }
    return TULLE_OK;
}

/* A short name as written in another namespace comes last: the client's own wins. */
enum tulle_error tulle__translate_names(struct translation *translation)
{
    enum { NAMES_MAX = 5 };

    for (struct mesh_host *host = translation->hosts; host; host = host->next) {
        host->names = ARENA_ARRAY(&translation->arena, struct str, NAMES_MAX);
        ENSURE(host->names != NULL, TULLE_E_NOMEM);
        host->names[host->name_count++] = host->host;
        TRY(names_add(translation, host));
    }
    for (struct mesh_host *host = translation->hosts; host; host = host->next) {
        TRY(name_add(translation, host, host->written));
    }
    return TULLE_OK;
}
