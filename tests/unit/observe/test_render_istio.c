/* SPDX-License-Identifier: Apache-2.0 */

#include "render_world.h"

#define SOURCE(workload)                                                                           \
    "reporter=\"source\",source_workload=\"" workload "\",source_canonical_service=\"unknown\","   \
    "source_canonical_revision=\"latest\",source_workload_namespace=\"unknown\","                  \
    "source_principal=\"unknown\",source_app=\"unknown\",source_version=\"unknown\","              \
    "source_cluster=\"unknown\","
#define PEER                                                                                       \
    "destination_workload=\"unknown\",destination_workload_namespace=\"unknown\","                 \
    "destination_principal=\"unknown\",destination_app=\"unknown\","                               \
    "destination_version=\"unknown\","
#define DESTINATION(host, name, space)                                                             \
    "destination_service=\"" host "\",destination_canonical_service=\"unknown\","                  \
    "destination_canonical_revision=\"latest\",destination_service_name=\"" name "\","             \
    "destination_service_namespace=\"" space "\",destination_cluster=\"unknown\","
#define ANSWER(protocol, code, flags)                                                              \
    "request_protocol=\"" protocol "\",response_code=\"" code "\",grpc_response_status=\"\","      \
    "response_flags=\"" flags "\",connection_security_policy=\"unknown\""

static const struct cluster reviews = { .host = { "reviews.default", 15 },
                                        .service = { "reviews", 7 },
                                        .name_space = { "default", 7 } };

static void count_call(struct metrics *metrics, const struct call_record *record)
{
    tulle__metrics_observer.call_ended(tulle__metrics_shard(metrics, 0), record);
}

static void a_call_carries_all_of_istios_labels_in_istios_order(void **state)
{
    struct metrics *metrics =
        tulle__metrics_new(&(struct metrics_options){ .loop_count = 1, .workload = STR("shop") });
    struct buf text = { 0 };

    (void)state;
    CHECK_OR_DONE(metrics != NULL);
    count_call(metrics, &(struct call_record){
                            .cluster = &reviews, .status = 503, .flags = FLAG_UF | FLAG_URX });
    CHECK_OK(tulle__render_istio(metrics, &text));
    CHECK_OR_DONE(tulle__buf_ok(&text) && !test_oom_hit());
    assert_line(&text, "istio_requests_total{" SOURCE("shop")
                           PEER DESTINATION("reviews.default", "reviews", "default")
                               ANSWER("http", "503", "URX,UF") "} 1");
done:
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

static void what_is_no_service_is_named_as_istio_names_it(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 1 });
    struct buf text = { 0 };

    (void)state;
    assert_non_null(metrics);
    count_call(metrics,
               &(struct call_record){ .outside = true, .host = STR("example.com"), .status = 200 });
    count_call(metrics,
               &(struct call_record){ .host = STR("evil.com"), .status = 502, .flags = FLAG_NR });
    count_call(metrics,
               &(struct call_record){ .host = STR("ratings"), .status = 404, .flags = FLAG_NR });
    count_call(metrics, &(struct call_record){ .cluster = &reviews, .is_grpc = true });
    assert_int_equal(tulle__render_istio(metrics, &text), TULLE_OK);
    assert_line(&text, "istio_requests_total{" SOURCE("unknown")
                           PEER DESTINATION("example.com", "PassthroughCluster", "unknown")
                               ANSWER("http", "200", "-") "} 1");
    assert_line(&text, "istio_requests_total{" SOURCE("unknown")
                           PEER DESTINATION("evil.com", "BlackHoleCluster", "unknown")
                               ANSWER("http", "502", "NR") "} 1");
    assert_line(&text, "istio_requests_total{" SOURCE("unknown") PEER DESTINATION(
                           "ratings", "ratings", "unknown") ANSWER("http", "404", "NR") "} 1");
    assert_line(&text, "istio_requests_total{" SOURCE("unknown") PEER DESTINATION(
                           "reviews.default", "reviews", "default") ANSWER("grpc", "0", "-") "} 1");
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

