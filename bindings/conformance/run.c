/* SPDX-License-Identifier: Apache-2.0 */

/* Runs every case of cases.json by the C functions: `run cases.json`. */

#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the steps that are about the world --- */

static void say(struct run *run, const json_t *said)
{
    struct tulle_mock_answer answer = { TULLE_MOCK_ANSWER_INIT };
    struct tulle_header headers[LINES_MAX], trailers[LINES_MAX];

    if (!has_only(run, said,
                  "at kind times method path prefix status headers body size trailers delay "
                  "connectDelay chunk chunkDelay breakAt close")) {
        return;
    }
    answer.kind = number_of(run, kind_names, text_at(said, "kind"));
    answer.times = (uint32_t)count_at(said, "times");
    answer.method = text_at(said, "method");
    answer.path = text_at(said, "path");
    answer.prefix = text_at(said, "prefix");
    answer.status = (int32_t)count_at(said, "status");
    answer.header_count = lines_at(run, said, "headers", headers);
    answer.headers = headers;
    answer.body = text_at(said, "body");
    answer.body_size = count_at(said, "size");
    answer.trailer_count = lines_at(run, said, "trailers", trailers);
    answer.trailers = trailers;
    answer.delay_ns = duration_at(run, said, "delay");
    answer.connect_ns = duration_at(run, said, "connectDelay");
    answer.chunk_size = count_at(said, "chunk");
    answer.chunk_ns = duration_at(run, said, "chunkDelay");
    answer.break_at = count_at(said, "breakAt");
    answer.close = json_is_true(json_object_get(said, "close"));
    expect_code(run, NULL, tulle_mock_answer(run->mock, text_at(said, "at"), &answer));
}

static void step_answer(struct run *run, const json_t *step)
{
    if (has_only(run, step, "answer")) {
        say(run, json_object_get(step, "answer"));
    }
}

static void step_unsay(struct run *run, const json_t *step)
{
    if (has_only(run, step, "unsay")) {
        tulle_mock_unsay(run->mock, text_at(step, "unsay"));
    }
}

static void step_advance(struct run *run, const json_t *step)
{
    if (has_only(run, step, "advance")) {
        expect_code(run, NULL, tulle_mock_advance(run->mock, duration_at(run, step, "advance")));
    }
}

static void step_kill(struct run *run, const json_t *step)
{
    if (has_only(run, step, "kill")) {
        expect_code(run, NULL, tulle_mock_kill(run->mock, text_at(step, "kill")));
    }
}

static void step_revive(struct run *run, const json_t *step)
{
    if (has_only(run, step, "revive")) {
        tulle_mock_revive(run->mock, text_at(step, "revive"));
    }
}

static void step_add_service(struct run *run, const json_t *step)
{
    if (has_only(run, step, "addService port")) {
        expect_code(run, NULL,
                    tulle_mock_add_service(run->mock, text_at(step, "addService"),
                                           (uint16_t)count_at(step, "port"), TULLE_PROTOCOL_HTTP));
    }
}

static void step_add_endpoint(struct run *run, const json_t *step)
{
    if (has_only(run, step, "addEndpoint of")) {
        expect_code(run, NULL,
                    tulle_mock_add_endpoint(run->mock, text_at(step, "of"),
                                            text_at(step, "addEndpoint"), NULL, 0));
    }
}

static void step_remove_endpoint(struct run *run, const json_t *step)
{
    if (has_only(run, step, "removeEndpoint of")) {
        expect_code(run, NULL,
                    tulle_mock_remove_endpoint(run->mock, text_at(step, "of"),
                                               text_at(step, "removeEndpoint")));
    }
}

static void step_discovery(struct run *run, const json_t *step)
{
    static const char *const states[] = { "fresh", "stale", "failing", NULL };

    if (has_only(run, step, "discovery")) {
        expect_code(
            run, NULL,
            tulle_mock_discovery(run->mock, number_of(run, states, text_at(step, "discovery"))));
    }
}

