/* SPDX-License-Identifier: Apache-2.0 */

/* A load report in protobuf's wire format. Field numbers are those of
 * xds/data/orca/v3/orca_load_report.proto; a field that comes twice counts as it
 * came last, as everywhere in protobuf. */

#include "policy/orca.h"

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum field {
    FIELD_CPU_UTILIZATION = 1,
    FIELD_RPS_FRACTIONAL = 6,
    FIELD_EPS = 7,
    FIELD_NAMED_METRICS = 8,
    FIELD_APPLICATION_UTILIZATION = 9
};

enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 }; /* of a map */

struct field_value {
    uint64_t number; /* of the field */
    enum wire wire;
    double fixed; /* of WIRE_FIXED64 */
    struct str bytes;
};

struct reader {
    const unsigned char *at, *end;
    unsigned fields;
};

static bool varint_read(struct reader *reader, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;

        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool bytes_take(struct reader *reader, uint64_t size, struct str *out)
{
    if (size > (uint64_t)(reader->end - reader->at)) {
        return false;
    }
    *out = (struct str){ (const char *)reader->at, (size_t)size };
    reader->at += size;
    return true;
}

static double double_of(struct str bytes)
{
    uint64_t word = 0;
    double number;

    for (size_t i = bytes.size; i-- > 0;) {
        word = word << 8 | (unsigned char)bytes.data[i];
    }
    memcpy(&number, &word, sizeof(number));
    return number;
}

static bool value_read(struct reader *reader, struct field_value *out)
{
    uint64_t size;

    switch (out->wire) {
    case WIRE_VARINT: return varint_read(reader, &size);
    case WIRE_FIXED32: return bytes_take(reader, 4, &out->bytes);
    case WIRE_BYTES: return varint_read(reader, &size) && bytes_take(reader, size, &out->bytes);
    case WIRE_FIXED64:
        if (!bytes_take(reader, 8, &out->bytes)) {
            return false;
        }
        out->fixed = double_of(out->bytes);
        return true;
    default: return false; /* groups, which nobody sends since proto2 */
    }
}

static bool field_read(struct reader *reader, struct field_value *out)
{
    uint64_t tag;

    if (++reader->fields > ORCA_METRICS_MAX || !varint_read(reader, &tag) || tag >> 3 == 0) {
        return false;
    }
    *out = (struct field_value){ .number = tag >> 3, .wire = (enum wire)(tag & 7) };
    return value_read(reader, out);
}

static bool metric_set(double *place, double number)
{
    if (!tulle__orca_is_sane(number)) {
        return false;
    }
    if (place != NULL) {
        *place = number;
    }
    return true;
}

/* What a map's entry leaves out is empty, or 0. */
static bool named_read(struct str bytes, struct load *out)
{
    const unsigned char *start = (const unsigned char *)bytes.data;
    struct reader reader = { start, start + bytes.size, 0 };
    struct field_value field;
    struct str key = STR("");
    double number = 0;

    while (reader.at < reader.end) {
        if (!field_read(&reader, &field)) {
            return false;
        }
        if (field.number == ENTRY_KEY && field.wire == WIRE_BYTES) {
            key = field.bytes;
        }
        if (field.number == ENTRY_VALUE && field.wire == WIRE_FIXED64) {
            number = field.fixed;
        }
    }
    return metric_set(tulle__orca_named_metric(out, key), number);
}

static bool metric_read(const struct field_value *field, struct load *out)
{
    if (field->number == FIELD_NAMED_METRICS && field->wire == WIRE_BYTES) {
        return named_read(field->bytes, out);
    }
    if (field->wire != WIRE_FIXED64) {
        return true;
    }
    switch (field->number) {
    case FIELD_CPU_UTILIZATION: return metric_set(&out->cpu, field->fixed);
    case FIELD_RPS_FRACTIONAL: return metric_set(&out->qps, field->fixed);
    case FIELD_EPS: return metric_set(&out->eps, field->fixed);
    case FIELD_APPLICATION_UTILIZATION: return metric_set(&out->application, field->fixed);
    default: return true;
    }
}

bool tulle__orca_bytes(struct str bytes, struct load *out)
{
    const unsigned char *start = (const unsigned char *)bytes.data;
    struct reader reader = { start, start + bytes.size, 0 };
    struct field_value field;

    while (reader.at < reader.end) {
        if (!field_read(&reader, &field) || !metric_read(&field, out)) {
            return false;
        }
    }
    return true;
}
