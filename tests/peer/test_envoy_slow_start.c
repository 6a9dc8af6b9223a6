/* SPDX-License-Identifier: Apache-2.0 */

/* An endpoint that joins four others takes, while it is young and after, the share
 * that it takes with a live Envoy. Envoy is asked for as long as the slow start
 * lasts; after each few calls the library picks as often, told that the time is
 * that of Envoy's answers. Both have a schedule and no lottery, so that they agree
 * far better than chi-square asks: as well as it is known when the endpoint joined. */

#include <math.h>
#include <stdio.h>

#include "balance/picker.h"
#include "base/clock.h"
#include "peer/spread.h"

/* Periods: before the fifth joins, each quarter of its slow start, and after it. */
enum { OLD = 4, WINDOW_S = 5, QUARTERS = 4, PERIODS = QUARTERS + 2 };
enum { BATCH = 50, LEAST_CALLS = 500 };

struct slow_case {
    uint32_t aggression, least; /* permille */
    struct spread_case before, after;
};

#define SLOW(config) .by_file = true, .policy_config = config
#define ROUND_CONFIG(more)                                                                         \
    "round_robin_lb_config: {slow_start_config: {slow_start_window: 5s" more "}}"
#define LEAST_CONFIG(more)                                                                         \
    "least_request_lb_config: {slow_start_config: {slow_start_window: 5s" more "}}"
#define JOINED(aggression, least, name, policy, config)                                            \
    {                                                                                              \
        aggression, least, { name, policy, SLOW(config), .groups = { { 0, .count = OLD } } },      \
        {                                                                                          \
            name, policy, SLOW(config), .groups = { { 0, .count = OLD }, { 0, .count = 1 } }       \
        }                                                                                          \
    }

static const struct slow_case cases[] = {
    JOINED(1000, 100, "round robin", SPREAD_ROUND, ROUND_CONFIG("")),
    JOINED(1000, 100, "least request", SPREAD_LEAST, LEAST_CONFIG("")),
    JOINED(2000, 100, "aggression 2", SPREAD_ROUND,
           ROUND_CONFIG(", aggression: {default_value: 2.0, runtime_key: a}")),
    JOINED(1000, 400, "two fifths at least", SPREAD_LEAST,
           LEAST_CONFIG(", min_weight_percent: {value: 40}")),
};

/* The library's side of a case. */
struct side {
    struct live_set set;
    struct cluster *clusters[2]; /* before and after */
    struct cluster_live *live;
    struct rand rand;
    struct spread_choice chosen;
};

static struct cluster *cluster_of(const struct slow_case *test, const struct spread_case *when)
{
    struct cluster *cluster = spread_cluster(when);

    cluster->balancer.slow_start.window_ns = WINDOW_S * NS_PER_S;
    cluster->balancer.slow_start.aggression = test->aggression;
    cluster->balancer.slow_start.least = test->least;
    return cluster;
}

static void side_adopt(struct side *side, struct cluster *cluster, int64_t now)
{
    struct picker *picker;
    bool changed;

    side->set.now = now;
    side->live = tulle__live_adopt(&side->set, cluster, &changed);
    assert_non_null(side->live);
    picker = tulle__picker_new(side->live, &cluster->balancer, 1, 7, now);
    assert_non_null(picker);
    tulle__picker_free(atomic_exchange(&side->live->picker, picker));
}

static void side_init(struct side *side, const struct slow_case *test, int64_t now)
{
    *side = (struct side){ .clusters = { cluster_of(test, &test->before),
                                         cluster_of(test, &test->after) } };
    tulle__rand_init(&side->rand, 5);
    tulle__live_set_init(&side->set, 1, NULL);
    side_adopt(side, side->clusters[0], now);
}

static void side_fini(struct side *side)
{
    tulle__live_set_fini(&side->set);
    tulle__part_unref(side->clusters[0]);
    tulle__part_unref(side->clusters[1]);
}

static void side_pick(struct side *side, int64_t now)
{
    struct pick pick = { .rand = &side->rand, .now = now };
    struct view *view;

    assert_int_equal(tulle__pick(side->live, &pick, &view), PICK_ENDPOINT);
    spread_count(&side->chosen, peer_address(view->peer).data);
}

/* --- both --- */

