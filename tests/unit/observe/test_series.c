/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "observe/series.h"

static const struct cluster reviews = { .name = { "outbound|80||reviews.default", 28 },
                                        .host = { "reviews.default", 15 },
                                        .service = { "reviews", 7 },
                                        .name_space = { "default", 7 } };

static const struct call_record fine = { .cluster = &reviews, .status = 200 };

static struct series_key key_of(struct call_record record)
{
    struct series_key key;

    tulle__series_key(&record, 1, &key);
    return key;
}

/* Whether two calls would have the same series. */
static bool are_alike(struct call_record a, struct call_record b)
{
    struct series_key key_a = key_of(a), key_b = key_of(b);
    struct series series = { .key = key_a };

    assert_int_equal(tulle__series_is(&series, &key_b),
                     tulle__series_compare(&series, &(struct series){ .key = key_b }) == 0);
    return tulle__series_is(&series, &key_b);
}

static void the_kind_says_where_a_call_went(void **state)
{
    (void)state;
    assert_int_equal(key_of(fine).kind, SERIES_SERVICE);
    assert_int_equal(key_of((struct call_record){ .outside = true }).kind, SERIES_PASSTHROUGH);
    assert_int_equal(key_of((struct call_record){ .status = 502 }).kind, SERIES_BLACKHOLE);
    assert_int_equal(key_of((struct call_record){ .status = 404 }).kind, SERIES_NO_ROUTE);
    assert_int_equal(key_of((struct call_record){ .status = 503 }).kind, SERIES_NO_ROUTE);
}

static void every_label_tells_calls_apart(void **state)
{
    struct cluster elsewhere = reviews;
    struct call_record other;

    (void)state;
    assert_true(are_alike(fine, fine));
    other = fine, other.status = 500;
    assert_false(are_alike(fine, other));
    other = fine, other.flags = FLAG_UT;
    assert_false(are_alike(fine, other));
    other = fine, other.is_grpc = true;
    assert_false(are_alike(fine, other));
    other = fine, other.cluster = NULL, other.host = reviews.host;
    assert_false(are_alike(fine, other));
    elsewhere.name_space = STR("other");
    other = fine, other.cluster = &elsewhere;
    assert_false(are_alike(fine, other));
    elsewhere = reviews, elsewhere.host = STR("ratings.default");
    assert_false(are_alike(fine, other));
}

static void numbers_and_subsets_do_not_tell_calls_apart(void **state)
{
    struct cluster subset = reviews;
    struct call_record other = fine;

    (void)state;
    subset.name = STR("outbound|80|v1|reviews.default");
    subset.subset = STR("v1");
    other.cluster = &subset;
    other.duration_ns = 5;
    other.bytes_received = 7;
    assert_true(are_alike(fine, other));
}

static void another_seed_gives_another_hash(void **state)
{
    struct series_key a, b;

    (void)state;
    tulle__series_key(&fine, 1, &a);
    tulle__series_key(&fine, 2, &b);
    assert_true(a.hash != b.hash);
}

static void a_series_owns_its_texts(void **state)
{
    char host[] = "reviews.default";
    struct cluster cluster = reviews;
    struct call_record record = { .cluster = &cluster, .status = 200 };
    struct series_key key;
    struct series *series;

    (void)state;
    cluster.host.data = host;
    tulle__series_key(&record, 1, &key);
    series = tulle__series_new(2, &key);
    CHECK_OR_DONE(series != NULL);
    host[0] = 'X';
    assert_true(str_equal(series->key.host, STR("reviews.default")));
    assert_true(str_equal(series->key.service, STR("reviews")));
    assert_true(str_equal(series->key.name_space, STR("default")));
done:
    tulle__series_free(series);
}

static void a_total_is_the_sum_over_loops(void **state)
{
    struct series_key key = key_of(fine);
    struct series *series = tulle__series_new(3, &key);
    struct series_numbers *first, *last;
    struct series_total total;

    (void)state;
    CHECK_OR_DONE(series != NULL);
    tulle__series_total(series, SERIES_DURATION, &total);
    assert_int_equal(total.count, 0);
    first = tulle__series_numbers(series, 0);
    last = tulle__series_numbers(series, 2);
    CHECK_OR_DONE(first && last);
    assert_ptr_equal(first, tulle__series_numbers(series, 0));
    tulle__histogram_add(&first->of[SERIES_DURATION], 3);
    tulle__histogram_add(&last->of[SERIES_DURATION], 3);
    tulle__histogram_add(&last->of[SERIES_DURATION], 1e12);
    tulle__series_total(series, SERIES_DURATION, &total);
    assert_int_equal(total.count, 3);
    assert_int_equal(total.counts[2], 2);
    assert_int_equal(total.counts[HISTOGRAM_BOUNDS], 1);
    assert_true(total.sum > 1e12 && total.sum < 1e12 + 7);
    tulle__series_total(series, SERIES_REQUEST_BYTES, &total);
    assert_int_equal(total.count, 0);
done:
    tulle__series_free(series);
}

TEST_MAIN(cmocka_unit_test(the_kind_says_where_a_call_went),
          cmocka_unit_test(every_label_tells_calls_apart),
          cmocka_unit_test(numbers_and_subsets_do_not_tell_calls_apart),
          cmocka_unit_test(another_seed_gives_another_hash), TEST_OOM(a_series_owns_its_texts),
          TEST_OOM(a_total_is_the_sum_over_loops))
