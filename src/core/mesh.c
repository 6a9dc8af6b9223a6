/* SPDX-License-Identifier: Apache-2.0 */

/* Opening and closing. */

#include "core/app.h"

#include "base/macros.h"
#include "core/checks.h"
#include "core/escape.h"
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
    came_back(mesh->born);
}

static void access_write(void *user, const struct tulle_access *access)
{
    const struct tulle *mesh = user;

    mesh->access(mesh->access_user, access);
    came_back(mesh->born);
}

static void span_write(void *user, const struct tulle_span *span)
{
    const struct tulle *mesh = user;

    mesh->span(mesh->span_user, span);
    came_back(mesh->born);
}

void tulle__mesh_lend(struct tulle *mesh, struct call_loop *lend)
{
    lend->access = mesh->access ? access_write : NULL;
    lend->span = mesh->span ? span_write : NULL;
    lend->access_user = lend->span_user = mesh;
}

bool tulle__mesh_in_callback(const struct tulle *mesh)
{
    const struct world *world = mesh->world;

    return telling == mesh || tulle__loops_mine(&mesh->loops) ||
           (world->is_turning && world->is_turning(world->user)) ||
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

static enum trace_format trace_of(int32_t option)
{
    switch (option) {
    case TULLE_TRACE_B3: return TRACE_FORMAT_B3;
    case TULLE_TRACE_B3_MULTI: return TRACE_FORMAT_B3_MULTI;
    case TULLE_TRACE_OFF: return TRACE_FORMAT_NONE;
    default: return TRACE_FORMAT_W3C;
    }
}

static bool options_are_good(const struct tulle_options *options)
{
    return options->loops <= LOOPS_MAX && options->outside >= TULLE_OUTSIDE_DEFAULT &&
           options->outside <= TULLE_OUTSIDE_REFUSE && options->deadline_ns >= 0 &&
           options->close_timeout_ns >= 0 && options->dns_stale_ns >= 0 &&
           options->log_level >= 0 && options->after_fork >= TULLE_AFTER_FORK_DEFAULT &&
           options->after_fork <= TULLE_AFTER_FORK_REOPEN &&
           options->trace >= TULLE_TRACE_DEFAULT && options->trace <= TULLE_TRACE_OFF &&
           options->log_level <= TULLE_LEVEL_DEBUG &&
           (options->threads == 0 || (options->threads == TULLE_NONE_COUNT && options->loops <= 1));
}

static bool labels_are_good(const char *labels)
{
    struct str rest = str_of(labels);

    while (rest.size > 0) {
        struct str value, name = tulle__str_cut(tulle__str_cut(rest, ',', &rest), '=', &value);

        if (name.size == 0 || value.data == NULL) {
            return false;
        }
    }
    return true;
}

static bool identity_is_good(const struct tulle_options *options)
{
    return labels_are_good(options->labels) &&
           (options->peer_index < options->peer_count ||
            (options->peer_index == 0 && options->peer_count == 0));
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
    if (!options_are_good(options) || !identity_is_good(options)) {
        tulle__log(&mesh->log, LOG_ERROR, "open", "an option is out of its range");
        return TULLE_E_USAGE;
    }
    mesh->deadline_ns = time_or(options->deadline_ns, TULLE_S(30));
    mesh->deadline_asked = options->deadline_ns != 0;
    mesh->close_timeout_ns = time_or(options->close_timeout_ns, TULLE_S(5));
    mesh->outside = options->outside;
    mesh->threadless = options->threads == TULLE_NONE_COUNT;
    mesh->access = options->access;
    mesh->access_user = options->access_user;
    mesh->trace = trace_of(options->trace);
    mesh->span = options->span;
    mesh->span_user = options->span_user;
    return text_copy(mesh, options->ca_file, &mesh->ca_file);
}

static size_t loops_wanted(const struct tulle_options *options)
{
    unsigned cores = tulle__thread_cores();

    if (options->loops > 0 || options->threads == TULLE_NONE_COUNT) {
        return options->loops > 0 ? options->loops : 1;
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
        .type = mesh->source_type,
        .path = options->config,
        .built = options->built,
        .name_space = options->name_space ? options->name_space : "default",
        .domain = options->domain ? options->domain : "cluster.local",
        .ignore_kinds = options->ignore_kinds,
        .open_with_errors = options->open_with_errors != 0,
        .strict_retries = options->strict_retries != 0,
        .self = { .locality = options->locality ? options->locality : "",
                  .labels = options->labels ? options->labels : "",
                  .peer_index = options->peer_index,
                  .peer_count = options->peer_count,
                  .seed = mesh->live.seed },
        .log = &mesh->log,
    };

    if (mesh->source_type == &tulle__file_source && !options->config && !options->built) {
        return TULLE_OK;
    }
    return mesh->source_type->open(&source, world_now(mesh->world), &mesh->source);
}

static enum tulle_error mesh_open(struct tulle *mesh, const struct tulle_options *options)
{
    size_t loops = loops_wanted(options);

    TRY(options_take(mesh, options));
    ENSURE(tulle__mutex_init(&mesh->set_lock), TULLE_E_INTERNAL);
    ENSURE(tulle__places_init(&mesh->places), TULLE_E_INTERNAL);
    ENSURE(tulle__publisher_init(&mesh->publisher), TULLE_E_INTERNAL);
    mesh->grace = tulle__alloc_zero(loops, sizeof(*mesh->grace));
    ENSURE(mesh->grace, TULLE_E_NOMEM);
    tulle__rand_init(&mesh->rand, mesh->world->seed(mesh->world->user));
    tulle__live_set_init(&mesh->live, loops, &mesh->log);
    mesh->live.seed = rand_next(&mesh->rand);
    mesh->live.watcher = mesh->watcher;
    ENSURE(tulle__loop_init(&mesh->control, mesh->world), TULLE_E_INTERNAL);
    TRY(metrics_open(mesh, options, loops));
    TRY(source_open(mesh, options));
    TRY(tulle__names_open(mesh, mesh->resolver, options));
    ENSURE(tulle__loops_init(&mesh->loops, mesh, loops), TULLE_E_NOMEM);
    tulle__checks_open(mesh);
    TRY(tulle__control_publish(mesh));
    return tulle__control_start(mesh);
}

/* Also of a mesh that was opened half. */
static void mesh_free(struct tulle *mesh)
{
    tulle__control_stop(mesh);
    tulle__loops_join(&mesh->loops);
    tulle__loops_fini(&mesh->loops);
    tulle__health_fini(&mesh->health);
    tulle__warmth_fini(&mesh->warmth);
    tulle__pickers_fini(mesh);
    tulle__publisher_fini(&mesh->publisher);
    tulle__names_close(&mesh->names);
    if (mesh->source) {
        mesh->source_type->close(mesh->source);
    }
    tulle__live_sweep(&mesh->live);
    tulle__live_set_fini(&mesh->live);
    tulle__metrics_free(mesh->metrics);
    tulle__places_fini(&mesh->places);
    tulle__loop_fini(&mesh->control);
    tulle__group_fini(&mesh->app);
    tulle__mutex_fini(&mesh->set_lock);
    tulle__free(mesh->grace);
    tulle__heritage_free(mesh->heritage);
    tulle__arena_fini(&mesh->arena);
    tulle__free(mesh);
}

static enum tulle_error setup_open(const struct tulle_options *options,
                                   const struct mesh_setup *setup, struct tulle **out)
{
    struct tulle_options known;
    struct tulle *mesh;
    enum tulle_error error;

    ENSURE(options && tulle__options_copy(&known, sizeof(known), options, options->size),
           TULLE_E_USAGE);
    mesh = tulle__fork_begin() ? ALLOC_ZERO(struct tulle) : NULL;
    ENSURE(mesh, TULLE_E_NOMEM);
    mesh->born = fork_generation();
    mesh->world = setup->world;
    mesh->transport = setup->transport;
    mesh->source_type = setup->source ? setup->source : &tulle__file_source;
    mesh->watcher = setup->watcher;
    mesh->resolver = setup->resolver            ? setup->resolver
                     : setup->world->is_virtual ? &tulle__fixed_resolver
                                                : &tulle__cares_resolver;
    mesh->control.epoll_fd = mesh->control.wake_fd = mesh->app.fd = -1;
    tulle__arena_init(&mesh->arena, 1024);
    tulle__warmth_init(&mesh->warmth);
    error = mesh_open(mesh, &known);
    if (error != TULLE_OK) {
        mesh_free(mesh);
        return error;
    }
    *out = mesh;
    return TULLE_OK;
}

enum tulle_error tulle__open_on(const struct tulle_options *options, const struct mesh_setup *setup,
                                struct tulle **out)
{
    enum tulle_error error;

    *out = NULL;
    error = setup_open(options, setup, out);
    if (error != TULLE_OK && setup->watcher) {
        setup->watcher->closed(setup->watcher);
    }
    return error;
}

enum tulle_error tulle__open_in(const struct tulle_options *options, const struct world *world,
                                const struct transport_type *transport, struct tulle **out)
{
    return tulle__open_on(options, &(struct mesh_setup){ .world = world, .transport = transport },
                          out);
}

/* "mock:FILE" is for tests: a configuration alone must not take a program off its network. */
static enum tulle_error mock_open(struct tulle_options *options, struct tulle **out)
{
    const struct log log = { options->log, options->log_user, LOG_ERROR };

    *out = NULL;
    if (!options->allow_mock) {
        tulle__log(&log, LOG_ERROR, "open", "%s needs allow_mock", options->config);
        return TULLE_E_USAGE;
    }
    options->size = sizeof(*options);
    return tulle__mock_open_file(options, out);
}

struct opening {
    struct tulle_options *options;
    struct tulle **out;
};

static enum tulle_error real_open(void *user)
{
    struct tulle_options *options = ((struct opening *)user)->options;
    struct tulle **out = ((struct opening *)user)->out;

    if (options->config && tulle__str_starts(str_of(options->config), STR("mock:"))) {
        return mock_open(options, out);
    }
    options->size = sizeof(*options);
    return tulle__open_in(options, &tulle__world, &tulle__curl_transport, out);
}

enum tulle_error tulle_open(const struct tulle_options *options, struct tulle **out)
{
    struct tulle_options known;
    struct heritage *heritage;
    enum tulle_error error;

    *out = NULL;
    ENSURE(options && tulle__options_copy(&known, sizeof(known), options, options->size),
           TULLE_E_USAGE);
    TRY(tulle__heritage_new(&known, &heritage));
    error = tulle__escape_guard(real_open, &(struct opening){ &known, out });
    if (error == TULLE_E_FORKED) {
        return error;
    }
    if (error != TULLE_OK) {
        tulle__heritage_free(heritage);
        return error;
    }
    (*out)->heritage = heritage;
    return TULLE_OK;
}

static bool is_ready(void *user)
{
    return tulle__names_state(&((struct tulle *)user)->names) != TULLE_E_AGAIN;
}

/* Sources deliver before tulle_open() returns; the names in them take their time. */
static void wait_ready(struct tulle *mesh, int64_t timeout_ns)
{
    int64_t due;

    if (mesh->world->is_virtual) {
        if (mesh->world->advance) {
            (void)tulle__mesh_turn(mesh, is_ready, mesh, timeout_ns);
        }
        return;
    }
    due = time_add(world_now(mesh->world), timeout_ns);
    if (mesh->app.fd >= 0) {
        (void)tulle__app_run_ready(mesh, is_ready, due);
    } else {
        tulle__names_wait(&mesh->names, due);
    }
}

struct waiting {
    struct tulle *mesh;
    int64_t timeout_ns;
};

static enum tulle_error wait_enter(void *user)
{
    const struct waiting *waiting = user;
    struct tulle *mesh = waiting->mesh;
    enum tulle_error state;

    tulle__loops_enter(&mesh->loops);
    wait_ready(mesh, waiting->timeout_ns);
    state = tulle__names_state(&mesh->names);
    tulle__loops_leave(&mesh->loops);
    return state == TULLE_E_AGAIN ? TULLE_E_TIMEOUT : state;
}

enum tulle_error tulle_wait_ready(struct tulle *mesh, int64_t timeout_ns)
{
    TRY(mesh_enter(&mesh));
    ENSURE(!tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    ENSURE(timeout_ns >= 0, TULLE_E_USAGE);
    return tulle__escape_guard(wait_enter,
                               &(struct waiting){ mesh, time_or(timeout_ns, TULLE_S(30)) });
}

/* Who waits for names has nothing to wait for any more; in a mesh without threads
 * he may be the one who runs it. */
static void refuse_new(struct tulle *mesh)
{
    struct loops *loops = &mesh->loops;

    tulle__mutex_lock(&loops->lock);
    loops->closed = true;
    tulle__mutex_unlock(&loops->lock);
    tulle__names_leave(&mesh->names);
    if (mesh->app.fd >= 0) {
        tulle__loop_wake(&loops->each[0].loop);
    }
}

static void cancel_rest(struct loops *loops)
{
    for (size_t i = 0; i < loops->count; i++) {
        tulle__mesh_loop_post(&loops->each[i], &loops->each[i].cancel);
    }
}

static bool wait_idle(struct tulle *mesh, int64_t due)
{
    return mesh->app.fd >= 0 ? tulle__app_run_idle(mesh, due)
                             : tulle__loops_wait_idle(&mesh->loops, due);
}

static enum tulle_error mesh_close(void *user)
{
    struct tulle *mesh = user;
    const struct watcher *watcher = mesh->watcher;
    struct loops *loops = &mesh->loops;

    refuse_new(mesh);
    if (mesh->world->is_virtual) {
        tulle__control_finish(mesh);
        cancel_rest(loops);
        tulle__mesh_run(mesh);
    } else if (!wait_idle(mesh, time_add(world_now(mesh->world), mesh->close_timeout_ns))) {
        cancel_rest(loops);
        (void)wait_idle(mesh, NEVER);
    }
    mesh_free(mesh);
    if (watcher) {
        watcher->closed(watcher);
    }
    return TULLE_OK;
}

enum tulle_error tulle_close(struct tulle *mesh)
{
    if (!mesh) {
        return TULLE_OK;
    }
    if (mesh->born != fork_generation()) {
        return tulle__heir_close(mesh);
    }
    ENSURE(!tulle__mesh_in_callback(mesh), TULLE_E_USAGE);
    return tulle__escape_guard(mesh_close, mesh);
}
