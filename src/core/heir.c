/* SPDX-License-Identifier: Apache-2.0 */

/* An heir is opened under a lock that is new in each process, once for all threads
 * that come first at once. It leaves nothing itself: a child of this child finds it
 * through the same handle, sees that it is inherited too, and opens its own from
 * what the first mesh has left, which nobody has changed since.
 *
 * The log is told under that lock, as no other code of the app is: who logs by
 * calling this mesh is told TULLE_E_USAGE instead of waiting for itself. */

#include "core/heir.h"

#include <limits.h>
#include <unistd.h>

#include "base/macros.h"
#include "core/mesh.h"
#include "source/file/built.h"

struct heritage {
    struct arena arena;
    struct tulle_options options; /* what they point to lies in the arena, or is `built` */
    struct tulle_config *built;
};

/* The generation in which this thread opens one. */
static _Thread_local unsigned opening;

/* --- what is left --- */

static enum tulle_error text_copy(struct arena *arena, const char **text)
{
    if (*text) {
        *text = tulle__arena_str(arena, str_of(*text)).data;
        ENSURE(*text, TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

/* A daemon goes to another folder before it comes here. */
static enum tulle_error path_copy(struct arena *arena, const char **path)
{
    const char *prefix = *path && tulle__str_starts(str_of(*path), STR("mock:")) ? "mock:" : "";
    const char *name = *path ? *path + strlen(prefix) : NULL;
    char folder[PATH_MAX];

    if (!name || name[0] == '/' || name[0] == '\0' || !getcwd(folder, sizeof(folder))) {
        return text_copy(arena, path);
    }
    *path = tulle__arena_format(arena, "%s%s/%s", prefix, folder, name).data;
    return *path ? TULLE_OK : TULLE_E_NOMEM;
}

static enum tulle_error kinds_copy(struct arena *arena, const char *const **kinds)
{
    const char **copy;
    size_t count = 0;

    if (!*kinds) {
        return TULLE_OK;
    }
    while ((*kinds)[count]) {
        count++;
    }
    copy = ARENA_ARRAY(arena, const char *, count + 1);
    ENSURE(copy, TULLE_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        copy[i] = (*kinds)[i];
        TRY(text_copy(arena, &copy[i]));
    }
    *kinds = copy;
    return TULLE_OK;
}

/* All that they point to but what belongs to the app: functions and their words. */
static enum tulle_error heritage_fill(struct heritage *heritage)
{
    struct tulle_options *options = &heritage->options;
    struct arena *arena = &heritage->arena;

    options->size = sizeof(*options);
    options->after_fork = TULLE_AFTER_FORK_FAIL;
    if (options->built) {
        TRY(tulle__built_copy(options->built, &heritage->built));
        options->built = heritage->built;
    }
    TRY(path_copy(arena, &options->config));
    TRY(path_copy(arena, &options->ca_file));
    TRY(kinds_copy(arena, &options->ignore_kinds));
    TRY(text_copy(arena, &options->name_space));
    TRY(text_copy(arena, &options->domain));
    TRY(text_copy(arena, &options->workload));
    TRY(text_copy(arena, &options->locality));
    TRY(text_copy(arena, &options->labels));
    return text_copy(arena, &options->dns_servers);
}

enum tulle_error tulle__heritage_new(const struct tulle_options *options, struct heritage **out)
{
    struct heritage *heritage;

    *out = NULL;
    if (options->after_fork != TULLE_AFTER_FORK_REOPEN) {
        return TULLE_OK;
    }
    heritage = ALLOC_ZERO(struct heritage);
    ENSURE(heritage, TULLE_E_NOMEM);
    tulle__arena_init(&heritage->arena, 512);
    heritage->options = *options;
    if (heritage_fill(heritage) != TULLE_OK) {
        tulle__heritage_free(heritage);
        return TULLE_E_NOMEM;
    }
    *out = heritage;
    return TULLE_OK;
}

void tulle__heritage_free(struct heritage *heritage)
{
    if (heritage) {
        tulle_config_free(heritage->built);
        tulle__arena_fini(&heritage->arena);
        tulle__free(heritage);
    }
}

/* --- who takes it --- */

/* NULL: none in this process. */
static struct tulle *heir_now(struct tulle *mesh)
{
    struct tulle *heir = atomic_load_explicit(&mesh->heir, memory_order_acquire);

    return heir && heir->born == fork_generation() ? heir : NULL;
}

/* Under the lock. */
static enum tulle_error heir_open(struct tulle *mesh)
{
    enum tulle_error error;
    struct tulle *heir;

    if (heir_now(mesh)) {
        return TULLE_OK;
    }
    opening = fork_generation();
    error = tulle_open(&mesh->heritage->options, &heir);
    opening = 0;
    TRY(error);
    atomic_store_explicit(&mesh->heir, heir, memory_order_release);
    return TULLE_OK;
}

static enum tulle_error heir_ensure(struct tulle *mesh)
{
    enum tulle_error error;

    ENSURE(mesh->heritage, TULLE_E_FORKED);
    ENSURE(opening != fork_generation(), TULLE_E_USAGE);
    tulle__mutex_lock(tulle__fork_lock());
    error = heir_open(mesh);
    tulle__mutex_unlock(tulle__fork_lock());
    return error;
}

enum tulle_error tulle__heir_of(struct tulle **mesh)
{
    struct tulle *elder = *mesh, *heir = heir_now(elder);

    if (!heir) {
        TRY(heir_ensure(elder));
        heir = heir_now(elder);
    }
    *mesh = heir;
    return TULLE_OK;
}

enum tulle_error tulle__heir_close(struct tulle *mesh)
{
    struct tulle *heir = heir_now(mesh);

    if (!heir) {
        return mesh->heritage ? TULLE_OK : TULLE_E_FORKED;
    }
    TRY(tulle_close(heir));
    atomic_store(&mesh->heir, NULL);
    mesh->heritage = NULL;
    return TULLE_OK;
}
