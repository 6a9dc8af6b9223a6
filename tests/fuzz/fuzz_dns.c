/* SPDX-License-Identifier: Apache-2.0 */

/* What a name server may say. The first byte is the question (IPv6 or not) and
 * how c-ares took the reply, the rest is the message: what is believed of it are
 * addresses that can be connected to, with a time within what the wire can say,
 * and never more than a failure where c-ares saw one. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dns/address.h"
#include "dns/message.h"

enum { SIZE_MOST = 65535, IS_IPV6 = 1, FAILURE_SHIFT = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_good(const struct resolver_result *result, size_t size, bool is_ipv6)
{
    must(result->count > 0 && result->count <= DNS_ADDRESSES_MAX);
    must(result->count * (is_ipv6 ? 16 : 4) < size);
    must(result->ttl_ns >= 0 && result->ttl_ns <= INT32_MAX * NS_PER_S);
    for (size_t i = 0; i < result->count; i++) {
        must(result->addresses[i].is_ipv6 == is_ipv6);
        must(tulle__dns_is_usable(&result->addresses[i]));
    }
}

static void check(const struct resolver_result *result, size_t size, bool is_ipv6,
                  enum dns_fault failure)
{
    must(result->fault >= DNS_OK && result->fault < DNS_FAULTS);
    if (result->fault == DNS_OK) {
        must(failure == DNS_OK);
        check_good(result, size, is_ipv6);
        return;
    }
    must(result->count == 0);
    must(failure == DNS_OK || result->fault == failure);
    must(result->ttl_ns == NEVER ||
         (result->ttl_ns >= 0 && result->ttl_ns <= INT32_MAX * NS_PER_S));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resolver_result result;
    enum dns_fault failure;
    unsigned char *message;
    bool is_ipv6;

    if (size == 0 || size > SIZE_MOST) {
        return 0;
    }
    is_ipv6 = data[0] & IS_IPV6;
    failure = (enum dns_fault)((data[0] >> FAILURE_SHIFT) % DNS_FAULTS);
    size--;
    message = malloc(size); /* of its own, so that a byte too far is seen */
    must(message != NULL || size == 0);
    if (size > 0) {
        memcpy(message, data + 1, size);
    }
    tulle__dns_message_read(message, size, is_ipv6, failure, &result);
    free(message);
    check(&result, size, is_ipv6, failure);
    tulle__free((void *)(uintptr_t)result.addresses);
    return 0;
}
