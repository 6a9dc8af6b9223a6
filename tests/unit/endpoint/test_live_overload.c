/* SPDX-License-Identifier: Apache-2.0 */

/* There where it is configured, and then for as long as the cluster. */

#include "endpoint/live_overload.h"

#include "endpoint/live_adaptive.h"
#include "endpoint/recent.h"
#include "harness/test.h"
#include "model/defaults.h"
#include "unit/endpoint/fixture.h"

static struct cluster *cluster_with(bool overload)
{
    struct cluster *cluster = fixture_cluster(&(struct fixture_endpoints){ .from = 1, .count = 2 });

    if (cluster && overload) {
        cluster->adaptive = tulle__adaptive_default;
        cluster->admission = tulle__admission_default;
        cluster->throttling = tulle__throttling_default;
    }
    return cluster;
}

static struct cluster_live *adopt(struct live_set *set, struct cluster *cluster)
{
    bool changed;

    return cluster ? tulle__live_adopt(set, cluster, &changed) : NULL;
}

static void what_is_not_configured_is_not_there(void **state)
{
    struct live_set set;
    struct cluster *plain = cluster_with(false);
    struct cluster_live *live;

    (void)state;
    tulle__live_set_init(&set, FIXTURE_LOOPS, NULL);
    live = adopt(&set, plain);
    CHECK_OR_DONE(live);
    assert_null(atomic_load(&live->adaptive));
    assert_null(atomic_load(&live->admission));
    assert_null(atomic_load(&live->throttling));
    tulle__live_unref(live);
done:
    tulle__live_set_fini(&set);
    tulle__part_unref(plain);
}

/* Calls of an older mesh may stand on it. */
static void a_reload_keeps_what_was_learned_and_one_without_it_takes_nothing_away(void **state)
{
    struct live_set set;
    struct cluster *plain = cluster_with(false), *first = cluster_with(true);
    struct cluster *second = cluster_with(true);
    struct cluster *const all[] = { first, second, plain, first };
    struct live_adaptive *adaptive = NULL;
    struct recent *admission = NULL;

    (void)state;
    tulle__live_set_init(&set, FIXTURE_LOOPS, NULL);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct cluster_live *live = adopt(&set, all[i]);

        CHECK_OR_DONE(live);
        tulle__live_unref(live);
        adaptive = i == 0 ? atomic_load(&live->adaptive) : adaptive;
        admission = i == 0 ? atomic_load(&live->admission) : admission;
        assert_non_null(adaptive);
        assert_ptr_equal(atomic_load(&live->adaptive), adaptive);
        assert_ptr_equal(atomic_load(&live->admission), admission);
        assert_non_null(atomic_load(&live->throttling));
        assert_int_equal(atomic_load(&adaptive->limit), 3);
    }
done:
    tulle__live_set_fini(&set);
    tulle__part_unref(plain);
    tulle__part_unref(first);
    tulle__part_unref(second);
}

TEST_MAIN(TEST_OOM(what_is_not_configured_is_not_there),
          TEST_OOM(a_reload_keeps_what_was_learned_and_one_without_it_takes_nothing_away))
