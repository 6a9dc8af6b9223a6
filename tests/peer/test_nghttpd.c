/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP/2 with nghttp2's own server: by prior knowledge and by ALPN, a thousand
 * calls at once on one connection, and what happens when it goes. */

#include <signal.h>
#include <stdio.h>

#include "harness/certs.h"
#include "peer/peers.h"

enum { MANY = 1000 };

static struct peer *nghttpd_start(const char *key, const char *cert)
{
    struct peer *peer = peer_new();
    char port[16];

    test_folder_write(peer_folder(peer), "hello", "nghttpd says hello\n");
    snprintf(port, sizeof(port), "%u", peer_port(peer));
    if (key) {
        peer_run(peer, "nghttpd", "-a", "127.0.0.1", "-m", "2000", "-d", peer_folder(peer), port,
                 key, cert, NULL);
    } else {
        peer_run(peer, "nghttpd", "-a", "127.0.0.1", "-m", "2000", "-d", peer_folder(peer),
                 "--no-tls", port, NULL);
    }
    return peer;
}

/* One loop, so that there is one connection. */
static void check_many(struct peer *nghttpd, int32_t protocol, const char *url, const char *ca)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .ca_file = ca };
    struct tulle *mesh = peer_open(peer_at(nghttpd), protocol, NULL, &options);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url };
    struct outcome outcome = wire_get(mesh, url);
    struct tally tally;

    assert_string_equal(outcome.failure.text, "");
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body, "nghttpd says hello\n");
    tally_init(&tally);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
    }
    assert_true(tally_wait(&tally, TULLE_S(60)));
    assert_string_equal(tally.first_failure, "");
    assert_int_equal(tally.statuses[200], MANY);
    assert_true(wire_metric(mesh, "tulle_connections_opened_total", "shop") == 1);
    tally_fini(&tally);
    wire_close(mesh);
}

static void prior_knowledge_puts_a_thousand_calls_on_one_connection(void **state)
{
    struct peer *nghttpd = nghttpd_start(NULL, NULL);

    (void)state;
    check_many(nghttpd, TULLE_PROTOCOL_HTTP2, "http://shop/hello", NULL);
    peer_free(nghttpd);
}

static void alpn_puts_a_thousand_calls_on_one_connection(void **state)
{
    struct certs *certs = certs_new();
    const char *cert, *key;
    struct peer *nghttpd;

    (void)state;
    certs_issue(certs, CERTS_GOOD, "DNS:shop", &cert, &key);
    nghttpd = nghttpd_start(key, cert);
    check_many(nghttpd, TULLE_PROTOCOL_HTTPS, "https://shop/hello", certs_ca(certs));
    peer_free(nghttpd);
    certs_free(certs);
}

static void a_certificate_of_another_name_is_refused(void **state)
{
    struct certs *certs = certs_new();
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs) };
    const char *cert, *key;
    struct peer *nghttpd;
    struct tulle *mesh;

    (void)state;
    certs_issue(certs, CERTS_GOOD, "DNS:stall", &cert, &key);
    nghttpd = nghttpd_start(key, cert);
    mesh = peer_open(peer_at(nghttpd), TULLE_PROTOCOL_HTTPS, NULL, &options);
    assert_int_equal(wire_get(mesh, "https://shop/hello").error, TULLE_E_TLS);
    wire_close(mesh);
    peer_free(nghttpd);
    certs_free(certs);
}

static void what_is_not_there_is_a_404_and_a_head_has_no_body(void **state)
{
    struct peer *nghttpd = nghttpd_start(NULL, NULL);
    struct tulle *mesh = peer_open(peer_at(nghttpd), TULLE_PROTOCOL_HTTP2, NULL, NULL);
    struct tulle_request head = { TULLE_REQUEST_INIT, .method = "HEAD",
                                  .url = "http://shop/hello" };
    struct outcome outcome = wire_get(mesh, "http://shop/nothing");

    (void)state;
    assert_int_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.status, 404);
    outcome = wire_call(mesh, &head);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body, "");
    wire_close(mesh);
    peer_free(nghttpd);
}

TEST_MAIN(cmocka_unit_test(prior_knowledge_puts_a_thousand_calls_on_one_connection),
          cmocka_unit_test(alpn_puts_a_thousand_calls_on_one_connection),
          cmocka_unit_test(a_certificate_of_another_name_is_refused),
          cmocka_unit_test(what_is_not_there_is_a_404_and_a_head_has_no_body))
