/* SPDX-License-Identifier: Apache-2.0 */

/* c-ares has parsers for this, but none that gives the SOA of a denial, and
 * they take any address in the reply for one of the question's. Names are kept
 * as they are on the wire (labels with their sizes), in lower case. */

#include "dns/message.h"

#include "base/alloc.h"
#include "dns/address.h"

enum {
    HEADER_SIZE = 12,
    WIRE_NAME_MAX = 255,
    JUMPS_MAX = 64,
    CNAMES_MAX = 16,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_AAAA = 28,
    CLASS_IN = 1
};

struct wire_name {
    uint8_t bytes[WIRE_NAME_MAX];
    size_t size;
};

struct reader {
    const unsigned char *data;
    size_t size, at;
    bool bad;
};

struct record {
    struct wire_name owner;
    unsigned type, class;
    uint32_t ttl;
    size_t at, size; /* its data */
};

static unsigned read_u8(struct reader *reader)
{
    if (reader->bad || reader->at >= reader->size) {
        reader->bad = true;
        return 0;
    }
    return reader->data[reader->at++];
}

static unsigned read_u16(struct reader *reader)
{
    unsigned high = read_u8(reader);

    return high << 8 | read_u8(reader);
}

static uint32_t read_u32(struct reader *reader)
{
    uint32_t high = read_u16(reader);

    return high << 16 | read_u16(reader);
}

static void label_read(struct reader *reader, size_t size, struct wire_name *out)
{
    if (out->size + size + 1 > WIRE_NAME_MAX) {
        reader->bad = true;
        return;
    }
    out->bytes[out->size++] = (uint8_t)size;
    for (size_t i = 0; i < size; i++) {
        out->bytes[out->size++] = (uint8_t)tulle__char_lower((char)read_u8(reader));
    }
}

/* A pointer may lead back to itself: the jumps are counted. */
static void name_read(struct reader *reader, struct wire_name *out)
{
    size_t back = 0;
    int jumps = 0;
    unsigned size;

    out->size = 0;
    while ((size = read_u8(reader)) != 0 && !reader->bad) {
        if (size < 64) {
            label_read(reader, size, out);
            continue;
        }
        if (size < 192 || ++jumps > JUMPS_MAX) {
            reader->bad = true;
            return;
        }
        size = (size & 63) << 8 | read_u8(reader);
        back = jumps == 1 ? reader->at : back;
        reader->at = size;
    }
    if (jumps > 0) {
        reader->at = back;
    }
}

