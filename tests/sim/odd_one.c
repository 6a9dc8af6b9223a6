/* SPDX-License-Identifier: Apache-2.0 */

#include "sim/odd_one.h"

#include <stdlib.h>

void odd_one_run(struct odd_one *model, const struct run *run, const char *from, const char *to,
                 void (*arrive)(struct event *event, struct sim *sim))
{
    sim_init(&model->sim, run->seed);
    model->run = run;
    model->began = model->sim.now;
    model->odd_from = model->began + param_ns(run->params, from);
    model->odd_to = model->began + param_ns(run->params, to);
    model->end = model->began + param_ns(run->params, "seconds");
    fleet_open(&model->fleet,
               &(struct fleet_spec){ .kind = fleet_kind(run->policy),
                                     .servers = param_count(run->params, "backends"),
                                     .seed = rand_next(&model->sim.rand) },
               model->sim.now);
    model->arrival.fire = arrive;
    sim_at(&model->sim, &model->arrival, model->sim.now);
    sim_run(&model->sim, NEVER - 1);
}

void odd_one_free(struct odd_one *model)
{
    fleet_close(&model->fleet);
    sim_fini(&model->sim);
    free(model);
}

bool odd_one_is_odd(const struct odd_one *model)
{
    return model->sim.now >= model->odd_from && model->sim.now < model->odd_to;
}

void odd_one_next(struct odd_one *model)
{
    struct sim *sim = &model->sim;
    double rate = param(model->run->params, "calls_per_s");

    if (sim->now < model->end) {
        sim_at(sim, &model->arrival,
               sim->now + sim_exponential(&sim->rand, (double)NS_PER_S / rate));
    }
}

size_t odd_one_second(const struct odd_one *model, int64_t at)
{
    return (size_t)((at - model->began) / NS_PER_S);
}

size_t odd_one_seconds(const struct odd_one *model)
{
    return odd_one_second(model, model->end);
}
