/* SPDX-License-Identifier: Apache-2.0 */

/* Streams through the whole library: how much they hold, what a reader that
 * stops costs the others, and who may leave when. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/wire.h"

#define BOTH (TULLE_STREAM_REQUEST | TULLE_STREAM_REPLY)

enum {
    MB = 1000000,
    PERIOD = 65521, /* a prime: no window or buffer is as long */
    PIECE = 16 * 1024
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { PAGES_COUNT = 0 }; /* they are the sanitizer's */
#else
enum { PAGES_COUNT = 1 };
#endif

struct pipe {
    struct tulle_call *call;
    uint64_t size; /* of both bodies */
    uint64_t wrote, got;
    size_t held_max;  /* of the library's memory */
    size_t pages_max; /* of the process' */
    char pattern[PERIOD + PIECE];
    char piece[PIECE];
};

static struct pipe pipe_of_test;

/* Without files' pages, which come and go with what else the machine does. */
static size_t pages_now(void)
{
    char line[128];
    size_t kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "re");

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        (void)sscanf(line, "RssAnon: %zu kB", &kilobytes);
    }
    fclose(file);
    assert_true(kilobytes > 0);
    return kilobytes * 1024;
}

static void pipe_measure(struct pipe *pipe)
{
    size_t held = test_memory_bytes(), pages = pages_now();

    pipe->held_max = held > pipe->held_max ? held : pipe->held_max;
    pipe->pages_max = pages > pipe->pages_max ? pages : pipe->pages_max;
}

static void pipe_start(struct pipe *pipe, struct tulle *mesh, const char *url, uint64_t size)
{
    const struct tulle_request request = {
        TULLE_REQUEST_INIT, .method = "POST", .url = url, .stream = BOTH, .deadline_ns = TULLE_NONE,
    };

    memset(pipe, 0, sizeof(*pipe));
    pipe->size = size;
    for (size_t i = 0; i < sizeof(pipe->pattern); i++) {
        pipe->pattern[i] = (char)((i % PERIOD) * 2654435761u >> 11);
    }
    assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &pipe->call), TULLE_OK);
}

/* Writes what there is room for. */
static void pipe_write(struct pipe *pipe)
{
    enum tulle_error error = TULLE_OK;
    size_t taken;

    while (error == TULLE_OK && pipe->wrote < pipe->size) {
        uint64_t left = pipe->size - pipe->wrote;

        error = tulle_call_write(pipe->call, pipe->pattern + pipe->wrote % PERIOD,
                                 left < PIECE ? (size_t)left : PIECE, &taken);
        assert_true(error == TULLE_OK || error == TULLE_E_AGAIN);
        pipe->wrote += taken;
        if (pipe->wrote == pipe->size) {
            assert_int_equal(tulle_call_write_end(pipe->call, NULL, 0), TULLE_OK);
        }
    }
}

/* Reads what there is. False: the body is over. */
static bool pipe_read(struct pipe *pipe)
{
    enum tulle_error error;
    size_t got;

    while ((error = tulle_call_read(pipe->call, pipe->piece, PIECE, &got)) == TULLE_OK) {
        if (got == 0) {
            return false;
        }
        assert_memory_equal(pipe->piece, pipe->pattern + pipe->got % PERIOD, got);
        pipe->got += got;
    }
    assert_int_equal(error, TULLE_E_AGAIN);
    return true;
}

/* On one thread, which waits for either way. */
static void pipe_run(struct pipe *pipe)
{
    unsigned turns = 0;
    int32_t ready;

    do {
        int32_t kinds = TULLE_EVENT_READABLE;

        pipe_write(pipe);
        kinds |= pipe->wrote < pipe->size ? TULLE_EVENT_WRITABLE : 0;
        if (turns++ % 16 == 0) {
            pipe_measure(pipe);
        }
        assert_int_equal(tulle_call_wait(pipe->call, kinds, TULLE_S(60), &ready), TULLE_OK);
    } while (pipe_read(pipe));
    assert_int_equal(pipe->got, pipe->size);
    assert_int_equal(tulle_call_error(pipe->call), TULLE_OK);
    tulle_call_free(pipe->call);
}

