/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/thread.h"
#include "observe/metrics.h"

enum { LIST_MAX = 256 };

static const struct cluster reviews = { .host = { "reviews.default", 15 },
                                        .service = { "reviews", 7 },
                                        .name_space = { "default", 7 } };

static const struct call_record fine = { .cluster = &reviews, .status = 200 };

static void count_call(struct metrics *metrics, size_t loop, const struct call_record *record)
{
    tulle__metrics_observer.call_ended(tulle__metrics_shard(metrics, loop), record);
}

static uint64_t calls_of(const struct series *series)
{
    struct series_total total;

    tulle__series_total(series, SERIES_DURATION, &total);
    return total.count;
}

static uint64_t calls_in_all(const struct metrics *metrics)
{
    const struct series *list[LIST_MAX];
    size_t count = tulle__metrics_list(metrics, list, LIST_MAX);
    uint64_t sum = calls_of(tulle__metrics_other(metrics));

    for (size_t i = 0; i < count; i++) {
        sum += calls_of(list[i]);
    }
    return sum;
}

/* Calls to as many names outside the mesh. */
static void count_outside(struct metrics *metrics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char host[2] = { (char)('a' + i), 0 };

        count_call(metrics, 0, &(struct call_record){ .outside = true, .host = str_of(host) });
    }
}

static void count_statuses(struct metrics *metrics, size_t loop, int first, int count)
{
    for (int status = first; status < first + count; status++) {
        struct call_record record = fine;

        record.status = status;
        count_call(metrics, loop, &record);
    }
}

static void calls_of_all_loops_are_one_series(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 2 });
    const struct series *list[LIST_MAX];

    (void)state;
    CHECK_OR_DONE(metrics != NULL);
    count_call(metrics, 0, &fine);
    count_call(metrics, 1, &fine);
    assert_int_equal(calls_in_all(metrics), 2);
    CHECK(tulle__metrics_count(metrics) == 1);
    CHECK_OR_DONE(tulle__metrics_list(metrics, list, LIST_MAX) == 1);
    CHECK(calls_of(list[0]) == 2);
done:
    tulle__metrics_free(metrics);
}

static void a_call_counts_its_duration_and_its_bytes(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 1 });
    struct call_record record = fine;
    const struct series *list[1];
    struct series_total total;

    (void)state;
    CHECK_OR_DONE(metrics != NULL);
    record.duration_ns = 7500000;
    record.bytes_sent = 11;
    record.bytes_received = 1300;
    count_call(metrics, 0, &record);
    CHECK_OR_DONE(tulle__metrics_list(metrics, list, 1) == 1);
    tulle__series_total(list[0], SERIES_DURATION, &total);
    CHECK(total.sum > 7.49 && total.sum < 7.51);
    tulle__series_total(list[0], SERIES_REQUEST_BYTES, &total);
    CHECK(total.sum > 10.9 && total.sum < 11.1);
    tulle__series_total(list[0], SERIES_RESPONSE_BYTES, &total);
    CHECK(total.sum > 1299 && total.sum < 1301);
done:
    tulle__metrics_free(metrics);
}

static void a_known_label_set_costs_no_memory(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 1 });
    uint64_t before;

    (void)state;
    assert_non_null(metrics);
    count_call(metrics, 0, &fine);
    before = test_allocations();
    for (int i = 0; i < 100; i++) {
        count_call(metrics, 0, &fine);
    }
    assert_int_equal(test_allocations(), before);
    tulle__metrics_free(metrics);
}

static void what_is_over_the_cap_is_counted_together(void **state)
{
    struct metrics *metrics =
        tulle__metrics_new(&(struct metrics_options){ .loop_count = 2, .series_max = 4 });

    (void)state;
    CHECK_OR_DONE(metrics != NULL);
    count_statuses(metrics, 0, 200, 6);
    CHECK(tulle__metrics_count(metrics) == 4);
    CHECK(calls_of(tulle__metrics_other(metrics)) == 2);
    count_statuses(metrics, 1, 200, 6); /* the same four are known to the other loop */
    CHECK(tulle__metrics_count(metrics) == 4);
    CHECK(calls_of(tulle__metrics_other(metrics)) == 4);
    assert_int_equal(calls_in_all(metrics), 12);
done:
    tulle__metrics_free(metrics);
}

