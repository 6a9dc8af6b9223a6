/* SPDX-License-Identifier: Apache-2.0 */

/* The mock itself: its world, its clock, its meshes. */

#include "mock/mock.h"

#include "base/alloc.h"
#include "base/macros.h"
#include "core/request.h"

enum { SEED_DEFAULT = 42, KEEP_DEFAULT = 10000, ANSWERS_BLOCK = 4096 };

#define BEGINNING (1000 * NS_PER_S)
/* 2027-01-15: before it, certificates of tests would not be valid yet. */
#define WALL (INT64_C(1800000000) * NS_PER_S)

/* --- the world --- */

static int64_t read_now(void *user)
{
    return ((struct tulle_mock *)user)->now;
}

static int64_t read_wall(void *user)
{
    const struct tulle_mock *mock = user;

    return mock->now + mock->wall_offset;
}

static uint64_t next_seed(void *user)
{
    return ++((struct tulle_mock *)user)->seed;
}

static bool is_turning(void *user)
{
    return ((struct tulle_mock *)user)->turning;
}

static struct tulle *mesh_of(struct list *node)
{
    return CONTAINER_OF(node, struct mock_mesh, node)->mesh;
}

static int64_t meshes_due(const struct tulle_mock *mock)
{
    int64_t due = NEVER;

    for (struct list *node = mock->meshes.next; node != &mock->meshes; node = node->next) {
        int64_t each = mesh_of(node) ? tulle__mesh_due(mesh_of(node)) : NEVER;
        due = each < due ? each : due;
    }
    return due;
}

/* Meshes know nothing of each other, so once around is enough. */
static void meshes_run(struct tulle_mock *mock)
{
    struct list *node;

    mock->turning = true;
    for (node = mock->meshes.next; node != &mock->meshes; node = node->next) {
        if (mesh_of(node) && tulle__mesh_due(mesh_of(node)) <= mock->now) {
            tulle__mesh_run(mesh_of(node));
        }
    }
    mock->turning = false;
}

static bool advance(void *user, int64_t end)
{
    struct tulle_mock *mock = user;
    int64_t due = meshes_due(mock);

    if (due > end || due == NEVER) {
        mock->now = end > mock->now && end != NEVER ? end : mock->now;
        return false;
    }
    mock->now = due > mock->now ? due : mock->now;
    meshes_run(mock);
    return true;
}

int64_t tulle_mock_now(const struct tulle_mock *mock)
{
    return mock->now;
}

enum tulle_error tulle_mock_run(struct tulle_mock *mock)
{
    return tulle_mock_advance(mock, 0);
}

enum tulle_error tulle_mock_advance(struct tulle_mock *mock, int64_t ns)
{
    int64_t end = time_add(mock->now, ns);

    ENSURE(ns >= 0 && end != NEVER && !mock->turning, TULLE_E_USAGE);
    while (advance(mock, end)) {
    }
    return TULLE_OK;
}

/* --- making and freeing --- */

void tulle_mock_options_init(struct tulle_mock_options *options, size_t size)
{
    memset(options, 0, size);
    options->size = size;
}

static void lists_init(struct tulle_mock *mock)
{
    list_init(&mock->meshes);
    list_init(&mock->services);
    list_init(&mock->texts);
    list_init(&mock->said);
    tulle__arena_init(&mock->arena, ANSWERS_BLOCK);
}

static enum tulle_error mock_new(const struct tulle_mock_options *options, bool is_virtual,
                                 struct tulle_mock **out)
{
    struct tulle_mock *mock = ALLOC_ZERO(struct tulle_mock);
    uint32_t keep = options->keep_max;
    size_t keep_max = keep == 0 ? KEEP_DEFAULT : keep == TULLE_NONE_COUNT ? SIZE_MAX : keep;

    ENSURE(mock, TULLE_E_NOMEM);
    atomic_init(&mock->refs, 1);
    lists_init(mock);
    mock->is_virtual = is_virtual;
    mock->source_type = tulle__mock_source;
    tulle__records_init(&mock->records, keep_max);
    if (!tulle__script_init(&mock->script, NULL) || tulle_config_new(&mock->config) != TULLE_OK) {
        tulle__mock_unref(mock);
        return TULLE_E_NOMEM;
    }
    mock->script.keep_max = is_virtual ? keep_max : 0;
    mock->script.strict = options->strict != 0;
    *out = mock;
    return TULLE_OK;
}

