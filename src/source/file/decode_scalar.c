/* SPDX-License-Identifier: Apache-2.0 */

/* What a scalar means is asked by its field. Where Kubernetes would make a
 * boolean of it (`name: off`), a text must be quoted; where a number stands, a
 * quoted one is refused, as a CRD does. */

#include "source/file/decode.h"

#define NAME(node) STR_ARG(tulle__node_name(node))

bool tulle__decode_text(struct decoder *decoder, const struct node *node, struct str *out)
{
    bool value;

    if (node->kind != NODE_SCALAR || tulle__node_is_null(node)) {
        tulle__mistake(decoder, node, "%.*s must be a text", NAME(node));
        return false;
    }
    if (tulle__node_is_bool(node, &value)) {
        tulle__mistake(decoder, node, "%.*s: %.*s is a boolean in YAML; quote it: \"%.*s\"",
                       NAME(node), STR_ARG(node->text), STR_ARG(node->text));
        return false;
    }
    *out = node->text;
    return true;
}

static bool is_number(const struct node *node, struct str digits)
{
    bool has_sign = digits.size != node->text.size;

    return node->kind == NODE_SCALAR && node->is_plain && digits.size > 0 && digits.size <= 18 &&
           (digits.data[0] != '0' || (digits.size == 1 && !has_sign));
}

bool tulle__decode_number(struct decoder *decoder, const struct node *node, int64_t least,
                          int64_t most, int64_t *out)
{
    bool is_negative = tulle__str_starts(node->text, STR("-"));
    struct str digits = node->text;
    uint64_t value;

    if (is_negative) {
        digits = (struct str){ digits.data + 1, digits.size - 1 };
    }
    if (!is_number(node, digits) || !tulle__str_to_u64(digits, INT64_MAX, &value)) {
        tulle__mistake(decoder, node, "%.*s must be a whole number%s", NAME(node),
                       node->kind == NODE_SCALAR && !node->is_plain ? ", without quotes" : "");
        return false;
    }
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    if (*out < least || *out > most) {
        tulle__mistake(decoder, node, "%.*s must be between %lld and %lld, not %lld", NAME(node),
                       (long long)least, (long long)most, (long long)*out);
        return false;
    }
    return true;
}

void tulle__field_text(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    struct str text;

    (void)field;
    if (tulle__decode_text(decoder, value, &text)) {
        *(struct str *)out = tulle__decode_copy(decoder, text);
    }
}

void tulle__field_placed(struct decoder *decoder, const struct node *value, void *out,
                         const struct field *field)
{
    struct placed *placed = out;

    tulle__field_text(decoder, value, &placed->text, field);
    placed->place = tulle__decode_place(decoder, value);
}

void tulle__item_host(struct decoder *decoder, const struct node *item, void *out)
{
    struct placed *host = out;
    struct str text;

    host->place = tulle__decode_place(decoder, item);
    if (!tulle__decode_text(decoder, item, &text)) {
        return;
    }
    if (memchr(text.data, '*', text.size)) {
        tulle__mistake(decoder, item, "wildcard host \"%.*s\" is not supported yet", STR_ARG(text));
        return;
    }
    if (!tulle__host_is_valid(text)) {
        tulle__mistake(decoder, item, "\"%.*s\" is no host name", STR_ARG(text));
        return;
    }
    host->text = tulle__decode_copy(decoder, text);
}

void tulle__field_host(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    (void)field;
    tulle__item_host(decoder, value, out);
}

void tulle__item_label(struct decoder *decoder, const struct node *item, void *out)
{
    struct label *label = out;

    label->name = tulle__decode_copy(decoder, item->key);
    tulle__field_text(decoder, item, &label->value, NULL);
}

void tulle__field_u32(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    int64_t number;

    if (tulle__decode_number(decoder, value, field->least, field->most, &number)) {
        *(uint32_t *)out = (uint32_t)number;
    }
}

void tulle__field_u64(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    int64_t number;

    if (tulle__decode_number(decoder, value, field->least, field->most, &number)) {
        *(uint64_t *)out = (uint64_t)number;
    }
}

void tulle__field_u16(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    int64_t number;

    if (tulle__decode_number(decoder, value, field->least, field->most, &number)) {
        *(uint16_t *)out = (uint16_t)number;
    }
}

void tulle__field_flag(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    (void)field;
    if (!tulle__node_is_bool(value, out)) {
        tulle__mistake(decoder, value, "%.*s must be true or false", NAME(value));
    }
}

void tulle__field_duration(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    struct str text;
    int64_t duration;

    if (!tulle__decode_text(decoder, value, &text)) {
        return;
    }
    if (!tulle__duration_parse(text, &duration)) {
        tulle__mistake(decoder, value,
                       "%.*s must be a duration such as 1.5s, 250ms or 1m30s, not \"%.*s\"",
                       NAME(value), STR_ARG(text));
        return;
    }
    if (duration < field->least || duration > field->most) {
        tulle__mistake(
            decoder, value, "%.*s must be %s %lldms, not \"%.*s\"", NAME(value),
            duration < field->least ? "at least" : "at most",
            (long long)((duration < field->least ? field->least : field->most) / NS_PER_MS),
            STR_ARG(text));
        return;
    }
    *(int64_t *)out = duration;
}

static void unknown_choice(struct decoder *decoder, const struct node *value,
                           const struct field *field)
{
    struct suggestion suggestion = tulle__suggest_start(value->text);
    char hint[96];

    for (const struct choice *choice = field->choices; choice->name; choice++) {
        tulle__suggest_offer(&suggestion, str_of(choice->name));
    }
    tulle__mistake(decoder, value, "unknown %.*s \"%.*s\"%s", NAME(value), STR_ARG(value->text),
                   tulle__suggest_text(&suggestion, hint, sizeof(hint)));
}

void tulle__field_choice(struct decoder *decoder, const struct node *value, void *out,
                         const struct field *field)
{
    const struct choice *choice = field->choices;
    struct str text;

    if (!tulle__decode_text(decoder, value, &text)) {
        return;
    }
    while (choice->name && !str_equal(text, str_of(choice->name))) {
        choice++;
    }
    if (!choice->name) {
        unknown_choice(decoder, value, field);
        return;
    }
    if (choice->value < 0) {
        tulle__mistake(decoder, value, "%.*s %s is not supported yet", NAME(value), choice->name);
        return;
    }
    *(int *)out = choice->value;
}

void tulle__field_port(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    static const struct field fields[] = {
        { .name = "number", tulle__field_u16, .least = 1, .most = UINT16_MAX },
    };
    uint16_t *port = out;

    (void)field;
    *port = 0;
    size_t before = decoder->mistakes;
    DECODE_MAP(decoder, value, fields, port);
    if (*port == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, value, "%.*s must have a number", NAME(value));
    }
}

void tulle__field_ignored(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    (void)decoder;
    (void)value;
    (void)out;
    (void)field;
}
