/* SPDX-License-Identifier: Apache-2.0 */

#include "stack/lines.h"

#include <string.h>

#include "base/str.h"

const char *tulle__lines_next(const char *at, struct tulle_header *out)
{
    out->name = at;
    out->value = at + strlen(at) + 1;
    return out->value + strlen(out->value) + 1;
}

const char *tulle__lines_find(const struct buf *lines, size_t count, const char *name)
{
    const char *at = lines->data;
    struct str wanted = str_of(name);
    struct tulle_header header;

    for (size_t i = 0; i < count; i++) {
        at = tulle__lines_next(at, &header);
        if (tulle__str_equal_nocase(wanted, str_of(header.name))) {
            return header.value;
        }
    }
    return NULL;
}
