/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/wire.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/macros.h"

const struct tulle_options wire_one_loop = { TULLE_OPTIONS_INIT, .loops = 1 };

struct tulle *wire_open(struct server *const *servers, size_t count, int32_t protocol,
                        const char *yaml, const struct tulle_options *options)
{
    struct tulle_options all = { TULLE_OPTIONS_INIT };
    struct tulle_config *config;
    struct tulle *mesh;

    if (options != NULL) {
        all = *options;
    }
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(
                         config, "shop", protocol == TULLE_PROTOCOL_HTTPS ? 443 : 80, protocol),
                     TULLE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(
            tulle_config_add_endpoint(config, "shop", server_address(servers[i]), NULL, 1),
            TULLE_OK);
    }
    if (yaml != NULL) {
        assert_int_equal(tulle_config_add_yaml(config, "test.yaml", yaml), TULLE_OK);
    }
    all.built = config;
    assert_int_equal(tulle_open(&all, &mesh), TULLE_OK);
    tulle_config_free(config);
    return mesh;
}

void wire_close(struct tulle *mesh)
{
    assert_int_equal(tulle_close(mesh), TULLE_OK);
}

static void outcome_take(struct outcome *outcome, const struct tulle_reply *reply)
{
    outcome->status = tulle_reply_status(reply);
    outcome->attempts = tulle_reply_attempts(reply);
    snprintf(outcome->endpoint, sizeof(outcome->endpoint), "%s", tulle_reply_endpoint(reply));
    snprintf(outcome->body, sizeof(outcome->body), "%s", tulle_reply_body(reply));
}

struct outcome wire_call(struct tulle *mesh, const struct tulle_request *request)
{
    struct outcome outcome = { .failure = { TULLE_FAILURE_INIT } };
    struct tulle_request copy = *request;
    struct tulle_reply *reply = NULL;
    int64_t start = test_now();

    copy.failure = &outcome.failure;
    outcome.error = tulle_call(mesh, &copy, &reply);
    outcome.took_ns = test_now() - start;
    if (outcome.error == TULLE_OK) {
        outcome_take(&outcome, reply);
    } else {
        assert_null(reply);
        assert_int_equal(outcome.failure.error, outcome.error);
        outcome.attempts = outcome.failure.attempts;
    }
    tulle_reply_free(reply);
    return outcome;
}

struct outcome wire_get(struct tulle *mesh, const char *url)
{
    return wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url });
}

void tally_init(struct tally *tally)
{
    pthread_condattr_t monotonic;

    *tally = (struct tally){ 0 };
    pthread_mutex_init(&tally->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&tally->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void tally_fini(struct tally *tally)
{
    pthread_cond_destroy(&tally->changed);
    pthread_mutex_destroy(&tally->lock);
}

static void tally_ok(struct tally *tally, const struct tulle_reply *reply)
{
    struct tulle_timings timings = { TULLE_TIMINGS_INIT };
    int32_t status = tulle_reply_status(reply);

    assert_int_equal(tulle_reply_timings(reply, &timings), TULLE_OK);
    tally->ok++;
    tally->attempts += tulle_reply_attempts(reply);
    tally->statuses[status < 600 ? status : 0]++;
    if (timings.end_ns > tally->slowest_ns) {
        tally->slowest_ns = timings.end_ns;
    }
}

static void tally_failed(struct tally *tally, const struct tulle_failure *failure)
{
    tally->failed++;
    tally->attempts += failure->attempts;
    if (failure->error == TULLE_E_CANCELLED) {
        tally->cancelled++;
    }
    if (tally->failed == 1) {
        snprintf(tally->first_failure, sizeof(tally->first_failure), "%s [%s] %s: %s",
                 tulle_error_text(failure->error), failure->flags, failure->layer, failure->text);
    }
}

static void tally_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct tally *tally = user;

    pthread_mutex_lock(&tally->lock);
    if (error == TULLE_OK) {
        tally_ok(tally, tulle_call_reply(call));
    } else {
        tally_failed(tally, tulle_call_failure(call));
    }
    tulle_call_free(call);
    tally->ended++;
    pthread_cond_broadcast(&tally->changed);
    pthread_mutex_unlock(&tally->lock);
}

enum tulle_error tally_start(struct tally *tally, struct tulle *mesh,
                             const struct tulle_request *request)
{
    struct tulle_call *call;
    enum tulle_error error;

    pthread_mutex_lock(&tally->lock);
    tally->started++;
    pthread_mutex_unlock(&tally->lock);
    error = tulle_call_start(mesh, request, tally_done, tally, &call);
    if (error != TULLE_OK) {
        pthread_mutex_lock(&tally->lock);
        tally->started--;
        pthread_mutex_unlock(&tally->lock);
    }
    return error;
}

bool tally_wait(struct tally *tally, int64_t timeout_ns)
{
    int64_t due = test_now() + timeout_ns;
    struct timespec at = { .tv_sec = due / 1000000000, .tv_nsec = due % 1000000000 };
    bool all;

    pthread_mutex_lock(&tally->lock);
    while (tally->ended < tally->started &&
           pthread_cond_timedwait(&tally->changed, &tally->lock, &at) != ETIMEDOUT) {
    }
    all = tally->ended == tally->started;
    pthread_mutex_unlock(&tally->lock);
    return all;
}

uint64_t tally_ended(struct tally *tally)
{
    uint64_t ended;

    pthread_mutex_lock(&tally->lock);
    ended = tally->ended;
    pthread_mutex_unlock(&tally->lock);
    return ended;
}

static void *pacer_run(void *user)
{
    const struct timespec tick = { .tv_nsec = 1000000 };
    struct pacer *pacer = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = pacer->url };
    int64_t step = 1000000000 / pacer->per_s;
    int64_t next = test_now();

    while (!atomic_load(&pacer->stop)) {
        for (; next <= test_now() && !atomic_load(&pacer->stop); next += step) {
            if (tally_start(&pacer->tally, pacer->mesh, &request) != TULLE_OK) {
                return NULL;
            }
        }
        nanosleep(&tick, NULL);
    }
    return NULL;
}