static void step_yaml(struct run *run, const json_t *step)
{
    const char *name = text_at(step, "yaml");
    char *text = yaml_of(run, name);

    if (has_only(run, step, "yaml expect") && text) {
        expect_code(run, step, tulle_mock_yaml(run->mock, name, text));
    }
    free(text);
}

/* --- the steps that look --- */

static void step_seen(struct run *run, const json_t *step)
{
    if (has_only(run, step, "seen")) {
        expect_seen(run, json_object_get(step, "seen"));
    }
}

static void step_requests(struct run *run, const json_t *step)
{
    size_t count = tulle_mock_requests(run->mock, text_at(step, "of"));

    if (has_only(run, step, "requests of") && count != count_at(step, "requests")) {
        fault(run, "%zu requests came, not %zu", count, count_at(step, "requests"));
    }
}

static void step_metric(struct run *run, const json_t *step)
{
    double value = -1;

    if (!has_only(run, step, "metric is")) {
        return;
    }
    expect_code(run, NULL, tulle_mock_metric(run->mock, text_at(step, "metric"), &value));
    if (fabs(value - json_number_value(json_object_get(step, "is"))) > 1e-9) {
        fault(run, "%s is %g", text_at(step, "metric"), value);
    }
}

static void step_gate(struct run *run, const json_t *step)
{
    const char *gate = tulle_mock_gate(run->mock, text_at(step, "gate"));

    if (has_only(run, step, "gate is") && strcmp(gate, text_at(step, "is")) != 0) {
        fault(run, "%s is \"%s\"", text_at(step, "gate"), gate);
    }
}

static void step_forget(struct run *run, const json_t *step)
{
    if (has_only(run, step, "forget")) {
        tulle_mock_forget(run->mock);
    }
}

/* The key that names a step. */
static const struct {
    const char *key;
    void (*run)(struct run *run, const json_t *step);
} steps[] = {
    { "request", step_request },
    { "stream", step_stream },
    { "start", step_start },
    { "cancel", step_cancel },
    { "end", step_end },
    { "pick", step_pick },
    { "answer", step_answer },
    { "unsay", step_unsay },
    { "advance", step_advance },
    { "kill", step_kill },
    { "revive", step_revive },
    { "addService", step_add_service },
    { "addEndpoint", step_add_endpoint },
    { "removeEndpoint", step_remove_endpoint },
    { "discovery", step_discovery },
    { "yaml", step_yaml },
    { "seen", step_seen },
    { "requests", step_requests },
    { "metric", step_metric },
    { "gate", step_gate },
    { "forget", step_forget },
};

static void step_run(struct run *run, const json_t *step)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (json_object_get(step, steps[i].key)) {
            steps[i].run(run, step);
            return;
        }
    }
    fault(run, "a step that is none");
}

/* --- a case --- */

static void keep_log(void *user, int32_t level, const char *area, const char *text)
{
    struct run *run = user;
    size_t size = strlen(run->log);

    (void)level;
    (void)area;
    snprintf(run->log + size, sizeof(run->log) - size, "%s\n", text);
}

static void options_read(struct run *run, const json_t *said, struct tulle_options *options)
{
    static const char *const outside[] = { "", "pass", "refuse", NULL };
    static const char *const trace[] = { "", "w3c", "b3", "b3-multi", "off", NULL };

    options->log = keep_log;
    options->log_user = run;
    if (!said || !has_only(run, said,
                           "outside deadline trace strictRetries namespace workload "
                           "locality")) {
        return;
    }
    options->outside = number_of(run, outside, text_at(said, "outside"));
    options->trace = number_of(run, trace, text_at(said, "trace"));
    options->deadline_ns = duration_at(run, said, "deadline");
    options->strict_retries = json_is_true(json_object_get(said, "strictRetries"));
    options->name_space = text_at(said, "namespace");
    options->workload = text_at(said, "workload");
    options->locality = text_at(said, "locality");
}

