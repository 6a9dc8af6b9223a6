/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/mesh.h"

enum { STEPS_MAX = 10000000 };

#define BEGINNING   (1000 * NS_PER_S)
#define WALL_OFFSET (INT64_C(1800000000) * NS_PER_S)
#define PATIENCE    (3600 * NS_PER_S)

/* --- opening and closing --- */

static int64_t world_read_now(void *user)
{
    return ((struct test_world *)user)->now;
}

static int64_t world_read_wall(void *user)
{
    return ((struct test_world *)user)->now + WALL_OFFSET;
}

static uint64_t world_next_seed(void *user)
{
    return ++((struct test_world *)user)->seed;
}

static void world_hear_log(void *user, int32_t level, const char *area, const char *text)
{
    struct test_world *world = user;
    size_t room = sizeof(world->log) - world->log_size;
    int size = snprintf(world->log + world->log_size, room, "%d %s: %s\n", level, area, text);

    if (size > 0 && (size_t)size < room) {
        world->log_size += (size_t)size;
    }
}

static void world_hear_access(void *user, const struct tulle_access *access)
{
    struct test_world *world = user;

    world->accesses++;
    snprintf(world->flags, sizeof(world->flags), "%s", access->flags);
    if (world->also) {
        world->also(world->also_user, access);
    }
}

static struct test_world *world_new(void)
{
    struct test_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    world->now = BEGINNING;
    world->seed = 42;
    world->world = (struct world){
        .now = world_read_now,
        .wall = world_read_wall,
        .seed = world_next_seed,
        .user = world,
        .is_virtual = true,
    };
    script_init(&world->script);
    return world;
}

static enum tulle_error world_open_mesh(struct test_world *world, const char *yaml,
                                        const struct tulle_options *given)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle_config *config = NULL;
    enum tulle_error error = yaml ? tulle_config_new(&config) : TULLE_OK;

    if (error == TULLE_OK && yaml) {
        error = tulle_config_add_yaml(config, "mesh.yaml", yaml);
    }
    if (given) {
        options = *given;
        world->also = given->access;
        world->also_user = given->access_user;
    }
    if (yaml) {
        options.built = config;
    }
    options.log = world_hear_log;
    options.log_user = world;
    options.access = world_hear_access;
    options.access_user = world;
    if (error == TULLE_OK) {
        error = tulle__open_on(&options,
                               &(struct mesh_setup){ .world = &world->world,
                                                     .transport = &world->script.type,
                                                     .resolver = &script_resolver },
                               &world->mesh);
    }
    tulle_config_free(config);
    return error;
}

enum tulle_error world_try_open(const char *yaml, const struct tulle_options *options,
                                struct test_world **out)
{
    struct test_world *world = world_new();
    enum tulle_error error = world_open_mesh(world, yaml, options);

    *out = world;
    if (error == TULLE_OK) {
        world_run(world);
        return TULLE_OK;
    }
    assert_null(world->mesh);
    if (error == TULLE_E_NOMEM) {
        world_close(world);
        *out = NULL;
    }
    return error;
}

struct test_world *world_open(const char *yaml, const struct tulle_options *options)
{
    struct test_world *world;
    enum tulle_error error = world_try_open(yaml, options, &world);

    if (error == TULLE_E_NOMEM && test_oom_hit()) {
        return NULL;
    }
    if (error != TULLE_OK) {
        fail_msg("open: %s\n%s", tulle_error_text(error), world ? world->log : "");
    }
    return world;
}

enum tulle_error world_reopen(struct test_world *world, const char *yaml)
{
    enum tulle_error error;

    assert_int_equal(tulle_close(world->mesh), TULLE_OK);
    world->mesh = NULL;
    error = world_open_mesh(world, yaml, NULL);
    if (error == TULLE_OK) {
        world_run(world);
    }
    return error;
}

void world_close(struct test_world *world)
{
    if (!world) {
        return;
    }
    if (world->mesh) {
        assert_int_equal(tulle_close(world->mesh), TULLE_OK);
    }
    script_fini(&world->script);
    free(world);
}

/* --- endpoints --- */

struct script_endpoint *world_endpoint(struct test_world *world, const char *address)
{
    return script_endpoint(&world->script, address);
}

static struct script_endpoint *endpoint_of(struct list *node)
{
    return CONTAINER_OF(node, struct script_endpoint, node);
}

void world_say_all(struct test_world *world, const struct script_line *line)
{
    struct list *all = &world->script.endpoints;
    struct list *node;

    for (node = all->next; node != all; node = node->next) {
        script_say(&world->script, endpoint_of(node), line);
    }
}

void world_kill(struct test_world *world, const char *address)
{
    struct script_endpoint *endpoint = world_endpoint(world, address);

    endpoint->dead = true;
    tulle__script_kill_connections(&world->script, endpoint);
    world_run(world);
}

void world_revive(struct test_world *world, const char *address)
{
    world_endpoint(world, address)->dead = false;
}

unsigned world_requests(const struct test_world *world, const char *address)
{
    const struct list *all = &world->script.endpoints;
    struct list *node;
    unsigned sum = 0;

    for (node = all->next; node != all; node = node->next) {
        if (!address || strcmp(endpoint_of(node)->address, address) == 0) {
            sum += endpoint_of(node)->requests;
        }
    }
    return sum;
}

const struct script_request *world_request(const struct test_world *world, size_t index)
{
    assert_true(index < world->script.request_count);
    return world->script.requests[index];
}

/* --- time --- */

void world_run(struct test_world *world)
{
    tulle__mesh_run(world->mesh);
}

