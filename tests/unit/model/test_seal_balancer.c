/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "model/defaults.h"
#include "model/seal.h"
#include "parts.h"
#include "tells.h"

static struct fingerprint balancer_print(struct balancer_config *balancer)
{
    tulle__balancer_seal(balancer);
    return balancer->print;
}

static void every_field_of_a_balancer_tells(void **state)
{
    struct balancer_config config = tulle__balancer_default, *balancer = &config;

    (void)state;
    TELLS(balancer, balancer_print, kind, BALANCER_RANDOM);
    TELLS(balancer, balancer_print, choice_count, 3);
    TELLS(balancer, balancer_print, request_bias, 1);
    TELLS(balancer, balancer_print, full_scan, true);
    TELLS(balancer, balancer_print, ewma_tau_ns, 1);
    TELLS(balancer, balancer_print, ewma_default_ns, 1);
    TELLS(balancer, balancer_print, ring_min, 1);
    TELLS(balancer, balancer_print, ring_max, 1);
    TELLS(balancer, balancer_print, hash_function, 1);
    TELLS(balancer, balancer_print, table_size, 1);
    TELLS(balancer, balancer_print, hash_balance, 1);
    TELLS(balancer, balancer_print, weighted.blackout_ns, 1);
    TELLS(balancer, balancer_print, weighted.expiration_ns, 1);
    TELLS(balancer, balancer_print, weighted.update_ns, 1);
    TELLS(balancer, balancer_print, weighted.error_penalty, 1);
    TELLS(balancer, balancer_print, prequal.reports, PREQUAL_LOCAL);
    TELLS(balancer, balancer_print, prequal.probe_path, STR("/p"));
    TELLS(balancer, balancer_print, prequal.probes, 1);
    TELLS(balancer, balancer_print, prequal.removals, 1);
    TELLS(balancer, balancer_print, prequal.pool_size, 1);
    TELLS(balancer, balancer_print, prequal.probe_age_ns, 1);
    TELLS(balancer, balancer_print, prequal.probe_limit_ns, 1);
    TELLS(balancer, balancer_print, prequal.hot_quantile, 1);
    TELLS(balancer, balancer_print, prequal.reuse_delta, 1);
    TELLS(balancer, balancer_print, shuffle, true);
}

static void every_field_of_its_spread_tells(void **state)
{
    struct balancer_config config = tulle__balancer_default, *balancer = &config;

    (void)state;
    TELLS(balancer, balancer_print, slow_start.window_ns, 1);
    TELLS(balancer, balancer_print, slow_start.aggression, 1);
    TELLS(balancer, balancer_print, slow_start.least, 1);
    TELLS(balancer, balancer_print, subsetting.kind, SUBSETTING_RANDOM);
    TELLS(balancer, balancer_print, subsetting.size, 1);
    TELLS(balancer, balancer_print, subsetting.peer_index, 1);
    TELLS(balancer, balancer_print, subsetting.peer_count, 1);
    TELLS(balancer, balancer_print, subsetting.seed, 1);
    TELLS(balancer, balancer_print, locality.mode, LOCALITY_WEIGHTED);
    TELLS(balancer, balancer_print, locality.local, STR("r"));
    TELLS(balancer, balancer_print, locality.panic_percent, 1);
    TELLS(balancer, balancer_print, locality.overprovisioning, 1);
    TELLS(balancer, balancer_print, locality.routing_enabled, 1);
    TELLS(balancer, balancer_print, locality.min_cluster_size, 1);
    TELLS(balancer, balancer_print, locality.fail_on_panic, true);
    TELLS(balancer, balancer_print, drop_per_million, 1);
    TELLS(balancer, balancer_print, drop_category, STR("x"));
}

static void what_is_hashed_and_who_calls_tell(void **state)
{
    struct balancer_config config = tulle__balancer_default, *balancer = &config;
    const struct hash_policy one = { .kind = HASH_COOKIE, .name = STR("a") };
    const struct caller_share caller = { STR("r"), 1 }, elsewhere = { STR("q"), 1 },
                              more = { STR("r"), 2 };
    struct hash_policy other = one;

    (void)state;
    balancer->hash = &one;
    TELLS(balancer, balancer_print, hash_count, 1);
    balancer->hash_count = 1;
    other.kind = HASH_QUERY;
    TELLS(balancer, balancer_print, hash, &other);
    other = one;
    other.name = STR("b");
    TELLS(balancer, balancer_print, hash, &other);
    other = one;
    other.path = STR("/");
    TELLS(balancer, balancer_print, hash, &other);
    other = one;
    other.ttl_ns = 1;
    TELLS(balancer, balancer_print, hash, &other);
    other = one;
    other.terminal = true;
    TELLS(balancer, balancer_print, hash, &other);
    balancer->locality.callers = &caller;
    TELLS(balancer, balancer_print, locality.caller_count, 1);
    balancer->locality.caller_count = 1;
    TELLS(balancer, balancer_print, locality.callers, &elsewhere);
    TELLS(balancer, balancer_print, locality.callers, &more);
}

static void a_balancer_tells_in_its_cluster(void **state)
{
    struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);
    struct fingerprint before = cluster->part.print;

    (void)state;
    cluster->balancer.choice_count = 9;
    tulle__cluster_seal(cluster);
    assert_false(fingerprint_equal(before, cluster->part.print));
    tulle__part_unref(cluster);
}

TEST_MAIN(cmocka_unit_test(every_field_of_a_balancer_tells),
          cmocka_unit_test(every_field_of_its_spread_tells),
          cmocka_unit_test(what_is_hashed_and_who_calls_tell),
          cmocka_unit_test(a_balancer_tells_in_its_cluster))
