/* SPDX-License-Identifier: Apache-2.0 */

#include "dns/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

bool tulle__dns_literal(struct str text, struct dns_address *out)
{
    char copy[INET6_ADDRSTRLEN];

    *out = (struct dns_address){ .is_ipv6 = false };
    if (text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']') {
        text = (struct str){ text.data + 1, text.size - 2 };
    }
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, '\0', text.size)) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET, copy, out->bytes) == 1) {
        return true;
    }
    out->is_ipv6 = inet_pton(AF_INET6, copy, out->bytes) == 1;
    return out->is_ipv6;
}

struct str tulle__dns_address_text(const struct dns_address *address, char out[DNS_ADDRESS_TEXT])
{
    if (!address->is_ipv6) {
        inet_ntop(AF_INET, address->bytes, out, DNS_ADDRESS_TEXT);
        return str_of(out);
    }
    out[0] = '[';
    inet_ntop(AF_INET6, address->bytes, out + 1, INET6_ADDRSTRLEN);
    memcpy(out + strlen(out), "]", 2);
    return str_of(out);
}

static bool ipv4_is_usable(const uint8_t *bytes)
{
    return bytes[0] != 0 && bytes[0] < 224;
}

static bool ipv6_is_usable(const uint8_t *bytes)
{
    static const uint8_t unspecified[16], mapped[12] = { [10] = 0xff, [11] = 0xff };

    return bytes[0] != 0xff && memcmp(bytes, unspecified, sizeof(unspecified)) != 0 &&
           memcmp(bytes, mapped, sizeof(mapped)) != 0;
}

bool tulle__dns_is_usable(const struct dns_address *address)
{
    return address->is_ipv6 ? ipv6_is_usable(address->bytes) : ipv4_is_usable(address->bytes);
}

bool tulle__dns_is_localhost(struct str host)
{
    return str_equal(host, STR("localhost")) || tulle__str_ends(host, STR(".localhost"));
}

bool tulle__dns_address_equal(const struct dns_address *a, const struct dns_address *b)
{
    return a->is_ipv6 == b->is_ipv6 && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

uint64_t tulle__dns_set_print(const struct dns_address *addresses, size_t count)
{
    uint64_t sum = count;

    for (size_t i = 0; i < count; i++) {
        struct str bytes = { (const char *)addresses[i].bytes, sizeof(addresses[i].bytes) };

        sum += tulle__str_hash(bytes, addresses[i].is_ipv6);
    }
    return sum;
}
