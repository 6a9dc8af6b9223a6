/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/live.h"
#include "model/seal.h"

#include "harness/test.h"
#include "unit/endpoint/fixture.h"

static struct live_set set;

static int setup(void **state)
{
    (void)state;
    tulle__live_set_init(&set, FIXTURE_LOOPS, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__live_set_fini(&set);
    assert_int_equal(set.peers.count, 0);
    return 0;
}

/* Adopts, and drops the caller's reference to the cluster. NULL: no memory. */
static struct cluster_live *adopt(struct cluster *cluster, bool *changed)
{
    struct cluster_live *live = cluster != NULL ? tulle__live_adopt(&set, cluster, changed) : NULL;

    tulle__part_unref(cluster);
    return live;
}

static struct cluster_live *adopt_range(size_t from, size_t count, bool *changed)
{
    return adopt(fixture_cluster(&(struct fixture_endpoints){ .from = from, .count = count }),
                 changed);
}

static void a_new_cluster_has_a_view_for_each_endpoint(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);

    (void)state;
    assert_true(changed);
    assert_true(str_equal(live->name, STR("outbound|80||shop")));
    assert_int_equal(live->view_count, 3);
    assert_int_equal(live->endpoint_count, 3);
    assert_int_equal(fixture_view(live, 1)->peer->named, 1);
    assert_int_equal((uintptr_t)live % 64, 0);
    assert_true(list_is_empty(&live->loops[1].held));
    live->connections.wanted(&live->connections, NULL);
    live->connections.freed(&live->connections, NULL);
    tulle__live_unref(live);
}

static void a_snapshot_with_the_same_endpoints_changes_nothing(void **state)
{
    bool changed;
    struct cluster *cluster = fixture_cluster(&(struct fixture_endpoints){ .count = 3 });
    struct cluster_live *live = tulle__live_adopt(&set, cluster, &changed);
    struct view *view = fixture_view(live, 0);

    (void)state;
    /* Without a picker one must be built, so one has to be there. */
    struct picker_head picker = { .version = live->version };
    live->picker = (struct picker *)(void *)&picker;
    assert_ptr_equal(tulle__live_adopt(&set, cluster, &changed), live);
    assert_false(changed);
    assert_ptr_equal(adopt_range(0, 3, &changed), live);
    assert_false(changed);
    assert_ptr_equal(fixture_view(live, 0), view);
    live->picker = NULL;
    tulle__part_unref(cluster);
}

static void an_ejection_survives_a_reload(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct view *view = fixture_view(live, 2);

    (void)state;
    assert_int_equal(fixture_record(live, view, VERDICT_5XX, 5, 1000), 1);
    adopt_range(1, 5, &changed);
    assert_true(changed);
    assert_ptr_equal(fixture_view(live, 1), view);
    assert_int_equal(view->gate, GATE_EJECTED);
    assert_int_equal(live->ejected, 1);
    assert_int_equal(live->endpoint_count, 5);
    assert_int_equal(fixture_named(live), 5);
}

static void an_endpoint_that_leaves_takes_its_ejection_along(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct view *view = fixture_view(live, 0);

    (void)state;
    fixture_record(live, view, VERDICT_5XX, 5, 1000);
    adopt_range(1, 2, &changed);
    assert_int_equal(live->ejected, 0);
    assert_int_equal(view->gate, GATE_READY);
    assert_int_equal(view->peer->named, 0);
    assert_int_equal(fixture_record(live, view, VERDICT_5XX, 50, 1000), 0);
}

static void a_view_that_lost_its_name_lives_while_it_is_used(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct view *view = fixture_view(live, 0);

    (void)state;
    view_use(view);
    adopt_range(1, 2, &changed);
    assert_int_equal(live->endpoint_count, 2);
    tulle__live_sweep(&set);
    assert_int_equal(live->gone_count, 1);
    assert_true(str_equal(peer_address(view->peer), STR("10.0.00000:80")));
    view_release(view);
    tulle__live_sweep(&set);
    assert_int_equal(live->gone_count, 0);
    assert_int_equal(live->view_count, 2);
    assert_int_equal(set.peers.count, 2);
}

