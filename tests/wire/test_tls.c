/* SPDX-License-Identifier: Apache-2.0 */

/* Who is not who he should be gets no request. */

#include <stdio.h>

#include "harness/certs.h"
#include "wire/wire.h"

struct tls_case {
    enum certs_kind kind;
    const char *names;
    const char *url; /* NULL: https://shop/ through the mesh */
    const char *reason;
};

static struct server *start_with(struct certs *certs, enum certs_kind kind, const char *names)
{
    const char *cert;
    const char *key;

    certs_issue(certs, kind, names, &cert, &key);
    return server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, NULL);
}

static const char names_of_shop[] = "DNS:shop.default.svc.cluster.local,DNS:shop";

static void a_right_name_is_called_over_http2(void **state)
{
    struct certs *certs = certs_new();
    struct server *server = start_with(certs, CERTS_GOOD, names_of_shop);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs) };
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTPS, NULL, &options);
    struct outcome outcome = wire_get(mesh, "https://shop/");

    (void)state;
    assert_string_equal(outcome.failure.text, "");
    assert_int_equal(outcome.status, 200);
    assert_int_equal(server_log_count(server, "handshake 1 h2"), 1);
    wire_close(mesh);
    server_stop(server);
    certs_free(certs);
}

static void a_server_without_http2_is_called_over_http11(void **state)
{
    struct certs *certs = certs_new();
    const char *cert;
    const char *key;
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs) };
    struct server *server;
    struct tulle *mesh;

    (void)state;
    certs_issue(certs, CERTS_GOOD, names_of_shop, &cert, &key);
    server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, "--no-h2", NULL);
    mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTPS, NULL, &options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wire_get(mesh, "https://shop/").status, 200);
    }
    assert_int_equal(server_log_count(server, "handshake * http/1.1"),
                     server_count(server, "opened"));
    wire_close(mesh);
    server_stop(server);
    certs_free(certs);
}

/* To a server outside the mesh, by its address. */
static void by_address(const struct server *server, char url[64])
{
    snprintf(url, 64, "https://%s/", server_address(server));
}

static void refused(const struct tls_case *one, char reason[256])
{
    struct certs *certs = certs_new();
    struct server *server = start_with(certs, one->kind, one->names);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs) };
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTPS, NULL, &options);
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "https://shop/" };
    struct outcome outcome;
    char url[64];

    if (one->url == NULL) {
        by_address(server, url);
        request.url = url;
    }
    outcome = wire_call(mesh, &request);
    assert_int_equal(outcome.error, TULLE_E_TLS);
    assert_int_equal(outcome.failure.progress, TULLE_NOTHING_SENT);
    if (strcasestr(outcome.failure.text, one->reason) == NULL) {
        fail_msg("'%s' does not say '%s'", outcome.failure.text, one->reason);
    }
    snprintf(reason, 256, "%s", outcome.failure.text);
    wire_close(mesh);
    assert_true(server_count(server, "opened") > 0);
    assert_int_equal(server_count(server, "requests"), 0);
    server_stop(server);
    certs_free(certs);
}

static void each_fault_is_refused_with_its_own_reason_and_no_request(void **state)
{
    static const char through[] = "";
    static const struct tls_case cases[] = {
        { CERTS_GOOD, "DNS:other.test", through, "name" },
        { CERTS_GOOD, "IP:127.0.0.9", NULL, "" },
        { CERTS_EXPIRED, names_of_shop, through, "expired" },
        { CERTS_NOT_YET_VALID, names_of_shop, through, "not yet valid" },
        { CERTS_SELF_SIGNED, names_of_shop, through, "self" },
        { CERTS_UNKNOWN_CA, names_of_shop, through, "no trusted authority" },
    };
    char reasons[sizeof(cases) / sizeof(cases[0])][256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refused(&cases[i], reasons[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(reasons[i], reasons[j]);
        }
    }
}

static void an_address_in_the_certificate_is_enough_outside_the_mesh(void **state)
{
    struct certs *certs = certs_new();
    struct server *server = start_with(certs, CERTS_GOOD, "IP:127.0.0.2");
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs) };
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTPS, NULL, &options);
    char url[64];

    (void)state;
    by_address(server, url);
    assert_int_equal(wire_get(mesh, url).status, 200);
    wire_close(mesh);
    server_stop(server);
    certs_free(certs);
}

/* The endpoint's address is no name of the service: it must not do. */
static void an_endpoint_is_verified_by_the_url_and_not_by_its_address(void **state)
{
    struct tls_case by_endpoint = { CERTS_GOOD, "IP:127.0.0.2", "", "name" };
    char reason[256];

    (void)state;
    refused(&by_endpoint, reason);
}

/* An address is given to somebody else, who has a good certificate of his own. */
static void a_stranger_at_an_address_that_was_right_gets_no_request(void **state)
{
    struct certs *certs = certs_new();
    struct server *server = start_with(certs, CERTS_GOOD, names_of_shop);
    struct tulle_options options = { TULLE_OPTIONS_INIT, .ca_file = certs_ca(certs) };
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTPS, NULL, &options);
    const char *cert;
    const char *key;
    char address[32];

    (void)state;
    assert_int_equal(wire_get(mesh, "https://shop/").status, 200);
    snprintf(address, sizeof(address), "%s", server_address(server));
    server_stop(server);
    certs_issue(certs, CERTS_GOOD, "DNS:other.test", &cert, &key);
    server = server_start(SERVER_TLS, address, "--cert", cert, "--key", key, NULL);
    for (int i = 0; i < 3; i++) {
        struct outcome outcome = wire_get(mesh, "https://shop/");

        assert_true(outcome.error == TULLE_E_TLS || outcome.error == TULLE_E_NETWORK);
    }
    assert_int_equal(wire_get(mesh, "https://shop/").error, TULLE_E_TLS);
    assert_int_equal(server_count(server, "requests"), 0);
    wire_close(mesh);
    server_stop(server);
    certs_free(certs);
}

TEST_MAIN(cmocka_unit_test(a_right_name_is_called_over_http2),
          cmocka_unit_test(a_server_without_http2_is_called_over_http11),
          cmocka_unit_test(each_fault_is_refused_with_its_own_reason_and_no_request),
          cmocka_unit_test(an_address_in_the_certificate_is_enough_outside_the_mesh),
          cmocka_unit_test(an_endpoint_is_verified_by_the_url_and_not_by_its_address),
          cmocka_unit_test(a_stranger_at_an_address_that_was_right_gets_no_request))
