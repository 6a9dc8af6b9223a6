/* SPDX-License-Identifier: Apache-2.0 */

/* Fractions without floating point: "12.5" of a field whose whole has ten parts
 * is 125. More digits than the parts can tell are refused, not rounded. */

#include "source/file/decode.h"

#include <stdio.h>

enum { DECIMAL_TEXT_MAX = 24, WHOLE_MAX = 1000000000 };

static bool decimal_parse(struct str text, uint32_t scale, uint64_t *out)
{
    struct str fraction;
    struct str whole = tulle__str_cut(text, '.', &fraction);
    uint64_t parts, digits = 0;

    if (!tulle__str_to_u64(whole, WHOLE_MAX, &parts)) {
        return false;
    }
    parts *= scale;
    if (fraction.data) {
        if (fraction.size == 0 || fraction.size > 9 ||
            !tulle__str_to_u64(fraction, WHOLE_MAX, &digits)) {
            return false;
        }
        for (size_t i = 0; i < fraction.size; i++) {
            if (scale % 10 != 0) {
                return false;
            }
            scale /= 10;
        }
        parts += digits * scale;
    }
    *out = parts;
    return true;
}

const char *tulle__decimal_text(int64_t parts, uint32_t scale, char *out, size_t size)
{
    int64_t fraction = parts % scale;
    int used = snprintf(out, size, "%lld", (long long)(parts / scale));

    if (fraction > 0 && used > 0 && (size_t)used + 1 < size) {
        out[used++] = '.';
        while (fraction > 0 && (size_t)used + 1 < size) {
            scale /= 10;
            out[used++] = (char)('0' + fraction / scale);
            fraction %= scale;
        }
        out[used] = '\0';
    }
    return out;
}

void tulle__field_decimal(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    char least[DECIMAL_TEXT_MAX], most[DECIMAL_TEXT_MAX], part[DECIMAL_TEXT_MAX];
    uint64_t parts;

    if (value->kind == NODE_SCALAR && value->is_plain &&
        decimal_parse(value->text, field->scale, &parts) && parts >= (uint64_t)field->least &&
        parts <= (uint64_t)field->most) {
        *(uint32_t *)out = (uint32_t)parts;
        return;
    }
    tulle__mistake(decoder, value, "%.*s must be a number between %s and %s, in steps of %s",
                   STR_ARG(tulle__node_name(value)),
                   tulle__decimal_text(field->least, field->scale, least, sizeof(least)),
                   tulle__decimal_text(field->most, field->scale, most, sizeof(most)),
                   tulle__decimal_text(1, field->scale, part, sizeof(part)));
}

bool tulle__is_prime(uint32_t number)
{
    for (uint32_t divisor = 2; divisor <= number / divisor; divisor++) {
        if (number % divisor == 0) {
            return false;
        }
    }
    return number > 1;
}
