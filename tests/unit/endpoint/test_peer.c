/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/peer.h"

#include <stdio.h>

#include "harness/test.h"

static struct peers peers;

static struct peer *get(const char *address, enum protocol protocol, const char *host)
{
    return tulle__peers_get(&peers, str_of(address), protocol, str_of(host));
}

static int setup(void **state)
{
    (void)state;
    tulle__peers_init(&peers);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__peers_sweep(&peers);
    assert_int_equal(peers.count, 0);
    tulle__peers_fini(&peers);
    return 0;
}

static void one_address_and_protocol_is_one_peer_for_all_clusters(void **state)
{
    struct peer *a = get("10.0.0.1:80", PROTOCOL_HTTP1, "reviews");
    struct peer *b = get("10.0.0.1:80", PROTOCOL_HTTP1, "ratings");

    (void)state;
    CHECK_OR_DONE(a != NULL && b != NULL);
    assert_ptr_equal(a, b);
    assert_int_equal(a->refs, 2);
    assert_true(str_equal(peer_address(a), STR("10.0.0.1:80")));
    assert_int_equal(peer_address(a).data[11], '\0');
    assert_null(a->pools);
done:
    if (a != NULL) {
        tulle__peer_unref(a);
    }
    if (b != NULL) {
        tulle__peer_unref(b);
    }
}

static void protocols_do_not_share_a_peer(void **state)
{
    struct peer *a = get("10.0.0.1:80", PROTOCOL_HTTP1, "");
    struct peer *b = get("10.0.0.1:80", PROTOCOL_HTTP2, "");

    (void)state;
    assert_ptr_not_equal(a, b);
    assert_int_equal(peer_protocol(a), PROTOCOL_HTTP1);
    assert_int_equal(peer_protocol(b), PROTOCOL_HTTP2);
    tulle__peer_unref(a);
    tulle__peer_unref(b);
}

static void https_peers_differ_by_the_name_they_must_prove(void **state)
{
    struct peer *a = get("10.0.0.1:443", PROTOCOL_HTTPS, "api.example.com");
    struct peer *b = get("10.0.0.1:443", PROTOCOL_HTTPS, "www.example.com");

    (void)state;
    assert_ptr_not_equal(a, b);
    assert_true(str_equal(peer_address(a), STR("10.0.0.1:443")));
    assert_ptr_equal(get("10.0.0.1:443", PROTOCOL_HTTPS, "api.example.com"), a);
    tulle__peer_unref(a);
    tulle__peer_unref(a);
    tulle__peer_unref(b);
}

static void a_peer_is_known_by_what_it_was_made_from(void **state)
{
    struct peer *a = get("10.0.0.1:443", PROTOCOL_HTTPS, "api");
    struct peer *b = get("10.0.0.1:80", PROTOCOL_HTTP1, "api");

    (void)state;
    assert_true(tulle__peer_is(a, STR("10.0.0.1:443"), PROTOCOL_HTTPS, STR("api")));
    assert_false(tulle__peer_is(a, STR("10.0.0.1:443"), PROTOCOL_HTTPS, STR("web")));
    assert_false(tulle__peer_is(a, STR("10.0.0.1:443"), PROTOCOL_HTTPS, STR("apis")));
    assert_false(tulle__peer_is(a, STR("10.0.0.1:443"), PROTOCOL_HTTP1, STR("api")));
    assert_false(tulle__peer_is(a, STR("10.0.0.2:443"), PROTOCOL_HTTPS, STR("api")));
    assert_true(tulle__peer_is(b, STR("10.0.0.1:80"), PROTOCOL_HTTP1, STR("another")));
    assert_false(tulle__peer_is(b, STR("10.0.0.1:80"), PROTOCOL_HTTP2, STR("api")));
    tulle__peer_unref(a);
    tulle__peer_unref(b);
}

