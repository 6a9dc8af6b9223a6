/* SPDX-License-Identifier: Apache-2.0 */

/* Forms of text: Go's durations, which Istio takes, and DNS names. */

#include "source/file/decode.h"

enum { HOST_MAX = 253, HOST_LABEL_MAX = 63, FRACTION_DIGITS = 9 };

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    { "ns", 1 },         { "us", 1000 },    { "\xc2\xb5s", 1000 },  { "\xce\xbcs", 1000 },
    { "ms", NS_PER_MS }, { "s", NS_PER_S }, { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S },
};

static int64_t unit_take(struct str *text)
{
    size_t size = 0;

    while (size < text->size && text->data[size] != '.' &&
           (text->data[size] < '0' || text->data[size] > '9')) {
        size++;
    }
    struct str name = { text->data, size };
    *text = (struct str){ text->data + size, text->size - size };
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (str_equal(name, str_of(units[i].name))) {
            return units[i].ns;
        }
    }
    return 0;
}

static struct str digits_take(struct str *text)
{
    struct str digits = { text->data, 0 };

    while (digits.size < text->size && text->data[digits.size] >= '0' &&
           text->data[digits.size] <= '9') {
        digits.size++;
    }
    *text = (struct str){ text->data + digits.size, text->size - digits.size };
    return digits;
}

static int64_t fraction_of(struct str digits, int64_t unit)
{
    int64_t value = 0, scale = 1;

    for (size_t i = 0; i < digits.size && i < FRACTION_DIGITS; i++) {
        value = value * 10 + (digits.data[i] - '0');
        scale *= 10;
    }
    /* value < 10^9 and an hour is 3.6 * 10^12 ns: whole units first, else it overflows. */
    return value * (unit / scale) + value * (unit % scale) / scale;
}

/* One number with its unit. */
static bool term_take(struct str *text, int64_t *out)
{
    struct str whole = digits_take(text), fraction = STR_NONE;
    uint64_t count = 0;

    if (text->size > 0 && text->data[0] == '.') {
        *text = (struct str){ text->data + 1, text->size - 1 };
        fraction = digits_take(text);
    }
    int64_t unit = unit_take(text);
    if (unit == 0 || whole.size + fraction.size == 0) {
        return false;
    }
    if (whole.size > 0 && !tulle__str_to_u64(whole, (uint64_t)(INT64_MAX / 4 / unit), &count)) {
        return false;
    }
    *out = (int64_t)count * unit + fraction_of(fraction, unit);
    return true;
}

bool tulle__duration_parse(struct str text, int64_t *out)
{
    int64_t sum = 0, term;

    if (str_equal(text, STR("0"))) {
        *out = 0;
        return true;
    }
    if (text.size == 0) {
        return false;
    }
    while (text.size > 0) {
        if (!term_take(&text, &term) || sum > INT64_MAX / 2) {
            return false;
        }
        sum += term;
    }
    *out = sum;
    return true;
}

static bool is_host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool tulle__host_is_valid(struct str host)
{
    size_t label = 0;

    if (host.size == 0 || host.size > HOST_MAX) {
        return false;
    }
    for (size_t i = 0; i < host.size; i++) {
        bool is_dot = host.data[i] == '.';
        if (is_dot ? label == 0 : !is_host_character(host.data[i])) {
            return false;
        }
        label = is_dot ? 0 : label + 1;
        if (label > HOST_LABEL_MAX) {
            return false;
        }
    }
    return label > 0;
}
