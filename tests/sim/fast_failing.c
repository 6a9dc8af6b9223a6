/* SPDX-License-Identifier: Apache-2.0 */

/* One endpoint begins to fail all of its calls or some, much faster than others
 * answer. Counted is its share of the calls from then on.
 *
 * The policy "peak_ewma_naive" takes a failure's time for a latency; it exists
 * here alone. */

#include <stdlib.h>

#include "base/macros.h"
#include "sim/odd_one.h"

struct fast_failing {
    struct odd_one odd; /* first */
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

    fleet_end(&model->odd.fleet, call->view, call->began, call->fails && !model->naive, sim->now);
    free(call);
}

static void call_count(struct fast_failing *model, bool at_first)
{
    size_t second = odd_one_second(&model->odd, model->odd.sim.now);

    model->calls_at[second]++;
    model->failing_at[second] += at_first;
    if (odd_one_is_odd(&model->odd)) {
        model->calls++;
        model->at_failing += at_first;
    }
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct fast_failing *model = (struct fast_failing *)sim;
    const struct params *params = model->odd.run->params;
    struct failing_call *call = sim_alloc(1, sizeof(*call));
    double mean = param(params, "latency_s"), deviation = param(params, "latency_deviation_s");
    bool at_first;

    (void)event;
    call->answer.fire = call_answer;
    call->began = sim->now;
    call->view = fleet_pick(&model->odd.fleet, sim->now);
    at_first = fleet_server(call->view) == 0;
    call->fails = at_first && odd_one_is_odd(&model->odd) &&
                  sim_uniform(&sim->rand) <= param(params, "failing_share");
    fleet_begin(call->view);
    call_count(model, at_first);
    if (call->fails) {
        mean = param(params, "failure_s");
        deviation = mean / 10;
    }
    sim_at(sim, &call->answer,
           sim->now + (int64_t)(sim_normal(&sim->rand, mean, deviation) * (double)NS_PER_S));
    odd_one_next(&model->odd);
}

static void fast_failing_report(const struct fast_failing *model)
{
    size_t seconds = odd_one_seconds(&model->odd);
    size_t from = odd_one_second(&model->odd, model->odd.odd_from);
    size_t to = odd_one_second(&model->odd, model->odd.odd_to);
    double share[SECONDS_MAX], most = 0;

    for (size_t i = 0; i < seconds; i++) {
        share[i] = model->calls_at[i] > 0 ? model->failing_at[i] / model->calls_at[i] : 0;
        most = i >= from && i < to && share[i] > most ? share[i] : most;
    }
    report(model->odd.run, "share", model->at_failing / model->calls);
    report(model->odd.run, "share_most", most);
    report_series(model->odd.run, "share_by_second", share, seconds);
}

void scenario_fast_failing(const struct run *run)
{
    struct fast_failing *model = sim_alloc(1, sizeof(*model));

    model->naive = run_is(run, "peak_ewma_naive");
    odd_one_run(&model->odd, run, "failing_from_s", "failing_to_s", call_arrive);
    fast_failing_report(model);
    odd_one_free(&model->odd);
}
