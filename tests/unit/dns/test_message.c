/* SPDX-License-Identifier: Apache-2.0 */

#include "dns/message.h"

#include "base/alloc.h"
#include "dns/address.h"
#include "harness/dns_message.h"
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { A = 1, AAAA = 28 };

static struct dns_message message;
static struct resolver_result result;

static void read_as(bool is_ipv6, enum dns_fault failure)
{
    tulle__dns_message_read(message.data, message.size, is_ipv6, failure, &result);
}

static void result_free(void)
{
    tulle__free((void *)(uintptr_t)result.addresses);
}

static const char *address_at(size_t index)
{
    static char text[DNS_ADDRESS_TEXT];

    assert_true(index < result.count);
    return tulle__dns_address_text(&result.addresses[index], text).data;
}

static void addresses_come_in_their_order_with_the_least_ttl(void **state)
{
    (void)state;
    dns_message_init(&message, 1, 0, "db.example.com", A);
    dns_message_a(&message, NULL, 30, "10.0.0.2");
    dns_message_a(&message, "DB.example.COM", 20, "10.0.0.1");
    read_as(false, DNS_OK);
    CHECK_OR_DONE(result.fault == DNS_OK);
    assert_int_equal(result.count, 2);
    assert_string_equal(address_at(0), "10.0.0.2");
    assert_string_equal(address_at(1), "10.0.0.1");
    assert_int_equal(result.ttl_ns, 20 * NS_PER_S);
done:
    result_free();
}

static void aliases_are_followed_in_any_order_and_their_ttls_count(void **state)
{
    (void)state;
    dns_message_init(&message, 1, 0, "www.test", AAAA);
    dns_message_aaaa(&message, "c.test", 60, "2001:db8::1");
    dns_message_cname(&message, "b.test", 50, "c.test");
    dns_message_cname(&message, NULL, 5, "b.test");
    read_as(true, DNS_OK);
    CHECK_OR_DONE(result.fault == DNS_OK);
    assert_int_equal(result.count, 1);
    assert_string_equal(address_at(0), "[2001:db8::1]");
    assert_int_equal(result.ttl_ns, 5 * NS_PER_S);
done:
    result_free();
}

static void an_alias_that_leads_to_itself_has_no_address(void **state)
{
    (void)state;
    dns_message_init(&message, 1, 0, "a.test", A);
    dns_message_cname(&message, "a.test", 5, "b.test");
    dns_message_cname(&message, "b.test", 5, "a.test");
    read_as(false, DNS_OK);
    assert_int_equal(result.fault, DNS_NO_DATA);
    result_free();
}

static void addresses_of_another_name_or_family_are_not_taken(void **state)
{
    (void)state;
    dns_message_init(&message, 1, 0, "shop.test", A);
    dns_message_a(&message, "evil.test", 60, "10.6.6.6");
    dns_message_aaaa(&message, NULL, 60, "::1");
    read_as(false, DNS_OK);
    assert_int_equal(result.fault, DNS_NO_DATA);
    assert_int_equal(result.count, 0);
    result_free();
}

static void addresses_of_no_use_are_dropped_and_alone_they_are_a_failure(void **state)
{
    (void)state;
    dns_message_init(&message, 1, 0, "shop.test", A);
    dns_message_a(&message, NULL, 60, "0.0.0.0");
    dns_message_a(&message, NULL, 60, "224.0.0.1");
    read_as(false, DNS_OK);
    assert_int_equal(result.fault, DNS_UNUSABLE);
    result_free();
    dns_message_a(&message, NULL, 60, "10.0.0.1");
    read_as(false, DNS_OK);
    assert_int_equal(result.count, 1);
    assert_string_equal(address_at(0), "10.0.0.1");
    result_free();
}

