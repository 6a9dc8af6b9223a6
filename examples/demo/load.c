/* SPDX-License-Identifier: Apache-2.0 */

#include "load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tulle/tulle.h>

#include "stats.h"

/* What is late by more is not made up for: a pause of this process is no
 * reason for a burst. */
enum { TICK_NS = 1000000, LATE_MAX = 50, IN_FLIGHT_MAX = 300, END_S = 10 };

/* Six of ten calls go to reviews. */
static const char *const urls[] = {
    "http://front/",          "http://reviews/products/7", "http://details/products/7",
    "http://reviews/latest",  "http://ratings/7",          "http://reviews/products/3",
    "http://reviews/product", "http://front/products",     "http://reviews/products/9",
    "http://reviews/all",
};

static struct {
    struct tulle *mesh;
    unsigned calls_per_s;
    pthread_t thread;
    atomic_bool stop;
    atomic_uint in_flight;
    atomic_bool story_wanted;
    pthread_mutex_t story_lock; /* guards `story` */
    char *story;
} load = { .story_lock = PTHREAD_MUTEX_INITIALIZER };

static void story_keep(const struct tulle_call *call)
{
    const char *text = tulle_call_explain(call);

    pthread_mutex_lock(&load.story_lock);
    if (load.story == NULL && text[0] != '\0') {
        load.story = strdup(text);
        atomic_store(&load.story_wanted, false);
    }
    pthread_mutex_unlock(&load.story_lock);
}

static void done_well(struct tulle_call *call)
{
    const struct tulle_reply *reply = tulle_call_reply(call);
    struct tulle_timings timings = { TULLE_TIMINGS_INIT };
    char failure[64];
    int32_t status = tulle_reply_status(reply);

    if (tulle_reply_timings(reply, &timings) != TULLE_OK) {
        timings.end_ns = 0;
    }
    snprintf(failure, sizeof(failure), "status %d", status);
    stats_add(tulle_reply_endpoint(reply), timings.end_ns, tulle_reply_attempts(reply),
              status == 200 ? NULL : failure);
    if (tulle_reply_attempts(reply) > 1 && atomic_load(&load.story_wanted)) {
        story_keep(call);
    }
}

static void done(struct tulle_call *call, enum tulle_error error, void *user)
{
    const struct tulle_failure *failure = tulle_call_failure(call);
    char text[512];

    (void)user;
    if (error == TULLE_OK) {
        done_well(call);
    } else {
        snprintf(text, sizeof(text), "%s [%s] %s", tulle_error_text(error),
                 failure != NULL ? failure->flags : "-", failure != NULL ? failure->text : "");
        stats_add("", 0, failure != NULL ? failure->attempts : 1, text);
    }
    tulle_call_free(call);
    atomic_fetch_sub(&load.in_flight, 1);
}

static void start_one(uint64_t number)
{
    struct tulle_request request = { TULLE_REQUEST_INIT,
                                     .url = urls[number % (sizeof(urls) / sizeof(urls[0]))],
                                     .explain = atomic_load(&load.story_wanted) };
    struct tulle_call *call;
    enum tulle_error error;

    atomic_fetch_add(&load.in_flight, 1);
    error = tulle_call_start(load.mesh, &request, done, NULL, &call);
    if (error != TULLE_OK) {
        atomic_fetch_sub(&load.in_flight, 1);
        stats_add("", 0, 1, tulle_error_text(error));
    }
}

static int64_t now_ns(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void *run(void *user)
{
    const struct timespec tick = { .tv_nsec = TICK_NS };
    int64_t next = now_ns();
    int64_t step = 1000000000 / load.calls_per_s;
    uint64_t number = 0;

    (void)user;
    while (!atomic_load(&load.stop)) {
        int64_t now = now_ns();

        if (now - next > (int64_t)LATE_MAX * TICK_NS) {
            next = now;
        }
        for (; next <= now && atomic_load(&load.in_flight) < IN_FLIGHT_MAX; next += step) {
            start_one(number++);
        }
        nanosleep(&tick, NULL);
    }
    return NULL;
}

bool load_start(struct tulle *mesh, unsigned calls_per_s)
{
    load.mesh = mesh;
    load.calls_per_s = calls_per_s;
    return pthread_create(&load.thread, NULL, run, NULL) == 0;
}

void load_stop(void)
{
    const struct timespec tick = { .tv_nsec = TICK_NS };
    int64_t due = now_ns() + (int64_t)END_S * 1000000000;

    atomic_store(&load.stop, true);
    pthread_join(load.thread, NULL);
    while (atomic_load(&load.in_flight) > 0 && now_ns() < due) {
        nanosleep(&tick, NULL);
    }
}

void load_want_story(void)
{
    atomic_store(&load.story_wanted, load.story == NULL);
}

const char *load_story(void)
{
    return load.story;
}
