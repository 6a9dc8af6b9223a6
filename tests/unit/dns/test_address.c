/* SPDX-License-Identifier: Apache-2.0 */

#include "dns/address.h"

#include "harness/test.h"

static bool usable(const char *text)
{
    struct dns_address address;

    assert_true(tulle__dns_literal(str_of(text), &address));
    return tulle__dns_is_usable(&address);
}

static void an_address_is_known_from_a_name(void **state)
{
    static const char *const names[] = { "",           "localhost", "10.0.0",  "10.0.0.1:80",
                                         "10.0.0.256", "[",         "[]",      "[10.0.0.1",
                                         "::1%eth0",   "0x7f.1",    "1.2.3.4." };
    struct dns_address address;
    char text[DNS_ADDRESS_TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_false(tulle__dns_literal(str_of(names[i]), &address));
    }
    assert_true(tulle__dns_literal(STR("10.1.2.3"), &address));
    assert_false(address.is_ipv6);
    assert_string_equal(tulle__dns_address_text(&address, text).data, "10.1.2.3");
    assert_true(tulle__dns_literal(STR("[2001:DB8::1]"), &address));
    assert_true(address.is_ipv6);
    assert_string_equal(tulle__dns_address_text(&address, text).data, "[2001:db8::1]");
}

static void addresses_that_nobody_can_connect_to_are_no_use(void **state)
{
    static const char *const bad[] = { "0.0.0.0",         "0.1.2.3",   "224.0.0.1",
                                       "239.1.1.1",       "240.0.0.1", "::",
                                       "255.255.255.255", "ff02::1",   "::ffff:10.0.0.1" };
    static const char *const good[] = { "10.0.0.1", "127.0.0.1",   "169.254.169.254", "::1",
                                        "fe80::1",  "192.168.1.1", "2001:db8::1",     "fd00::1" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(usable(bad[i]));
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(usable(good[i]));
    }
}

static void localhost_is_a_name_and_a_domain(void **state)
{
    (void)state;
    assert_true(tulle__dns_is_localhost(STR("localhost")));
    assert_true(tulle__dns_is_localhost(STR("app.localhost")));
    assert_false(tulle__dns_is_localhost(STR("mylocalhost")));
    assert_false(tulle__dns_is_localhost(STR("localhost.example.com")));
}

static void the_order_of_a_set_does_not_matter(void **state)
{
    struct dns_address a, b, c;

    (void)state;
    tulle__dns_literal(STR("10.0.0.1"), &a);
    tulle__dns_literal(STR("10.0.0.2"), &b);
    tulle__dns_literal(STR("::1"), &c);
    assert_true(tulle__dns_set_print((struct dns_address[]){ a, b, c }, 3) ==
                tulle__dns_set_print((struct dns_address[]){ c, a, b }, 3));
    assert_true(tulle__dns_set_print((struct dns_address[]){ a, b }, 2) !=
                tulle__dns_set_print((struct dns_address[]){ a, c }, 2));
    assert_true(tulle__dns_address_equal(&a, &a));
    assert_false(tulle__dns_address_equal(&a, &b));
}

TEST_MAIN(cmocka_unit_test(an_address_is_known_from_a_name),
          cmocka_unit_test(addresses_that_nobody_can_connect_to_are_no_use),
          cmocka_unit_test(localhost_is_a_name_and_a_domain),
          cmocka_unit_test(the_order_of_a_set_does_not_matter))