static void a_view_that_lost_its_name_lives_while_a_picker_names_it(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct view *view = fixture_view(live, 0);
    struct picker_head picker = { .version = live->version }, picker_of_now = { .version = 0 };

    (void)state;
    list_add_last(&live->pickers, &picker.node);
    adopt_range(1, 2, &changed);
    picker_of_now.version = live->version;
    list_add_last(&live->pickers, &picker_of_now.node);
    tulle__live_sweep(&set);
    assert_int_equal(live->gone_count, 1);
    assert_true(str_equal(peer_address(view->peer), STR("10.0.00000:80")));
    list_remove(&picker.node);
    tulle__live_sweep(&set);
    assert_int_equal(live->gone_count, 0);
    list_remove(&picker_of_now.node);
}

static void an_endpoint_that_comes_back_finds_its_view(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct view *view = fixture_view(live, 0);

    (void)state;
    view_use(view);
    adopt_range(1, 2, &changed);
    adopt_range(0, 3, &changed);
    assert_true(changed);
    assert_ptr_equal(fixture_view(live, 0), view);
    assert_int_equal(live->view_count, 3);
    assert_int_equal(view->peer->named, 1);
    view_release(view);
}

static void another_weight_or_balancer_calls_for_a_new_picker(void **state)
{
    bool changed;
    const uint32_t weights[] = { 1, 7, 1 };
    struct fixture_endpoints weighted = { .count = 3, .weights = weights };
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct picker_head picker = { .version = live->version };
    struct cluster *cluster;

    (void)state;
    live->picker = (struct picker *)(void *)&picker;
    adopt(fixture_cluster(&weighted), &changed);
    assert_true(changed);
    assert_int_equal(view_weight(fixture_view(live, 1)), 7);
    cluster = fixture_cluster(&weighted);
    cluster->balancer.kind = BALANCER_RANDOM;
    tulle__balancer_seal(&cluster->balancer);
    adopt(cluster, &changed);
    assert_true(changed);
    live->picker = NULL;
}

static void a_change_whose_picker_could_not_be_built_is_told_again(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct picker_head picker = { .version = live->version };

    (void)state;
    live->picker = (struct picker *)(void *)&picker;
    adopt_range(0, 4, &changed);
    assert_true(changed);
    adopt_range(0, 4, &changed);
    assert_true(changed);
    picker.version = live->version;
    adopt_range(0, 4, &changed);
    assert_false(changed);
    live->picker = NULL;
}

static void another_protocol_is_another_peer(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct cluster *cluster = fixture_cluster(&(struct fixture_endpoints){ .count = 3 });

    (void)state;
    view_use(fixture_view(live, 1));
    cluster->protocol = PROTOCOL_HTTP2;
    adopt(cluster, &changed);
    assert_true(changed);
    assert_int_equal(fixture_named(live), 3);
    assert_int_equal(live->gone_count, 3);
    assert_int_equal(peer_protocol(fixture_view(live, 0)->peer), PROTOCOL_HTTP2);
    adopt_range(0, 3, &changed);
    assert_int_equal(fixture_named(live), 3);
    assert_int_equal(peer_protocol(fixture_view(live, 0)->peer), PROTOCOL_HTTP1);
    assert_int_equal(live->gone_count, 3);
    tulle__live_sweep(&set);
    assert_int_equal(live->view_count, 3);
    view_release(fixture_view(live, 1));
}

static void without_outlier_detection_nobody_stays_ejected(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct cluster *cluster = fixture_cluster(&(struct fixture_endpoints){ .count = 3 });
    struct outlier_config old = live->config->outlier;
    struct view *view = fixture_view(live, 0);

    (void)state;
    fixture_record(live, view, VERDICT_5XX, 5, 1000);
    cluster->outlier.enabled = false;
    adopt(cluster, &changed);
    assert_true(changed);
    assert_int_equal(live->ejected, 0);
    assert_int_equal(fixture_record(live, view, VERDICT_5XX, 50, 1000), 0);

    /* A call of the old snapshot ejects it once more; the sweep sets it right. */
    live->gates_changed = false;
    for (int i = 0; i < 5; i++) {
        tulle__outlier_record(live, 0, view, &old, VERDICT_5XX, NULL, 2000);
    }
    assert_int_equal(view->gate, GATE_EJECTED);
    live->gates_changed = false;
    tulle__live_sweep(&set);
    assert_int_equal(view->gate, GATE_READY);
    assert_true(live->gates_changed);
}

static void discard(struct picker *picker)
{
    list_remove(&((struct picker_head *)(void *)picker)->node);
}

static void a_cluster_without_references_goes_with_its_picker(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct picker_head picker = { .discard = discard };

    (void)state;
    list_add_last(&live->pickers, &picker.node);
    live->picker = (struct picker *)(void *)&picker;
    tulle__live_sweep(&set);
    assert_int_equal(set.by_name.count, 1);
    tulle__live_unref(live);
    tulle__live_sweep(&set);
    assert_int_equal(set.by_name.count, 0);
    assert_int_equal(set.peers.count, 0);
}

