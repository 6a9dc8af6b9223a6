/* SPDX-License-Identifier: Apache-2.0 */

/* Whatever headers a server was sent ("Name: value" lines here): what goes on is
 * a header that stands alone on its line, within its limits, once each; and read
 * again it is the same trace. */

#include <stdint.h>
#include <stdlib.h>

#include "core/context.h"

enum { HEADERS_MOST = 64, SIZE_MOST = 64 * 1024 };

#define SPAN UINT64_C(0x00f067aa0ba902b7)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static size_t limit_of(enum trace_header kind)
{
    switch (kind) {
    case TRACE_BAGGAGE: return TRACE_BAGGAGE_MAX;
    case TRACE_TRACESTATE: return TRACE_STATE_MAX;
    case TRACE_REQUEST_ID: return TRACE_REQUEST_ID_MAX;
    default: return 90;
    }
}

static void check_line(struct trace_line *line)
{
    const struct header_line *header = &line->header;
    struct str name = { header->line.data, header->name_size };
    size_t value_at = header->name_size + 2;

    must(tulle__trace_header(name) == line->kind && line->kind != TRACE_HEADERS);
    must(header->line.size > value_at && header->line.size - value_at <= limit_of(line->kind));
    must(header->line.data[header->line.size] == '\0');
    must(header->line.data[header->name_size] == ':' && header->line.data[value_at - 1] == ' ');
    for (size_t i = 0; i < header->line.size; i++) {
        unsigned char c = (unsigned char)header->line.data[i];

        must((c >= 0x20 || c == '\t') && c != 0x7f);
    }
    if (line->span_at > 0) {
        must(line->span_at >= value_at && line->span_at + 16 <= header->line.size);
        must(memcmp(header->line.data + line->span_at, "0000000000000000", 16) == 0);
        tulle__trace_put_hex(SPAN, (char *)header->line.data + line->span_at);
    }
}

/* As the next server would. */
static void check_again(const struct trace_handed *handed)
{
    struct tulle_header headers[TRACE_HEADERS];
    char names[TRACE_HEADERS][32];
    struct tulle_call call = { .depth = 0 };
    struct tulle_context *context;
    size_t count = handed->lines.count;

    for (size_t i = 0; i < count; i++) {
        const struct header_line *header = &handed->lines.each[i].header;

        memcpy(names[i], header->line.data, header->name_size);
        names[i][header->name_size] = '\0';
        headers[i] = (struct tulle_header){ names[i], header->line.data + header->name_size + 2 };
    }
    must(tulle_context_new(headers, count, &context) == TULLE_OK);
    tulle__context_attach(&call, context);
    must(call.handed->lines.count >= count);
    must(call.handed->goes_on == handed->goes_on && call.handed->sampled == handed->sampled);
    must(call.handed->has_request_id == handed->has_request_id);
    must(call.handed->id.low == handed->id.low);
    must(handed->id.low == 0 || !handed->parent || call.handed->parent == SPAN);
    tulle_context_free(context);
    tulle_context_free(call.context);
}

static void check_handed(struct tulle_context *context, struct trace_handed handed)
{
    unsigned kinds = 0;
    size_t id_size = strlen(tulle_context_trace_id(context));

    must(id_size == 0 || id_size == TRACE_ID_SIZE);
    must((id_size > 0) == (handed.id.high != 0 || handed.id.low != 0));
    must((id_size > 0) == (handed.parent != 0));
    for (size_t i = 0; i < handed.lines.count; i++) {
        must(!(kinds & 1U << handed.lines.each[i].kind));
        kinds |= 1U << handed.lines.each[i].kind;
        check_line(&handed.lines.each[i]);
    }
    check_again(&handed);
}

/* Cuts the text up in place. */
static size_t headers_cut(char *text, struct tulle_header *out)
{
    size_t count = 0;

    while (text && *text && count < HEADERS_MOST) {
        char *line = text, *value;

        text = strchr(line, '\n');
        if (text) {
            *text++ = '\0';
        }
        value = strchr(line, ':');
        if (value) {
            *value++ = '\0';
        }
        out[count++] = (struct tulle_header){ line, value };
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tulle_header headers[HEADERS_MOST];
    struct tulle_call call = { .depth = 0 };
    struct tulle_context *context;
    char *text;

    if (size > SIZE_MOST) {
        return 0;
    }
    text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    must(tulle_context_new(headers, headers_cut(text, headers), &context) == TULLE_OK);
    free(text); /* nothing is borrowed */
    tulle__context_attach(&call, context);
    check_handed(context, *call.handed);
    tulle_context_free(context);
    tulle_context_free(call.context);
    return 0;
}
