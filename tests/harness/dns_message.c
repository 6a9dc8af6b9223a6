/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/dns_message.h"

#include <arpa/inet.h>
#include <string.h>

#include "harness/test.h"

enum { HEADER = 12, TYPE_A = 1, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_AAAA = 28 };

static void put(struct dns_message *message, const void *data, size_t size)
{
    assert_true(message->size + size <= sizeof(message->data));
    memcpy(message->data + message->size, data, size);
    message->size += size;
}

static void put_u8(struct dns_message *message, unsigned value)
{
    put(message, &(uint8_t){ (uint8_t)value }, 1);
}

static void put_u16(struct dns_message *message, unsigned value)
{
    put_u8(message, value >> 8);
    put_u8(message, value & 255);
}

static void put_u32(struct dns_message *message, uint32_t value)
{
    put_u16(message, value >> 16);
    put_u16(message, value & 0xffff);
}

static void put_name(struct dns_message *message, const char *name)
{
    while (name && *name) {
        size_t size = strcspn(name, ".");

        put_u8(message, (unsigned)size);
        put(message, name, size);
        name += size + (name[size] == '.');
    }
    if (name) {
        put_u8(message, 0);
    } else {
        put_u16(message, 0xc000 | HEADER);
    }
}

static void count(struct dns_message *message, size_t at)
{
    unsigned number = (unsigned)(message->data[at] << 8 | message->data[at + 1]) + 1;

    message->data[at] = (uint8_t)(number >> 8);
    message->data[at + 1] = (uint8_t)number;
}

void dns_message_init(struct dns_message *message, unsigned id, unsigned code, const char *name,
                      unsigned type)
{
    message->size = 0;
    put_u16(message, id);
    put_u16(message, 0x8180 | code);
    put_u16(message, 1);
    put_u32(message, 0);
    put_u16(message, 0);
    put_name(message, name);
    put_u16(message, type);
    put_u16(message, 1);
}

static void record(struct dns_message *message, const char *name, unsigned type, uint32_t ttl)
{
    put_name(message, name);
    put_u16(message, type);
    put_u16(message, 1);
    put_u32(message, ttl);
}

void dns_message_a(struct dns_message *message, const char *name, uint32_t ttl, const char *address)
{
    struct in_addr bytes;

    assert_int_equal(inet_pton(AF_INET, address, &bytes), 1);
    count(message, 6);
    record(message, name, TYPE_A, ttl);
    put_u16(message, sizeof(bytes));
    put(message, &bytes, sizeof(bytes));
}

void dns_message_aaaa(struct dns_message *message, const char *name, uint32_t ttl,
                      const char *address)
{
    struct in6_addr bytes;

    assert_int_equal(inet_pton(AF_INET6, address, &bytes), 1);
    count(message, 6);
    record(message, name, TYPE_AAAA, ttl);
    put_u16(message, sizeof(bytes));
    put(message, &bytes, sizeof(bytes));
}

static void size_set(struct dns_message *message, size_t at)
{
    size_t size = message->size - at - 2;

    message->data[at] = (uint8_t)(size >> 8);
    message->data[at + 1] = (uint8_t)size;
}

void dns_message_cname(struct dns_message *message, const char *name, uint32_t ttl, const char *to)
{
    size_t at;

    count(message, 6);
    record(message, name, TYPE_CNAME, ttl);
    at = message->size;
    put_u16(message, 0);
    put_name(message, to);
    size_set(message, at);
}

void dns_message_soa(struct dns_message *message, uint32_t ttl, uint32_t minimum)
{
    size_t at;

    count(message, 8);
    record(message, NULL, TYPE_SOA, ttl);
    at = message->size;
    put_u16(message, 0);
    put_name(message, "ns.test");
    put_name(message, "admin.test");
    for (int i = 0; i < 4; i++) {
        put_u32(message, 1);
    }
    put_u32(message, minimum);
    size_set(message, at);
}

void dns_message_truncate(struct dns_message *message)
{
    size_t end = HEADER;

    while (message->data[end] != 0) {
        end += message->data[end] + 1U;
    }
    message->size = end + 5;
    message->data[2] |= 2;
    memset(message->data + 6, 0, 6);
}

bool dns_question_read(const uint8_t *data, size_t size, char name[256], unsigned *type)
{
    size_t at = HEADER, length = 0;

    while (at < size && data[at] != 0 && length + data[at] + 1 < 256) {
        memcpy(name + length, data + at + 1, data[at]);
        length += data[at];
        name[length++] = '.';
        at += data[at] + 1U;
    }
    if (length == 0 || at + 4 >= size) {
        return false;
    }
    name[length - 1] = '\0';
    *type = (unsigned)(data[at + 1] << 8 | data[at + 2]);
    return true;
}
