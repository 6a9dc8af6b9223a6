/* SPDX-License-Identifier: Apache-2.0 */

/* What a check says besides: header lines of its own, as Envoy's HeaderValueOption
 * has them. What frames the request, and whom it is for, is the check's to say. */

#include "source/file/decode_traffic_policy.h"

#include "base/macros.h"
#include "model/outlier.h"
#include "source/file/kinds.h"

static const struct field pair[] = {
    { .name = "key",
      TEXT(check_header, name),
      .unset = "required",
      .from = "Envoy HeaderValue; not host, which the check has a field for" },
    { .name = "value", TEXT(check_header, value), .from = "Envoy HeaderValue" },
};

static bool is_ours(struct str name)
{
    static const char *const names[] = { "host",       "content-length", "transfer-encoding",
                                         "connection", "content-type",   "te" };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (tulle__str_equal_nocase(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_value(struct str value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (((unsigned char)value.data[i] < ' ' && value.data[i] != '\t') ||
            value.data[i] == '\x7f') {
            return false;
        }
    }
    return true;
}

static void pair_check(struct decoder *decoder, const struct node *value, void *out)
{
    const struct check_header *header = out;

    if (!tulle__header_name_is_valid(header->name)) {
        tulle__mistake(decoder, value, "a header must have a key, which is its name");
    } else if (is_ours(header->name)) {
        tulle__mistake(decoder, value, "the header %.*s is the check's own to say",
                       STR_ARG(header->name));
    } else if (!is_value(header->value)) {
        tulle__mistake(decoder, value, "the value of header %.*s has control characters",
                       STR_ARG(header->name));
    }
}

static const struct field_group pair_group = {
    FIELDS(pair),
    .size = sizeof(struct check_header),
    .check = pair_check,
};

static const struct field option[] = {
    { .name = "header", GROUP(pair_group), .unset = "required", .from = "Envoy HeaderValueOption" },
};

static void option_check(struct decoder *decoder, const struct node *value, void *out)
{
    if (((const struct check_header *)out)->name.size == 0) {
        tulle__mistake(decoder, value, "a header to add must have a header, with key and value");
    }
}

const struct field_group tulle__policy_check_header = {
    FIELDS(option),
    .size = sizeof(struct check_header),
    .check = option_check,
};
