/* SPDX-License-Identifier: Apache-2.0 */

/* One endpoint begins to fail all of its calls or some, much faster than others
 * answer. Counted is its share of the calls from then on.
 *
 * The policy "peak_ewma_naive" takes a failure's time for a latency; it exists
 * here alone. */

#include <stdlib.h>

#include "base/macros.h"
#include "sim/fleet.h"
#include "sim/scenario.h"

enum { SECONDS_MAX = 600 };

struct fast_failing {
    struct sim sim; /* first */
    const struct run *run;
    struct fleet fleet;
    struct event arrival;
    int64_t began, failing_from, failing_to, end;
    bool naive;
    double calls, at_failing;
    double calls_at[SECONDS_MAX], failing_at[SECONDS_MAX];
};

struct failing_call {
    struct event answer;
    struct view *view;
    int64_t began;
    bool fails;
};

static void call_answer(struct event *event, struct sim *sim)
{
    struct failing_call *call = CONTAINER_OF(event, struct failing_call, answer);
    struct fast_failing *model = (struct fast_failing *)sim;

    fleet_end(&model->fleet, call->view, call->began, call->fails && !model->naive, sim->now);
    free(call);
}

static bool is_failing(const struct fast_failing *model)
{
    return model->sim.now >= model->failing_from && model->sim.now < model->failing_to;
}

static void call_count(struct fast_failing *model, bool at_first)
{
    size_t second = (size_t)((model->sim.now - model->began) / NS_PER_S);

    model->calls_at[second]++;
    model->failing_at[second] += at_first;
    if (is_failing(model)) {
        model->calls++;
        model->at_failing += at_first;
    }
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct fast_failing *model = (struct fast_failing *)sim;
    const struct params *params = model->run->params;
    struct failing_call *call = sim_alloc(1, sizeof(*call));
    double mean = param(params, "latency_s"), deviation = param(params, "latency_deviation_s");
    bool at_first;

    call->answer.fire = call_answer;
    call->began = sim->now;
    call->view = fleet_pick(&model->fleet, sim->now);
    at_first = fleet_server(call->view) == 0;
    call->fails =
        at_first && is_failing(model) && sim_uniform(&sim->rand) <= param(params, "failing_share");
    fleet_begin(call->view);
    call_count(model, at_first);
    if (call->fails) {
        mean = param(params, "failure_s");
        deviation = mean / 10;
    }
    sim_at(sim, &call->answer,
           sim->now + (int64_t)(sim_normal(&sim->rand, mean, deviation) * (double)NS_PER_S));
    if (sim->now < model->end) {
        sim_at(sim, event,
               sim->now +
                   sim_exponential(&sim->rand, (double)NS_PER_S / param(params, "calls_per_s")));
    }
}

static void fast_failing_report(const struct fast_failing *model)
{
    size_t seconds = (size_t)((model->end - model->began) / NS_PER_S);
    size_t from = (size_t)((model->failing_from - model->began) / NS_PER_S);
    size_t to = (size_t)((model->failing_to - model->began) / NS_PER_S);
    double share[SECONDS_MAX], most = 0;

    for (size_t i = 0; i < seconds; i++) {
        share[i] = model->calls_at[i] > 0 ? model->failing_at[i] / model->calls_at[i] : 0;
        most = i >= from && i < to && share[i] > most ? share[i] : most;
    }
    report(model->run, "share", model->at_failing / model->calls);
    report(model->run, "share_most", most);
    report_series(model->run, "share_by_second", share, seconds);
}

void scenario_fast_failing(const struct run *run)
{
    struct fast_failing *model = sim_alloc(1, sizeof(*model));

    sim_init(&model->sim, run->seed);
    model->run = run;
    model->naive = run_is(run, "peak_ewma_naive");
    model->began = model->sim.now;
    model->failing_from = model->began + param_ns(run->params, "failing_from_s");
    model->failing_to = model->began + param_ns(run->params, "failing_to_s");
    model->end = model->began + param_ns(run->params, "seconds");
    fleet_open(&model->fleet,
               &(struct fleet_spec){ .kind = fleet_kind(run->policy),
                                     .servers = param_count(run->params, "backends"),
                                     .seed = rand_next(&model->sim.rand) },
               model->sim.now);
    model->arrival.fire = call_arrive;
    sim_at(&model->sim, &model->arrival, model->sim.now);
    sim_run(&model->sim, NEVER - 1);
    fast_failing_report(model);
    fleet_close(&model->fleet);
    sim_fini(&model->sim);
    free(model);
}