void pacer_start(struct pacer *pacer, struct tulle *mesh, const char *url, unsigned per_s)
{
    *pacer = (struct pacer){ .mesh = mesh, .url = url, .per_s = per_s };
    tally_init(&pacer->tally);
    assert_int_equal(pthread_create(&pacer->thread, NULL, pacer_run, pacer), 0);
}

void pacer_stop(struct pacer *pacer)
{
    atomic_store(&pacer->stop, true);
    pthread_join(pacer->thread, NULL);
    assert_true(tally_wait(&pacer->tally, TULLE_S(20)));
    tally_fini(&pacer->tally);
}

/* One line of the exposition; NAN-free: what does not match counts nothing. */
static double sample_value(const char *line, const char *name, const char *labels)
{
    size_t size = strlen(name);
    const char *end = strchr(line, '\n');
    const char *value;
    char text[4096];

    if (strncmp(line, name, size) != 0 || (line[size] != '{' && line[size] != ' ')) {
        return 0;
    }
    snprintf(text, sizeof(text), "%.*s", (int)(end - line), line);
    value = strrchr(text, ' ');
    return value != NULL && strstr(text, labels) != NULL ? strtod(value, NULL) : 0;
}

double wire_metric(struct tulle *mesh, const char *name, const char *labels)
{
    double sum = 0;
    char *text;

    assert_int_equal(tulle_metrics(mesh, NULL, &text), TULLE_OK);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        sum += sample_value(line, name, labels);
    }
    tulle_text_free(text);
    return sum;
}

struct endpoint_look {
    const char *address;
    struct tulle_endpoint_state *out;
    bool found;
};

static void endpoint_look(const struct tulle_endpoint_state *state, void *user)
{
    struct endpoint_look *look = user;

    if (strcmp(state->address, look->address) != 0) {
        return;
    }
    if (!look->found || strcmp(look->out->gate, "ready") == 0) {
        *look->out = *state;
    }
    look->found = true;
}

bool wire_endpoint(struct tulle *mesh, const char *address, struct tulle_endpoint_state *out)
{
    struct endpoint_look look = { .address = address, .out = out };

    assert_int_equal(tulle_endpoints(mesh, endpoint_look, &look), TULLE_OK);
    return look.found;
}

int wire_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    int count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count - 2;
}

static bool threads_are(void *user)
{
    return wire_threads() == *(const int *)user;
}

bool wire_threads_are(int count)
{
    return test_wait_until(threads_are, &count, TULLE_S(10));
}
