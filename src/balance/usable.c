/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/usable.h"

size_t tulle__entry_search(const struct leaf *leaf, const struct pick *pick)
{
    size_t start = rand_below(pick->rand, (uint32_t)leaf->count);
    size_t tried = SIZE_MAX;

    for (size_t k = 0; k < leaf->count; k++) {
        size_t i = start + k < leaf->count ? start + k : start + k - leaf->count;

        if (entry_is_ejected(leaf, i)) {
            continue;
        }
        if (!entry_is_tried(leaf, i, pick)) {
            return i;
        }
        if (tried == SIZE_MAX) {
            tried = i;
        }
    }
    return tried;
}
