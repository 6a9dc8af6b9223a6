/* SPDX-License-Identifier: Apache-2.0 */

/* Calls whose ends come as events, one started for each that ended; output as
 * that of lib_call.c. Public headers alone.
 *
 *   queue_call threads MESH URL IN_FLIGHT WARM_MS RUN_MS
 *       the library's loop has a thread; this one sleeps on the queue
 *   queue_call own MESH URL IN_FLIGHT WARM_MS RUN_MS
 *       no thread of the library; this one sleeps on the mesh, and runs it */

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tulle/tulle.h>

#include "meter.h"

enum { EVENTS = 64 };

struct bench {
    struct tulle *mesh;
    struct tulle_queue *queue;
    struct tulle_request request;
    bool own, stopped;
    size_t running;
    struct meter meter;
};

static void fail(const char *what)
{
    fprintf(stderr, "queue_call: %s\n", what);
    exit(1);
}

static void bench_open(struct bench *bench, const char *mesh, const char *url)
{
    /* As lib_call.c, which it is held against. */
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = mesh, .loops = 1,
                                     .trace = TULLE_TRACE_OFF,
                                     .threads = bench->own ? TULLE_NONE_COUNT : 0 };

    if (!meter_init(&bench->meter) || tulle_queue_new(&bench->queue) ||
        tulle_open(&options, &bench->mesh)) {
        fail("tulle_open");
    }
    bench->request =
        (struct tulle_request){ TULLE_REQUEST_INIT, .url = url, .queue = bench->queue };
}

/* The user word of a call is when it was started. */
static void start(struct bench *bench)
{
    void *user = (void *)(uintptr_t)meter_now();
    struct tulle_call *call;

    if (tulle_call_start(bench->mesh, &bench->request, NULL, user, &call)) {
        fail("tulle_call_start");
    }
    bench->running++;
}

static void ended(struct bench *bench, const struct tulle_event *event)
{
    bool good = !event->error && tulle_reply_status(tulle_call_reply(event->call)) == 200;

    meter_ended(&bench->meter, (int64_t)(uintptr_t)event->user, good);
    tulle_call_free(event->call);
    bench->running--;
    if (!bench->stopped) {
        start(bench);
    }
}

static void wait_for_events(struct bench *bench)
{
    struct pollfd poller = { .fd = tulle_queue_fd(bench->queue), .events = POLLIN };
    int64_t due;

    if (!bench->own) {
        poll(&poller, 1, -1);
        return;
    }
    due = tulle_due(bench->mesh);
    poller.fd = tulle_fd(bench->mesh);
    poll(&poller, 1, due > TULLE_S(1) ? 1000 : (int)((due + TULLE_MS(1) - 1) / TULLE_MS(1)));
    if (tulle_run(bench->mesh)) {
        fail("tulle_run");
    }
}

static void turn(struct bench *bench)
{
    struct tulle_event events[EVENTS];
    size_t count;

    wait_for_events(bench);
    count = tulle_queue_take(bench->queue, events, EVENTS);
    for (size_t i = 0; i < count; i++) {
        ended(bench, &events[i]);
    }
}

static void run_until(struct bench *bench, int64_t due)
{
    while (meter_now() < due) {
        turn(bench);
    }
}

static void bench_close(struct bench *bench)
{
    bench->stopped = true;
    while (bench->running > 0) {
        turn(bench);
    }
    tulle_close(bench->mesh);
    tulle_queue_free(bench->queue);
}

static int bench_run(struct bench *bench, int64_t warm_ms, int64_t run_ms)
{
    struct mark from, to;

    run_until(bench, meter_now() + TULLE_MS(warm_ms));
    from = meter_mark(&bench->meter);
    atomic_store(&bench->meter.sampling, true);
    run_until(bench, from.at + TULLE_MS(run_ms));
    to = meter_mark(&bench->meter);
    bench_close(bench);
    return meter_print(&bench->meter, from, to);
}

int main(int argc, char **argv)
{
    static struct bench bench;

    if (argc != 7 || (strcmp(argv[1], "threads") && strcmp(argv[1], "own"))) {
        fprintf(stderr, "usage: queue_call threads|own MESH URL IN_FLIGHT WARM_MS RUN_MS\n");
        return 2;
    }
    bench.own = strcmp(argv[1], "own") == 0;
    bench_open(&bench, argv[2], argv[3]);
    for (long i = strtol(argv[4], NULL, 10); i > 0; i--) {
        start(&bench);
    }
    return bench_run(&bench, strtol(argv[5], NULL, 10), strtol(argv[6], NULL, 10));
}
