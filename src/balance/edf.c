/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/edf.h"

#include "balance/usable.h"
#include "endpoint/lines.h"

enum { CHILDREN = 4 };

struct edf_node {
    uint64_t due;
    uint64_t entry;
};

/* The root is the last quarter of the first line, so that its children, and all
 * siblings after them, begin a line. */
struct edf {
    _Alignas(LINE_SIZE) size_t count;
    unsigned char unused[LINE_SIZE - sizeof(size_t) - sizeof(struct edf_node)];
    struct edf_node nodes[];
};

_Static_assert(offsetof(struct edf, nodes) + sizeof(struct edf_node) == LINE_SIZE,
               "siblings share a cache line");

static size_t node_before(const struct edf_node *a, const struct edf_node *b)
{
    return (int64_t)(a->due - b->due) < 0;
}

/* Sums instead of branches: which sibling is least cannot be predicted. */
static size_t least_of_four(const struct edf_node *nodes, size_t first)
{
    size_t left = first + node_before(&nodes[first + 1], &nodes[first]);
    size_t right = first + 2 + node_before(&nodes[first + 3], &nodes[first + 2]);

    return left + (right - left) * node_before(&nodes[right], &nodes[left]);
}

static size_t least_of_some(const struct edf_node *nodes, size_t first, size_t end)
{
    size_t least = first;

    for (size_t i = first + 1; i < end; i++) {
        least += (i - least) * node_before(&nodes[i], &nodes[least]);
    }
    return least;
}

static void sift_down(struct edf *edf, size_t at)
{
    struct edf_node moved = edf->nodes[at];
    size_t first, least;

    while ((first = at * CHILDREN + 1) < edf->count) {
        least = first + CHILDREN <= edf->count ? least_of_four(edf->nodes, first)
                                               : least_of_some(edf->nodes, first, edf->count);
        if (!node_before(&edf->nodes[least], &moved)) {
            break;
        }
        edf->nodes[at] = edf->nodes[least];
        at = least;
    }
    edf->nodes[at] = moved;
}

size_t tulle__edf_size(size_t count)
{
    return offsetof(struct edf, nodes) + count * sizeof(struct edf_node);
}

void tulle__edf_init(struct edf *edf, const struct leaf *leaf, edf_period_fn *period,
                     struct rand *rand)
{
    edf->count = leaf->count;
    for (size_t i = 0; i < edf->count; i++) {
        uint64_t span = period(leaf, i, leaf->built_at);

        edf->nodes[i] = (struct edf_node){ rand_next(rand) % span, i };
    }
    for (size_t i = edf->count; i-- > 0;) {
        sift_down(edf, i);
    }
}

/* What the caller asks next, and what the next pick asks first, is on its way
 * while the heap is put in order: among 10,000 endpoints none of it is near. */
static size_t edf_next(struct edf *edf, const struct leaf *leaf, edf_period_fn *period, int64_t now)
{
    size_t entry = (size_t)edf->nodes[0].entry;

    entry_prefetch(leaf, entry);
    edf->nodes[0].due += period(leaf, entry, now);
    sift_down(edf, 0);
    __builtin_prefetch(&leaf->entries[edf->nodes[0].entry]);
    return entry;
}

size_t tulle__edf_choose(struct edf *edf, const struct leaf *leaf, const struct pick *pick,
                         edf_period_fn *period)
{
    for (int draw = 0; draw < DRAWS_MAX; draw++) {
        size_t i = edf_next(edf, leaf, period, pick->now);

        if (entry_is_usable(leaf, i, pick)) {
            return i;
        }
    }
    return tulle__entry_search(leaf, pick);
}
