/* SPDX-License-Identifier: Apache-2.0 */

/* HTTPMatchRequest. Istio lets two matchers in one StringMatch pass and takes
 * one of them; here exactly one is asked for. An empty one stands for presence,
 * in headers and queryParams alone. */

#include "model/regex.h"
#include "source/file/kinds.h"

struct string_match {
    const struct node *exact, *prefix, *regex;
};

static void keep_node(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    (void)decoder;
    (void)field;
    *(const struct node **)out = value;
}

static void regex_free(void *regex)
{
    tulle__regex_free(regex);
}

static const struct regex *regex_compile(struct decoder *decoder, const struct node *node,
                                         struct str pattern)
{
    char why[256] = "";

    if (pattern.size > REGEX_SIZE_MAX) {
        tulle__mistake(decoder, node, "regex is longer than %d bytes", REGEX_SIZE_MAX);
        return NULL;
    }
    struct regex *regex = tulle__regex_new(pattern.data, pattern.size, why, sizeof(why));
    if (!regex && strcmp(why, "out of memory") == 0) {
        decoder->no_memory = true;
        return NULL;
    }
    if (!regex) {
        tulle__mistake(decoder, node, "bad regex: %s", why);
        return NULL;
    }
    if (!tulle__part_add_cleanup(decoder->part, regex_free, regex)) {
        tulle__regex_free(regex);
        decoder->no_memory = true;
        return NULL;
    }
    return regex;
}

static void match_fill(struct decoder *decoder, const struct string_match *found,
                       struct text_match *out)
{
    const struct node *node = found->exact ? found->exact : found->prefix;
    struct str text;

    node = node ? node : found->regex;
    if (!tulle__decode_text(decoder, node, &text)) {
        return;
    }
    out->kind = found->exact ? MATCH_EXACT : found->prefix ? MATCH_PREFIX : MATCH_REGEX;
    if (out->kind == MATCH_REGEX) {
        out->regex = regex_compile(decoder, node, text);
        return;
    }
    out->text = tulle__decode_copy(decoder, text);
}

static void string_match_decode(struct decoder *decoder, const struct node *value,
                                struct text_match *out, bool empty_is_presence)
{
    static const struct field fields[] = {
        { .name = "exact", keep_node, offsetof(struct string_match, exact) },
        { .name = "prefix", keep_node, offsetof(struct string_match, prefix) },
        { .name = "regex", keep_node, offsetof(struct string_match, regex) },
    };
    struct string_match found = { 0 };
    size_t before = decoder->mistakes;

    DECODE_MAP(decoder, value, fields, &found);
    int count = !!found.exact + !!found.prefix + !!found.regex;
    if (decoder->mistakes != before) {
        return;
    }
    if (count == 0 && empty_is_presence) {
        out->kind = MATCH_PRESENT;
        return;
    }
    if (count != 1) {
        tulle__mistake(decoder, value, "%.*s must have exactly one of exact, prefix and regex",
                       STR_ARG(tulle__node_name(value)));
        return;
    }
    match_fill(decoder, &found, out);
}

static void match_uri(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    struct route_match *match = out;

    (void)field;
    match->has_uri = true;
    string_match_decode(decoder, value, &match->uri, false);
}

static void match_method(struct decoder *decoder, const struct node *value, void *out,
                         const struct field *field)
{
    struct route_match *match = out;

    (void)field;
    match->has_method = true;
    string_match_decode(decoder, value, &match->method, false);
}

bool tulle__header_name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = tulle__char_lower(name.data[i]);
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return name.size > 0;
}

/* Istio ignores these as header names, silently. */
static bool is_request_part(struct str name)
{
    static const char *const parts[] = { "uri", "scheme", "method", "authority" };

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (str_equal(name, str_of(parts[i]))) {
            return true;
        }
    }
    return false;
}

static void header_item(struct decoder *decoder, const struct node *item, void *out)
{
    struct named_match *header = out;

    if (is_request_part(item->key)) {
        tulle__mistake_at_key(decoder, item, "\"%.*s\" is no header; match on it beside headers",
                              STR_ARG(item->key));
        return;
    }
    if (!tulle__header_name_is_valid(item->key)) {
        tulle__mistake_at_key(decoder, item, "\"%.*s\" is no header name", STR_ARG(item->key));
        return;
    }
    header->name = tulle__decode_lower(decoder, item->key);
    string_match_decode(decoder, item, &header->match, true);
}

static void query_item(struct decoder *decoder, const struct node *item, void *out)
{
    struct named_match *query = out;

    if (item->key.size == 0) {
        tulle__mistake_at_key(decoder, item, "a query parameter must have a name");
        return;
    }
    query->name = tulle__decode_copy(decoder, item->key);
    string_match_decode(decoder, item, &query->match, true);
}

static void match_headers(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    struct route_match *match = out;

    (void)field;
    match->headers = tulle__decode_members(decoder, value, sizeof(*match->headers), header_item,
                                           &match->header_count);
}

static void match_query(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    struct route_match *match = out;

    (void)field;
    match->query = tulle__decode_members(decoder, value, sizeof(*match->query), query_item,
                                         &match->query_count);
}

void tulle__item_route_match(struct decoder *decoder, const struct node *item, void *out)
{
    static const struct field fields[] = {
        { .name = "name", tulle__field_ignored },
        { .name = "uri", match_uri },
        { .name = "method", match_method },
        { .name = "headers", match_headers },
        { .name = "queryParams", match_query },
        { .name = "scheme" },
        { .name = "authority" },
        { .name = "port" },
        { .name = "sourceLabels" },
        { .name = "gateways" },
        { .name = "ignoreUriCase" },
        { .name = "withoutHeaders" },
        { .name = "sourceNamespace" },
        { .name = "statPrefix" },
    };

    DECODE_MAP(decoder, item, fields, out);
}
