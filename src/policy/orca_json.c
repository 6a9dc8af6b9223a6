/* SPDX-License-Identifier: Apache-2.0 */

/* A load report in JSON: an object of numbers, one of which is an object of
 * numbers. Everything else is passed over by counting brackets. */

#include "policy/orca.h"

struct json {
    const char *at, *end;
    unsigned metrics;
};

static void json_blanks(struct json *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r')) {
        json->at++;
    }
}

static bool json_take(struct json *json, char c)
{
    json_blanks(json);
    if (json->at == json->end || *json->at != c) {
        return false;
    }
    json->at++;
    return true;
}

static bool json_sees(struct json *json, char c)
{
    json_blanks(json);
    return json->at < json->end && *json->at == c;
}

/* As written: no name that matters has an escape in it. */
static bool json_string(struct json *json, struct str *out)
{
    if (!json_take(json, '"')) {
        return false;
    }
    out->data = json->at;
    for (; json->at < json->end && *json->at != '"'; json->at++) {
        if ((unsigned char)*json->at < ' ') {
            return false;
        }
        json->at += *json->at == '\\' && json->at + 1 < json->end;
    }
    out->size = (size_t)(json->at - out->data);
    return json_take(json, '"');
}

/* A number, true, false, null. */
static bool json_word(struct json *json, struct str *out)
{
    json_blanks(json);
    out->data = json->at;
    while (json->at < json->end && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *json->at) &&
           *json->at != '\0') {
        json->at++;
    }
    out->size = (size_t)(json->at - out->data);
    return out->size > 0;
}

/* Brackets of either kind count alike: what is passed over need not be sound. */
static bool json_skip(struct json *json)
{
    struct str text;
    size_t depth = 0;

    do {
        json_blanks(json);
        if (json->at == json->end) {
            return false;
        }
        if (*json->at == '"') {
            if (!json_string(json, &text)) {
                return false;
            }
            continue;
        }
        depth += *json->at == '{' || *json->at == '[';
        if (depth == 0) {
            return json_word(json, &text);
        }
        depth -= *json->at == '}' || *json->at == ']';
        json->at++;
    } while (depth > 0);
    return true;
}

static bool json_metric(struct json *json, double *place)
{
    struct str text;
    double number;

    if (place == NULL) {
        return json_skip(json);
    }
    if (*place >= 0 || !json_word(json, &text) || !tulle__orca_number(text, &number)) {
        return false;
    }
    *place = number;
    return true;
}

/* Of `"name": value`, the name. */
static bool json_name(struct json *json, struct str *name)
{
    return ++json->metrics <= ORCA_METRICS_MAX && json_string(json, name) && json_take(json, ':');
}

static bool json_named(struct json *json, struct load *out)
{
    struct str name;

    if (!json_take(json, '{')) {
        return false;
    }
    if (json_take(json, '}')) {
        return true;
    }
    do {
        if (!json_name(json, &name) || !json_metric(json, tulle__orca_named_metric(out, name))) {
            return false;
        }
    } while (json_take(json, ','));
    return json_take(json, '}');
}

static bool json_member(struct json *json, struct load *out)
{
    struct str name;

    if (!json_name(json, &name)) {
        return false;
    }
    if ((str_equal(name, STR("named_metrics")) || str_equal(name, STR("namedMetrics"))) &&
        json_sees(json, '{')) {
        return json_named(json, out);
    }
    return json_metric(json, tulle__orca_metric(out, name));
}

bool tulle__orca_json(struct str text, struct load *out)
{
    struct json json = { text.data, text.data + text.size, 0 };

    if (text.size == 0 || !json_take(&json, '{')) {
        return false;
    }
    if (!json_sees(&json, '}')) {
        do {
            if (!json_member(&json, out)) {
                return false;
            }
        } while (json_take(&json, ','));
    }
    if (!json_take(&json, '}')) {
        return false;
    }
    json_blanks(&json);
    return json.at == json.end;
}
