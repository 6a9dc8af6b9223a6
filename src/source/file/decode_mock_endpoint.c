/* SPDX-License-Identifier: Apache-2.0 */

/* MockEndpoint, the script of a mock. Fields are those of struct
 * tulle_mock_answer (include/tulle/mock.h), and mean what they mean there. */

#include <tulle/mock.h>

#include "source/file/kinds.h"

#define LONGEST (NEVER - 1)

static const struct choice kinds[] = {
    { "ANSWER", TULLE_MOCK_ANSWER },
    { "HANG", TULLE_MOCK_HANG },
    { "REFUSE", TULLE_MOCK_REFUSE },
    { "CONNECT_HANG", TULLE_MOCK_CONNECT_HANG },
    { "RESET", TULLE_MOCK_RESET },
    { "RESET_BEFORE", TULLE_MOCK_RESET_BEFORE },
    { "REFUSED_STREAM", TULLE_MOCK_REFUSED_STREAM },
    { "BREAK", TULLE_MOCK_BREAK },
    { NULL, 0 },
};

static void answer_headers(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    struct mock_answer *answer = out;

    (void)field;
    answer->headers = tulle__decode_members(decoder, value, sizeof(struct label), tulle__item_label,
                                            &answer->header_count);
}

static void answer_trailers(struct decoder *decoder, const struct node *value, void *out,
                            const struct field *field)
{
    struct mock_answer *answer = out;

    (void)field;
    answer->trailers = tulle__decode_members(decoder, value, sizeof(struct label),
                                             tulle__item_label, &answer->trailer_count);
}

static void answer_body(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    struct mock_answer *answer = out;

    answer->has_body = true;
    tulle__field_text(decoder, value, &answer->body, field);
}

#define AT(member) offsetof(struct mock_answer, member)

static const struct field answer_fields[] = {
    { .name = "kind", tulle__field_choice, AT(kind), .choices = kinds },
    { .name = "times", tulle__field_u32, AT(times), 1, UINT32_MAX },
    { .name = "method", tulle__field_text, AT(method) },
    { .name = "path", tulle__field_text, AT(path) },
    { .name = "prefix", tulle__field_text, AT(prefix) },
    { .name = "status", tulle__field_u32, AT(status), 200, 599 },
    { .name = "headers", answer_headers },
    { .name = "body", answer_body },
    { .name = "size", tulle__field_u32, AT(size), 0, UINT32_MAX },
    { .name = "trailers", answer_trailers },
    { .name = "delay", tulle__field_duration, AT(delay_ns), 0, LONGEST },
    { .name = "connectDelay", tulle__field_duration, AT(connect_ns), 0, LONGEST },
    { .name = "chunk", tulle__field_u32, AT(chunk_size), 1, UINT32_MAX },
    { .name = "chunkDelay", tulle__field_duration, AT(chunk_ns), 0, LONGEST },
    { .name = "breakAt", tulle__field_u32, AT(break_at), 0, UINT32_MAX },
    { .name = "close", tulle__field_flag, AT(close) },
};

static void answer_item(struct decoder *decoder, const struct node *item, void *out)
{
    struct mock_answer *answer = out;

    answer->delay_ns = -1;
    DECODE_MAP(decoder, item, answer_fields, answer);
    if (answer->has_body && answer->size > 0) {
        tulle__mistake(decoder, item, "body and size exclude each other");
    }
    if (answer->path.size > 0 && answer->prefix.size > 0) {
        tulle__mistake(decoder, item, "path and prefix exclude each other");
    }
    if (answer->break_at > 0 && answer->kind != TULLE_MOCK_BREAK) {
        tulle__mistake(decoder, item, "breakAt is for kind: BREAK");
    }
}

static void spec_answers(struct decoder *decoder, const struct node *value, void *out,
                         const struct field *field)
{
    struct mock_endpoint *endpoint = out;

    (void)field;
    endpoint->answers = tulle__decode_list(decoder, value, sizeof(struct mock_answer), answer_item,
                                           &endpoint->answer_count);
}

static bool is_address(struct str text)
{
    return str_equal(text, STR("*")) ||
           (text.size > 2 && text.size < 64 && memchr(text.data, ':', text.size) &&
            text.data[text.size - 1] != ':');
}

void tulle__decode_mock_endpoint(struct decoder *decoder, const struct node *spec,
                                 struct resource *out)
{
    static const struct field fields[] = {
        { .name = "address", tulle__field_placed, offsetof(struct mock_endpoint, address) },
        { .name = "answers", spec_answers },
    };
    struct mock_endpoint *endpoint = &out->spec.mock_endpoint;
    size_t before = decoder->mistakes;

    out->is_exported = true;
    DECODE_MAP(decoder, spec, fields, endpoint);
    if (!is_address(endpoint->address.text) && decoder->mistakes == before) {
        tulle__mistake(decoder, spec,
                       "address must be an endpoint such as 10.0.0.1:9080, or \"*\" for all");
    }
}
