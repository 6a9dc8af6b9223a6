/* SPDX-License-Identifier: Apache-2.0 */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine.h"
#include "sim/params.h"
#include "sim/scenario.h"

struct params {
    json_t *file;
    json_t *model; /* borrowed */
};

struct params *params_read(const char *path)
{
    struct params *params = sim_alloc(1, sizeof(*params));
    json_error_t error;

    params->file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    params->model = json_object_get(params->file, "model");
    if (params->model == NULL) {
        sim_die(path, params->file == NULL ? error.text : "it has no \"model\"");
    }
    return params;
}

void params_free(struct params *params)
{
    json_decref(params->file);
    free(params);
}

const char *params_model(const struct params *params)
{
    const char *name = json_string_value(json_object_get(params->model, "name"));

    return name != NULL ? name : "";
}

size_t params_policies(const struct params *params, const char *policies[POLICIES_MAX])
{
    const json_t *names = json_object_get(params->file, "policies");
    size_t count = 0;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)names, name, value)
    {
        if (count < POLICIES_MAX) {
            policies[count++] = name;
        }
    }
    return count;
}

uint64_t params_seeds(const struct params *params, const char *policy)
{
    const json_t *policies = json_object_get(params->file, "policies");
    const json_t *seeds = json_object_get(json_object_get(policies, policy), "seeds");

    return json_is_integer(seeds) ? (uint64_t)json_integer_value(seeds) : UINT64_MAX;
}

double param(const struct params *params, const char *name)
{
    const json_t *value = json_object_get(params->model, name);

    if (!json_is_number(value)) {
        sim_die("the model has no number", name);
    }
    return json_number_value(value);
}

int64_t param_ns(const struct params *params, const char *name)
{
    return (int64_t)(param(params, name) * (double)NS_PER_S);
}

size_t param_count(const struct params *params, const char *name)
{
    return (size_t)param(params, name);
}

bool run_is(const struct run *run, const char *policy)
{
    return strcmp(run->policy, policy) == 0;
}

void run_mesh(const struct run *run, char *out, size_t size)
{
    const json_t *policies = json_object_get(run->params->file, "policies");
    const json_t *lines = json_object_get(json_object_get(policies, run->policy), "mesh");
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(lines) && at < size; i++) {
        const char *line = json_string_value(json_array_get(lines, i));

        at += (size_t)snprintf(out + at, size - at, "%s\n", line != NULL ? line : "");
    }
    if (at >= size) {
        sim_die("the mesh is too long", run->policy);
    }
}

static void report_head(const struct run *run, const char *metric)
{
    printf("%s\t%llu\t%s", run->policy, (unsigned long long)run->seed, metric);
}

void report(const struct run *run, const char *metric, double value)
{
    report_head(run, metric);
    printf("\t%.9g\n", value);
}

void report_series(const struct run *run, const char *metric, const double *values, size_t count)
{
    report_head(run, metric);
    for (size_t i = 0; i < count; i++) {
        printf("%c%.6g", i == 0 ? '\t' : ',', values[i]);
    }
    printf("%s\n", count == 1 ? "," : "");
}