/* Turns the clock to what is due next, if that is not after `end`, and runs it.
 * False: nothing is. */
static bool world_step(struct test_world *world, int64_t end)
{
    int64_t due = tulle__mesh_due(world->mesh);

    if (due > end) {
        return false;
    }
    world->now = due > world->now ? due : world->now;
    world_run(world);
    return true;
}

void world_advance(struct test_world *world, int64_t ns)
{
    int64_t end = world->now + ns;
    int steps = 0;

    world_run(world);
    while (world_step(world, end)) {
        assert_true(steps++ < STEPS_MAX);
    }
    world->now = end;
    world_run(world);
}

/* --- calls --- */

static void result_take_reply(struct world_result *result, const struct tulle_reply *reply)
{
    result->status = tulle_reply_status(reply);
    result->attempts = tulle_reply_attempts(reply);
    result->body_size = tulle_reply_body_size(reply);
    snprintf(result->endpoint, sizeof(result->endpoint), "%s", tulle_reply_endpoint(reply));
    snprintf(result->body, sizeof(result->body), "%s", tulle_reply_body(reply));
}

static void result_take_failure(struct world_result *result, const struct tulle_failure *failure)
{
    assert_non_null(failure);
    CHECK(failure->error == (int)result->error);
    result->failure = *failure;
    result->status = failure->status;
    result->attempts = failure->attempts;
    snprintf(result->endpoint, sizeof(result->endpoint), "%s", failure->endpoint);
}

static void call_is_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct world_call *here = user;
    struct world_result *result = &here->result;

    assert_ptr_equal(call, here->call);
    assert_int_equal(result->completions, 0);
    result->completions++;
    result->done = true;
    result->error = error;
    result->ended_at = here->world->now;
    if (error == TULLE_OK) {
        result_take_reply(result, tulle_call_reply(call));
    } else {
        result_take_failure(result, tulle_call_failure(call));
    }
    snprintf(result->story, sizeof(result->story), "%s", tulle_call_explain(call));
}

bool world_start(struct test_world *world, const struct tulle_request *request,
                 struct world_call *call)
{
    *call = (struct world_call){ .world = world };
    call->result.started_at = world->now;
    call->result.error = tulle_call_start(world->mesh, request, call_is_done, call, &call->call);
    return call->result.error == TULLE_OK;
}

bool world_start_get(struct test_world *world, const char *url, struct world_call *call)
{
    return world_start(world, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url }, call);
}

void world_finish(struct world_call *call)
{
    struct test_world *world = call->world;
    int64_t end = world->now + PATIENCE;
    int steps = 0;

    if (!call->call) {
        return;
    }
    world_run(world);
    while (!call->result.done && world_step(world, end)) {
        assert_true(steps++ < STEPS_MAX);
    }
    assert_true(call->result.done);
    assert_int_equal(call->result.completions, 1);
}

void world_call_free(struct world_call *call)
{
    if (call->call && !call->result.done) {
        tulle_call_cancel(call->call);
        world_finish(call);
    }
    tulle_call_free(call->call);
    call->call = NULL;
}

const struct world_result *world_send(struct test_world *world, const struct tulle_request *request)
{
    struct world_call call;

    if (world_start(world, request, &call)) {
        world_finish(&call);
    }
    world_call_free(&call);
    world->last = call.result;
    return &world->last;
}

const struct world_result *world_get(struct test_world *world, const char *url)
{
    return world_send(world,
                      &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url, .explain = 1 });
}

/* --- what one can see --- */

/* Each `name="value"` of the selector must stand among the line's labels. */
static bool labels_match(const char *labels, size_t size, const char *wanted)
{
    char line[4096], label[512];
    size_t length;

    snprintf(line, sizeof(line), "%.*s", (int)size, labels);
    while (*wanted && *wanted != '}') {
        length = strcspn(wanted, ",}");
        snprintf(label, sizeof(label), "%.*s", (int)length, wanted);
        if (!strstr(line, label)) {
            return false;
        }
        wanted += length + (wanted[length] == ',');
    }
    return true;
}

static double line_value(const char *line, const char *selector)
{
    size_t name = strcspn(selector, "{");
    size_t size = strcspn(line, "{ ");
    const char *end;

    if (size != name || strncmp(line, selector, name) != 0) {
        return 0;
    }
    if (line[size] == ' ') {
        return selector[name] && selector[name + 1] != '}' ? 0 : strtod(line + size, NULL);
    }
    end = strstr(line, "} ");
    if (!end || !labels_match(line + size, (size_t)(end - line) - size,
                              selector[name] ? selector + name + 1 : "")) {
        return 0;
    }
    return strtod(end + 2, NULL);
}

double world_metric(struct test_world *world, const char *selector)
{
    double sum = 0;
    char *text, *line, *rest;

    if (tulle_metrics(world->mesh, NULL, &text) != TULLE_OK) {
        assert_true(test_oom_hit());
        return 0;
    }
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        sum += line[0] == '#' ? 0 : line_value(line, selector);
    }
    tulle_text_free(text);
    return sum;
}

struct gate_search {
    const char *address;
    char *gate;
};

static void gate_of(const struct tulle_endpoint_state *state, void *user)
{
    struct gate_search *search = user;

    if (strcmp(state->address, search->address) == 0) {
        snprintf(search->gate, sizeof(state->gate), "%s", state->gate);
    }
}

const char *world_gate(struct test_world *world, const char *address)
{
    struct gate_search search = { address, world->gate };

    world->gate[0] = '\0';
    if (tulle_endpoints(world->mesh, gate_of, &search) != TULLE_OK) {
        assert_true(test_oom_hit());
    }
    return world->gate;
}
