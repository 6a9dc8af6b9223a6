/* SPDX-License-Identifier: Apache-2.0 */

/* Reads trace headers: W3C Trace Context (level 1, and what level 2 adds: the
 * flag "random"), and B3 in one header and in several (openzipkin/b3-propagation).
 * A value that breaks its format is as if it had not come. */

#include "seam/trace.h"

#include "base/macros.h"

enum { PARENT_SIZE = 55, FLAG_SAMPLED = 1, FLAG_RANDOM = 2 };

static const struct str trace_names[TRACE_HEADERS] = {
    [TRACE_TRACEPARENT] = { "traceparent", 11 },
    [TRACE_B3] = { "b3", 2 },
    [TRACE_B3_TRACE_ID] = { "x-b3-traceid", 12 },
    [TRACE_B3_SPAN_ID] = { "x-b3-spanid", 11 },
    [TRACE_B3_PARENT_ID] = { "x-b3-parentspanid", 17 },
    [TRACE_B3_SAMPLED] = { "x-b3-sampled", 12 },
    [TRACE_B3_FLAGS] = { "x-b3-flags", 10 },
    [TRACE_TRACESTATE] = { "tracestate", 10 },
    [TRACE_REQUEST_ID] = { "x-request-id", 12 },
    [TRACE_BAGGAGE] = { "baggage", 7 },
};

enum trace_header tulle__trace_header(struct str name)
{
    size_t i = 0;

    /* All but a few names of other headers end here. */
    if (name.size < 2 || !strchr("tbxTBX", name.data[0])) {
        return TRACE_HEADERS;
    }
    while (i < TRACE_HEADERS && !tulle__str_equal_nocase(name, trace_names[i])) {
        i++;
    }
    return (enum trace_header)i;
}

void tulle__trace_find(struct trace_found *found, enum trace_header kind, struct str value)
{
    struct str *known = &found->values[kind];

    if (known->data) {
        found->parent_twice |= kind == TRACE_TRACEPARENT;
        return;
    }
    *known = tulle__str_trim(value);
}

/* -1: no digit. */
static int digit_of(char c, bool lower_only)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' && !lower_only ? c - 'A' + 10 : -1;
}

/* At most 16 digits, all of `text`. */
static bool hex_read(struct str text, bool lower_only, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = digit_of(text.data[i], lower_only);

        if (digit < 0) {
            return false;
        }
        *out = *out << 4 | (uint64_t)digit;
    }
    return text.size > 0;
}

static struct str part(struct str text, size_t at, size_t size)
{
    return (struct str){ text.data + at, size };
}

static bool id_is_none(struct trace_id id)
{
    return id.high == 0 && id.low == 0;
}

/* --- traceparent: 00-<32>-<16>-<2> --- */

/* A later version may have more behind a dash; it is sent on as version 00. */
static bool parent_version(struct str text, uint64_t *version)
{
    if (text.size < PARENT_SIZE || text.data[2] != '-' || text.data[35] != '-' ||
        text.data[52] != '-' || !hex_read(part(text, 0, 2), true, version) || *version == 0xff) {
        return false;
    }
    return text.size == PARENT_SIZE || (*version > 0 && text.data[PARENT_SIZE] == '-');
}

static bool w3c_parse(const struct trace_found *found, struct trace *out)
{
    struct str text = found->values[TRACE_TRACEPARENT];
    uint64_t version, flags, span;
    struct trace_id id;

    if (found->parent_twice || !parent_version(text, &version) ||
        !hex_read(part(text, 3, 16), true, &id.high) ||
        !hex_read(part(text, 19, 16), true, &id.low) ||
        !hex_read(part(text, 36, 16), true, &span) || !hex_read(part(text, 53, 2), true, &flags) ||
        id_is_none(id) || span == 0) {
        return false;
    }
    out->formats |= TRACE_FORMAT_W3C;
    out->id = id;
    out->parent = span;
    out->w3c_flags = (uint8_t)(flags & (version == 0 ? FLAG_SAMPLED | FLAG_RANDOM : FLAG_SAMPLED));
    out->state = found->values[TRACE_TRACESTATE];
    return true;
}

/* --- B3 --- */

struct b3 {
    struct trace_id id;
    uint64_t span;
    bool is_short;
    enum trace_decision decision;
};

