/* SPDX-License-Identifier: Apache-2.0 */

/* Opening and closing. */

#include "core/mesh.h"

#include "base/macros.h"
#include "core/pickers.h"
#include "core/request.h"

enum { LOOPS_MAX = 64 };

void tulle_options_init(struct tulle_options *options, size_t size)
{
    memset(options, 0, size);
    options->size = size;
}

/* Whose log this thread is telling: a line may be told on any thread of the app. */
static _Thread_local const struct tulle *telling;

static void log_write(void *user, int32_t level, const char *area, const char *text)
{
    const struct tulle *mesh = user, *outer = telling;

    telling = mesh;
    mesh->log_fn(mesh->log_user, level, area, text);
    telling = outer;
}

bool tulle__mesh_in_callback(const struct tulle *mesh)
{
    return telling == mesh || tulle__loops_mine(&mesh->loops) ||
           atomic_load_explicit(&mesh->control_self, memory_order_relaxed) == tulle__thread_self();
}

static int64_t time_or(int64_t given, int64_t otherwise)
{
    return given != 0 ? given : otherwise;
}

static enum tulle_error text_copy(struct tulle *mesh, const char *text, const char **out)
{
    *out = text ? tulle__arena_str(&mesh->arena, str_of(text)).data : NULL;
    return text && !*out ? TULLE_E_NOMEM : TULLE_OK;
}

static bool options_are_good(const struct tulle_options *options)
{
    return options->loops <= LOOPS_MAX && options->outside >= TULLE_OUTSIDE_DEFAULT &&
           options->outside <= TULLE_OUTSIDE_REFUSE && options->deadline_ns >= 0 &&
           options->close_timeout_ns >= 0 && options->log_level >= 0 &&
           options->log_level <= TULLE_LEVEL_DEBUG;
}

static enum tulle_error options_take(struct tulle *mesh, const struct tulle_options *options)
{
    mesh->log_fn = options->log;
    mesh->log_user = options->log_user;
    mesh->log = (struct log){
        .write = options->log ? log_write : NULL,
        .user = mesh,
        .level = options->log_level ? options->log_level : TULLE_LEVEL_WARNING,
    };
    if (!options_are_good(options)) {
        tulle__log(&mesh->log, LOG_ERROR, "open", "an option is out of its range");
        return TULLE_E_USAGE;
    }
    mesh->deadline_ns = time_or(options->deadline_ns, TULLE_S(30));
    mesh->close_timeout_ns = time_or(options->close_timeout_ns, TULLE_S(5));
    mesh->outside = options->outside;
    mesh->access = options->access;
    mesh->access_user = options->access_user;
    return text_copy(mesh, options->ca_file, &mesh->ca_file);
}

static size_t loops_wanted(const struct tulle_options *options)
{
    unsigned cores = tulle__thread_cores();

    if (options->loops > 0) {
        return options->loops;
    }
    return cores < 2 ? 2 : cores > LOOPS_MAX ? LOOPS_MAX : cores;
}

static enum tulle_error metrics_open(struct tulle *mesh, const struct tulle_options *options,
                                     size_t loops)
{
    const struct metrics_options metrics = {
        .loop_count = loops,
        .series_max = options->series_max,
        .workload = str_of(options->workload),
        .seed = mesh->world->seed(mesh->world->user),
    };

    mesh->metrics = tulle__metrics_new(&metrics);
    return mesh->metrics ? TULLE_OK : TULLE_E_NOMEM;
}

static enum tulle_error source_open(struct tulle *mesh, const struct tulle_options *options)
{
    const struct source_options source = {
        .path = options->config,
        .built = options->built,
        .name_space = options->name_space ? options->name_space : "default",
        .domain = options->domain ? options->domain : "cluster.local",
        .ignore_kinds = options->ignore_kinds,
        .open_with_errors = options->open_with_errors != 0,
        .strict_retries = options->strict_retries != 0,
        .log = &mesh->log,
    };

    mesh->source_type = &tulle__file_source;
    if (!options->config && !options->built) {
        return TULLE_OK;
    }
    return mesh->source_type->open(&source, world_now(mesh->world), &mesh->source);
}

static enum tulle_error mesh_open(struct tulle *mesh, const struct tulle_options *options)
{
    size_t loops = loops_wanted(options);