static void a_denial_says_how_long_it_holds(void **state)
{
    (void)state;
    dns_message_init(&message, 1, 3, "no.test", A);
    dns_message_soa(&message, 900, 30);
    read_as(false, DNS_NO_NAME);
    assert_int_equal(result.fault, DNS_NO_NAME);
    assert_int_equal(result.ttl_ns, 30 * NS_PER_S);
    dns_message_init(&message, 1, 0, "no.test", A);
    dns_message_soa(&message, 10, 30);
    read_as(false, DNS_OK);
    assert_int_equal(result.fault, DNS_NO_DATA);
    assert_int_equal(result.ttl_ns, 10 * NS_PER_S);
    result_free();
    dns_message_init(&message, 1, 3, "no.test", A);
    read_as(false, DNS_NO_NAME);
    assert_true(result.ttl_ns == NEVER);
    tulle__dns_message_read(NULL, 0, false, DNS_TIMEOUT, &result);
    assert_int_equal(result.fault, DNS_TIMEOUT);
}

static void thousands_of_addresses_are_read(void **state)
{
    char address[32];

    (void)state;
    dns_message_init(&message, 1, 0, "big.test", A);
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(address, sizeof(address), "10.0.%u.%u", i / 250, i % 250 + 1);
        dns_message_a(&message, NULL, 60, address);
    }
    read_as(false, DNS_OK);
    assert_int_equal(result.fault, DNS_OK);
    assert_int_equal(result.count, 4000);
    result_free();
}

static void a_ttl_with_the_top_bit_is_zero(void **state)
{
    (void)state;
    dns_message_init(&message, 1, 0, "a.test", A);
    dns_message_a(&message, NULL, 0x80000001, "10.0.0.1");
    read_as(false, DNS_OK);
    assert_int_equal(result.ttl_ns, 0);
    result_free();
}

/* Every cut, and every byte turned: nothing is read out of bounds. */
static void garbage_is_no_message(void **state)
{
    size_t size;

    (void)state;
    dns_message_init(&message, 1, 0, "www.test", A);
    dns_message_cname(&message, NULL, 5, "b.test");
    dns_message_a(&message, "b.test", 60, "10.0.0.1");
    dns_message_soa(&message, 10, 30);
    size = message.size;
    for (message.size = 0; message.size < size; message.size++) {
        uint8_t *cut = malloc(message.size + 1);

        memcpy(cut, message.data, message.size);
        tulle__dns_message_read(cut, message.size, false, DNS_OK, &result);
        result_free();
        free(cut);
    }
    for (size_t i = 0; i < size * 8; i++) {
        message.data[i / 8] ^= (uint8_t)(1U << (i % 8));
        read_as(false, DNS_OK);
        result_free();
        message.data[i / 8] ^= (uint8_t)(1U << (i % 8));
    }
    memset(message.data, 0xc0, 600);
    message.size = 600;
    read_as(false, DNS_OK);
    assert_int_equal(result.fault, DNS_BAD_REPLY);
}

/* Whoever looks at all of them once for each is busy for seconds. */
static void aliases_behind_the_sixteenth_are_not_looked_at(void **state)
{
    char name[32];

    (void)state;
    dns_message_init(&message, 1, 0, "www.test", A);
    for (int i = 0; i < 15; i++) {
        snprintf(name, sizeof(name), "other%d.test", i);
        dns_message_cname(&message, name, 60, "a.test");
    }
    dns_message_cname(&message, NULL, 60, "b.test");
    dns_message_cname(&message, "b.test", 60, "c.test");
    dns_message_a(&message, "c.test", 60, "10.0.0.1");
    read_as(false, DNS_OK);
    assert_int_equal(result.count, 0);
    result_free();
    dns_message_a(&message, "b.test", 60, "10.0.0.2");
    read_as(false, DNS_OK);
    assert_int_equal(result.count, 1);
    result_free();
}

TEST_MAIN(TEST_OOM(addresses_come_in_their_order_with_the_least_ttl),
          TEST_OOM(aliases_are_followed_in_any_order_and_their_ttls_count),
          cmocka_unit_test(aliases_behind_the_sixteenth_are_not_looked_at),
          cmocka_unit_test(an_alias_that_leads_to_itself_has_no_address),
          cmocka_unit_test(addresses_of_another_name_or_family_are_not_taken),
          cmocka_unit_test(addresses_of_no_use_are_dropped_and_alone_they_are_a_failure),
          cmocka_unit_test(a_denial_says_how_long_it_holds),
          cmocka_unit_test(thousands_of_addresses_are_read),
          cmocka_unit_test(a_ttl_with_the_top_bit_is_zero), cmocka_unit_test(garbage_is_no_message))
