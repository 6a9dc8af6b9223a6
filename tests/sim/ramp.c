/* SPDX-License-Identifier: Apache-2.0 */

/* Prequal's load ramp: clients and replicas on shared machines, load growing in
 * nine steps from under to well over what the replicas are allotted. Some
 * machines are full, and their replicas have no more than their allotment; the
 * others leave something, which changes. Who spreads load evenly breaks at the
 * allotment; who looks where there is room goes on. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balance/prequal.h"
#include "base/list.h"
#include "sim/fleet.h"
#include "sim/replica.h"
#include "sim/scenario.h"

enum { STEPS = 9, LATENCIES = 1400 };

/* Of the calls of a step, that miss the deadline: p99 is at it. */
#define LOST_SHARE 0.01
#define NO_MISS    9.0

struct ramp {
    struct sim sim; /* first */
    const struct run *run;
    bool probes, piggyback, weighted;
    size_t client_count, replica_count;
    struct fleet *clients;
    struct replica *replicas;
    struct event arrival, second, antagonists;
    struct work *spare; /* works that are over, by `view` */
    int64_t began, step_ns, deadline;
    size_t full; /* replicas on machines that are full: the first ones */
    double work_ns, qps_at_one;
    double loads[STEPS], calls[STEPS], missed[STEPS];
    unsigned latencies[STEPS][LATENCIES]; /* each bin is 1 % wider than the one before */
};

static size_t step_of(const struct ramp *model, int64_t when)
{
    size_t step = (size_t)((when - model->began) / model->step_ns);

    return when < model->began ? STEPS : step;
}

static unsigned bin_of(int64_t took)
{
    double bin = took > NS_PER_MS ? log((double)took / (double)NS_PER_MS) / log(1.01) : 0;

    return bin < LATENCIES - 1 ? (unsigned)bin : LATENCIES - 1;
}

static void ramp_count(struct ramp *model, const struct work *work)
{
    size_t step = step_of(model, work->began);
    int64_t took = model->sim.now - work->began;

    if (step >= STEPS) {
        return;
    }
    model->calls[step]++;
    model->missed[step] += took > model->deadline;
    model->latencies[step][bin_of(took < model->deadline ? took : model->deadline)]++;
}

/* More load will not make it better than this: the rest need not be played. */
static bool ramp_is_lost(const struct ramp *model)
{
    size_t step = step_of(model, model->sim.now);

    return step > 0 && step < STEPS &&
           model->missed[step - 1] > model->calls[step - 1] * LOST_SHARE;
}

static bool ramp_is_over(const struct ramp *model)
{
    return model->sim.now >= model->began + STEPS * model->step_ns || ramp_is_lost(model);
}

static void work_free(struct ramp *model, struct work *work)
{
    work->view = (struct view *)(void *)model->spare;
    model->spare = work;
}

static struct work *work_new(struct ramp *model)
{
    struct work *work = model->spare;

    if (work == NULL) {
        return sim_alloc(1, sizeof(*work));
    }
    model->spare = (struct work *)(void *)work->view;
    return work;
}

static void work_finished(struct replica *replica, struct sim *sim, struct work *work)
{
    struct ramp *model = (struct ramp *)sim;
    struct fleet *client = &model->clients[work->client];

    if (model->weighted || model->piggyback) {
        struct load load = model->weighted ? replica->load : replica_load(replica);

        tulle__peer_report(work->view->peer, &load, sim->now);
    }
    fleet_end(client, work->view, work->began, false, sim->now);
    ramp_count(model, work);
    work_free(model, work);
}

/* The answers are there before this client's next call. */
static void client_probe(struct ramp *model, struct fleet *client, const struct view *picked)
{
    struct pick pick = { .rand = &client->rand, .now = model->sim.now };
    struct view *targets[PREQUAL_TARGETS_MAX];
    size_t count = tulle__prequal_targets(client->live, &pick, picked, targets);

    for (size_t i = 0; i < count; i++) {
        struct load load = replica_load(&model->replicas[fleet_server(targets[i])]);

        tulle__peer_report(targets[i]->peer, &load, model->sim.now);
        tulle__prequal_hear(client->live, &pick, targets[i]);
    }
}

static int64_t draw_work(struct ramp *model)
{
    double work;

    do {
        work = sim_normal(&model->sim.rand, model->work_ns, model->work_ns);
    } while (work <= 0);
    return (int64_t)work;
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct ramp *model = (struct ramp *)sim;
    size_t step = step_of(model, sim->now);
    struct work *work;
    struct fleet *client;

    if (ramp_is_over(model)) {
        return;
    }
    work = work_new(model);
    work->client = rand_below(&sim->rand, (uint32_t)model->client_count);
    client = &model->clients[work->client];
    work->began = sim->now;
    work->view = fleet_pick(client, sim->now);
    fleet_begin(work->view);
    if (model->probes) {
        client_probe(model, client, work->view);
    }
    replica_add(&model->replicas[fleet_server(work->view)], sim, work, draw_work(model));
    sim_at(sim, event,
           sim->now + sim_exponential(&sim->rand, (double)NS_PER_S / model->qps_at_one /
                                                      model->loads[step < STEPS ? step : 0]));
}

