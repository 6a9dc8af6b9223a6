/* SPDX-License-Identifier: Apache-2.0 */

/* What a picker knows that grows old without any endpoint changing: weights. */

#include "balance/picker.h"
#include "base/clock.h"

int64_t tulle__picker_tend(struct picker *picker, int64_t now)
{
    int64_t next = NEVER;

    if (picker->tend_at > now) {
        return picker->tend_at;
    }
    for (size_t i = 0; i < picker->leaf_count; i++) {
        struct leaf *leaf = &picker->leaves[i];
        int64_t due = leaf->type->tend != NULL ? leaf->type->tend(leaf, now) : NEVER;

        next = due < next ? due : next;
    }
    picker->tend_at = next;
    return next;
}
