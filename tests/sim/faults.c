/* SPDX-License-Identifier: Apache-2.0 */

/* Some of the servers cannot be used for a while: all the time (a partition), or
 * again and again (flapping); they hang, or they answer 503. Counted are good
 * answers in time, and the requests that are wasted on them. */

#include <stdlib.h>

#include "base/list.h"
#include "sim/whole.h"

enum { SECONDS_MAX = 600 };

struct faults {
    struct whole whole; /* first */
    struct event arrival;
    int64_t from, to, end;
    double calls, answered, good, requests, wasted;
    double calls_at[SECONDS_MAX], good_at[SECONDS_MAX];
    double requests_at[SECONDS_MAX], wasted_at[SECONDS_MAX];
};

static size_t second_of(const struct faults *model, int64_t when)
{
    return (size_t)((when - model->whole.began) / NS_PER_S);
}

static bool is_trouble(const struct faults *model, int64_t now)
{
    return now >= model->from && now < model->to;
}

static bool is_faulty(const struct faults *model, const struct whole_server *server)
{
    const struct params *params = model->whole.run->params;
    int64_t now = model->whole.sim.now, down = param_ns(params, "down_s");
    int64_t period = down + param_ns(params, "up_s");

    if (!is_trouble(model, now) || server->index >= param_count(params, "faulty")) {
        return false;
    }
    /* Each in its own time. */
    now += (int64_t)server->index * period / (int64_t)param_count(params, "faulty");
    return (now - model->from) % period < down;
}

static void faults_serve(struct whole *whole, struct job *job)
{
    struct faults *model = (struct faults *)whole;
    const struct params *params = whole->run->params;
    bool faulty = is_faulty(model, job->server), hangs = param(params, "hangs") > 0;

    job->takes_ns = (int64_t)(sim_normal(&whole->sim.rand, param(params, "latency_s"),
                                         param(params, "latency_s") / 10) *
                              (double)NS_PER_S);
    if (faulty) {
        job->takes_ns = hangs ? NEVER : NS_PER_MS;
        job->status = 503;
    }
    model->requests += is_trouble(model, whole->sim.now);
    model->wasted += faulty;
    if (whole->sim.now < model->end) {
        model->requests_at[second_of(model, whole->sim.now)]++;
        model->wasted_at[second_of(model, whole->sim.now)] += faulty;
    }
}

static void faults_ended(struct whole *whole, const struct whole_end *end)
{
    struct faults *model = (struct faults *)whole;

    model->answered += end->good && is_trouble(model, end->began);
    if (!end->good || end->now - end->began > param_ns(whole->run->params, "within_s")) {
        return;
    }
    model->good += is_trouble(model, end->began);
    model->good_at[second_of(model, end->began)]++;
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct faults *model = (struct faults *)sim;

    if (sim->now >= model->end) {
        return;
    }
    model->calls += is_trouble(model, sim->now);
    model->calls_at[second_of(model, sim->now)]++;
    whole_call(&model->whole, NULL);
    sim_at(sim, event,
           sim->now + sim_exponential(&sim->rand, (double)NS_PER_S / param(model->whole.run->params,
                                                                           "calls_per_s")));
}

static void faults_report(const struct faults *model)
{
    const struct run *run = model->whole.run;
    size_t seconds = second_of(model, model->end);
    double share[SECONDS_MAX], wasted[SECONDS_MAX];

    for (size_t i = 0; i < seconds; i++) {
        share[i] = model->calls_at[i] > 0 ? model->good_at[i] / model->calls_at[i] : 1;
        wasted[i] = model->requests_at[i] > 0 ? model->wasted_at[i] / model->requests_at[i] : 0;
    }
    report(run, "answered", model->answered / model->calls);
    report(run, "good", model->good / model->calls);
    report(run, "wasted", model->wasted / model->requests);
    report_series(run, "good_by_second", share, seconds);
    report_series(run, "wasted_by_second", wasted, seconds);
}

void scenario_faults(const struct run *run)
{
    struct faults *model = sim_alloc(1, sizeof(*model));
    struct whole *whole = &model->whole;

    whole_open(whole, run, param_count(run->params, "servers"));
    whole->serve = faults_serve;
    whole->ended = faults_ended;
    whole->deadline_ns = param_ns(run->params, "deadline_s");
    model->from = whole->began + param_ns(run->params, "trouble_from_s");
    model->to = whole->began + param_ns(run->params, "trouble_to_s");
    model->end = whole->began + param_ns(run->params, "seconds");
    model->arrival.fire = call_arrive;
    sim_at(&whole->sim, &model->arrival, whole->sim.now);
    whole_run(whole, model->end + 10 * NS_PER_S);
    faults_report(model);
    whole_close(whole);
    free(model);
}