static void second_over(struct event *event, struct sim *sim)
{
    struct ramp *model = (struct ramp *)sim;

    for (size_t i = 0; i < model->replica_count; i++) {
        replica_second(&model->replicas[i], sim);
    }
    for (size_t i = 0; i < model->client_count; i++) {
        fleet_tend(&model->clients[i], sim->now);
    }
    if (!ramp_is_over(model)) {
        sim_at(sim, event, sim->now + NS_PER_S);
    }
}

static double draw_cores(struct ramp *model)
{
    const struct params *params = model->run->params;
    double least = param(params, "spare_least"), most = param(params, "spare_most");

    return param(params, "own_cores") *
           (1 + least + (most - least) * sim_uniform(&model->sim.rand));
}

/* One of the machines that are not full changes. */
static void antagonists_move(struct event *event, struct sim *sim)
{
    struct ramp *model = (struct ramp *)sim;
    size_t others = model->replica_count - model->full;
    size_t i = model->full + rand_below(&sim->rand, (uint32_t)others);

    replica_set_cores(&model->replicas[i], sim, draw_cores(model));
    if (!ramp_is_over(model)) {
        sim_at(sim, event,
               sim->now + sim_exponential(&sim->rand, param(model->run->params, "antagonist_s") *
                                                          (double)NS_PER_S / (double)others));
    }
}

/* A step that was not played is past the deadline. */
static double quantile_s(const struct ramp *model, size_t step, double part)
{
    double left = model->calls[step] * (1 - part);
    unsigned bin = LATENCIES;

    if (model->calls[step] == 0) {
        return (double)model->deadline / (double)NS_PER_S;
    }
    while (bin > 0 && left >= 0) {
        left -= model->latencies[step][--bin];
    }
    return bin < bin_of(model->deadline) ? pow(1.01, bin + 0.5) / 1000
                                         : (double)model->deadline / (double)NS_PER_S;
}

static void ramp_report(const struct ramp *model)
{
    double first = 0, tail[STEPS];

    for (size_t step = 0; step < STEPS; step++) {
        tail[step] = quantile_s(model, step, 0.999);
        if (first == 0 && model->missed[step] > 0) {
            first = model->loads[step];
        }
    }
    report(model->run, "first_miss", first > 0 ? first : NO_MISS);
    report_series(model->run, "tail_by_step", tail, STEPS);
}

/* Nine steps, each a ninth of ten over the one before: 0.75 to 1.74. */
static void ramp_init(struct ramp *model, const struct run *run)
{
    double own = param(run->params, "own_cores");

    sim_init(&model->sim, run->seed);
    model->run = run;
    model->weighted = run_is(run, "weighted");
    model->probes = run_is(run, "prequal_probe");
    model->piggyback = run_is(run, "prequal");
    model->client_count = param_count(run->params, "clients");
    model->replica_count = param_count(run->params, "servers");
    model->full = (size_t)(param(run->params, "full_machines") * (double)model->replica_count);
    model->deadline = param_ns(run->params, "deadline_s");
    model->step_ns = param_ns(run->params, "step_s");
    model->began = model->sim.now + param_ns(run->params, "warm_up_s");
    model->work_ns = param(run->params, "work_s") * (double)NS_PER_S;
    /* A normal distribution of equal mean and deviation, cut at 0, has this mean. */
    model->qps_at_one =
        (double)model->replica_count * own * (double)NS_PER_S / (model->work_ns * 1.2876);
    for (size_t step = 0; step < STEPS; step++) {
        model->loads[step] = param(run->params, "load_from") * pow(10.0 / 9, (double)step);
    }
}

static void ramp_open(struct ramp *model)
{
    double own = param(model->run->params, "own_cores");

    model->clients = sim_alloc(model->client_count, sizeof(*model->clients));
    model->replicas = sim_alloc(model->replica_count, sizeof(*model->replicas));
    for (size_t i = 0; i < model->client_count; i++) {
        fleet_open(
            &model->clients[i],
            &(struct fleet_spec){ .kind = fleet_kind(model->run->policy),
                                  .reports = model->probes ? PREQUAL_PROBE : PREQUAL_PIGGYBACK,
                                  .servers = model->replica_count,
                                  .seed = rand_next(&model->sim.rand) },
            model->sim.now);
    }
    for (size_t i = 0; i < model->replica_count; i++) {
        replica_init(&model->replicas[i], own, i < model->full ? own : draw_cores(model),
                     model->sim.now);
        model->replicas[i].finished = work_finished;
    }
    model->arrival.fire = call_arrive;
    model->second.fire = second_over;
    model->antagonists.fire = antagonists_move;
    sim_at(&model->sim, &model->arrival, model->sim.now);
    sim_at(&model->sim, &model->second, model->sim.now + NS_PER_S);
    sim_at(&model->sim, &model->antagonists, model->sim.now);
}

static void ramp_close(struct ramp *model)
{
    for (size_t i = 0; i < model->client_count; i++) {
        fleet_close(&model->clients[i]);
    }
    for (size_t i = 0; i < model->replica_count; i++) {
        replica_fini(&model->replicas[i]);
    }
    while (model->spare != NULL) {
        free(work_new(model));
    }
    free(model->clients);
    free(model->replicas);
    sim_fini(&model->sim);
    free(model);
}

void scenario_ramp(const struct run *run)
{
    struct ramp *model = sim_alloc(1, sizeof(*model));

    ramp_init(model, run);
    ramp_open(model);
    sim_run(&model->sim, NEVER - 1);
    ramp_report(model);
    ramp_close(model);
}