static void world_init(struct tulle_mock *mock, const struct tulle_mock_options *options)
{
    mock->now = options->start_ns ? options->start_ns : BEGINNING;
    mock->wall_offset = (options->wall_ns ? options->wall_ns : WALL) - mock->now;
    mock->seed = options->seed ? options->seed : SEED_DEFAULT;
    mock->world = (struct world){
        .now = read_now,
        .wall = read_wall,
        .seed = next_seed,
        .user = mock,
        .is_virtual = true,
        .advance = advance,
        .is_turning = is_turning,
    };
}

enum tulle_error tulle_mock_new(const struct tulle_mock_options *options, struct tulle_mock **out)
{
    struct tulle_mock_options known = { TULLE_MOCK_OPTIONS_INIT };

    *out = NULL;
    ENSURE(!options || tulle__options_copy(&known, sizeof(known), options, options->size),
           TULLE_E_USAGE);
    ENSURE(known.start_ns >= 0 && known.start_ns < INT64_MAX / 2 && known.wall_ns >= 0,
           TULLE_E_USAGE);
    TRY(mock_new(&known, true, out));
    world_init(*out, &known);
    return TULLE_OK;
}

enum tulle_error tulle__mock_new_real(struct tulle_mock **out)
{
    const struct tulle_mock_options options = { TULLE_MOCK_OPTIONS_INIT };

    *out = NULL;
    TRY(mock_new(&options, false, out));
    (*out)->world = tulle__world;
    return TULLE_OK;
}

void tulle__mock_ref(struct tulle_mock *mock)
{
    atomic_fetch_add(&mock->refs, 1);
}

void tulle__mock_unref(struct tulle_mock *mock)
{
    if (!mock || atomic_fetch_sub(&mock->refs, 1) != 1) {
        return;
    }
    tulle__mock_discovery_fini(mock);
    tulle__mock_said_fini(mock);
    tulle__script_fini(&mock->script);
    tulle__records_fini(&mock->records);
    tulle__arena_fini(&mock->arena);
    tulle__free(mock);
}

void tulle_mock_free(struct tulle_mock *mock)
{
    tulle__mock_unref(mock);
}

/* --- meshes --- */

/* With a reference for the mesh, and one of the mock. */
static struct mock_mesh *watching_new(struct tulle_mock *mock, const struct tulle_options *options)
{
    struct mock_mesh *watching = ALLOC_ZERO(struct mock_mesh);

    if (!watching) {
        return NULL;
    }
    tulle__mock_ref(mock);
    atomic_init(&watching->refs, 1);
    watching->mock = mock;
    watching->access = options->access;
    watching->access_user = options->access_user;
    tulle__mock_watch(watching);
    list_add_last(&mock->meshes, &watching->node);
    return watching;
}

enum tulle_error tulle__mock_open_mesh(struct tulle_mock *mock, const struct tulle_options *options,
                                       struct tulle **out)
{
    struct mock_mesh *watching = watching_new(mock, options);
    struct tulle_options inner = *options;
    const struct mesh_setup setup = {
        .world = &mock->world,
        .transport = &mock->script.type,
        .source = &mock->source_type,
        .resolver = &tulle__fixed_resolver,
        .watcher = watching ? &watching->watcher : NULL,
    };

    ENSURE(watching, TULLE_E_NOMEM);
    if (mock->is_virtual) {
        inner.threads = TULLE_NONE_COUNT;
        inner.loops = 1;
        inner.access = tulle__mock_hear_access;
        inner.access_user = watching;
    }
    TRY(tulle__open_on(&inner, &setup, out));
    watching->mesh = *out;
    return TULLE_OK;
}

enum tulle_error tulle_mock_open(struct tulle_mock *mock, const struct tulle_options *options,
                                 struct tulle **out)
{
    struct tulle_options known = { TULLE_OPTIONS_INIT };

    *out = NULL;
    ENSURE(!options || tulle__options_copy(&known, sizeof(known), options, options->size),
           TULLE_E_USAGE);
    known.size = sizeof(known);
    ENSURE(!known.config || strncmp(known.config, "mock:", 5) != 0, TULLE_E_USAGE);
    ENSURE(!mock->turning, TULLE_E_USAGE);
    TRY(tulle__mock_open_mesh(mock, &known, out));
    return tulle_mock_run(mock);
}