/* Digits of either case: Zipkin's own readers and Envoy take both. */
static bool b3_id_read(struct str text, struct b3 *out)
{
    size_t high = text.size == TRACE_ID_SIZE ? 16 : 0;

    out->is_short = high == 0;
    out->id.high = 0;
    return text.size == high + 16 &&
           (high == 0 || hex_read(part(text, 0, high), false, &out->id.high)) &&
           hex_read(part(text, high, 16), false, &out->id.low) && !id_is_none(out->id);
}

static bool b3_span_read(struct str text, uint64_t *out)
{
    return text.size == TRACE_SPAN_SIZE && hex_read(text, false, out) && *out != 0;
}

static bool b3_decision_read(struct str text, enum trace_decision *out)
{
    static const struct {
        struct str text;
        enum trace_decision decision;
    } decisions[] = {
        { { "0", 1 }, TRACE_NOT_SAMPLED },     { { "1", 1 }, TRACE_SAMPLED },
        { { "d", 1 }, TRACE_DEBUG },           { { "true", 4 }, TRACE_SAMPLED },
        { { "false", 5 }, TRACE_NOT_SAMPLED },
    };

    for (size_t i = 0; i < COUNT_OF(decisions); i++) {
        if (str_equal(text, decisions[i].text)) {
            *out = decisions[i].decision;
            return true;
        }
    }
    return false;
}

/* <16 or 32>-<16>[-state[-<16>]], or the state alone. */
static bool b3_read(struct str text, struct b3 *out)
{
    struct str id, span, state, parent, rest;
    uint64_t unused;

    id = tulle__str_cut(text, '-', &rest);
    if (!rest.data) {
        return id.size == 1 && b3_decision_read(id, &out->decision);
    }
    span = tulle__str_cut(rest, '-', &rest);
    if (!b3_id_read(id, out) || !b3_span_read(span, &out->span)) {
        return false;
    }
    if (!rest.data) {
        return true;
    }
    state = tulle__str_cut(rest, '-', &parent);
    return state.size == 1 && b3_decision_read(state, &out->decision) &&
           (!parent.data || b3_span_read(parent, &unused));
}

/* Older tracers write "true" and "false". Debug is a flag of its own here. */
static bool multi_read(const struct trace_found *found, struct b3 *out)
{
    bool has_ids = b3_id_read(found->values[TRACE_B3_TRACE_ID], out) &&
                   b3_span_read(found->values[TRACE_B3_SPAN_ID], &out->span);

    if (!has_ids) {
        out->id = (struct trace_id){ 0, 0 };
    }
    if (str_equal(found->values[TRACE_B3_FLAGS], STR("1"))) {
        out->decision = TRACE_DEBUG;
        return true;
    }
    if (!b3_decision_read(found->values[TRACE_B3_SAMPLED], &out->decision) ||
        out->decision == TRACE_DEBUG) {
        out->decision = TRACE_UNDECIDED;
    }
    return has_ids || out->decision != TRACE_UNDECIDED;
}

static void b3_take(struct trace *out, enum trace_format format, const struct b3 *b3)
{
    out->formats |= format;
    if (id_is_none(out->id) && !id_is_none(b3->id)) {
        out->id = b3->id;
        out->parent = b3->span;
    }
}

/* It goes into a line of a head as it is. */
static bool request_id_is_good(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return text.size <= TRACE_REQUEST_ID_MAX;
}

void tulle__trace_parse(const struct trace_found *found, struct trace *out)
{
    struct b3 single = { .span = 0 }, multi = { .span = 0 };

    *out = (struct trace){ .baggage = found->values[TRACE_BAGGAGE] };
    w3c_parse(found, out);
    if (b3_read(found->values[TRACE_B3], &single)) {
        b3_take(out, TRACE_FORMAT_B3, &single);
        out->b3 = single.decision;
        out->b3_is_short = single.is_short;
    }
    if (multi_read(found, &multi)) {
        b3_take(out, TRACE_FORMAT_B3_MULTI, &multi);
        out->multi = multi.decision;
        out->multi_is_short = multi.is_short;
    }
    if (request_id_is_good(found->values[TRACE_REQUEST_ID])) {
        out->request_id = found->values[TRACE_REQUEST_ID];
    }
}

int32_t tulle__trace_sampled(const struct trace *trace)
{
    enum trace_decision decision = trace->b3 != TRACE_UNDECIDED ? trace->b3 : trace->multi;

    if (trace->formats & TRACE_FORMAT_W3C) {
        return trace->w3c_flags & FLAG_SAMPLED;
    }
    return decision == TRACE_UNDECIDED ? -1 : decision != TRACE_NOT_SAMPLED;
}