static void buckets_add_up(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 1 });
    struct call_record record = { .cluster = &reviews, .status = 200 };
    struct buf text = { 0 };

#define LABELS                                                                                     \
    SOURCE("unknown")                                                                              \
    PEER DESTINATION("reviews.default", "reviews", "default") ANSWER("http", "200", "-")
#define DURATION "istio_request_duration_milliseconds"
    (void)state;
    assert_non_null(metrics);
    record.duration_ns = 250000;
    count_call(metrics, &record);
    record.duration_ns = 3000000;
    count_call(metrics, &record);
    record.duration_ns = INT64_C(4000000000000);
    record.bytes_received = 700;
    count_call(metrics, &record);
    assert_int_equal(tulle__render_istio(metrics, &text), TULLE_OK);
    assert_line(&text, DURATION "_bucket{" LABELS ",le=\"0.5\"} 1");
    assert_line(&text, DURATION "_bucket{" LABELS ",le=\"1\"} 1");
    assert_line(&text, DURATION "_bucket{" LABELS ",le=\"5\"} 2");
    assert_line(&text, DURATION "_bucket{" LABELS ",le=\"3600000\"} 2");
    assert_line(&text, DURATION "_bucket{" LABELS ",le=\"+Inf\"} 3");
    assert_line(&text, DURATION "_sum{" LABELS "} 4000003.25");
    assert_line(&text, DURATION "_count{" LABELS "} 3");
    assert_line(&text, "istio_response_bytes_bucket{" LABELS ",le=\"1000\"} 3");
    assert_line(&text, "istio_response_bytes_sum{" LABELS "} 700");
    assert_line(&text, "istio_request_bytes_sum{" LABELS "} 0");
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

static void calls_over_the_cap_are_other(void **state)
{
    struct metrics *metrics =
        tulle__metrics_new(&(struct metrics_options){ .loop_count = 1, .series_max = 1 });
    struct buf text = { 0 };

    (void)state;
    assert_non_null(metrics);
    assert_int_equal(tulle__render_istio(metrics, &text), TULLE_OK);
    assert_line(&text, "tulle_series_dropped_total 0");
    assert_null(strstr(text.data, "\"__other__\""));
    tulle__buf_clear(&text);
    for (int status = 200; status < 204; status++) {
        count_call(metrics, &(struct call_record){ .cluster = &reviews, .status = status });
    }
    assert_int_equal(tulle__render_istio(metrics, &text), TULLE_OK);
    assert_line(&text, "tulle_series_dropped_total 3");
    assert_line(&text, "istio_requests_total{" SOURCE("unknown")
                           PEER DESTINATION("__other__", "__other__", "__other__")
                               ANSWER("__other__", "__other__", "__other__") "} 3");
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

static void more_series_than_the_first_guess_are_all_there(void **state)
{
    struct metrics *metrics = tulle__metrics_new(&(struct metrics_options){ .loop_count = 1 });
    struct buf text = { 0 };

    (void)state;
    assert_non_null(metrics);
    for (int status = 1; status <= 600; status++) {
        count_call(metrics, &(struct call_record){ .cluster = &reviews, .status = status });
    }
    assert_int_equal(tulle__render_istio(metrics, &text), TULLE_OK);
    assert_int_equal(times_in(&text, "\nistio_requests_total{"), 600);
    assert_int_equal(times_in(&text, "\nistio_request_bytes_count{"), 600);
    tulle__buf_fini(&text);
    tulle__metrics_free(metrics);
}

TEST_MAIN(TEST_OOM(a_call_carries_all_of_istios_labels_in_istios_order),
          cmocka_unit_test(what_is_no_service_is_named_as_istio_names_it),
          cmocka_unit_test(buckets_add_up), cmocka_unit_test(calls_over_the_cap_are_other),
          cmocka_unit_test(more_series_than_the_first_guess_are_all_there))
