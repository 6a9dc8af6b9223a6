/* SPDX-License-Identifier: Apache-2.0 */

#include <netinet/in.h>

#include "base/socket.h"
#include "harness/test.h"

static void both_kinds_of_addresses_are_read(void **state)
{
    struct socket_address address;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)&address.storage;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)&address.storage;

    (void)state;
    assert_true(tulle__socket_address_read(STR("10.0.0.1"), STR("9080"), &address));
    assert_int_equal(address.size, sizeof(*ipv4));
    assert_int_equal(ipv4->sin_family, AF_INET);
    assert_int_equal(ntohs(ipv4->sin_port), 9080);
    assert_int_equal(ntohl(ipv4->sin_addr.s_addr), 0x0a000001);
    assert_true(tulle__socket_address_read(STR("[::1]"), STR("65535"), &address));
    assert_int_equal(address.size, sizeof(*ipv6));
    assert_int_equal(ipv6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(ipv6->sin6_port), 65535);
    assert_memory_equal(&ipv6->sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback));
}

static void what_is_no_address_is_none(void **state)
{
    static const char *const hosts[] = {
        "",           "reviews",
        "10.0.0",     "::1",
        "[::1",       "[]",
        "[",          "]",
        "[10.0.0.1]", "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
    };
    struct socket_address address;

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        assert_false(tulle__socket_address_read(str_of(hosts[i]), STR("80"), &address));
    }
    assert_false(tulle__socket_address_read(STR("10.0.0.1"), STR("65536"), &address));
    assert_false(tulle__socket_address_read(STR("10.0.0.1"), STR(""), &address));
}

TEST_MAIN(cmocka_unit_test(both_kinds_of_addresses_are_read),
          cmocka_unit_test(what_is_no_address_is_none))
