/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/shed.h"

/* In "name NUL value NUL ..."; NULL: it is not there. */
static const char *line_find(const struct buf *lines, size_t count, struct str wanted)
{
    const char *at = lines->data;

    for (size_t i = 0; i < count; i++) {
        const char *value = at + strlen(at) + 1;

        if (tulle__str_equal_nocase(wanted, str_of(at))) {
            return value;
        }
        at = value + strlen(value) + 1;
    }
    return NULL;
}

int tulle__shed_grpc_status(const struct tulle_call *call)
{
    const struct tulle_reply *reply = &call->reply;
    struct str name = STR("grpc-status");
    const char *value = line_find(&reply->trailers, reply->trailer_count, name);
    uint64_t number;

    if (!value) {
        value = line_find(&reply->headers, reply->header_count, name);
    }
    return value && tulle__str_to_u64(str_of(value), 1000, &number) ? (int)number : -1;
}
