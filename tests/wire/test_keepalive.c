/* SPDX-License-Identifier: Apache-2.0 */

/* The kernel's probes of a connection, as the sockets of this process have them. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/wire.h"

#define RULE                                                                                       \
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: shop}\n"          \
    "spec:\n  host: shop\n  trafficPolicy:\n    connectionPool:\n"                                 \
    "      tcp: {tcpKeepalive: {probes: 3, time: 20s, interval: 5s}}\n"
#define WARM                                                                                       \
    "---\napiVersion: tulle.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: shop}\n"           \
    "spec: {host: shop, preconnect: {warm: 2}}\n"

enum { DESCRIPTORS = 1024 };

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static bool leads_to(int fd, uint16_t port)
{
    struct sockaddr_in peer = { 0 };
    socklen_t size = sizeof(peer);

    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
           ntohs(peer.sin_port) == port;
}

/* How many connections lead there; each has these numbers. */
static unsigned assert_probed(const struct server *server, int probes, int time, int interval)
{
    unsigned count = 0;

    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        if (leads_to(fd, server_port(server))) {
            assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
            assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), probes);
            assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), time);
            assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), interval);
            count++;
        }
    }
    return count;
}

static void connections_are_probed_as_the_rule_says(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, RULE, &wire_one_loop);

    (void)state;
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    assert_int_equal(assert_probed(server, 3, 20, 5), 1);
    wire_close(mesh);
    server_stop(server);
}

static void so_are_those_that_stand_ahead(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, RULE WARM, &wire_one_loop);

    (void)state;
    assert_true(server_wait_exactly(server, "opened", 2));
    assert_int_equal(assert_probed(server, 3, 20, 5), 2);
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200); /* libcurl has had its say */
    assert_int_equal(assert_probed(server, 3, 20, 5), 2);
    wire_close(mesh);
    server_stop(server);
}

static void without_a_rule_after_a_minute(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct tulle *mesh = wire_open(&server, 1, TULLE_PROTOCOL_HTTP, NULL, &wire_one_loop);

    (void)state;
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    assert_int_equal(assert_probed(server, 9, 60, 60), 1);
    wire_close(mesh);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(connections_are_probed_as_the_rule_says),
          cmocka_unit_test(so_are_those_that_stand_ahead),
          cmocka_unit_test(without_a_rule_after_a_minute))