static bool name_equal(const struct wire_name *a, const struct wire_name *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static void record_read(struct reader *reader, struct record *out)
{
    name_read(reader, &out->owner);
    out->type = read_u16(reader);
    out->class = read_u16(reader);
    out->ttl = read_u32(reader);
    out->size = read_u16(reader);
    out->at = reader->at;
    if (reader->bad || reader->size - reader->at < out->size) {
        reader->bad = true;
        return;
    }
    reader->at += out->size;
    /* RFC 2181 8: the top bit set means zero. */
    out->ttl = out->ttl > INT32_MAX ? 0 : out->ttl;
}

struct message {
    struct reader reader; /* at the first record */
    unsigned answers, authorities;
    struct wire_name name; /* asked for */
};

static bool message_open(const unsigned char *data, size_t size, struct message *out)
{
    struct reader reader = { .data = data, .size = size, .at = 4 };
    unsigned questions;

    questions = read_u16(&reader);
    out->answers = read_u16(&reader);
    out->authorities = read_u16(&reader);
    reader.at = HEADER_SIZE;
    name_read(&reader, &out->name);
    read_u32(&reader);
    out->reader = reader;
    return !reader.bad && questions == 1;
}

static void least(uint32_t *ttl, uint32_t other)
{
    *ttl = other < *ttl ? other : *ttl;
}

struct aliases {
    struct record each[CNAMES_MAX];
    size_t count;
};

/* In one pass: a reply that is made for it has thousands of records, each with a
 * name that takes long to read. */
static void aliases_find(const struct message *message, struct aliases *out)
{
    struct reader reader = message->reader;

    out->count = 0;
    for (unsigned i = 0; i < message->answers && out->count < CNAMES_MAX; i++) {
        struct record *record = &out->each[out->count];

        record_read(&reader, record);
        if (reader.bad) {
            return;
        }
        out->count += record->class == CLASS_IN && record->type == TYPE_CNAME;
    }
}

static const struct record *alias_of(const struct aliases *aliases, const struct wire_name *name)
{
    for (size_t i = 0; i < aliases->count; i++) {
        if (name_equal(&aliases->each[i].owner, name)) {
            return &aliases->each[i];
        }
    }
    return NULL;
}

/* Follows the CNAMEs, in whatever order they stand. */
static void cnames_follow(struct message *message, uint32_t *ttl)
{
    const struct record *alias;
    struct aliases aliases;

    aliases_find(message, &aliases);
    for (int i = 0; i < CNAMES_MAX && (alias = alias_of(&aliases, &message->name)); i++) {
        struct reader reader = message->reader;

        least(ttl, alias->ttl);
        reader.at = alias->at;
        name_read(&reader, &message->name);
    }
}

static bool record_is_wanted(const struct message *message, const struct record *record,
                             bool is_ipv6)
{
    return record->class == CLASS_IN && record->type == (is_ipv6 ? TYPE_AAAA : TYPE_A) &&
           record->size == (is_ipv6 ? 16 : 4) && name_equal(&record->owner, &message->name);
}

/* False: the message is broken. `*dropped`: some were of no use. */
static bool addresses_read(const struct message *message, bool is_ipv6,
                           struct dns_address *addresses, size_t *count, uint32_t *ttl,
                           bool *dropped)
{
    struct reader reader = message->reader;

    for (unsigned i = 0; i < message->answers; i++) {
        struct dns_address address = { .is_ipv6 = is_ipv6 };
        struct record record;

        record_read(&reader, &record);
        if (reader.bad) {
            return false;
        }
        if (!record_is_wanted(message, &record, is_ipv6)) {
            continue;
        }
        memcpy(address.bytes, reader.data + record.at, record.size);
        if (!tulle__dns_is_usable(&address) || *count == DNS_ADDRESSES_MAX) {
            *dropped = true;
            continue;
        }
        least(ttl, record.ttl);
        addresses[(*count)++] = address;
    }
    return true;
}

static int64_t soa_ttl(const struct message *message)
{
    struct reader reader = message->reader;
    struct record record;
    struct wire_name name;

    for (unsigned i = 0; i < message->answers + message->authorities; i++) {
        record_read(&reader, &record);
        if (reader.bad) {
            return NEVER;
        }
        if (i < message->answers || record.type != TYPE_SOA) {
            continue;
        }
        reader.at = record.at;
        name_read(&reader, &name);
        name_read(&reader, &name);
        reader.at += 16;
        least(&record.ttl, read_u32(&reader));
        return reader.bad ? NEVER : record.ttl * NS_PER_S;
    }
    return NEVER;
}

static void positive_read(struct message *message, bool is_ipv6, struct resolver_result *result)
{
    struct dns_address *addresses;
    uint32_t ttl = UINT32_MAX;
    bool dropped = false;

    addresses = tulle__alloc(((size_t)message->answers + 1) * sizeof(*addresses));
    if (!addresses) {
        result->fault = DNS_NO_MEMORY;
        return;
    }
    result->addresses = addresses;
    cnames_follow(message, &ttl);
    if (!addresses_read(message, is_ipv6, addresses, &result->count, &ttl, &dropped)) {
        result->fault = DNS_BAD_REPLY;
        result->count = 0;
        return;
    }
    if (result->count > 0) {
        result->ttl_ns = ttl * NS_PER_S;
        return;
    }
    result->fault = dropped ? DNS_UNUSABLE : DNS_NO_DATA;
    result->ttl_ns = soa_ttl(message);
}

void tulle__dns_message_read(const unsigned char *data, size_t size, bool is_ipv6,
                             enum dns_fault failure, struct resolver_result *result)
{
    struct message message;

    *result = (struct resolver_result){ .fault = failure, .ttl_ns = NEVER };
    if (!data || !message_open(data, size, &message)) {
        result->fault = failure == DNS_OK ? DNS_BAD_REPLY : failure;
        return;
    }
    if (failure == DNS_OK) {
        positive_read(&message, is_ipv6, result);
        return;
    }
    result->ttl_ns = soa_ttl(&message);
}
