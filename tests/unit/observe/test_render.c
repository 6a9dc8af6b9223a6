/* SPDX-License-Identifier: Apache-2.0 */

#include "render_world.h"

#include <stdio.h>

#include "base/clock.h"

static void assert_number(double value, const char *expected)
{
    struct buf text = { 0 };

    tulle__render_number(&text, value);
    assert_string_equal(text.data, expected);
    tulle__buf_fini(&text);
}

static void numbers_have_a_point_and_no_more_places_than_needed(void **state)
{
    (void)state;
    assert_number(0, "0");
    assert_number(-1, "0");
    assert_number(1, "1");
    assert_number(0.5, "0.5");
    assert_number(0.25, "0.25");
    assert_number(1.015625, "1.015625");
    assert_number(0.0625, "0.0625");
    assert_number(3600000, "3600000");
    assert_number(1e15, "1000000000000000");
    assert_number(1e30, "10000000000000000000");
}

static void labels_are_escaped(void **state)
{
    struct buf text = { 0 };

    (void)state;
    tulle__render_label(&text, STR("a\\b\"c\nd"));
    assert_string_equal(text.data, "a\\\\b\\\"c\\nd");
    tulle__buf_clear(&text);
    tulle__render_label(&text, STR("plain"));
    assert_string_equal(text.data, "plain");
    tulle__buf_fini(&text);
}

/* --- the whole text --- */

struct scene {
    struct metrics *metrics;
    const struct cluster_live *clusters[2];
    struct transport transports[2];
    const struct transport *transport_list[3];
    struct render_source source;
    struct render_input input;
};

static const struct cluster reviews = { .host = { "reviews.default", 15 },
                                        .service = { "reviews", 7 },
                                        .name_space = { "default", 7 } };

static void scene_fill(struct scene *scene)
{
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&scene->transports[i].open, 5);
        atomic_store(&scene->transports[i].idle, 3);
        atomic_store(&scene->transports[i].active, 1);
        atomic_store(&scene->transports[i].waiting, 4);
        atomic_store(&scene->transports[i].opened, 50);
        atomic_store(&scene->transports[i].reused, 1000);
    }
    scene->source = (struct render_source){
        .name = "file",
        .stats = { .loads = 3, .refused = 1, .errors = 2, .resources = 17, .loaded_at = NS_PER_S }
    };
    scene->input = (struct render_input){ .metrics = scene->metrics,
                                          .clusters = scene->clusters,
                                          .cluster_count = 2,
                                          .transports = scene->transport_list,
                                          .transport_count = 3,
                                          .sources = &scene->source,
                                          .source_count = 1,
                                          .generation = 9,
                                          .now = 61 * NS_PER_S };
}

/* False: no memory. */
static bool scene_make(struct scene *scene)
{
    static struct world_cluster rooms[2];

    *scene = (struct scene){ .metrics = tulle__metrics_new(&(struct metrics_options){
                                 .loop_count = 1, .workload = STR("the \"shop\"") }) };
    if (!scene->metrics) {
        return false;
    }
    scene->clusters[0] = world_cluster(&rooms[0], "outbound|80||ratings.default");
    scene->clusters[1] = world_cluster(&rooms[1], "outbound|80||reviews.default");
    scene->transport_list[0] = &scene->transports[0];
    scene->transport_list[2] = &scene->transports[1];
    scene_fill(scene);
    tulle__metrics_observer.call_ended(
        tulle__metrics_shard(scene->metrics, 0),
        &(struct call_record){ .cluster = &reviews, .status = 200, .duration_ns = 1234567 });
    return true;
}

static void pools_and_configuration_are_told(void **state)
{
    struct buf text = { 0 };
    struct scene scene;

    (void)state;
    CHECK_OR_DONE(scene_make(&scene));
    CHECK_OK(tulle__render(&scene.input, &text));
    CHECK_OR_DONE(!test_oom_hit());
    assert_line(&text, "tulle_pool_connections{state=\"open\"} 10");
    assert_line(&text, "tulle_pool_connections{state=\"idle\"} 6");
    assert_line(&text, "tulle_pool_connections{state=\"active\"} 2");
    assert_line(&text, "tulle_pool_connections_opened_total 100");
    assert_line(&text, "tulle_pool_reused_total 2000");
    assert_line(&text, "tulle_pool_waiting 8");
    assert_line(&text, "tulle_config_loads_total{source=\"file\"} 3");
    assert_line(&text, "tulle_config_refused_total{source=\"file\"} 1");
    assert_line(&text, "tulle_config_errors{source=\"file\"} 2");
    assert_line(&text, "tulle_config_resources{source=\"file\"} 17");
    assert_line(&text, "tulle_config_age_seconds{source=\"file\"} 60");
    assert_line(&text, "tulle_config_generation 9");
done:
    tulle__buf_fini(&text);
    tulle__metrics_free(scene.metrics);
}

static void an_age_is_never_negative(void **state)
{
    struct buf text = { 0 };
    struct scene scene;

    (void)state;
    assert_true(scene_make(&scene));
    scene.input.now = 0;
    assert_int_equal(tulle__render(&scene.input, &text), TULLE_OK);
    assert_line(&text, "tulle_config_age_seconds{source=\"file\"} 0");
    tulle__buf_fini(&text);
    tulle__metrics_free(scene.metrics);
}

/* What promtool says of `text`; its exit code. */
static int promtool(const struct buf *text, char *said, size_t size)
{
    char *folder = test_folder_new();
    char command[512];
    size_t length;
    FILE *pipe;
    int status;

    test_folder_write(folder, "metrics", text->data);
    snprintf(command, sizeof(command), "promtool check metrics <%s/metrics 2>&1", folder);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    length = fread(said, 1, size - 1, pipe);
    said[length] = '\0';
    status = pclose(pipe);
    test_folder_free(folder);
    return status;
}

/* The one complaint that stays is about a name that is Istio's. */
static void promtool_finds_nothing_but_istios_own_unit(void **state)
{
    struct buf text = { 0 };
    struct scene scene;
    char said[4096];

    (void)state;
    assert_true(scene_make(&scene));
    assert_int_equal(tulle__render(&scene.input, &text), TULLE_OK);
    promtool(&text, said, sizeof(said));
    assert_string_equal(said, "istio_request_duration_milliseconds use base unit \"seconds\" "
                              "instead of \"milliseconds\"\n");
    tulle__buf_fini(&text);
    tulle__metrics_free(scene.metrics);
}

TEST_MAIN(cmocka_unit_test(numbers_have_a_point_and_no_more_places_than_needed),
          cmocka_unit_test(labels_are_escaped), TEST_OOM(pools_and_configuration_are_told),
          cmocka_unit_test(an_age_is_never_negative),
          cmocka_unit_test(promtool_finds_nothing_but_istios_own_unit))
