/* SPDX-License-Identifier: Apache-2.0 */

/* The library's side of the benches, a program like any other: public headers
 * alone. Its modes and its output are those of bare_curl.c.
 *
 *   lib_call async MESH URL IN_FLIGHT WARM_MS RUN_MS
 *       one loop of the library, each completion starts the next call
 *   lib_call block MESH URL WARM_MS RUN_MS
 *       tulle_call() on this thread, one after the other
 *   lib_call hold MESH URL COUNT
 *       COUNT calls at once on one loop; a line on stdin says that the server
 *       has all of them */

#include <tulle/tulle.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "meter.h"

enum { HOLD_STEP = 100 };

struct bench;

struct slot {
    struct bench *bench;
    int64_t started;
};

struct bench {
    struct tulle *mesh;
    struct tulle_request request;
    struct slot *slots;
    size_t slot_count;
    bool again; /* a call that is over starts anew, until `stop` */
    atomic_bool stop;
    atomic_size_t running;
    struct meter meter;
};

static void sleep_ms(int64_t ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void fail(const char *what)
{
    fprintf(stderr, "lib_call: %s\n", what);
    exit(1);
}

static void on_log(void *user, int32_t level, const char *area, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "lib_call: %s: %s\n", area, text);
}

static void bench_open(struct bench *bench, const char *mesh, const char *url, size_t slot_count)
{
    /* The bare loop sends no trace headers either, and nobody traces in the sidecar. */
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = mesh, .loops = 1,
                                     .trace = TULLE_TRACE_OFF, .log = on_log };

    bench->request = (struct tulle_request){ TULLE_REQUEST_INIT, .url = url };
    bench->slot_count = slot_count;
    bench->slots = calloc(slot_count, sizeof(*bench->slots));
    if (!bench->slots || tulle_open(&options, &bench->mesh) != TULLE_OK) {
        fail("tulle_open");
    }
}

static void failure_tell(const struct tulle_failure *failure)
{
    if (failure) {
        fprintf(stderr, "lib_call: %s: %s: %s\n", failure->layer, failure->flags, failure->text);
    }
}

static bool reply_is_good(const struct tulle_reply *reply)
{
    return reply && tulle_reply_status(reply) == 200 && tulle_reply_body_size(reply) > 0;
}

static void slot_start(struct slot *slot);

static void on_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct slot *slot = user;
    struct bench *bench = slot->bench;

    failure_tell(tulle_call_failure(call));
    meter_ended(&bench->meter, slot->started,
                error == TULLE_OK && reply_is_good(tulle_call_reply(call)));
    tulle_call_free(call);
    if (bench->again && !atomic_load_explicit(&bench->stop, memory_order_relaxed)) {
        slot_start(slot);
    }
    atomic_fetch_sub(&bench->running, 1);
}

static void slot_start(struct slot *slot)
{
    struct tulle_call *call;

    atomic_fetch_add(&slot->bench->running, 1);
    slot->started = meter_now();
    if (tulle_call_start(slot->bench->mesh, &slot->bench->request, on_done, slot, &call) !=
        TULLE_OK) {
        fail("tulle_call_start");
    }
}

static void bench_start(struct bench *bench, size_t step)
{
    for (size_t i = 0; i < bench->slot_count; i++) {
        bench->slots[i].bench = bench;
        slot_start(&bench->slots[i]);
        if (i % step == step - 1) {
            sleep_ms(5);
        }
    }
}

static void bench_drain(struct bench *bench)
{
    atomic_store(&bench->stop, true);
    while (atomic_load(&bench->running) > 0) {
        sleep_ms(1);
    }
    tulle_close(bench->mesh);
    free(bench->slots);
}

/* --- async, block --- */

static int bench_async(struct bench *bench, int64_t warm_ms, int64_t run_ms)
{
    struct mark from, to;

    bench->again = true;
    bench_start(bench, bench->slot_count);
    sleep_ms(warm_ms);
    from = meter_mark(&bench->meter);
    atomic_store(&bench->meter.sampling, true);
    sleep_ms(run_ms);
    to = meter_mark(&bench->meter);
    bench_drain(bench);
    return meter_print(&bench->meter, from, to);
}

static void block_until(struct bench *bench, int64_t due)
{
    for (int64_t started = meter_now(); started < due; started = meter_now()) {
        struct tulle_reply *reply = NULL;
        bool good = tulle_call(bench->mesh, &bench->request, &reply) == TULLE_OK;

        meter_ended(&bench->meter, started, good && reply_is_good(reply));
        tulle_reply_free(reply);
    }
}

static int bench_block(struct bench *bench, int64_t warm_ms, int64_t run_ms)
{
    struct mark from, to;

    block_until(bench, meter_now() + TULLE_MS(warm_ms));
    from = meter_mark(&bench->meter);
    atomic_store(&bench->meter.sampling, true);
    block_until(bench, from.at + TULLE_MS(run_ms));
    to = meter_mark(&bench->meter);
    bench_drain(bench);
    return meter_print(&bench->meter, from, to);
}

/* --- hold --- */

static long resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2) {
        fail("/proc/self/statm");
    }
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static int bench_hold(struct bench *bench)
{
    long before = resident_bytes();
    char byte;
    size_t failed;

    bench->request.deadline_ns = TULLE_S(120);
    bench_start(bench, HOLD_STEP);
    if (read(STDIN_FILENO, &byte, 1) != 1) {
        fail("stdin");
    }
    printf("{\"waiting\": %zu, \"grown\": %ld}\n", atomic_load(&bench->running),
           resident_bytes() - before);
    fflush(stdout);
    bench_drain(bench);
    failed = atomic_load(&bench->meter.failed);
    printf("{\"answered\": %zu, \"failed\": %zu}\n", atomic_load(&bench->meter.done) - failed,
           failed);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    static struct bench bench;

    if (!meter_init(&bench.meter)) {
        fail("no memory");
    }
    if (argc == 7 && strcmp(argv[1], "async") == 0) {
        bench_open(&bench, argv[2], argv[3], strtoul(argv[4], NULL, 10));
        return bench_async(&bench, strtol(argv[5], NULL, 10), strtol(argv[6], NULL, 10));
    }
    if (argc == 6 && strcmp(argv[1], "block") == 0) {
        bench_open(&bench, argv[2], argv[3], 1);
        return bench_block(&bench, strtol(argv[4], NULL, 10), strtol(argv[5], NULL, 10));
    }
    if (argc == 5 && strcmp(argv[1], "hold") == 0) {
        bench_open(&bench, argv[2], argv[3], strtoul(argv[4], NULL, 10));
        return bench_hold(&bench);
    }
    fprintf(stderr, "usage: lib_call async MESH URL IN_FLIGHT WARM_MS RUN_MS\n"
                    "       lib_call block MESH URL WARM_MS RUN_MS\n"
                    "       lib_call hold MESH URL COUNT\n");
    return 2;
}
