/* SPDX-License-Identifier: Apache-2.0 */

/* gRPC: "TimeoutValue TimeoutUnit", a positive number of at most 8 digits and one
 * of H M S m u n (PROTOCOL-HTTP2.md). Envoy: milliseconds, where 0 would be no
 * timeout at all. */

#include "policy/deadline_text.h"

#include "base/clock.h"
#include "base/macros.h"

#define GRPC_MOST 99999999

enum { NS_PER_US = 1000 };

static const struct unit {
    char letter;
    int64_t ns;
} units[] = {
    { 'n', 1 },        { 'u', NS_PER_US },     { 'm', NS_PER_MS },
    { 'S', NS_PER_S }, { 'M', 60 * NS_PER_S }, { 'H', 3600 * NS_PER_S },
};

static int64_t scaled(struct str digits, uint64_t most, int64_t unit_ns)
{
    uint64_t number;

    if (!tulle__str_to_u64(digits, most, &number) || number == 0) {
        return NEVER;
    }
    return number > (uint64_t)(NEVER / unit_ns) ? NEVER : (int64_t)number * unit_ns;
}

static int64_t grpc_timeout_read(struct str value)
{
    struct str digits = { value.data, value.size - 1 };

    for (size_t i = 0; value.size > 1 && value.size <= 9 && i < COUNT_OF(units); i++) {
        if (value.data[value.size - 1] == units[i].letter) {
            return scaled(digits, GRPC_MOST, units[i].ns);
        }
    }
    return NEVER;
}

int64_t tulle__deadline_read(struct str name, struct str value)
{
    value = tulle__str_trim(value);
    if (tulle__str_equal_nocase(name, STR(GRPC_TIMEOUT))) {
        return grpc_timeout_read(value);
    }
    if (tulle__str_equal_nocase(name, STR(EXPECTED_TIMEOUT))) {
        return scaled(value, UINT64_MAX, NS_PER_MS);
    }
    return NEVER;
}

size_t tulle__digits_write(uint64_t number, char out[DEADLINE_TEXT_MAX])
{
    char digits[DEADLINE_TEXT_MAX];
    size_t size = 0;

    do {
        digits[size++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < size; i++) {
        out[i] = digits[size - 1 - i];
    }
    return size;
}

/* Microseconds up to a minute and a half: a finer unit would tell what no clock keeps. */
size_t tulle__grpc_timeout_write(int64_t left_ns, char out[DEADLINE_TEXT_MAX])
{
    size_t unit = 1, size;
    int64_t number = left_ns / units[unit].ns;

    while (number > GRPC_MOST && unit + 1 < COUNT_OF(units)) {
        number = left_ns / units[++unit].ns;
    }
    size = tulle__digits_write(number > 0 ? (uint64_t)number : 1, out);
    out[size] = units[unit].letter;
    return size + 1;
}

size_t tulle__expected_timeout_write(int64_t left_ns, char out[DEADLINE_TEXT_MAX])
{
    int64_t ms = left_ns / NS_PER_MS;

    return tulle__digits_write(ms > 0 ? (uint64_t)ms : 1, out);
}