static void setting_set(struct run *run, struct tulle_config *built, const json_t *said)
{
    const char *part = text_at(said, "faultHas");
    enum tulle_error error = TULLE_E_USAGE;

    if (has_only(run, said, "target path value faultHas")) {
        error = tulle_config_set(built, text_at(said, "target"), text_at(said, "path"),
                                 text_at(said, "value"));
    }
    if (error != (part ? TULLE_E_USAGE : TULLE_OK) ||
        (part && !strstr(tulle_config_fault(built), part))) {
        fault(run, "setting %s is %s: %s", text_at(said, "path"), error_names[error],
              tulle_config_fault(built));
    }
}

static enum tulle_error mesh_open(struct run *run, const json_t *wanted)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    const json_t *names = json_object_get(wanted, "yaml");
    const json_t *settings = json_object_get(wanted, "set");
    enum tulle_error error = tulle_config_new(&options.built);

    options_read(run, json_object_get(wanted, "options"), &options);
    for (size_t i = 0; error == TULLE_OK && i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        char *text = yaml_of(run, name);

        error = tulle_config_add_yaml(options.built, name, text ? text : "");
        free(text);
    }
    for (size_t i = 0; error == TULLE_OK && i < json_array_size(settings); i++) {
        setting_set(run, options.built, json_array_get(settings, i));
    }
    if (error == TULLE_OK) {
        error = tulle_mock_open(run->mock, &options, &run->mesh);
    }
    tulle_config_free(options.built);
    return error;
}

static void expect_open(struct run *run, const json_t *expected, enum tulle_error error)
{
    int32_t wanted = number_of(run, error_names, text_at(expected, "error"));
    const char *part = text_at(expected, "logHas");

    if ((expected && !has_only(run, expected, "error logHas")) || wanted != (int32_t)error) {
        fault(run, "opening it is %s: %s", error_names[error], run->log);
    }
    if (part && !strstr(run->log, part)) {
        fault(run, "\"%s\" is not in the log: %s", part, run->log);
    }
}

static void case_run(struct run *run, const json_t *wanted)
{
    struct tulle_mock_options options = { TULLE_MOCK_OPTIONS_INIT };
    const json_t *answers = json_object_get(wanted, "answers");
    const json_t *list = json_object_get(wanted, "steps");
    enum tulle_error error;
    char *left = NULL;
    size_t i;

    if (!has_only(run, wanted, "name yaml set options open answers steps") ||
        tulle_mock_new(&options, &run->mock) != TULLE_OK) {
        fault(run, "it does not start");
        return;
    }
    error = mesh_open(run, wanted);
    expect_open(run, json_object_get(wanted, "open"), error);
    for (i = 0; i < json_array_size(answers); i++) {
        say(run, json_array_get(answers, i));
    }
    for (i = 0; error == TULLE_OK && i < json_array_size(list); i++) {
        step_run(run, json_array_get(list, i));
    }
    calls_free(run);
    if (tulle_mock_check(run->mock, &left) != TULLE_OK) {
        fault(run, "%s", left ? left : "out of memory");
    }
    tulle_text_free(left);
    tulle_close(run->mesh);
    tulle_mock_free(run->mock);
}

static unsigned cases_run(const json_t *file)
{
    const json_t *cases = json_object_get(file, "cases");
    unsigned failed = 0;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *wanted = json_array_get(cases, i);
        struct run run = { .name = text_at(wanted, "name"),
                           .texts = json_object_get(file, "texts") };

        run.name = run.name ? run.name : "a case without a name";
        case_run(&run, wanted);
        failed += run.faults > 0;
    }
    printf("%zu cases, %u failed\n", json_array_size(cases), failed);
    return json_array_size(cases) == 0 ? 1 : failed;
}

int main(int argc, char **argv)
{
    struct run run = { .name = "cases.json" };
    json_error_t error;
    json_t *file;
    unsigned failed;

    file = argc == 2 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!file) {
        fprintf(stderr, "run CASES: %s\n", argc == 2 ? error.text : "one file");
        return 2;
    }
    failed = has_only(&run, file, "texts cases") ? cases_run(file) : 1;
    json_decref(file);
    return failed > 0;
}