static void both_ways_hold_less_than_a_megabyte(const char *h2c, int32_t protocol, uint64_t size)
{
    struct server *server = server_start(h2c ? SERVER_TLS : SERVER_HTTP, "127.0.0.2:0", h2c, NULL);
    struct tulle *mesh = wire_open(&server, 1, protocol, NULL, &wire_one_loop);
    size_t held, pages;

    /* Buffers that are kept for the next one are made by the first. */
    pipe_start(&pipe_of_test, mesh, "http://shop/x?relay", 32 * MB);
    pipe_run(&pipe_of_test);
    held = test_memory_bytes();
    pages = pages_now();
    pipe_start(&pipe_of_test, mesh, "http://shop/x?relay", size);
    pipe_run(&pipe_of_test);
    assert_in_range(pipe_of_test.held_max, 0, held + MB);
    if (PAGES_COUNT && pipe_of_test.pages_max > pages + MB) {
        fail_msg("%zu bytes more are resident", pipe_of_test.pages_max - pages);
    }
    wire_close(mesh);
    server_stop(server);
}

static void a_gigabyte_each_way_at_once_holds_less_than_a_megabyte(void **state)
{
    (void)state;
    both_ways_hold_less_than_a_megabyte(NULL, TULLE_PROTOCOL_HTTP,
                                        (uint64_t)TULLE_TEST_STREAM_MB * MB);
}

static void so_does_http2(void **state)
{
    (void)state;
    both_ways_hold_less_than_a_megabyte("--h2c", TULLE_PROTOCOL_HTTP2,
                                        (uint64_t)TULLE_TEST_STREAM_MB * MB / 4);
}

/* --- a reader that stops --- */

enum { CALLS = 101 };

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* How long one call of many takes, of those on this loop. */
static int64_t median_call(struct tulle *mesh)
{
    int64_t took[CALLS];

    for (size_t i = 0; i < CALLS; i++) {
        struct outcome outcome = wire_get(mesh, "http://shop/small");

        assert_int_equal(outcome.error, TULLE_OK);
        took[i] = outcome.took_ns;
    }
    qsort(took, CALLS, sizeof(took[0]), by_value);
    return took[CALLS / 2];
}

static int64_t cpu_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

struct stopped {
    struct server *server;
    struct tulle *mesh;
    struct tulle_call *call;
    int64_t alone, beside; /* medians */
};

/* A reply of which the app reads nothing; the server has it in its hands. */
static bool server_is_stopped(void *user)
{
    struct stopped *stopped = user;

    return server_count(stopped->server, "unsent") > 16 * MB;
}

static void stopped_start(struct stopped *stopped)
{
    const struct tulle_request request = {
        TULLE_REQUEST_INIT,
        .url = "http://shop/x?body=32000000",
        .stream = TULLE_STREAM_REPLY,
        .deadline_ns = TULLE_NONE,
    };
    int32_t ready;

    assert_int_equal(tulle_call_start(stopped->mesh, &request, NULL, NULL, &stopped->call),
                     TULLE_OK);
    assert_int_equal(tulle_call_wait(stopped->call, TULLE_EVENT_HEAD, TULLE_S(60), &ready),
                     TULLE_OK);
    assert_true(test_wait_until(server_is_stopped, stopped, TULLE_S(20)));
}

/* What one run says may be the machine's: it is asked again, as long as there is
 * time; the least that the stream ever cost is what it costs. */
static bool costs_others_less_than_a_ms(void *user)
{
    struct stopped *stopped = user;

    stopped->beside = median_call(stopped->mesh);
    if (stopped->beside < stopped->alone + NS_PER_MS) {
        return true;
    }
    tulle_call_cancel(stopped->call);
    tulle_call_free(stopped->call);
    stopped->alone = median_call(stopped->mesh);
    stopped_start(stopped);
    return false;
}