static struct side sides[COUNT_OF(cases)];
static struct spread_choice ours_before[COUNT_OF(cases)], envoys_before[COUNT_OF(cases)];

struct joining {
    int64_t at;
    double doubt; /* of the window */
};

/* Between two answers of Envoy that differ in it the endpoint joined. */
static struct joining join(struct spread_envoy *envoy)
{
    int64_t began = test_now();
    struct joining joining;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        spread_envoy_tell(envoy, &cases[i].after, i);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        while (!spread_envoy_knows(envoy, i, 1, 0)) {
            assert_true(test_now() < began + 30 * NS_PER_S);
        }
    }
    joining.at = began + (test_now() - began) / 2;
    joining.doubt = (double)(joining.at - began) / (double)(WINDOW_S * NS_PER_S);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        side_adopt(&sides[i], sides[i].clusters[1], joining.at);
    }
    return joining;
}

static void ask_both(struct spread_envoy *envoy, size_t i)
{
    int64_t began = test_now(), took;

    assert_int_equal(spread_envoy_call(envoy, i, BATCH), 0);
    took = test_now() - began;
    for (int k = 0; k < BATCH; k++) {
        side_pick(&sides[i], began + took * k / BATCH);
    }
}

/* What was chosen since the last time. */
static struct spread_choice choice_since(struct spread_choice *last,
                                         const struct spread_choice *now)
{
    struct spread_choice since = { 0 };

    for (uint32_t i = 0; i < OLD; i++) {
        since.hosts[0][i] = now->hosts[0][i] - last->hosts[0][i];
    }
    since.hosts[1][0] = now->hosts[1][0] - last->hosts[1][0];
    *last = *now;
    return since;
}

static void compare_closely(const struct spread_choice *ours, const struct spread_choice *envoys,
                            double doubt)
{
    double mine = ours->hosts[1][0], its = envoys->hosts[1][0];

    if (fabs(mine - its) > its * (0.03 + 2 * doubt) + 5) {
        fail_msg("it got %.0f, with Envoy %.0f (doubt: %.3f)", mine, its, doubt);
    }
}

static void compare_period(struct spread_envoy *envoy, int period)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct spread_choice now = { 0 }, mine = choice_since(&ours_before[i], &sides[i].chosen),
                             its;
        struct spread_case named = period > 0 ? cases[i].after : cases[i].before;
        char name[64];

        spread_envoy_chose(envoy, &named, i, &now);
        its = choice_since(&envoys_before[i], &now);
        snprintf(name, sizeof(name), "%s, period %d", cases[i].before.name, period);
        named.name = name;
        assert_true(spread_total(&its) >= LEAST_CALLS);
        spread_compare(&named, &mine, &its, COUNT_OF(cases) * PERIODS);
    }
}

/* Until then, and often enough. */
static void ask_until(struct spread_envoy *envoy, int64_t end)
{
    for (unsigned asked = 0; test_now() < end || asked < LEAST_CALLS; asked += BATCH) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            ask_both(envoy, i);
        }
    }
}

/* By then those that Envoy began with are young no more. */
static struct spread_envoy *begin(void)
{
    struct spread_case told[COUNT_OF(cases)];
    struct spread_envoy *envoy;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        told[i] = cases[i].before;
        side_init(&sides[i], &cases[i], test_now());
    }
    envoy = spread_envoy_start(told, COUNT_OF(cases));
    ask_until(envoy, test_now() + WINDOW_S * NS_PER_S);
    return envoy;
}

static void a_young_endpoint_has_the_shares_of_envoy(void **state)
{
    struct spread_envoy *envoy = begin();
    struct joining joining;

    (void)state;
    compare_period(envoy, 0);
    joining = join(envoy);
    for (int period = 1; period <= QUARTERS; period++) {
        ask_until(envoy, joining.at + period * WINDOW_S * NS_PER_S / QUARTERS);
        compare_period(envoy, period);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        compare_closely(&ours_before[i], &envoys_before[i], joining.doubt);
    }
    ask_until(envoy, 0);
    compare_period(envoy, QUARTERS + 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        side_fini(&sides[i]);
    }
    spread_envoy_stop(envoy);
}

TEST_MAIN(cmocka_unit_test(a_young_endpoint_has_the_shares_of_envoy))
