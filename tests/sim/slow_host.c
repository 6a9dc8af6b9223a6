/* SPDX-License-Identifier: Apache-2.0 */

/* Buoyant's slow host: of some backends one answers after two seconds for half
 * of the time. Counted are the calls that are answered within a second. */

#include <stdlib.h>

#include "base/macros.h"
#include "sim/odd_one.h"

struct slow_host {
    struct odd_one odd; /* first */
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
    size_t second = odd_one_second(&model->odd, call->began);

    fleet_end(&model->odd.fleet, call->view, call->began, false, sim->now);
    model->calls++;
    model->calls_at[second]++;
    if (took <= param_ns(model->odd.run->params, "within_s")) {
        model->within++;
        model->within_at[second]++;
    }
    free(call);
}

static int64_t latency_of(struct slow_host *model, const struct view *view)
{
    const struct params *params = model->odd.run->params;

    if (fleet_server(view) == 0 && odd_one_is_odd(&model->odd)) {
        model->slow_share++;
        return param_ns(params, "slow_latency_s");
    }
    return (int64_t)(sim_normal(&model->odd.sim.rand, param(params, "latency_s"),
                                param(params, "latency_deviation_s")) *
                     (double)NS_PER_S);
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct slow_host *model = (struct slow_host *)sim;
    struct slow_call *call = sim_alloc(1, sizeof(*call));

    (void)event;
    call->answer.fire = call_answer;
    call->began = sim->now;
    call->view = fleet_pick(&model->odd.fleet, sim->now);
    fleet_begin(call->view);
    sim_at(sim, &call->answer, sim->now + latency_of(model, call->view));
    odd_one_next(&model->odd);
}

static void slow_host_report(const struct slow_host *model)
{
    size_t seconds = odd_one_seconds(&model->odd);
    double share[SECONDS_MAX];

    for (size_t i = 0; i < seconds; i++) {
        share[i] = model->calls_at[i] > 0 ? model->within_at[i] / model->calls_at[i] : 1;
    }
    report(model->odd.run, "within", model->within / model->calls);
    report(model->odd.run, "calls_to_slow_host", model->slow_share);
    report_series(model->odd.run, "within_by_second", share, seconds);
}

void scenario_slow_host(const struct run *run)
{
    struct slow_host *model = sim_alloc(1, sizeof(*model));

    odd_one_run(&model->odd, run, "slow_from_s", "slow_to_s", call_arrive);
    slow_host_report(model);
    odd_one_free(&model->odd);
}
