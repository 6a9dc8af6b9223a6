/* SPDX-License-Identifier: Apache-2.0 */

/* Plain structs of any version: options come in, records go out. */

#ifndef TULLE_MOCK_FILL_H
#define TULLE_MOCK_FILL_H

#include <tulle/error.h>

#include <stddef.h>
#include <string.h>

/* `from` into `out`, whose first member is `size`, as far as both go. */
static inline enum tulle_error mock_fill(void *out, size_t size, const void *from, size_t from_size)
{
    if (size < sizeof(size_t)) {
        return TULLE_E_USAGE;
    }
    memset(out, 0, size);
    memcpy(out, from, size < from_size ? size : from_size);
    memcpy(out, &size, sizeof(size));
    return TULLE_OK;
}

#endif
