/* SPDX-License-Identifier: Apache-2.0 */

/* Connections that end after so many requests, or so long; and HTTP/2 where the
 * port says HTTP. What the server saw of it. */

#include <dirent.h>

#include "wire/wire.h"

#define RULE(pool)                                                                                 \
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: shop}\n"          \
    "spec:\n  host: shop\n  trafficPolicy: {connectionPool: {" pool "}}\n"

static struct server *server;

static struct tulle *open_http(const char *rule)
{
    server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    return wire_open(&server, 1, TULLE_PROTOCOL_HTTP, rule, &wire_one_loop);
}

static void get_all(struct tulle *mesh, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    }
}

static void end(struct tulle *mesh)
{
    wire_close(mesh);
    server_stop(server);
}

static void a_connection_ends_with_its_last_request(void **state)
{
    struct tulle *mesh = open_http(RULE("http: {maxRequestsPerConnection: 3}"));

    (void)state;
    get_all(mesh, 9);
    assert_int_equal(server_count(server, "opened"), 3);
    assert_true(server_wait_exactly(server, "open", 0));
    get_all(mesh, 2); /* the handle that said so goes on to others */
    assert_int_equal(server_count(server, "opened"), 4);
    assert_int_equal(server_count(server, "open"), 1);
    end(mesh);
}

static unsigned descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

/* Not a second later: of thousands of requests a second too many would be left. */
static void one_request_each_leaves_no_descriptor_behind(void **state)
{
    struct tulle *mesh = open_http(RULE("http: {maxRequestsPerConnection: 1}"));
    unsigned before;

    (void)state;
    get_all(mesh, 1);
    before = descriptors();
    get_all(mesh, 200);
    assert_in_range(descriptors(), before - 1, before + 1);
    assert_int_equal(server_count(server, "opened"), 201);
    end(mesh);
}

/* While it is idle, and otherwise after the request that it is in. */
static void a_connection_ends_when_it_has_stood_so_long(void **state)
{
    struct tulle *mesh = open_http(RULE("tcp: {maxConnectionDuration: 300ms}"));

    (void)state;
    get_all(mesh, 1);
    assert_true(server_wait_exactly(server, "open", 0));
    assert_int_equal(wire_get(mesh, "http://shop/x?delay=500").status, 200);
    get_all(mesh, 1);
    assert_int_equal(server_count(server, "opened"), 3);
    end(mesh);
}

static void without_either_it_goes_on(void **state)
{
    struct tulle *mesh = open_http(RULE("http: {maxRequestsPerConnection: 0}"));

    (void)state;
    get_all(mesh, 20);
    assert_int_equal(server_count(server, "opened"), 1);
    end(mesh);
}

static void http_is_spoken_as_http2_where_the_rule_says_so(void **state)
{
    struct tulle *mesh;

    (void)state;
    server = server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", NULL);
    mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, RULE("http: {h2UpgradePolicy: UPGRADE}"),
                     &wire_one_loop);
    get_all(mesh, 3);
    assert_int_equal(server_log_count(server, "request * GET /*"), 3);
    assert_int_equal(server_count(server, "opened"), 1);
    end(mesh);
}

TEST_MAIN(cmocka_unit_test(a_connection_ends_with_its_last_request),
          cmocka_unit_test(one_request_each_leaves_no_descriptor_behind),
          cmocka_unit_test(a_connection_ends_when_it_has_stood_so_long),
          cmocka_unit_test(without_either_it_goes_on),
          cmocka_unit_test(http_is_spoken_as_http2_where_the_rule_says_so))
