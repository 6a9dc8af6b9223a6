/* SPDX-License-Identifier: Apache-2.0 */

/* Writes trace headers, and makes ids. Without printf: most calls start a trace. */

#include "seam/trace.h"

enum { DRAFT_MAX = 96, W3C_ID_AT = 16, W3C_SPAN_AT = 49, REQUEST_ID_AT = 14 };

struct draft {
    char text[DRAFT_MAX];
    size_t size, name_size, span_at;
};

/* The eight digits of a half, a byte each, at once. */
static inline void put_half(uint32_t half, char *out)
{
    uint64_t x = half, above_nine;

    x = (x | x << 16) & 0x0000ffff0000ffff;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
    above_nine = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
    x += 0x3030303030303030 + above_nine * ('a' - '0' - 10);
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        x = __builtin_bswap64(x);
    }
    memcpy(out, &x, sizeof(x));
}

void tulle__trace_put_hex(uint64_t value, char *out)
{
    put_half((uint32_t)(value >> 32), out);
    put_half((uint32_t)value, out + 8);
}

/* --- a line --- */

static void put(struct draft *draft, struct str text)
{
    memcpy(draft->text + draft->size, text.data, text.size);
    draft->size += text.size;
}

static void put_hex(struct draft *draft, uint64_t value)
{
    tulle__trace_put_hex(value, draft->text + draft->size);
    draft->size += TRACE_SPAN_SIZE;
}

static void put_id(struct draft *draft, struct trace_id id, bool is_short)
{
    if (!is_short || id.low == 0) {
        put_hex(draft, id.high);
    }
    put_hex(draft, id.low);
}

static void put_span(struct draft *draft)
{
    draft->span_at = draft->size;
    put(draft, STR("0000000000000000"));
}

static void draft_begin(struct draft *draft, struct str name)
{
    draft->size = draft->span_at = 0;
    draft->name_size = name.size;
    put(draft, name);
    put(draft, STR(": "));
}

static bool line_add(struct arena *arena, struct trace_lines *lines, enum trace_header kind,
                     const struct draft *draft)
{
    struct str text = tulle__arena_str(arena, (struct str){ draft->text, draft->size });

    lines->each[lines->count] = (struct trace_line){
        .header = { .line = text, .name_size = draft->name_size },
        .kind = kind,
        .span_at = draft->span_at,
    };
    lines->count++;
    return text.data;
}

/* A value as it came. */
static bool line_pass(struct arena *arena, struct trace_lines *lines, enum trace_header kind,
                      struct str name, struct str value)
{
    struct str text = tulle__arena_format(arena, "%.*s: %.*s", STR_ARG(name), STR_ARG(value));

    lines->each[lines->count] = (struct trace_line){
        .header = { .line = text, .name_size = name.size },
        .kind = kind,
    };
    lines->count++;
    return text.data;
}

/* --- the formats --- */

/* These two are made for most calls, so they are filled in where they lie. */
static char *template_add(struct arena *arena, struct trace_lines *lines,
                          const struct trace_line *line)
{
    struct str text = tulle__arena_str(arena, line->header.line);

    lines->each[lines->count] = *line;
    lines->each[lines->count].header.line = text;
    lines->count++;
    return (char *)text.data;
}

static bool w3c_line(struct arena *arena, const struct trace_id *id, uint8_t flags,
                     struct trace_lines *lines)
{
    static const char form[] = "traceparent: 00-00000000000000000000000000000000-"
                               "0000000000000000-00";
    static const struct trace_line line = {
        .header = { .line = { form, sizeof(form) - 1 }, .name_size = 11 },
        .kind = TRACE_TRACEPARENT,
        .span_at = W3C_SPAN_AT,
    };
    char *text = template_add(arena, lines, &line);

    if (!text) {
        return false;
    }
    tulle__trace_put_hex(id->high, text + W3C_ID_AT);
    tulle__trace_put_hex(id->low, text + W3C_ID_AT + 16);
    text[sizeof(form) - 2] = (char)('0' + flags); /* 3 at most */
    return true;
}

static bool w3c_lines(struct arena *arena, const struct trace *trace, struct trace_lines *lines)
{
    return w3c_line(arena, &trace->id, trace->w3c_flags, lines) &&
           (trace->state.size == 0 ||
            line_pass(arena, lines, TRACE_TRACESTATE, STR("tracestate"), trace->state));
}

static struct str decision_text(enum trace_decision decision)
{
    return decision == TRACE_DEBUG ? STR("d") : decision == TRACE_SAMPLED ? STR("1") : STR("0");
}

