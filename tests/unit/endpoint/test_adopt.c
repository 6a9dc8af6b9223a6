/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/adopt.h"

#include <stdio.h>

#include "base/rand.h"
#include "endpoint/past.h"
#include "harness/test.h"
#include "model/defaults.h"
#include "model/seal.h"
#include "unit/endpoint/fixture.h"

enum { MOST = 1500, TEXT = 40, ROUNDS = 200 };

static struct live_set set;
static bool there[MOST];
static uint32_t weights[MOST];

static int setup(void **state)
{
    (void)state;
    tulle__live_set_init(&set, FIXTURE_LOOPS, NULL);
    memset(there, 0, sizeof(there));
    for (size_t i = 0; i < MOST; i++) {
        weights[i] = 1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__live_set_fini(&set);
    assert_int_equal(set.peers.count, 0);
    return 0;
}

static struct endpoint_set *set_new(void)
{
    static struct endpoint endpoints[MOST];
    static char texts[MOST][TEXT];
    struct endpoint_set *made = tulle__part_new(sizeof(*made));
    size_t count = 0;

    for (size_t i = 0; i < MOST; i++) {
        if (there[i]) {
            snprintf(texts[i], TEXT, "10.0.%05zu:80", i);
            endpoints[count++] =
                (struct endpoint){ .address = str_of(texts[i]), .weight = weights[i] };
        }
    }
    assert_non_null(made);
    assert_true(tulle__endpoint_set_fill(made, endpoints, count));
    tulle__endpoint_set_seal(made);
    return made;
}

/* As a snapshot does it: chunks that the last one has are shared. */
static struct cluster_live *adopt(bool *changed)
{
    struct cluster *cluster = fixture_cluster(&(struct fixture_endpoints){ .count = 0 });
    struct cluster_live *live = tulle__table_find(&set.by_name, STR("outbound|80||shop"));

    assert_non_null(cluster);
    cluster->endpoints = set_new();
    assert_true(tulle__part_add_cleanup(&cluster->part, tulle__part_unref, cluster->endpoints));
    if (live != NULL) {
        tulle__endpoint_set_share(cluster->endpoints, live->config->endpoints);
    }
    live = tulle__live_adopt(&set, cluster, changed);
    tulle__part_unref(cluster);
    assert_non_null(live);
    tulle__live_unref(live);
    return live;
}

/* Every view stands where its endpoint does, and knows the newest record. */
static void views_check(const struct cluster_live *live)
{
    struct endpoint_walk walk = { .set = live->config->endpoints };

    assert_int_equal(live->view_count, live->config->endpoints->count);
    assert_int_equal(live->endpoint_count, live->view_count);
    for (size_t i = 0; i < live->view_count; i++) {
        const struct endpoint_record *record = endpoint_walk_next(&walk);
        const struct view *view = live->views[i];

        assert_ptr_equal(view->endpoint, record);
        assert_true(str_equal(peer_address(view->peer), record_address(record)));
        assert_true(view_is_named(view));
        assert_non_null(view_past(view));
        assert_int_equal(view->peer->named, 1);
    }
}

static struct view *view_of(const struct cluster_live *live, size_t number)
{
    size_t at = 0;

    for (size_t i = 0; i < number; i++) {
        at += there[i];
    }
    return live->views[at];
}

static void any_change_leaves_a_view_for_each_endpoint_and_keeps_those_that_stay(void **state)
{
    struct cluster_live *live = NULL;
    struct view *stays = NULL;
    struct rand rand;
    bool changed;

    (void)state;
    tulle__rand_init(&rand, 3);
    there[700] = true;
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = rand_below(&rand, MOST);
        size_t step = round % 3 == 0 ? 1 : 300, edits = round % 3 == 0 ? 40 : 6;

        for (; edits > 0 && i < MOST; edits--, i += 1 + rand_below(&rand, (uint32_t)step)) {
            there[i] = i == 700 || rand_below(&rand, 3) > 0;
            weights[i] = 1 + rand_below(&rand, 2);
        }
        live = adopt(&changed);
        views_check(live);
        assert_true(stays == NULL || view_of(live, 700) == stays);
        stays = view_of(live, 700);
        if (round % 4 == 0) {
            tulle__live_ref(live);
            tulle__live_sweep(&set);
            tulle__live_unref(live);
            assert_int_equal(live->gone_count, 0);
            assert_int_equal(set.peers.count, live->view_count);
        }
    }
}

static void a_few_who_come_and_go_are_told(void **state)
{
    struct cluster_live *live;
    struct view *leaves;
    bool changed;

    (void)state;
    memset(there, 1, 1000);
    live = adopt(&changed);
    leaves = view_of(live, 400);
    there[400] = false;
    there[1200] = true;
    adopt(&changed);
    assert_true(changed);
    assert_true(live->difference.known);
    assert_int_equal(live->difference.from + 1, live->version);
    assert_int_equal(live->difference.left_count, 1);
    assert_ptr_equal(live->difference.left[0], leaves);
    assert_int_equal(live->difference.joined_count, 1);
    assert_ptr_equal(live->difference.joined[0], view_of(live, 1200));
    assert_int_equal(live->gone_count, 1);
}

static void what_is_more_than_coming_and_going_is_not_told(void **state)
{
    struct cluster_live *live;
    bool changed;

    (void)state;
    memset(there, 1, 100);
    live = adopt(&changed);
    assert_false(live->difference.known); /* many at once */
    weights[7] = 3;
    adopt(&changed);
    assert_true(changed);
    assert_false(live->difference.known);
}

static void a_past_is_made_when_something_may_eject(void **state)
{
    struct cluster *cluster = fixture_cluster(&(struct fixture_endpoints){ .count = 3 });
    struct cluster_live *live;
    bool changed;

    (void)state;
    cluster->outlier.enabled = false;
    live = tulle__live_adopt(&set, cluster, &changed);
    tulle__part_unref(cluster);
    assert_null(view_past(live->views[0]));
    /* A call that began when it was on: nothing to write into. */
    assert_false(tulle__outlier_record(live, 0, live->views[0], &tulle__outlier_default,
                                       VERDICT_5XX, NULL, 1));
    cluster = fixture_cluster(&(struct fixture_endpoints){ .count = 3 });
    tulle__live_adopt(&set, cluster, &changed);
    tulle__part_unref(cluster);
    assert_non_null(view_past(live->views[0]));
}

#define ADOPT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(ADOPT_TEST(any_change_leaves_a_view_for_each_endpoint_and_keeps_those_that_stay),
          ADOPT_TEST(a_few_who_come_and_go_are_told),
          ADOPT_TEST(what_is_more_than_coming_and_going_is_not_told),
          ADOPT_TEST(a_past_is_made_when_something_may_eject))
