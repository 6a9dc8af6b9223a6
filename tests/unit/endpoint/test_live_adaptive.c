/* SPDX-License-Identifier: Apache-2.0 */

/* Who is let in, which samples count, and when the controller moves. */

#include "endpoint/live_adaptive.h"

#include <pthread.h>

#include "base/clock.h"
#include "harness/test.h"
#include "model/defaults.h"

#define MS    NS_PER_MS
#define START (1000 * NS_PER_S)

static const struct adaptive_concurrency_config *const config = &tulle__adaptive_default;

static unsigned limit_of(struct live_adaptive *adaptive)
{
    return atomic_load(&adaptive->limit);
}

/* `count` calls that took so long and end now, on both loops. */
static void sample(struct live_adaptive *adaptive, int count, int64_t took, int64_t now)
{
    for (int i = 0; i < count; i++) {
        tulle__live_adaptive_sample(adaptive, config, (size_t)i % 2, now - took, now);
    }
}

/* Measured at START + 1 s as 10 ms; a limit of 3. */
static struct live_adaptive *measured(void)
{
    struct live_adaptive *adaptive = tulle__live_adaptive_new(2, 7, config, START);

    if (adaptive) {
        sample(adaptive, 50, 10 * MS, START + NS_PER_S);
    }
    return adaptive;
}

static void no_more_come_in_than_the_limit(void **state)
{
    struct live_adaptive *adaptive = tulle__live_adaptive_new(2, 7, config, START);

    (void)state;
    CHECK_OR_DONE(adaptive);
    assert_int_equal(limit_of(adaptive), 3);
    for (int i = 0; i < 3; i++) {
        assert_true(live_adaptive_enter(adaptive));
    }
    assert_false(live_adaptive_enter(adaptive));
    live_adaptive_leave(adaptive);
    assert_true(live_adaptive_enter(adaptive));
    assert_false(live_adaptive_enter(adaptive));
done:
    tulle__live_adaptive_free(adaptive);
}

static void fifty_samples_are_a_measurement(void **state)
{
    struct live_adaptive *adaptive = tulle__live_adaptive_new(2, 7, config, START);

    (void)state;
    CHECK_OR_DONE(adaptive);
    sample(adaptive, 49, 10 * MS, START + NS_PER_S);
    assert_true(atomic_load(&adaptive->measuring));
    assert_int_equal(atomic_load(&adaptive->min_rtt_ns), 0);
    sample(adaptive, 1, 10 * MS, START + NS_PER_S);
    assert_false(atomic_load(&adaptive->measuring));
    assert_in_range(atomic_load(&adaptive->min_rtt_ns), 9 * MS, 11 * MS);
done:
    tulle__live_adaptive_free(adaptive);
}

static void the_limit_moves_every_hundred_milliseconds_and_not_without_samples(void **state)
{
    struct live_adaptive *adaptive = measured();
    int64_t now = START + NS_PER_S;

    (void)state;
    CHECK_OR_DONE(adaptive);
    sample(adaptive, 20, 10 * MS, now + 99 * MS);
    assert_int_equal(limit_of(adaptive), 3);
    sample(adaptive, 1, 10 * MS, now + 100 * MS);
    assert_int_equal(limit_of(adaptive), 5);
    sample(adaptive, 1, 10 * MS, now + 150 * MS);
    assert_int_equal(limit_of(adaptive), 5);
    sample(adaptive, 1, 10 * MS, now + 30 * NS_PER_S);
    assert_in_range(limit_of(adaptive), 8, 9);
done:
    tulle__live_adaptive_free(adaptive);
}

static void what_began_before_the_measurement_is_no_sample_of_it(void **state)
{
    struct live_adaptive *adaptive = measured();
    int64_t now = START + 71 * NS_PER_S;

    (void)state;
    CHECK_OR_DONE(adaptive);
    sample(adaptive, 1, 10 * MS, now);
    assert_true(atomic_load(&adaptive->measuring));
    assert_int_equal(limit_of(adaptive), 3);
    sample(adaptive, 100, 500 * MS, now + 10 * MS);
    assert_true(atomic_load(&adaptive->measuring));
    sample(adaptive, 50, 20 * MS, now + 30 * MS);
    assert_false(atomic_load(&adaptive->measuring));
    assert_in_range(atomic_load(&adaptive->min_rtt_ns), 18 * MS, 22 * MS);
    assert_in_range(limit_of(adaptive), 4, 6); /* as it was */
done:
    tulle__live_adaptive_free(adaptive);
}

static void who_finds_another_at_it_goes_on(void **state)
{
    struct live_adaptive *adaptive = measured();
    int64_t now = START + NS_PER_S;

    (void)state;
    CHECK_OR_DONE(adaptive);
    atomic_store(&adaptive->claimed, true);
    sample(adaptive, 5, 10 * MS, now + 200 * MS);
    assert_int_equal(limit_of(adaptive), 3);
    atomic_store(&adaptive->claimed, false);
    sample(adaptive, 1, 10 * MS, now + 200 * MS);
    assert_int_equal(limit_of(adaptive), 5);
done:
    tulle__live_adaptive_free(adaptive);
}

enum { THREADS = 2, EACH = 50000 };

struct worker {
    struct live_adaptive *adaptive;
    size_t loop;
    unsigned entered;
};

static void *call_many(void *user)
{
    struct worker *worker = user;

    for (int64_t i = 1; i <= EACH; i++) {
        int64_t now = START + i * MS;

        if (live_adaptive_enter(worker->adaptive)) {
            worker->entered++;
            tulle__live_adaptive_sample(worker->adaptive, config, worker->loop, now - MS, now);
            live_adaptive_leave(worker->adaptive);
        }
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    struct live_adaptive *adaptive = tulle__live_adaptive_new(THREADS, 7, config, START);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    assert_non_null(adaptive);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ adaptive, i, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].entered, EACH);
    }
    assert_int_equal(atomic_load(&adaptive->in_flight), 0);
    assert_in_range(atomic_load(&adaptive->min_rtt_ns), 1, 2 * MS);
    assert_in_range(limit_of(adaptive), 4, 1000);
    tulle__live_adaptive_free(adaptive);
}

TEST_MAIN(TEST_OOM(no_more_come_in_than_the_limit), TEST_OOM(fifty_samples_are_a_measurement),
          TEST_OOM(the_limit_moves_every_hundred_milliseconds_and_not_without_samples),
          TEST_OOM(what_began_before_the_measurement_is_no_sample_of_it),
          TEST_OOM(who_finds_another_at_it_goes_on), cmocka_unit_test(threads_share_it))