static bool b3_lines(struct arena *arena, const struct trace *trace, struct trace_lines *lines)
{
    bool has_ids = trace->id.high != 0 || trace->id.low != 0;
    bool decided = trace->b3 != TRACE_UNDECIDED;
    struct draft draft;

    draft_begin(&draft, STR("b3"));
    if (has_ids) {
        put_id(&draft, trace->id, trace->b3_is_short);
        put(&draft, STR("-"));
        put_span(&draft);
        put(&draft, decided ? STR("-") : STR(""));
    }
    put(&draft, decided ? decision_text(trace->b3) : STR(""));
    if (has_ids && decided && trace->parent != 0) {
        put(&draft, STR("-"));
        put_hex(&draft, trace->parent);
    }
    return line_add(arena, lines, TRACE_B3, &draft);
}

static bool multi_ids(struct arena *arena, const struct trace *trace, struct trace_lines *lines)
{
    struct draft draft;

    draft_begin(&draft, STR("x-b3-traceid"));
    put_id(&draft, trace->id, trace->multi_is_short);
    if (!line_add(arena, lines, TRACE_B3_TRACE_ID, &draft)) {
        return false;
    }
    draft_begin(&draft, STR("x-b3-spanid"));
    put_span(&draft);
    if (!line_add(arena, lines, TRACE_B3_SPAN_ID, &draft)) {
        return false;
    }
    if (trace->parent == 0) {
        return true;
    }
    draft_begin(&draft, STR("x-b3-parentspanid"));
    put_hex(&draft, trace->parent);
    return line_add(arena, lines, TRACE_B3_PARENT_ID, &draft);
}

/* Debug is said instead of sampled, which it implies. */
static bool multi_lines(struct arena *arena, const struct trace *trace, struct trace_lines *lines)
{
    bool has_ids = trace->id.high != 0 || trace->id.low != 0;

    if (has_ids && !multi_ids(arena, trace, lines)) {
        return false;
    }
    switch (trace->multi) {
    case TRACE_DEBUG: return line_pass(arena, lines, TRACE_B3_FLAGS, STR("x-b3-flags"), STR("1"));
    case TRACE_SAMPLED:
    case TRACE_NOT_SAMPLED:
        return line_pass(arena, lines, TRACE_B3_SAMPLED, STR("x-b3-sampled"),
                         decision_text(trace->multi));
    case TRACE_UNDECIDED:
    default: return true;
    }
}

bool tulle__trace_lines(struct arena *arena, const struct trace *trace, struct trace_lines *out)
{
    return (!(trace->formats & TRACE_FORMAT_W3C) || w3c_lines(arena, trace, out)) &&
           (!(trace->formats & TRACE_FORMAT_B3) || b3_lines(arena, trace, out)) &&
           (!(trace->formats & TRACE_FORMAT_B3_MULTI) || multi_lines(arena, trace, out)) &&
           (trace->request_id.size == 0 ||
            line_pass(arena, out, TRACE_REQUEST_ID, STR("x-request-id"), trace->request_id)) &&
           (trace->baggage.size == 0 ||
            line_pass(arena, out, TRACE_BAGGAGE, STR("baggage"), trace->baggage));
}

/* --- new ones --- */

uint64_t tulle__trace_new_span(struct rand *rand)
{
    uint64_t id = rand_next(rand);

    return id != 0 ? id : 1;
}

/* Nobody decided on sampling: B3 says so by silence, W3C by 0 ("the default
 * option when the trace is initiated by this component", Trace Context 3.2.2.5.1).
 * The flag "random" of level 2 stays off: readers of level 1 refuse 03. */
bool tulle__trace_start(struct arena *arena, struct rand *rand, enum trace_format format,
                        struct trace_id *id, struct trace_lines *lines)
{
    *id = (struct trace_id){ rand_next(rand), tulle__trace_new_span(rand) };
    if (format == TRACE_FORMAT_W3C) {
        return w3c_line(arena, id, 0, lines);
    }
    return tulle__trace_lines(arena, &(struct trace){ .formats = format, .id = *id }, lines);
}

/* Envoy packs a reason for tracing into the version's digit; 4 is "none". */
bool tulle__trace_request_id(struct arena *arena, struct rand *rand, struct trace_lines *lines)
{
    static const char form[] = "x-request-id: 00000000-0000-4000-8000-000000000000";
    static const struct trace_line line = {
        .header = { .line = { form, sizeof(form) - 1 }, .name_size = 12 },
        .kind = TRACE_REQUEST_ID,
    };
    uint64_t high = (rand_next(rand) & ~UINT64_C(0xf000)) | 0x4000;
    uint64_t low = (rand_next(rand) & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    char *text = template_add(arena, lines, &line), digits[2 * TRACE_SPAN_SIZE];

    if (!text) {
        return false;
    }
    tulle__trace_put_hex(high, digits);
    tulle__trace_put_hex(low, digits + 16);
    text += REQUEST_ID_AT;
    memcpy(text, digits, 8);
    memcpy(text + 9, digits + 8, 4);
    memcpy(text + 14, digits + 12, 4);
    memcpy(text + 19, digits + 16, 4);
    memcpy(text + 24, digits + 20, 12);
    return true;
}
