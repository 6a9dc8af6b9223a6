/* SPDX-License-Identifier: Apache-2.0 */

/* A scenario is a model in C and its numbers in a file (scenarios/NAME.json).
 * It is run for one policy and one seed at a time, and reports numbers. */

#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct params; /* the file's "model" */

double param(const struct params *params, const char *name);
int64_t param_ns(const struct params *params, const char *name); /* it says seconds */
size_t param_count(const struct params *params, const char *name);

/* What one run was asked for and where its numbers go. */
struct run {
    const struct params *params;
    const char *policy;
    uint64_t seed;
};

bool run_is(const struct run *run, const char *policy);
/* The YAML of its policy, for whole.h. */
void run_mesh(const struct run *run, char *out, size_t size);
void report(const struct run *run, const char *metric, double value);
/* Over time, or over load: what a picture is drawn from. */
void report_series(const struct run *run, const char *metric, const double *values, size_t count);

typedef void scenario_fn(const struct run *run);

scenario_fn scenario_crowd, scenario_fast_failing, scenario_faults, scenario_outage, scenario_ramp,
    scenario_slow_host, scenario_tail;

#endif