static uint64_t read_to_end(struct tulle_call *call)
{
    enum tulle_error error;
    char data[PIECE];
    uint64_t sum = 0;
    size_t got;
    int32_t ready;

    do {
        error = tulle_call_read(call, data, sizeof(data), &got);
        sum += got;
        if (error == TULLE_E_AGAIN) {
            assert_int_equal(tulle_call_wait(call, TULLE_EVENT_READABLE, TULLE_S(60), &ready),
                             TULLE_OK);
        }
    } while (error == TULLE_E_AGAIN || got > 0);
    assert_int_equal(error, TULLE_OK);
    return sum;
}

static void a_reader_that_stops_stops_the_server_and_nobody_else(void **state)
{
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1 };
    struct stopped stopped = { .server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL) };
    int64_t until, cpu;
    size_t held;

    (void)state;
    stopped.mesh = wire_open(&stopped.server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
    median_call(stopped.mesh);
    stopped.alone = median_call(stopped.mesh);
    held = test_memory_bytes();
    stopped_start(&stopped);
    assert_in_range(test_memory_bytes(), 0, held + MB);
    assert_true(test_wait_until(costs_others_less_than_a_ms, &stopped, TULLE_S(60)));
    /* For 2 s nothing happens: not a byte is read, and nothing is polled for. */
    until = test_now() + 2 * NS_PER_S;
    cpu = cpu_now();
    while (test_now() < until) {
        usleep(100 * 1000);
    }
    assert_in_range(cpu_now() - cpu, 0, NS_PER_S / 2);
    assert_true(server_is_stopped(&stopped));
    assert_in_range(test_memory_bytes(), 0, held + MB);
    assert_int_equal(read_to_end(stopped.call), 32000000);
    tulle_call_free(stopped.call);
    wire_close(stopped.mesh);
    server_stop(stopped.server);
}

/* --- who waits --- */

static void a_wait_ends_with_its_time_or_with_the_call(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    const struct tulle_request request = {
        TULLE_REQUEST_INIT,           .method = "POST",
        .url = "http://shop/x?relay", .stream = BOTH,
        .deadline_ns = TULLE_MS(300),
    };
    struct tulle_call *call;
    char data[10];
    size_t got;
    int32_t ready;

    (void)state;
    assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &call), TULLE_OK);
    assert_int_equal(tulle_call_wait(call, TULLE_EVENT_READABLE, 1, &ready), TULLE_E_TIMEOUT);
    assert_int_equal(ready, 0);
    assert_int_equal(tulle_call_wait(call, TULLE_EVENT_READABLE, TULLE_NONE, &ready), TULLE_OK);
    assert_int_equal(ready, TULLE_EVENT_READABLE | TULLE_EVENT_END);
    assert_int_equal(tulle_call_read(call, data, sizeof(data), &got), TULLE_E_TIMEOUT);
    tulle_call_free(call);
    wire_close(mesh);
    server_stop(server);
}

static void a_mesh_without_threads_runs_in_who_waits(void **state)
{
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT };
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);

    (void)state;
    pipe_start(&pipe_of_test, mesh, "http://shop/x?relay", 4 * MB);
    pipe_run(&pipe_of_test);
    wire_close(mesh);
    server_stop(server);
}

static void trailers_go_both_ways(void **state)
{
    const struct tulle_header trailer = { "X-Sum", "42" };
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    const struct tulle_request request = { TULLE_REQUEST_INIT, .method = "POST",
                                           .url = "http://shop/x?relay", .stream = BOTH };
    struct tulle_call *call;
    size_t taken;

    (void)state;
    assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &call), TULLE_OK);
    assert_int_equal(tulle_call_write(call, "hello", 5, &taken), TULLE_OK);
    assert_int_equal(tulle_call_write_end(call, &trailer, 1), TULLE_OK);
    assert_int_equal(read_to_end(call), 5);
    assert_string_equal(tulle_reply_trailer(tulle_call_reply(call), "x-sum"), "42");
    tulle_call_free(call);
    wire_close(mesh);
    server_stop(server);
}