static void a_cluster_waits_for_the_retired_picker_that_names_its_views(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct picker_head picker = { .version = live->version };

    (void)state;
    list_add_last(&live->pickers, &picker.node);
    tulle__live_unref(live);
    tulle__live_sweep(&set);
    assert_int_equal(set.by_name.count, 1);
    assert_int_equal(live->view_count, 0);
    assert_int_equal(live->gone_count, 3);
    assert_ptr_equal(adopt_range(0, 3, &changed), live);
    assert_true(changed);
    assert_int_equal(fixture_named(live), 3);
    tulle__live_unref(live);
    list_remove(&picker.node);
    tulle__live_sweep(&set);
    assert_int_equal(set.by_name.count, 0);
}

static void a_connection_keeps_its_limit_alive(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 1, &changed);
    struct connection_limit *limit = &live->connections;

    (void)state;
    limit->ref(limit);
    tulle__live_unref(live);
    tulle__live_sweep(&set);
    assert_int_equal(set.by_name.count, 1);
    limit->unref(limit);
    tulle__live_sweep(&set);
    assert_int_equal(set.by_name.count, 0);
}

static void counters_add_up_over_the_loops(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 1, &changed);

    (void)state;
    live_count(live, 0, COUNT_RETRIES);
    live_count(live, 1, COUNT_RETRIES);
    live_count(live, 1, COUNT_HELD);
    assert_int_equal(tulle__live_counter(live, COUNT_RETRIES), 2);
    assert_int_equal(tulle__live_counter(live, COUNT_HELD), 1);
    assert_int_equal(tulle__live_counter(live, COUNT_OVERFLOW_REQUESTS), 0);
}

static void a_cluster_may_have_no_endpoints(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 0, &changed);

    (void)state;
    assert_true(changed);
    assert_int_equal(live->view_count, 0);
    assert_ptr_equal(adopt_range(0, 2, &changed), live);
    assert_int_equal(live->endpoint_count, 2);
    assert_ptr_equal(adopt_range(0, 0, &changed), live);
    assert_true(changed);
    assert_int_equal(live->endpoint_count, 0);
}

static void running_out_of_memory_leaves_a_cluster_as_it_was(void **state)
{
    bool changed;
    struct cluster_live *live = adopt_range(0, 3, &changed);
    struct cluster_live *again;

    (void)state;
    CHECK_OR_DONE(live != NULL);
    fixture_record(live, fixture_view(live, 2), VERDICT_5XX, 5, 1000);
    again = adopt_range(1, 6, &changed);
    if (again == NULL) {
        assert_int_equal(fixture_named(live), 3);
        assert_int_equal(live->endpoint_count, 3);
        assert_int_equal(live->config->endpoints->count, 3);
    } else {
        assert_int_equal(fixture_named(live), 6);
    }
    assert_int_equal(live->ejected, 1);
    tulle__live_sweep(&set);
done:
    return;
}

#define LIVE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(LIVE_TEST(a_new_cluster_has_a_view_for_each_endpoint),
          LIVE_TEST(a_snapshot_with_the_same_endpoints_changes_nothing),
          LIVE_TEST(an_ejection_survives_a_reload),
          LIVE_TEST(an_endpoint_that_leaves_takes_its_ejection_along),
          LIVE_TEST(a_view_that_lost_its_name_lives_while_it_is_used),
          LIVE_TEST(a_view_that_lost_its_name_lives_while_a_picker_names_it),
          LIVE_TEST(an_endpoint_that_comes_back_finds_its_view),
          LIVE_TEST(another_weight_or_balancer_calls_for_a_new_picker),
          LIVE_TEST(a_change_whose_picker_could_not_be_built_is_told_again),
          LIVE_TEST(another_protocol_is_another_peer),
          LIVE_TEST(without_outlier_detection_nobody_stays_ejected),
          LIVE_TEST(a_cluster_without_references_goes_with_its_picker),
          LIVE_TEST(a_cluster_waits_for_the_retired_picker_that_names_its_views),
          LIVE_TEST(a_connection_keeps_its_limit_alive), LIVE_TEST(counters_add_up_over_the_loops),
          LIVE_TEST(a_cluster_may_have_no_endpoints),
          TEST_OOM_WITH(running_out_of_memory_leaves_a_cluster_as_it_was, setup, teardown))
