/* SPDX-License-Identifier: Apache-2.0 */

#include "health/grpc.h"

#include <stdint.h>
#include <string.h>

enum {
    PREFIX_SIZE = 5,
    VARINT_MAX = 10,
    KEY = 1 << 3, /* field 1 */
    WIRE_VARINT = 0,
    WIRE_64 = 1,
    WIRE_BYTES = 2,
    WIRE_32 = 5
};

static size_t varint_write(unsigned char *out, uint64_t value)
{
    size_t size = 0;

    for (; value >= 0x80; value >>= 7) {
        out[size++] = (unsigned char)(value | 0x80);
    }
    out[size++] = (unsigned char)value;
    return size;
}

bool tulle__grpc_health_write(struct buf *out, struct str service)
{
    unsigned char head[PREFIX_SIZE + 1 + VARINT_MAX] = { 0 };
    size_t field = 0, length;

    if (service.size > 0) {
        head[PREFIX_SIZE] = KEY | WIRE_BYTES;
        field = 1 + varint_write(head + PREFIX_SIZE + 1, service.size);
    }
    length = field + service.size;
    for (int i = 1; i < PREFIX_SIZE; i++) {
        head[i] = (unsigned char)(length >> (8 * (PREFIX_SIZE - 1 - i)));
    }
    return tulle__buf_add(out, head, PREFIX_SIZE + field) && tulle__buf_add_str(out, service);
}

void tulle__grpc_reply_add(struct grpc_reply *reply, const char *data, size_t size)
{
    size_t room = reply->size < GRPC_REPLY_MAX ? GRPC_REPLY_MAX - reply->size : 0;
    size_t kept = size < room ? size : room;

    if (kept > 0) {
        memcpy(reply->bytes + reply->size, data, kept);
    }
    reply->size += size;
}

struct reader {
    const unsigned char *at, *end;
};

static bool varint_read(struct reader *reader, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < VARINT_MAX && reader->at < reader->end; i++) {
        unsigned char byte = *reader->at++;

        *out |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool skip(struct reader *reader, uint64_t size)
{
    if (size > (uint64_t)(reader->end - reader->at)) {
        return false;
    }
    reader->at += size;
    return true;
}

static bool field_skip(struct reader *reader, unsigned wire)
{
    uint64_t size;

    switch (wire) {
    case WIRE_VARINT: return varint_read(reader, &size);
    case WIRE_64: return skip(reader, 8);
    case WIRE_32: return skip(reader, 4);
    case WIRE_BYTES: return varint_read(reader, &size) && skip(reader, size);
    default: return false;
    }
}

static enum grpc_serving serving_of(uint64_t value)
{
    return value <= GRPC_SERVICE_UNKNOWN ? (enum grpc_serving)value : GRPC_UNKNOWN;
}

/* The last one counts, as in protobuf. */
static bool message_read(struct reader *reader, enum grpc_serving *out)
{
    uint64_t key, value;

    while (reader->at < reader->end) {
        if (!varint_read(reader, &key)) {
            return false;
        }
        if (key == (KEY | WIRE_VARINT)) {
            if (!varint_read(reader, &value)) {
                return false;
            }
            *out = serving_of(value);
            continue;
        }
        if (!field_skip(reader, key & 7)) {
            return false;
        }
    }
    return true;
}

/* Compressed it is nothing we asked for. */
bool tulle__grpc_reply_read(const struct grpc_reply *reply, enum grpc_serving *out)
{
    const unsigned char *bytes = reply->bytes;
    uint64_t length = 0;
    struct reader reader = { bytes + PREFIX_SIZE, bytes + reply->size };

    *out = GRPC_UNKNOWN;
    if (reply->size < PREFIX_SIZE || reply->size > GRPC_REPLY_MAX || bytes[0] != 0) {
        return false;
    }
    for (int i = 1; i < PREFIX_SIZE; i++) {
        length = length << 8 | bytes[i];
    }
    return length == reply->size - PREFIX_SIZE && message_read(&reader, out);
}
