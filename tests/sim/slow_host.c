/* SPDX-License-Identifier: Apache-2.0 */

/* Buoyant's slow host: of some backends one answers after two seconds for half
 * of the time. Counted are the calls that are answered within a second. */

#include <stdlib.h>

#include "base/macros.h"
#include "sim/fleet.h"
#include "sim/scenario.h"

enum { SECONDS_MAX = 600 };

struct slow_host {
    struct sim sim; /* first */
    const struct run *run;
    struct fleet fleet;
    struct event arrival;
    int64_t began, slow_from, slow_to, end;
    double calls, within, slow_share;
    double calls_at[SECONDS_MAX], within_at[SECONDS_MAX];
};

struct slow_call {
    struct event answer;
    struct view *view;
    int64_t began;
};

static void call_answer(struct event *event, struct sim *sim)
{
    struct slow_call *call = CONTAINER_OF(event, struct slow_call, answer);
    struct slow_host *model = (struct slow_host *)sim;
    int64_t took = sim->now - call->began;
    size_t second = (size_t)((call->began - model->began) / NS_PER_S);

    fleet_end(&model->fleet, call->view, call->began, false, sim->now);
    model->calls++;
    model->calls_at[second]++;
    if (took <= param_ns(model->run->params, "within_s")) {
        model->within++;
        model->within_at[second]++;
    }
    free(call);
}

static int64_t latency_of(struct slow_host *model, const struct view *view)
{
    const struct params *params = model->run->params;
    int64_t now = model->sim.now;

    if (fleet_server(view) == 0 && now >= model->slow_from && now < model->slow_to) {
        model->slow_share++;
        return param_ns(params, "slow_latency_s");
    }
    return (int64_t)(sim_normal(&model->sim.rand, param(params, "latency_s"),
                                param(params, "latency_deviation_s")) *
                     (double)NS_PER_S);
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct slow_host *model = (struct slow_host *)sim;
    struct slow_call *call = sim_alloc(1, sizeof(*call));

    call->answer.fire = call_answer;
    call->began = sim->now;
    call->view = fleet_pick(&model->fleet, sim->now);
    fleet_begin(call->view);
    sim_at(sim, &call->answer, sim->now + latency_of(model, call->view));
    if (sim->now < model->end) {
        sim_at(sim, event,
               sim->now + sim_exponential(&sim->rand, (double)NS_PER_S / param(model->run->params,
                                                                               "calls_per_s")));
    }
}

static void slow_host_report(struct slow_host *model)
{
    size_t seconds = (size_t)((model->end - model->began) / NS_PER_S);
    double share[SECONDS_MAX];

    for (size_t i = 0; i < seconds; i++) {
        share[i] = model->calls_at[i] > 0 ? model->within_at[i] / model->calls_at[i] : 1;
    }
    report(model->run, "within", model->within / model->calls);
    report(model->run, "calls_to_slow_host", model->slow_share);
    report_series(model->run, "within_by_second", share, seconds);
}

void scenario_slow_host(const struct run *run)
{
    struct slow_host *model = sim_alloc(1, sizeof(*model));

    sim_init(&model->sim, run->seed);
    model->run = run;
    model->began = model->sim.now;
    model->slow_from = model->began + param_ns(run->params, "slow_from_s");
    model->slow_to = model->began + param_ns(run->params, "slow_to_s");
    model->end = model->began + param_ns(run->params, "seconds");
    fleet_open(&model->fleet,
               &(struct fleet_spec){ .kind = fleet_kind(run->policy),
                                     .servers = param_count(run->params, "backends"),
                                     .seed = rand_next(&model->sim.rand) },
               model->sim.now);
    model->arrival.fire = call_arrive;
    sim_at(&model->sim, &model->arrival, model->sim.now);
    sim_run(&model->sim, NEVER - 1);
    slow_host_report(model);
    fleet_close(&model->fleet);
    sim_fini(&model->sim);
    free(model);
}