static void names_outside_the_mesh_take_half_of_the_cap(void **state)
{
    struct metrics *metrics =
        tulle__metrics_new(&(struct metrics_options){ .loop_count = 1, .series_max = 8 });

    (void)state;
    CHECK_OR_DONE(metrics != NULL);
    count_outside(metrics, 20);
    CHECK(tulle__metrics_count(metrics) == 4);
    count_statuses(metrics, 0, 200, 5);
    CHECK(tulle__metrics_count(metrics) == 8);
    assert_int_equal(calls_in_all(metrics), 25);
    count_outside(metrics, 1);
    CHECK(tulle__metrics_count(metrics) == 8);
done:
    tulle__metrics_free(metrics);
}

static void a_cap_that_is_full_leaves_outside_names_none(void **state)
{
    struct metrics *metrics =
        tulle__metrics_new(&(struct metrics_options){ .loop_count = 1, .series_max = 4 });

    (void)state;
    assert_non_null(metrics);
    count_statuses(metrics, 0, 200, 4);
    count_outside(metrics, 2);
    assert_int_equal(calls_of(tulle__metrics_other(metrics)), 2);
    tulle__metrics_free(metrics);
}

static void zero_is_the_default_cap_and_the_greatest_is_none(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 1 });

    (void)state;
    assert_int_equal(tulle__metrics_max(metrics), SERIES_MAX_DEFAULT);
    assert_true(str_equal(tulle__metrics_workload(metrics), STR("unknown")));
    tulle__metrics_free(metrics);
    metrics = tulle__metrics_new(&(struct metrics_options){
        .loop_count = 1, .series_max = UINT32_MAX, .workload = STR("shop") });
    assert_true(tulle__metrics_max(metrics) == SIZE_MAX);
    assert_true(str_equal(tulle__metrics_workload(metrics), STR("shop")));
    tulle__metrics_free(metrics);
}

static void the_list_is_sorted_by_labels(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 1 });
    const struct series *list[LIST_MAX];
    size_t count;

    (void)state;
    assert_non_null(metrics);
    count_statuses(metrics, 0, 200, 20);
    count_outside(metrics, 20);
    count = tulle__metrics_list(metrics, list, LIST_MAX);
    assert_int_equal(count, 40);
    for (size_t i = 1; i < count; i++) {
        assert_true(tulle__series_compare(list[i - 1], list[i]) < 0);
    }
    assert_int_equal(tulle__metrics_list(metrics, list, 7), 7);
    tulle__metrics_free(metrics);
}

/* --- loops at once, and a reader meanwhile --- */

enum { THREADS = 4, STATUSES = 50, TURNS = 200 };

struct worker {
    struct thread thread;
    struct metrics *metrics;
    size_t loop;
};

static void worker_run(void *user)
{
    struct worker *worker = user;

    for (int i = 0; i < TURNS; i++) {
        count_statuses(worker->metrics, worker->loop, 200, STATUSES);
    }
}

static void loops_count_at_once_while_someone_reads(void **state)
{
    struct metrics *metrics =
        tulle__metrics_new(&(struct metrics_options){ .loop_count = THREADS, .series_max = 40 });
    struct worker workers[THREADS];
    uint64_t seen = 0, last = 0;

    (void)state;
    assert_non_null(metrics);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .metrics = metrics, .loop = i };
        assert_true(tulle__thread_start(&workers[i].thread, "worker", worker_run, &workers[i]));
    }
    for (int i = 0; i < 100; i++, last = seen) {
        seen = calls_in_all(metrics);
        assert_true(seen >= last);
    }
    for (size_t i = 0; i < THREADS; i++) {
        tulle__thread_join(&workers[i].thread);
    }
    assert_int_equal(calls_in_all(metrics), THREADS * STATUSES * TURNS);
    assert_int_equal(tulle__metrics_count(metrics), 40);
    tulle__metrics_free(metrics);
}

TEST_MAIN(TEST_OOM(calls_of_all_loops_are_one_series),
          TEST_OOM(a_call_counts_its_duration_and_its_bytes),
          cmocka_unit_test(a_known_label_set_costs_no_memory),
          TEST_OOM(what_is_over_the_cap_is_counted_together),
          TEST_OOM(names_outside_the_mesh_take_half_of_the_cap),
          cmocka_unit_test(a_cap_that_is_full_leaves_outside_names_none),
          cmocka_unit_test(zero_is_the_default_cap_and_the_greatest_is_none),
          cmocka_unit_test(the_list_is_sorted_by_labels),
          cmocka_unit_test(loops_count_at_once_while_someone_reads))
