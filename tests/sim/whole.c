/* SPDX-License-Identifier: Apache-2.0 */

#include "sim/whole.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/macros.h"
#include "core/mesh.h"

enum { YAML_SIZE = 16384 };

#define WALL_OFFSET (INT64_C(1800000000) * NS_PER_S)

static int64_t read_now(void *user)
{
    return ((struct whole *)user)->sim.now;
}

static int64_t read_wall(void *user)
{
    return ((struct whole *)user)->sim.now + WALL_OFFSET;
}

static uint64_t next_seed(void *user)
{
    return ((struct whole *)user)->seeds++;
}

static void hear_log(void *user, int32_t level, const char *area, const char *text)
{
    (void)user;
    if (level <= TULLE_LEVEL_ERROR) {
        sim_die(area, text);
    }
}

static void yaml_write(char yaml[YAML_SIZE], const struct run *run, size_t servers)
{
    size_t at = (size_t)snprintf(yaml, YAML_SIZE,
                                 "apiVersion: networking.istio.io/v1\n"
                                 "kind: ServiceEntry\n"
                                 "metadata: {name: shop}\n"
                                 "spec:\n"
                                 "  hosts: [shop]\n"
                                 "  location: MESH_INTERNAL\n"
                                 "  resolution: STATIC\n"
                                 "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
                                 "  endpoints:\n");

    for (size_t i = 1; i <= servers; i++) {
        at += (size_t)snprintf(yaml + at, YAML_SIZE - at, "  - {address: 10.0.0.%zu}\n", i);
    }
    run_mesh(run, yaml + at, YAML_SIZE - at);
}

static void mesh_open(struct whole *whole)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .log = hear_log };
    struct tulle_config *config;
    char yaml[YAML_SIZE];
    enum tulle_error error = tulle_config_new(&config);

    yaml_write(yaml, whole->run, whole->server_count);
    if (error == TULLE_OK) {
        error = tulle_config_add_yaml(config, "mesh.yaml", yaml);
        options.built = config;
    }
    if (error == TULLE_OK) {
        error = tulle__open_on(
            &options, &(struct mesh_setup){ .world = &whole->world, .transport = &whole->type },
            &whole->mesh);
    }
    if (error != TULLE_OK) {
        sim_die(tulle_error_text(error), yaml);
    }
    tulle_config_free(config);
    tulle__mesh_run(whole->mesh);
}

void whole_open(struct whole *whole, const struct run *run, size_t servers)
{
    sim_init(&whole->sim, run->seed);
    whole->run = run;
    whole->began = whole->sim.now;
    whole->seeds = run->seed << 20;
    whole->type = sim_transport;
    whole->world = (struct world){
        .now = read_now, .wall = read_wall, .seed = next_seed, .user = whole, .is_virtual = true
    };
    list_init(&whole->jobs);
    whole->server_count = servers;
    whole->servers = sim_alloc(servers, sizeof(*whole->servers));
    for (size_t i = 0; i < servers; i++) {
        whole->servers[i].index = i;
        whole->servers[i].line_max = SIZE_MAX;
        whole->servers[i].workers = SIZE_MAX;
        list_init(&whole->servers[i].line);
    }
    mesh_open(whole);
}

void whole_close(struct whole *whole)
{
    sim_jobs_discard(whole);
    if (tulle_close(whole->mesh) != TULLE_OK) {
        sim_die("the mesh", "does not close");
    }
    sim_fini(&whole->sim);
    free(whole->servers);
}

/* What is due first goes first; at one instant, the mesh. */
void whole_run(struct whole *whole, int64_t end)
{
    for (;;) {
        int64_t mesh_due = tulle__mesh_due(whole->mesh);
        int64_t own_due = sim_due(&whole->sim);
        int64_t due = mesh_due < own_due ? mesh_due : own_due;

        if (due > end) {
            break;
        }
        whole->sim.now = due > whole->sim.now ? due : whole->sim.now;
        if (mesh_due <= own_due) {
            tulle__mesh_run(whole->mesh);
        } else {
            sim_run(&whole->sim, whole->sim.now);
        }
    }
    whole->sim.now = end;
}

struct whole_call {
    struct whole *whole;
    int64_t began;
    struct tulle_call *call;
    void *user;
};

static void call_is_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct whole_call *here = user;
    struct whole *whole = here->whole;
    struct whole_end end = {
        .began = here->began, .now = whole->sim.now, .error = error, .user = here->user
    };

    if (error == TULLE_OK) {
        end.status = tulle_reply_status(tulle_call_reply(call));
        end.attempts = tulle_reply_attempts(tulle_call_reply(call));
        end.good = end.status < 500;
    } else {
        const struct tulle_failure *failure = tulle_call_failure(call);

        end.status = failure->status;
        end.attempts = failure->attempts;
    }
    whole->ended(whole, &end);
    tulle_call_free(call);
    free(here);
}

void whole_call(struct whole *whole, void *user)
{
    struct whole_call *here = sim_alloc(1, sizeof(*here));
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/",
                                           .deadline_ns = whole->deadline_ns };

    here->whole = whole;
    here->user = user;
    here->began = whole->sim.now;
    if (tulle_call_start(whole->mesh, &request, call_is_done, here, &here->call) != TULLE_OK) {
        sim_die("a call", "does not start");
    }
}
