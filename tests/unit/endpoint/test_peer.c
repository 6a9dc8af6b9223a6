/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/peer.h"

#include "harness/test.h"

static struct peers peers;

static struct peer *get(const char *address, enum protocol protocol, const char *host)
{
    return tulle__peers_get(&peers, str_of(address), protocol, str_of(host));
}

static int setup(void **state)
{
    (void)state;
    tulle__peers_init(&peers, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__peers_sweep(&peers);
    assert_int_equal(peers.by_key.count, 0);
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
    assert_true(str_equal(a->key, STR("http|10.0.0.1:80")));
    assert_true(str_equal(a->address, STR("10.0.0.1:80")));
    assert_int_equal(a->loop_count, 3);
    assert_null(a->pools[2]);
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
    assert_true(str_equal(b->key, STR("h2|10.0.0.1:80")));
    tulle__peer_unref(a);
    tulle__peer_unref(b);
}

static void https_peers_differ_by_the_name_they_must_prove(void **state)
{
    struct peer *a = get("10.0.0.1:443", PROTOCOL_HTTPS, "api.example.com");
    struct peer *b = get("10.0.0.1:443", PROTOCOL_HTTPS, "www.example.com");

    (void)state;
    assert_ptr_not_equal(a, b);
    assert_true(str_equal(a->key, STR("https|api.example.com|10.0.0.1:443")));
    assert_true(str_equal(a->address, STR("10.0.0.1:443")));
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
    assert_int_equal(peers.by_key.count, 2);
    assert_ptr_equal(get("10.0.0.1:80", PROTOCOL_HTTP1, ""), a);
    tulle__peer_unref(a);
    tulle__peers_sweep(&peers);
    assert_int_equal(peers.by_key.count, 1);
    assert_ptr_equal(tulle__table_find(&peers.by_key, STR("http|10.0.0.2:80")), b);
    tulle__peer_unref(b);
}

static void the_numbers_of_two_peers_share_no_cache_line(void **state)
{
    struct peer *a = get("10.0.0.1:80", PROTOCOL_HTTP1, "");
    struct peer *b = get("10.0.0.2:80", PROTOCOL_HTTP1, "");

    (void)state;
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_int_equal((uintptr_t)b % 64, 0);
    assert_true(offsetof(struct peer, latency) + sizeof(struct ewma) <= 64);
    tulle__peer_unref(a);
    tulle__peer_unref(b);
}

#define PEER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(TEST_OOM_WITH(one_address_and_protocol_is_one_peer_for_all_clusters, setup, teardown),
          PEER_TEST(protocols_do_not_share_a_peer),
          PEER_TEST(https_peers_differ_by_the_name_they_must_prove),
          PEER_TEST(a_peer_is_known_by_what_it_was_made_from),
          PEER_TEST(a_peer_lives_until_the_sweep_after_its_last_reference),
          PEER_TEST(the_numbers_of_two_peers_share_no_cache_line))
