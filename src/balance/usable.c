/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/usable.h"

size_t tulle__entry_search(const struct picker *picker, const struct pick *pick)
{
    size_t start = rand_below(pick->rand, (uint32_t)picker->count);
    size_t tried = SIZE_MAX;

    for (size_t k = 0; k < picker->count; k++) {
        size_t i = start + k < picker->count ? start + k : start + k - picker->count;

        if (entry_is_ejected(picker, i)) {
            continue;
        }
        if (!entry_is_tried(picker, i, pick)) {
            return i;
        }
        if (tried == SIZE_MAX) {
            tried = i;
        }
    }
    return tried;
}
