/* SPDX-License-Identifier: Apache-2.0 */

/* More load than there is capacity for a while. Servers have a few workers and
 * a line; what stands in it too long was given up by its client, and costs as
 * much as what was not. Counted are good answers in time. */

#include <stdlib.h>

#include "base/macros.h"
#include "sim/whole.h"

enum { SECONDS_MAX = 250, BINS_A_SECOND = 4, BINS_MAX = SECONDS_MAX * BINS_A_SECOND };

#define BIN (NS_PER_S / BINS_A_SECOND)

struct crowd {
    struct whole whole; /* first */
    struct event arrival;
    int64_t crowd_from, crowd_to, end;
    double capacity; /* calls a second */
    double calls_at[BINS_MAX], good_at[BINS_MAX], ended_good_at[BINS_MAX];
};

static size_t bin_of(const struct crowd *model, int64_t when)
{
    size_t bin = (size_t)((when - model->whole.began) / BIN);

    return bin < BINS_MAX ? bin : BINS_MAX - 1;
}

static void crowd_serve(struct whole *whole, struct job *job)
{
    job->takes_ns =
        sim_exponential(&whole->sim.rand, param(whole->run->params, "work_s") * (double)NS_PER_S);
}

static void crowd_ended(struct whole *whole, const struct whole_end *end)
{
    struct crowd *model = (struct crowd *)whole;

    if (end->good) {
        model->good_at[bin_of(model, end->began)]++;
        model->ended_good_at[bin_of(model, end->now)]++;
    }
}

static double load_now(const struct crowd *model)
{
    bool crowded =
        model->whole.sim.now >= model->crowd_from && model->whole.sim.now < model->crowd_to;

    return param(model->whole.run->params, crowded ? "crowd_load" : "load") * model->capacity;
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct crowd *model = (struct crowd *)sim;

    if (sim->now >= model->end) {
        return;
    }
    model->calls_at[bin_of(model, sim->now)]++;
    whole_call(&model->whole, NULL);
    sim_at(sim, event, sim->now + sim_exponential(&sim->rand, (double)NS_PER_S / load_now(model)));
}

/* Of the calls of a bin, those that came to a good end. */
static double bin_share(const struct crowd *model, size_t bin)
{
    return model->calls_at[bin] > 0 ? model->good_at[bin] / model->calls_at[bin] : 1;
}

/* From the end of the crowd to the first bin after which no bin is bad. */
static double recovery_s(const struct crowd *model)
{
    double good_is = param(model->whole.run->params, "good_is");
    size_t first = bin_of(model, model->crowd_to), last = bin_of(model, model->end);

    while (last > first && bin_share(model, last - 1) >= good_is) {
        last--;
    }
    return (double)(last - first) * (double)BIN / (double)NS_PER_S;
}

static double good_per_s(const struct crowd *model, int64_t from, int64_t to)
{
    double good = 0;

    for (size_t bin = bin_of(model, from); bin < bin_of(model, to); bin++) {
        good += model->ended_good_at[bin];
    }
    return good * (double)NS_PER_S / (double)(to - from);
}

static void crowd_report(const struct crowd *model)
{
    const struct run *run = model->whole.run;
    int64_t last = param_ns(run->params, "end_s");
    double goodput[SECONDS_MAX] = { 0 };
    size_t seconds = bin_of(model, model->end) / BINS_A_SECOND;

    for (size_t i = 0; i < seconds * BINS_A_SECOND; i++) {
        goodput[i / BINS_A_SECOND] += model->ended_good_at[i] / model->capacity;
    }
    report(run, "goodput", good_per_s(model, model->crowd_from, model->crowd_to) / model->capacity);
    report(run, "goodput_after",
           good_per_s(model, model->end - last, model->end) / model->capacity);
    report(run, "recovery_s", recovery_s(model));
    report_series(run, "goodput_by_second", goodput, seconds);
}

static void servers_init(struct crowd *model)
{
    const struct params *params = model->whole.run->params;

    for (size_t i = 0; i < model->whole.server_count; i++) {
        model->whole.servers[i].workers = param_count(params, "workers");
        model->whole.servers[i].line_max = param_count(params, "line");
    }
    model->capacity =
        (double)model->whole.server_count * param(params, "workers") / param(params, "work_s");
}

void scenario_crowd(const struct run *run)
{
    struct crowd *model = sim_alloc(1, sizeof(*model));
    struct whole *whole = &model->whole;

    whole_open(whole, run, param_count(run->params, "servers"));
    servers_init(model);
    whole->serve = crowd_serve;
    whole->ended = crowd_ended;
    whole->deadline_ns = param_ns(run->params, "deadline_s");
    model->crowd_from = whole->began + param_ns(run->params, "crowd_from_s");
    model->crowd_to = whole->began + param_ns(run->params, "crowd_to_s");
    model->end = whole->began + param_ns(run->params, "seconds");
    model->arrival.fire = call_arrive;
    sim_at(&whole->sim, &model->arrival, whole->sim.now);
    whole_run(whole, model->end + 60 * NS_PER_S);
    crowd_report(model);
    whole_close(whole);
    free(model);
}
