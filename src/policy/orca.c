/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/orca.h"

#include <stddef.h>

#define NUMBER_MAX 1e12

enum { NUMBER_SIZE_MAX = 64, DIGITS_MAX = 18, EXPONENT_MAX = 400 };

/* --- numbers, whatever the locale --- */

struct digits {
    uint64_t value;
    int kept, exponent;
    bool any;
};

static size_t digits_take(struct str text, size_t at, bool is_fraction, struct digits *digits)
{
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        bool keeps = digits->kept < DIGITS_MAX;

        digits->any = true;
        if (keeps) {
            digits->value = digits->value * 10 + (uint64_t)(text.data[at] - '0');
            digits->kept += digits->value > 0;
        }
        digits->exponent += keeps ? -(int)is_fraction : (int)!is_fraction;
    }
    return at;
}

/* `at` is behind the "e". False: no digits. */
static bool exponent_take(struct str text, size_t at, int *out)
{
    struct digits digits = { 0 };
    bool is_negative = at < text.size && text.data[at] == '-';

    at += at < text.size && (text.data[at] == '-' || text.data[at] == '+');
    if (digits_take(text, at, false, &digits) != text.size || !digits.any) {
        return false;
    }
    *out = digits.exponent > 0 || digits.value > EXPONENT_MAX ? EXPONENT_MAX : (int)digits.value;
    *out = is_negative ? -*out : *out;
    return true;
}

static double scaled(uint64_t value, int exponent)
{
    double number = (double)value;

    for (; exponent > 0 && number > 0 && number < 1e300; exponent--) {
        number *= 10;
    }
    for (; exponent < 0 && number > 0; exponent++) {
        number /= 10;
    }
    return number;
}

bool tulle__orca_is_sane(double number)
{
    return number >= 0 && number <= NUMBER_MAX;
}

bool tulle__orca_number(struct str text, double *out)
{
    struct digits digits = { 0 };
    int exponent = 0;
    size_t at;

    if (text.size > NUMBER_SIZE_MAX) {
        return false;
    }
    at = digits_take(text, text.size > 0 && text.data[0] == '+', false, &digits);
    if (at < text.size && text.data[at] == '.') {
        at = digits_take(text, at + 1, true, &digits);
    }
    if (!digits.any) {
        return false;
    }
    if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
        if (!exponent_take(text, at + 1, &exponent)) {
            return false;
        }
        at = text.size;
    }
    *out = scaled(digits.value, digits.exponent + exponent);
    return at == text.size && tulle__orca_is_sane(*out);
}

/* --- names --- */

struct metric {
    struct str name, json_name; /* as protobuf writes it in JSON */
    size_t at;
};

#define METRIC(name, json_name, member)                                                            \
    {                                                                                              \
        { name, sizeof(name) - 1 }, { json_name, sizeof(json_name) - 1 },                          \
            offsetof(struct load, member)                                                          \
    }

static const struct metric metrics[] = {
    METRIC("cpu_utilization", "cpuUtilization", cpu),
    METRIC("application_utilization", "applicationUtilization", application),
    METRIC("rps_fractional", "rpsFractional", qps),
    METRIC("eps", "eps", eps),
};

static const struct metric named_metrics[] = {
    METRIC("rif", "rif", rif),
    METRIC("latency_ms", "latency_ms", latency_ms),
};

static double *metric_find(const struct metric *among, size_t count, struct load *load,
                           struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(name, among[i].name) || str_equal(name, among[i].json_name)) {
            return (double *)(void *)((char *)load + among[i].at);
        }
    }
    return NULL;
}

double *tulle__orca_metric(struct load *load, struct str name)
{
    return metric_find(metrics, sizeof(metrics) / sizeof(metrics[0]), load, name);
}

double *tulle__orca_named_metric(struct load *load, struct str name)
{
    return metric_find(named_metrics, sizeof(named_metrics) / sizeof(named_metrics[0]), load, name);
}

