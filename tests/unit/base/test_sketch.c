/* SPDX-License-Identifier: Apache-2.0 */

/* Percentiles within a bucket of the truth, of what came of late. */

#include "base/sketch.h"

#include "base/clock.h"
#include "base/rand.h"
#include "harness/test.h"

enum { MANY = 10000 };

static struct sketch sketches[2];
static struct sketch_window window;

static void clear(void)
{
    memset(sketches, 0, sizeof(sketches));
    memset(&window, 0, sizeof(window));
}

static void add_many(int64_t ns, int count)
{
    for (int i = 0; i < count; i++) {
        tulle__sketch_add(&sketches[i % 2], ns);
    }
}

static void within_an_eighth(int64_t value, int64_t truth)
{
    assert_true(value >= truth - truth / 8);
    assert_true(value <= truth + truth / 8);
}

static void a_percentile_is_within_a_bucket_of_the_truth(void **state)
{
    (void)state;
    for (int64_t scale = 10000; scale <= 10 * NS_PER_S; scale *= 10) {
        clear();
        for (int i = 1; i <= MANY; i++) {
            tulle__sketch_add(&sketches[i % 2], scale + scale * i / MANY);
        }
        assert_int_equal(tulle__sketch_take(&window, sketches, 2), MANY);
        for (unsigned permille = 50; permille < 1000; permille += 50) {
            within_an_eighth(tulle__sketch_read(&window, permille),
                             scale + scale * (int64_t)permille / 1000);
        }
    }
}

/* What a share of the samples exceed is the share that is hedged. */
static void a_tail_of_two_in_a_hundred_is_seen(void **state)
{
    (void)state;
    clear();
    add_many(10 * NS_PER_MS, 980);
    add_many(1000 * NS_PER_MS, 20);
    (void)tulle__sketch_take(&window, sketches, 2);
    within_an_eighth(tulle__sketch_read(&window, 500), 10 * NS_PER_MS);
    within_an_eighth(tulle__sketch_read(&window, 979), 10 * NS_PER_MS);
    within_an_eighth(tulle__sketch_read(&window, 985), 1000 * NS_PER_MS);
}

static void percentiles_never_fall_as_the_share_grows(void **state)
{
    struct rand rand;
    int64_t last = 0;

    (void)state;
    clear();
    tulle__rand_init(&rand, 7);
    for (int i = 0; i < MANY; i++) {
        tulle__sketch_add(&sketches[0], (int64_t)(rand_next(&rand) >> (24 + i % 30)));
    }
    (void)tulle__sketch_take(&window, sketches, 1);
    for (unsigned permille = 0; permille <= 1000; permille++) {
        int64_t value = tulle__sketch_read(&window, permille);

        assert_true(value >= last);
        last = value;
    }
}

static void what_is_too_short_or_too_long_counts_at_the_ends(void **state)
{
    (void)state;
    clear();
    add_many(0, 50);
    add_many(-5, 50);
    add_many(INT64_MAX, 100);
    assert_int_equal(tulle__sketch_take(&window, sketches, 2), 200);
    assert_true(tulle__sketch_read(&window, 400) <= 10000);
    assert_true(tulle__sketch_read(&window, 999) > 120 * NS_PER_S);
    assert_true(tulle__sketch_read(&window, 1000) < 140 * NS_PER_S);
}

static void too_few_samples_say_nothing(void **state)
{
    (void)state;
    clear();
    add_many(NS_PER_MS, SKETCH_ENOUGH - 1);
    (void)tulle__sketch_take(&window, sketches, 2);
    assert_int_equal(tulle__sketch_read(&window, 500), 0);
    add_many(NS_PER_MS, 1);
    assert_int_equal(tulle__sketch_take(&window, sketches, 2), 1);
    assert_int_not_equal(tulle__sketch_read(&window, 500), 0);
}

static void what_was_is_let_go_of_as_more_comes(void **state)
{
    (void)state;
    clear();
    add_many(NS_PER_MS, MANY);
    (void)tulle__sketch_take(&window, sketches, 2);
    for (int i = 0; i < 20; i++) {
        add_many(100 * NS_PER_MS, MANY / 10);
        (void)tulle__sketch_take(&window, sketches, 2);
    }
    within_an_eighth(tulle__sketch_read(&window, 500), 100 * NS_PER_MS);
}

static void what_was_is_kept_while_little_comes(void **state)
{
    (void)state;
    clear();
    add_many(NS_PER_MS, 200);
    for (int i = 0; i < 1000; i++) {
        (void)tulle__sketch_take(&window, sketches, 2);
    }
    within_an_eighth(tulle__sketch_read(&window, 500), NS_PER_MS);
}

static void counts_may_wrap_around(void **state)
{
    (void)state;
    clear();
    for (size_t i = 0; i < SKETCH_BUCKETS; i++) {
        sketches[0].counts[i] = sketches[1].counts[i] = window.seen[i] = UINT32_MAX;
        window.seen[i] += UINT32_MAX;
    }
    add_many(NS_PER_MS, 200);
    assert_int_equal(tulle__sketch_take(&window, sketches, 2), 200);
    within_an_eighth(tulle__sketch_read(&window, 500), NS_PER_MS);
}

TEST_MAIN(cmocka_unit_test(a_percentile_is_within_a_bucket_of_the_truth),
          cmocka_unit_test(a_tail_of_two_in_a_hundred_is_seen),
          cmocka_unit_test(percentiles_never_fall_as_the_share_grows),
          cmocka_unit_test(what_is_too_short_or_too_long_counts_at_the_ends),
          cmocka_unit_test(too_few_samples_say_nothing),
          cmocka_unit_test(what_was_is_let_go_of_as_more_comes),
          cmocka_unit_test(what_was_is_kept_while_little_comes),
          cmocka_unit_test(counts_may_wrap_around))
