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
#include <sys/resource.h>
#include <time.h>
#include <tulle/tulle.h>

enum { SAMPLES_MAX = 1 << 21, EVENTS = 64 };

struct bench {
    struct tulle *mesh;
    struct tulle_queue *queue;
    struct tulle_request request;
    bool own, stopped, sampling;
    size_t running, done, failed;
    uint32_t *samples; /* ns */
    size_t sample_count;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
}

static void fail(const char *what)
{
    fprintf(stderr, "queue_call: %s\n", what);
    exit(1);
}

static void bench_open(struct bench *bench, const char *mesh, const char *url)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = mesh, .loops = 1,
                                     .threads = bench->own ? TULLE_NONE_COUNT : 0 };

    bench->samples = malloc(SAMPLES_MAX * sizeof(*bench->samples));
    if (!bench->samples || tulle_queue_new(&bench->queue) || tulle_open(&options, &bench->mesh)) {
        fail("tulle_open");
    }
    bench->request =
        (struct tulle_request){ TULLE_REQUEST_INIT, .url = url, .queue = bench->queue };
}

/* The user word of a call is when it was started. */
static void start(struct bench *bench)
{
    void *user = (void *)(uintptr_t)now_ns();
    struct tulle_call *call;

    if (tulle_call_start(bench->mesh, &bench->request, NULL, user, &call)) {
        fail("tulle_call_start");
    }
    bench->running++;
}

static void ended(struct bench *bench, const struct tulle_event *event)
{
    int64_t took = now_ns() - (int64_t)(uintptr_t)event->user;

    if (bench->sampling && bench->sample_count < SAMPLES_MAX) {
        bench->samples[bench->sample_count++] = (uint32_t)took;
    }
    bench->failed += event->error || tulle_reply_status(tulle_call_reply(event->call)) != 200;
    tulle_call_free(event->call);
    bench->running--;
    bench->done++;
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
    while (now_ns() < due) {
        turn(bench);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static double percentile_us(const struct bench *bench, size_t percent)
{
    return bench->sample_count ? bench->samples[bench->sample_count * percent / 100] / 1e3 : 0;
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

static void bench_run(struct bench *bench, int64_t warm_ms, int64_t run_ms)
{
    int64_t at, cpu;
    size_t done;

    run_until(bench, now_ns() + TULLE_MS(warm_ms));
    at = now_ns();
    cpu = cpu_ns();
    done = bench->done;
    bench->sampling = true;
    run_until(bench, at + TULLE_MS(run_ms));
    at = now_ns() - at;
    cpu = cpu_ns() - cpu;
    done = bench->done - done;
    bench_close(bench);
    qsort(bench->samples, bench->sample_count, sizeof(*bench->samples), by_value);
    printf("{\"requests\": %zu, \"failed\": %zu, \"all\": %zu, \"rps\": %.1f, "
           "\"cpu_us\": %.3f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n",
           done, bench->failed, bench->done, (double)done * 1e9 / (double)at,
           (double)cpu / 1e3 / (double)(done ? done : 1), percentile_us(bench, 50),
           percentile_us(bench, 99));
    free(bench->samples);
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
    bench_run(&bench, strtol(argv[5], NULL, 10), strtol(argv[6], NULL, 10));
    return bench.failed ? 1 : 0;
}