static void a_peer_lives_until_the_sweep_after_its_last_reference(void **state)
{
    struct peer *a = get("10.0.0.1:80", PROTOCOL_HTTP1, "");
    struct peer *b = get("10.0.0.2:80", PROTOCOL_HTTP1, "");

    (void)state;
    tulle__peer_unref(a);
    assert_int_equal(peers.count, 2);
    assert_ptr_equal(get("10.0.0.1:80", PROTOCOL_HTTP1, ""), a);
    tulle__peer_unref(a);
    tulle__peers_sweep(&peers);
    assert_int_equal(peers.count, 1);
    assert_ptr_equal(get("10.0.0.2:80", PROTOCOL_HTTP1, ""), b);
    tulle__peer_unref(b);
    tulle__peer_unref(b);
}

static void a_peer_with_a_name_is_not_looked_at(void **state)
{
    struct peer *a = get("10.0.0.1:80", PROTOCOL_HTTP1, "");

    (void)state;
    assert_true(a->listed);
    tulle__peer_name(a);
    atomic_store(&a->leaving, true);
    tulle__peers_sweep(&peers);
    assert_false(a->listed);
    assert_false(a->leaving);
    tulle__peer_unname(&peers, a);
    assert_true(a->listed);
    tulle__peers_sweep(&peers);
    assert_true(a->listed);
    tulle__peer_unref(a);
}

static void two_thousand_peers_are_found_while_half_of_them_go(void **state)
{
    enum { MANY = 2000 };
    struct peer *all[MANY];
    char address[32];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(address, sizeof(address), "10.0.%d.%d:80", i >> 8, i & 255);
        all[i] = get(address, PROTOCOL_HTTP1, "");
    }
    for (int i = 0; i < MANY; i += 2) {
        tulle__peer_unref(all[i]);
    }
    tulle__peers_sweep(&peers);
    assert_int_equal(peers.count, MANY / 2);
    for (int i = 1; i < MANY; i += 2) {
        assert_true(tulle__peers_get(&peers, peer_address(all[i]), PROTOCOL_HTTP1, STR("")) ==
                    all[i]);
        tulle__peer_unref(all[i]);
        tulle__peer_unref(all[i]);
    }
}

static void pools_have_a_place_once_they_are_asked_for(void **state)
{
    struct peer *a = get("10.0.0.1:80", PROTOCOL_HTTP1, "");
    struct peer_pools *pools;

    (void)state;
    assert_null(a->pools);
    pools = tulle__peer_pools(a, 2);
    assert_null(pools->of[0]);
    assert_null(pools->of[1]);
    assert_int_equal(pools->open, 0);
    assert_ptr_equal(tulle__peer_pools(a, 2), pools);
    tulle__peer_unref(a);
}

static void the_numbers_of_two_peers_share_no_cache_line(void **state)
{
    struct peer *a = get("10.0.0.1:80", PROTOCOL_HTTP1, "");
    struct peer *b = get("10.0.0.2:80", PROTOCOL_HTTP1, "");

    (void)state;
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_int_equal((uintptr_t)b % 64, 0);
    assert_int_equal(sizeof(struct peer), 64);
    tulle__peer_unref(a);
    tulle__peer_unref(b);
}

#define PEER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(TEST_OOM_WITH(one_address_and_protocol_is_one_peer_for_all_clusters, setup, teardown),
          PEER_TEST(protocols_do_not_share_a_peer),
          PEER_TEST(https_peers_differ_by_the_name_they_must_prove),
          PEER_TEST(a_peer_is_known_by_what_it_was_made_from),
          PEER_TEST(a_peer_lives_until_the_sweep_after_its_last_reference),
          PEER_TEST(a_peer_with_a_name_is_not_looked_at),
          PEER_TEST(two_thousand_peers_are_found_while_half_of_them_go),
          PEER_TEST(pools_have_a_place_once_they_are_asked_for),
          PEER_TEST(the_numbers_of_two_peers_share_no_cache_line))