/* --- threads: one writes, one reads, and the call goes whenever it likes --- */

static void *write_until_it_ends(void *user)
{
    struct tulle_call *call = user;
    enum tulle_error error;
    char data[3000];
    size_t taken;
    int32_t ready;

    memset(data, 'x', sizeof(data));
    do {
        error = tulle_call_write(call, data, sizeof(data), &taken);
        if (error == TULLE_E_AGAIN &&
            tulle_call_wait(call, TULLE_EVENT_WRITABLE, 0, &ready) != TULLE_OK) {
            break;
        }
    } while (error == TULLE_OK || error == TULLE_E_AGAIN);
    return NULL;
}

static void *read_until_it_ends(void *user)
{
    struct tulle_call *call = user;
    enum tulle_error error;
    char data[5000];
    size_t got;
    int32_t ready;

    do {
        error = tulle_call_read(call, data, sizeof(data), &got);
        if (error == TULLE_E_AGAIN &&
            tulle_call_wait(call, TULLE_EVENT_READABLE, 0, &ready) != TULLE_OK) {
            break;
        }
    } while (got > 0 || error == TULLE_E_AGAIN);
    return NULL;
}

enum { ROUNDS = 30, STREAMS = 4 };

static void a_call_goes_at_any_moment_of_its_threads(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, NULL);
    const struct tulle_request request = { TULLE_REQUEST_INIT, .method = "POST",
                                           .url = "http://shop/x?relay", .stream = BOTH };

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct tulle_call *calls[STREAMS];
        pthread_t writers[STREAMS], readers[STREAMS];

        for (size_t i = 0; i < STREAMS; i++) {
            assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &calls[i]), TULLE_OK);
            pthread_create(&writers[i], NULL, write_until_it_ends, calls[i]);
            pthread_create(&readers[i], NULL, read_until_it_ends, calls[i]);
        }
        usleep((useconds_t)(round * 300));
        for (size_t i = 0; i < STREAMS; i++) {
            tulle_call_cancel(calls[i]);
            pthread_join(writers[i], NULL);
            pthread_join(readers[i], NULL);
            assert_int_equal(tulle_call_error(calls[i]), TULLE_E_CANCELLED);
            tulle_call_free(calls[i]);
        }
    }
    wire_close(mesh);
    server_stop(server);
}

/* The close cancels them, and waits for who is inside. */
static void a_mesh_is_closed_while_threads_wait_in_its_streams(void **state)
{
    const struct tulle_options options = { TULLE_OPTIONS_INIT, .close_timeout_ns = TULLE_MS(20) };
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    const struct tulle_request request = { TULLE_REQUEST_INIT, .method = "POST",
                                           .url = "http://shop/x?relay", .stream = BOTH };

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &options);
        struct tulle_call *call;
        pthread_t writer, reader;

        assert_int_equal(tulle_call_start(mesh, &request, NULL, NULL, &call), TULLE_OK);
        pthread_create(&reader, NULL, read_until_it_ends, call);
        if (round % 2 == 0) {
            pthread_create(&writer, NULL, write_until_it_ends, call);
        }
        wire_close(mesh);
        pthread_join(reader, NULL);
        if (round % 2 == 0) {
            pthread_join(writer, NULL);
        }
        assert_int_equal(tulle_call_error(call), TULLE_E_CANCELLED);
        tulle_call_free(call);
    }
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(a_gigabyte_each_way_at_once_holds_less_than_a_megabyte),
          cmocka_unit_test(so_does_http2),
          cmocka_unit_test(a_reader_that_stops_stops_the_server_and_nobody_else),
          cmocka_unit_test(a_wait_ends_with_its_time_or_with_the_call),
          cmocka_unit_test(a_mesh_without_threads_runs_in_who_waits),
          cmocka_unit_test(trailers_go_both_ways),
          cmocka_unit_test(a_call_goes_at_any_moment_of_its_threads),
          cmocka_unit_test(a_mesh_is_closed_while_threads_wait_in_its_streams))
