/* SPDX-License-Identifier: Apache-2.0 */

/* sim FILE FIRST COUNT: runs the scenario of this file for COUNT seeds from
 * FIRST on, with each of its policies. A line for each number of each run:
 * policy, seed, metric, value (or values, with commas), between tabs. run.py
 * starts it, and makes medians, verdicts and pictures of that. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "sim/engine.h"
#include "sim/params.h"
#include "sim/scenario.h"

static const struct {
    const char *name;
    scenario_fn *run;
} models[] = {
    { "crowd", scenario_crowd },   { "fast_failing", scenario_fast_failing },
    { "faults", scenario_faults }, { "outage", scenario_outage },
    { "ramp", scenario_ramp },     { "slow_host", scenario_slow_host },
    { "tail", scenario_tail },
};

static scenario_fn *model_of(const struct params *params)
{
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        if (strcmp(models[i].name, params_model(params)) == 0) {
            return models[i].run;
        }
    }
    sim_die("there is no such model", params_model(params));
}

int main(int argc, char **argv)
{
    const char *policies[POLICIES_MAX];
    struct params *params;
    scenario_fn *model;
    uint64_t first, count;
    size_t policy_count;

    if (argc != 4) {
        sim_die("usage", "sim FILE FIRST COUNT");
    }
    params = params_read(argv[1]);
    model = model_of(params);
    policy_count = params_policies(params, policies);
    first = strtoull(argv[2], NULL, 10);
    count = strtoull(argv[3], NULL, 10);
    for (uint64_t seed = first; seed < first + count; seed++) {
        for (size_t i = 0; i < policy_count; i++) {
            const struct run run = { .params = params, .policy = policies[i], .seed = seed };

            if (seed <= params_seeds(params, policies[i])) {
                model(&run);
            }
        }
        fflush(stdout);
    }
    params_free(params);
    return 0;
}
