/* SPDX-License-Identifier: Apache-2.0 */

/* When percentiles are looked at, and that nobody is woken for nothing. */

#include "endpoint/live_latency.h"

#include "harness/test.h"
#include "unit/endpoint/fixture.h"

struct field {
    struct live_set set;
    struct cluster *cluster;
    struct cluster_live *live;
};

/* False: no memory. */
static bool field_open(struct field *field, bool hedges)
{
    bool changed;

    memset(field, 0, sizeof(*field));
    tulle__live_set_init(&field->set, FIXTURE_LOOPS, NULL);
    field->cluster = fixture_cluster(&(struct fixture_endpoints){ .from = 1, .count = 2 });
    if (!field->cluster) {
        return false;
    }
    field->cluster->hedge.enabled = hedges;
    field->live = tulle__live_adopt(&field->set, field->cluster, &changed);
    return field->live;
}

static void field_close(struct field *field)
{
    if (field->live) {
        tulle__live_unref(field->live);
    }
    tulle__live_set_fini(&field->set);
    tulle__part_unref(field->cluster);
}

/* How often the control step is poked. */
static int feed(struct field *field, int64_t ns, int count)
{
    int pokes = 0;

    for (int i = 0; i < count; i++) {
        pokes += tulle__live_latency_add(field->live, (size_t)i % FIXTURE_LOOPS, ns);
    }
    return pokes;
}

static void a_cluster_whose_policies_do_not_ask_has_none(void **state)
{
    struct field field;

    (void)state;
    CHECK_OR_DONE(field_open(&field, false));
    assert_int_equal(tulle__live_latency_step(field.live, 1), NEVER);
    assert_int_equal(feed(&field, NS_PER_MS, 1000), 0);
    assert_int_equal(tulle__live_latency_step(field.live, 2), NEVER);
    assert_int_equal(live_latency(field.live, 500), 0);
done:
    field_close(&field);
}

static void percentiles_are_known_soon_and_kept_up_every_three_seconds(void **state)
{
    struct field field;
    int64_t now = NS_PER_S, first;

    (void)state;
    CHECK_OR_DONE(field_open(&field, true));
    assert_int_equal(tulle__live_latency_step(field.live, now), NEVER);
    CHECK_OR_DONE(atomic_load(&field.live->latency));
    assert_int_equal(feed(&field, 10 * NS_PER_MS, 1000), 1);
    first = tulle__live_latency_step(field.live, now);
    assert_int_equal(first, now + 250 * NS_PER_MS);
    assert_int_equal(live_latency(field.live, 500), 0);
    assert_int_equal(tulle__live_latency_step(field.live, first), NEVER);
    assert_in_range(live_latency(field.live, 500), 9 * NS_PER_MS, 11 * NS_PER_MS);
    assert_in_range(live_latency(field.live, 999), 9 * NS_PER_MS, 11 * NS_PER_MS);

    assert_int_equal(feed(&field, 100 * NS_PER_MS, 10000), 1);
    assert_int_equal(tulle__live_latency_step(field.live, first), first + 3 * NS_PER_S);
    assert_int_equal(tulle__live_latency_step(field.live, first + 1), first + 3 * NS_PER_S);
    assert_int_equal(tulle__live_latency_step(field.live, first + 3 * NS_PER_S), NEVER);
    assert_in_range(live_latency(field.live, 500), 90 * NS_PER_MS, 110 * NS_PER_MS);
done:
    field_close(&field);
}

static void nobody_is_woken_while_nothing_comes(void **state)
{
    struct field field;

    (void)state;
    CHECK_OR_DONE(field_open(&field, true));
    (void)tulle__live_latency_step(field.live, 1);
    CHECK_OR_DONE(atomic_load(&field.live->latency));
    assert_int_equal(feed(&field, NS_PER_MS, 500), 1);
    (void)tulle__live_latency_step(field.live, 1);
    assert_int_equal(tulle__live_latency_step(field.live, NS_PER_S), NEVER);
    assert_int_equal(tulle__live_latency_step(field.live, 3600 * NS_PER_S), NEVER);
    assert_int_not_equal(live_latency(field.live, 500), 0);
done:
    field_close(&field);
}

static void each_permille_has_a_point_that_is_not_below_it(void **state)
{
    struct field field;
    int64_t last = 0;

    (void)state;
    CHECK_OR_DONE(field_open(&field, true));
    (void)tulle__live_latency_step(field.live, 1);
    CHECK_OR_DONE(atomic_load(&field.live->latency));
    for (int i = 1; i <= 1000; i++) {
        feed(&field, i * NS_PER_MS, 1);
    }
    (void)tulle__live_latency_step(field.live, 1);
    (void)tulle__live_latency_step(field.live, NS_PER_S);
    for (unsigned permille = 0; permille <= 1000; permille++) {
        int64_t value = live_latency(field.live, permille);

        assert_true(value >= last);
        assert_true(value >= (int64_t)permille * NS_PER_MS * 7 / 8 - NS_PER_MS);
        last = value;
    }
done:
    field_close(&field);
}

TEST_MAIN(TEST_OOM(a_cluster_whose_policies_do_not_ask_has_none),
          TEST_OOM(percentiles_are_known_soon_and_kept_up_every_three_seconds),
          TEST_OOM(nobody_is_woken_while_nothing_comes),
          TEST_OOM(each_permille_has_a_point_that_is_not_below_it))
