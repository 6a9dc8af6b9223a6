/* SPDX-License-Identifier: Apache-2.0 */

/* The tail at scale: a read wants keys of many servers and is as slow as the
 * slowest of its requests. Any of the servers can answer any of them. Most
 * requests take milliseconds; now and then one takes long, for no fault of its
 * own. Counted are the quantiles of whole reads, and the requests. */

#include <math.h>
#include <stdlib.h>

#include "base/list.h"
#include "sim/whole.h"

enum { QUANTILES = 7 };

static const double quantiles[QUANTILES] = { 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999 };

struct tail {
    struct whole whole; /* first */
    struct event arrival;
    size_t requests_a_read, begun, over, wanted, warm_up;
    double *took_ms; /* of each read */
    uint64_t asked;
};

struct read {
    size_t left;
    bool counts;
    int64_t began;
};

static void tail_serve(struct whole *whole, struct job *job)
{
    const struct params *params = whole->run->params;
    double usual =
        param(params, "median_s") * exp(sim_normal(&whole->sim.rand, 0, param(params, "sigma")));
    bool slow = sim_uniform(&whole->sim.rand) <= param(params, "slow_share");

    job->takes_ns = (int64_t)(usual * (double)NS_PER_S);
    if (slow) {
        job->takes_ns +=
            sim_exponential(&whole->sim.rand, param(params, "slow_s") * (double)NS_PER_S);
    }
}

static void tail_ended(struct whole *whole, const struct whole_end *end)
{
    struct tail *model = (struct tail *)whole;
    struct read *read = end->user;

    if (!end->good) {
        sim_die("a request of a read", "failed");
    }
    if (--read->left > 0) {
        return;
    }
    if (read->counts) {
        model->took_ms[model->over++] = (double)(end->now - read->began) / (double)NS_PER_MS;
    }
    free(read);
}

static void read_arrive(struct event *event, struct sim *sim)
{
    struct tail *model = (struct tail *)sim;
    struct read *read = sim_alloc(1, sizeof(*read));

    read->left = model->requests_a_read;
    read->began = sim->now;
    read->counts = model->begun >= model->warm_up;
    for (size_t i = 0; i < model->requests_a_read; i++) {
        whole_call(&model->whole, read);
    }
    model->asked += model->requests_a_read;
    if (++model->begun < model->wanted) {
        sim_at(sim, event,
               sim->now +
                   sim_exponential(&sim->rand, (double)NS_PER_S /
                                                   param(model->whole.run->params, "reads_per_s")));
    }
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void tail_report(struct tail *model)
{
    const struct run *run = model->whole.run;
    double values[QUANTILES];

    qsort(model->took_ms, model->over, sizeof(double), compare);
    for (size_t i = 0; i < QUANTILES; i++) {
        values[i] = model->took_ms[(size_t)ceil(quantiles[i] * (double)model->over) - 1];
    }
    report(run, "p50_ms", values[0]);
    report(run, "p999_ms", values[QUANTILES - 1]);
    report(run, "more_requests", (double)model->whole.requests / (double)model->asked - 1);
    report_series(run, "ms_by_quantile", values, QUANTILES);
}

void scenario_tail(const struct run *run)
{
    struct tail *model = sim_alloc(1, sizeof(*model));
    struct whole *whole = &model->whole;

    whole_open(whole, run, param_count(run->params, "servers"));
    whole->serve = tail_serve;
    whole->ended = tail_ended;
    model->requests_a_read = param_count(run->params, "requests_a_read");
    model->warm_up = param_count(run->params, "warm_up_reads");
    model->wanted = model->warm_up + param_count(run->params, "reads");
    model->took_ms = sim_alloc(model->wanted, sizeof(double));
    model->arrival.fire = read_arrive;
    sim_at(&whole->sim, &model->arrival, whole->sim.now);
    while (model->over + model->warm_up < model->wanted) {
        whole_run(whole, whole->sim.now + NS_PER_S);
    }
    tail_report(model);
    whole_close(whole);
    free(model->took_ms);
    free(model);
}
