/* SPDX-License-Identifier: Apache-2.0 */

/* The window between one writer and its readers. */

#include "stack/body.h"

#include <pthread.h>
#include <sched.h>

#include "base/rand.h"
#include "harness/test.h"

enum { WINDOW = 16, LONG = 100000 };

struct bench {
    struct mutex lock;
    struct body body;
    struct body_reader reader, other;
    bool wake; /* of the last write or read */
};

/* False: no memory. */
static bool bench_open(struct bench *bench, size_t window)
{
    memset(bench, 0, sizeof(*bench));
    assert_true(tulle__mutex_init(&bench->lock));
    tulle__body_init(&bench->body, &bench->lock, window);
    return tulle__body_reserve(&bench->body);
}

static void bench_close(struct bench *bench)
{
    tulle__body_fini(&bench->body);
    tulle__mutex_fini(&bench->lock);
}

static size_t put(struct bench *bench, const char *text)
{
    return tulle__body_write(&bench->body, text, strlen(text), &bench->wake);
}

/* What comes, and that it is this. */
static void get(struct bench *bench, struct body_reader *reader, const char *expected)
{
    char text[WINDOW + 1] = "";

    assert_int_equal(tulle__body_read(&bench->body, reader, text, strlen(expected), &bench->wake),
                     strlen(expected));
    assert_string_equal(text, expected);
}

static size_t get_nothing(struct bench *bench, struct body_reader *reader)
{
    char text[WINDOW];

    return tulle__body_read(&bench->body, reader, text, sizeof(text), &bench->wake);
}

static void what_is_written_is_read_around_the_ring(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(put(&bench, "0123456"), 7);
        assert_int_equal(put(&bench, "abcd"), 4);
        get(&bench, &bench.reader, "012345");
        get(&bench, &bench.reader, "6abcd");
    }
    assert_int_equal(get_nothing(&bench, &bench.reader), BODY_NOTHING);
    assert_true(tulle__body_end(&bench.body));
    assert_int_equal(get_nothing(&bench, &bench.reader), 0);
done:
    bench_close(&bench);
}

static void a_full_window_takes_what_fits_and_then_nothing(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_int_equal(put(&bench, "0123456789abcdefXY"), WINDOW);
    assert_false(bench.body.writer_waits);
    assert_int_equal(put(&bench, "XY"), 0);
    assert_true(bench.body.writer_waits);
    assert_false(tulle__body_claim_writer(&bench.body));
done:
    bench_close(&bench);
}

static void a_waiting_writer_is_woken_once_when_half_is_free(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    assert_int_equal(put(&bench, "0123456789abcdef"), WINDOW);
    assert_int_equal(put(&bench, "X"), 0);
    get(&bench, &bench.reader, "0123456");
    assert_false(bench.wake);
    get(&bench, &bench.reader, "7");
    assert_true(bench.wake);
    assert_true(tulle__body_claim_writer(&bench.body));
    assert_false(tulle__body_claim_writer(&bench.body));
    get(&bench, &bench.reader, "8");
    assert_false(bench.wake);
done:
    bench_close(&bench);
}

static void a_waiting_reader_is_woken_once_by_bytes_or_the_end(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    put(&bench, "a");
    assert_false(bench.wake);
    get(&bench, &bench.reader, "a");
    assert_int_equal(get_nothing(&bench, &bench.reader), BODY_NOTHING);
    assert_null(tulle__body_claim_reader(&bench.body));
    put(&bench, "b");
    assert_true(bench.wake);
    assert_ptr_equal(tulle__body_claim_reader(&bench.body), &bench.reader);
    assert_null(tulle__body_claim_reader(&bench.body));
    get(&bench, &bench.reader, "b");
    assert_int_equal(get_nothing(&bench, &bench.reader), BODY_NOTHING);
    assert_true(tulle__body_end(&bench.body));
    assert_ptr_equal(tulle__body_claim_reader(&bench.body), &bench.reader);
done:
    bench_close(&bench);
}

static void the_slowest_reader_sets_the_pace(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    assert_true(tulle__body_attach(&bench.body, &bench.other));
    assert_int_equal(put(&bench, "0123456789abcdef"), WINDOW);
    get(&bench, &bench.reader, "0123456789abcdef");
    assert_int_equal(put(&bench, "XYZ"), 0);
    get(&bench, &bench.other, "01");
    assert_int_equal(put(&bench, "XYZ"), 2);
    tulle__body_detach(&bench.body, &bench.other);
    assert_int_equal(put(&bench, "Z123456789abcd"), 14);
    get(&bench, &bench.reader, "XYZ123456789abcd");
done:
    bench_close(&bench);
}

static void a_late_reader_begins_at_the_start_while_that_is_kept(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    put(&bench, "0123456789abcdef");
    get(&bench, &bench.reader, "0123456789abcdef");
    tulle__body_detach(&bench.body, &bench.reader);
    assert_int_equal(put(&bench, "X"), 0); /* without a reader all may be needed */
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    get(&bench, &bench.reader, "0123456789abcdef");
    assert_int_equal(put(&bench, "X"), 1);
    assert_false(tulle__body_attach(&bench.body, &bench.other));
    assert_false(tulle__body_hold(&bench.body));
    get(&bench, &bench.reader, "X");
done:
    bench_close(&bench);
}