    TRY(options_take(mesh, options));
    ENSURE(tulle__mutex_init(&mesh->set_lock), TULLE_E_INTERNAL);
    ENSURE(tulle__publisher_init(&mesh->publisher), TULLE_E_INTERNAL);
    mesh->grace = tulle__alloc_zero(loops, sizeof(*mesh->grace));
    ENSURE(mesh->grace, TULLE_E_NOMEM);
    tulle__rand_init(&mesh->rand, mesh->world->seed(mesh->world->user));
    tulle__live_set_init(&mesh->live, loops, &mesh->log);
    ENSURE(tulle__loop_init(&mesh->control, mesh->world), TULLE_E_INTERNAL);
    TRY(metrics_open(mesh, options, loops));
    TRY(source_open(mesh, options));
    ENSURE(tulle__loops_init(&mesh->loops, mesh, loops), TULLE_E_NOMEM);
    TRY(tulle__control_publish(mesh));
    return tulle__control_start(mesh);
}

/* Also of a mesh that was opened half. */
static void mesh_free(struct tulle *mesh)
{
    tulle__control_stop(mesh);
    tulle__loops_join(&mesh->loops);
    tulle__loops_fini(&mesh->loops);
    tulle__pickers_fini(mesh);
    tulle__publisher_fini(&mesh->publisher);
    if (mesh->source) {
        mesh->source_type->close(mesh->source);
    }
    tulle__live_sweep(&mesh->live);
    tulle__live_set_fini(&mesh->live);
    tulle__metrics_free(mesh->metrics);
    tulle__loop_fini(&mesh->control);
    tulle__mutex_fini(&mesh->set_lock);
    tulle__free(mesh->grace);
    tulle__arena_fini(&mesh->arena);
    tulle__free(mesh);
}

enum tulle_error tulle__open_in(const struct tulle_options *options, const struct world *world,
                                const struct transport_type *transport, struct tulle **out)
{
    struct tulle_options known;
    struct tulle *mesh;
    enum tulle_error error;

    *out = NULL;
    ENSURE(options && tulle__options_copy(&known, sizeof(known), options, options->size),
           TULLE_E_USAGE);
    mesh = ALLOC_ZERO(struct tulle);
    ENSURE(mesh, TULLE_E_NOMEM);
    mesh->world = world;
    mesh->transport = transport;
    mesh->control.epoll_fd = mesh->control.wake_fd = -1;
    tulle__arena_init(&mesh->arena, 1024);
    error = mesh_open(mesh, &known);
    if (error != TULLE_OK) {
        mesh_free(mesh);
        return error;
    }
    *out = mesh;
    return TULLE_OK;
}

enum tulle_error tulle_open(const struct tulle_options *options, struct tulle **out)
{
    return tulle__open_in(options, &tulle__world, &tulle__curl_transport, out);
}

/* Sources deliver before tulle_open() returns; there is nothing to wait for yet. */
enum tulle_error tulle_wait_ready(struct tulle *mesh, int64_t timeout_ns)
{
    ENSURE(!tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    ENSURE(timeout_ns >= 0, TULLE_E_USAGE);
    return TULLE_OK;
}

static void refuse_new(struct loops *loops)
{
    tulle__mutex_lock(&loops->lock);
    loops->closed = true;
    tulle__mutex_unlock(&loops->lock);
}

static void cancel_rest(struct loops *loops)
{
    for (size_t i = 0; i < loops->count; i++) {
        tulle__mesh_loop_post(&loops->each[i], &loops->each[i].cancel);
    }
}

enum tulle_error tulle_close(struct tulle *mesh)
{
    struct loops *loops;

    if (!mesh) {
        return TULLE_OK;
    }
    ENSURE(!tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    loops = &mesh->loops;
    refuse_new(loops);
    if (mesh->world->is_virtual) {
        cancel_rest(loops);
        tulle__mesh_run(mesh);
    } else if (!tulle__loops_wait_idle(loops,
                                       time_add(world_now(mesh->world), mesh->close_timeout_ns))) {
        cancel_rest(loops);
        (void)tulle__loops_wait_idle(loops, NEVER);
    }
    mesh_free(mesh);
    return TULLE_OK;
}
