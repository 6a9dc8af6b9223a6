/* SPDX-License-Identifier: Apache-2.0 */

/* Every server answers 503. Counted are the requests that reach them. */

#include <stdlib.h>

#include "base/macros.h"
#include "sim/whole.h"

enum { SECONDS_MAX = 600 };

struct outage {
    struct whole whole; /* first */
    struct event arrival;
    int64_t fails_from, fails_to, end;
    double calls, requests;
    double calls_at[SECONDS_MAX], requests_at[SECONDS_MAX];
};

static bool is_failing(const struct outage *model)
{
    return model->whole.sim.now >= model->fails_from && model->whole.sim.now < model->fails_to;
}

static size_t second_of(const struct outage *model)
{
    return (size_t)((model->whole.sim.now - model->whole.began) / NS_PER_S);
}

static void outage_serve(struct whole *whole, struct job *job)
{
    struct outage *model = (struct outage *)whole;
    bool fails = is_failing(model);

    job->takes_ns = param_ns(whole->run->params, fails ? "failure_s" : "latency_s");
    job->status = fails ? 503 : 200;
    model->requests += fails;
    model->requests_at[second_of(model)]++;
}

static void outage_ended(struct whole *whole, const struct whole_end *end)
{
    (void)whole, (void)end;
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct outage *model = (struct outage *)sim;

    if (sim->now >= model->end) {
        return;
    }
    model->calls += is_failing(model);
    model->calls_at[second_of(model)]++;
    whole_call(&model->whole, NULL);
    sim_at(sim, event,
           sim->now + sim_exponential(&sim->rand, (double)NS_PER_S / param(model->whole.run->params,
                                                                           "calls_per_s")));
}

static void outage_report(const struct outage *model)
{
    const struct run *run = model->whole.run;
    size_t seconds = (size_t)((model->end - model->whole.began) / NS_PER_S);
    double reserve = param(run->params, "reserve_per_s"), share = param(run->params, "share");
    double bound = (1 + share) * model->calls + reserve * (param(run->params, "fails_to_s") -
                                                           param(run->params, "fails_from_s"));
    double one_reserve = reserve * param(run->params, "reserve_s");
    double ratio[SECONDS_MAX];

    for (size_t i = 0; i < seconds; i++) {
        ratio[i] = model->calls_at[i] > 0 ? model->requests_at[i] / model->calls_at[i] : 1;
    }
    report(run, "amplification", model->requests / model->calls);
    report(run, "of_bound", model->requests / (bound + one_reserve));
    report_series(run, "amplification_by_second", ratio, seconds);
}

void scenario_outage(const struct run *run)
{
    struct outage *model = sim_alloc(1, sizeof(*model));
    struct whole *whole = &model->whole;

    whole_open(whole, run, param_count(run->params, "servers"));
    whole->serve = outage_serve;
    whole->ended = outage_ended;
    model->fails_from = whole->began + param_ns(run->params, "fails_from_s");
    model->fails_to = whole->began + param_ns(run->params, "fails_to_s");
    model->end = whole->began + param_ns(run->params, "seconds");
    model->arrival.fire = call_arrive;
    sim_at(&whole->sim, &model->arrival, whole->sim.now);
    whole_run(whole, model->end + 60 * NS_PER_S);
    outage_report(model);
    whole_close(whole);
    free(model);
}