static void what_is_held_is_not_dropped_until_it_is_let_go(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    put(&bench, "0123456789");
    get(&bench, &bench.reader, "0123456789");
    assert_true(tulle__body_hold(&bench.body));
    assert_int_equal(put(&bench, "abcdefgh"), 6);
    assert_int_equal(put(&bench, "gh"), 0);
    get(&bench, &bench.reader, "abcdef");
    assert_false(bench.wake);
    assert_true(tulle__body_let_go(&bench.body));
    assert_true(tulle__body_claim_writer(&bench.body));
    assert_int_equal(put(&bench, "gh"), 2);
    assert_false(tulle__body_let_go(&bench.body));
done:
    bench_close(&bench);
}

static void who_awaits_is_woken_like_one_who_tried(void **state)
{
    struct bench bench;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, WINDOW));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    assert_true(tulle__body_await_room(&bench.body));
    assert_false(tulle__body_await_bytes(&bench.body, &bench.reader));
    put(&bench, "0123456789abcdef");
    assert_true(bench.wake);
    assert_ptr_equal(tulle__body_claim_reader(&bench.body), &bench.reader);
    assert_true(tulle__body_await_bytes(&bench.body, &bench.reader));
    assert_false(tulle__body_await_room(&bench.body));
    get(&bench, &bench.reader, "01234567");
    assert_true(bench.wake);
done:
    bench_close(&bench);
}

/* --- a fork: two readers and a writer, each on its own thread --- */

static char byte_at(uint64_t offset)
{
    return (char)(offset * 2654435761u >> 13);
}

struct follower {
    struct bench *bench;
    struct body_reader *reader;
    uint64_t seed, wrong;
};

static void *follow(void *user)
{
    struct follower *follower = user;
    struct body *body = &follower->bench->body;
    uint64_t at = 0;
    struct rand rand;
    char piece[100];
    bool wake;

    tulle__rand_init(&rand, follower->seed);
    for (;;) {
        size_t wanted = 1 + (size_t)(rand_next(&rand) % sizeof(piece));
        size_t got = tulle__body_read(body, follower->reader, piece, wanted, &wake);

        if (got == 0) {
            break;
        }
        if (got == BODY_NOTHING) {
            sched_yield();
            continue;
        }
        for (size_t i = 0; i < got; i++) {
            follower->wrong += piece[i] != byte_at(at + i);
        }
        at += got;
    }
    follower->wrong += at != LONG;
    return NULL;
}

static void write_long(struct bench *bench)
{
    struct rand rand;
    uint64_t at = 0;
    char piece[70];
    bool wake;

    tulle__rand_init(&rand, 3);
    while (at < LONG) {
        size_t size = 1 + (size_t)(rand_next(&rand) % sizeof(piece)), taken;

        size = size < LONG - at ? size : (size_t)(LONG - at);
        for (size_t i = 0; i < size; i++) {
            piece[i] = byte_at(at + i);
        }
        taken = tulle__body_write(&bench->body, piece, size, &wake);
        at += taken;
        if (taken == 0) {
            sched_yield();
        }
    }
    (void)tulle__body_end(&bench->body);
}

static void both_readers_of_a_fork_get_the_same_bytes(void **state)
{
    struct bench bench;
    struct follower first = { &bench, &bench.reader, 1, 0 };
    struct follower second = { &bench, &bench.other, 2, 0 };
    pthread_t one, two;

    (void)state;
    CHECK_OR_DONE(bench_open(&bench, 257));
    assert_true(tulle__body_attach(&bench.body, &bench.reader));
    assert_true(tulle__body_attach(&bench.body, &bench.other));
    assert_int_equal(pthread_create(&one, NULL, follow, &first), 0);
    assert_int_equal(pthread_create(&two, NULL, follow, &second), 0);
    write_long(&bench);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    assert_int_equal(first.wrong, 0);
    assert_int_equal(second.wrong, 0);
done:
    bench_close(&bench);
}

TEST_MAIN(TEST_OOM(what_is_written_is_read_around_the_ring),
          cmocka_unit_test(a_full_window_takes_what_fits_and_then_nothing),
          cmocka_unit_test(a_waiting_writer_is_woken_once_when_half_is_free),
          cmocka_unit_test(a_waiting_reader_is_woken_once_by_bytes_or_the_end),
          cmocka_unit_test(the_slowest_reader_sets_the_pace),
          cmocka_unit_test(a_late_reader_begins_at_the_start_while_that_is_kept),
          cmocka_unit_test(what_is_held_is_not_dropped_until_it_is_let_go),
          cmocka_unit_test(who_awaits_is_woken_like_one_who_tried),
          cmocka_unit_test(both_readers_of_a_fork_get_the_same_bytes))