/* --- "name=1,named_metrics.name=2" --- */

static bool text_metric(struct load *load, struct str name, struct str value)
{
    const struct str prefix = STR("named_metrics.");
    double number, *place;

    if (tulle__str_starts(name, prefix)) {
        name = (struct str){ name.data + prefix.size, name.size - prefix.size };
        place = tulle__orca_named_metric(load, name);
    } else {
        place = tulle__orca_metric(load, name);
    }
    if (name.size == 0 || !tulle__orca_number(value, &number) || (place != NULL && *place >= 0)) {
        return false;
    }
    if (place != NULL) {
        *place = number;
    }
    return true;
}

static struct str cut_pair(struct str pair, struct str *value)
{
    for (size_t i = 0; i < pair.size; i++) {
        if (pair.data[i] == '=' || pair.data[i] == ':') {
            *value = (struct str){ pair.data + i + 1, pair.size - i - 1 };
            return (struct str){ pair.data, i };
        }
    }
    *value = STR_NONE;
    return pair;
}

bool tulle__orca_text(struct str text, struct load *out)
{
    unsigned count = 0;

    while (text.data != NULL) {
        struct str rest, value;
        struct str name = cut_pair(tulle__str_trim(tulle__str_cut(text, ',', &rest)), &value);

        if (++count > ORCA_METRICS_MAX ||
            !text_metric(out, tulle__str_trim(name), tulle__str_trim(value))) {
            return false;
        }
        text = rest;
    }
    return true;
}

/* --- base64, with its "=" or without --- */

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool base64_read(struct str text, char *out, size_t *size)
{
    uint32_t bits = 0;
    unsigned have = 0;

    *size = 0;
    for (int pad = 0; pad < 2 && text.size > 0 && text.data[text.size - 1] == '='; pad++) {
        text.size--;
    }
    for (size_t i = 0; i < text.size; i++) {
        int six = sextet(text.data[i]);

        if (six < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[(*size)++] = (char)(bits >> have & 0xff);
        }
    }
    return text.size % 4 != 1;
}

static bool binary_read(struct str value, struct load *out)
{
    char bytes[ORCA_SIZE_MAX / 4 * 3];
    size_t size;

    return base64_read(value, bytes, &size) && tulle__orca_bytes((struct str){ bytes, size }, out);
}

/* --- which it is --- */

static bool says(struct str *value, struct str format)
{
    if (!tulle__str_starts(*value, format)) {
        return false;
    }
    *value = (struct str){ value->data + format.size, value->size - format.size };
    return true;
}

static bool plain_read(struct str value, struct load *out)
{
    if (says(&value, STR("JSON "))) {
        return tulle__orca_json(value, out);
    }
    if (says(&value, STR("BIN "))) {
        return binary_read(value, out);
    }
    (void)says(&value, STR("TEXT "));
    return tulle__orca_text(value, out);
}

enum orca tulle__orca_read(struct str name, struct str value, struct load *out)
{
    const struct str header = STR("endpoint-load-metrics");
    struct load load = LOAD_UNSAID;
    bool is_good;

    if (name.size < header.size ||
        !tulle__str_equal_nocase((struct str){ name.data, header.size }, header)) {
        return ORCA_NONE;
    }
    if (value.size > ORCA_SIZE_MAX) {
        return ORCA_BAD;
    }
    value = tulle__str_trim(value);
    name = (struct str){ name.data + header.size, name.size - header.size };
    if (name.size == 0) {
        is_good = plain_read(value, &load);
    } else if (tulle__str_equal_nocase(name, STR("-json"))) {
        is_good = tulle__orca_json(value, &load);
    } else if (tulle__str_equal_nocase(name, STR("-bin"))) {
        is_good = binary_read(value, &load);
    } else {
        return ORCA_NONE;
    }
    if (is_good) {
        *out = load;
    }
    return is_good ? ORCA_GOOD : ORCA_BAD;
}
