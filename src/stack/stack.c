/* SPDX-License-Identifier: Apache-2.0 */

#include "stack/layer.h"

#include "base/macros.h"
#include <stddef.h>

static size_t slot_align(size_t size)
{
    size_t unit = _Alignof(max_align_t);

    return (size + unit - 1) / unit * unit;
}

static enum tulle_error layer_add(const struct layer_type *type, const struct prepare *prepare,
                                  size_t *used, struct stack *out)
{
    struct layer *layer = &out->layers[out->count];
    bool absent = false;

    layer->config = NULL;
    if (type->prepare) {
        TRY(type->prepare(prepare, &layer->config, &absent));
    }
    if (absent) {
        return TULLE_OK;
    }
    ENSURE(*used + slot_align(type->slot_size) <= SLOTS_SIZE, TULLE_E_INTERNAL);
    layer->type = type;
    layer->slot = *used;
    *used += slot_align(type->slot_size);
    out->count++;
    return TULLE_OK;
}

enum tulle_error tulle__stack_build(const struct layer_type *const *order,
                                    const struct prepare *prepare, struct stack *out)
{
    size_t used = 0;

    out->count = 0;
    for (; *order; order++) {
        ENSURE(out->count < LAYERS_MAX, TULLE_E_INTERNAL);
        TRY(layer_add(*order, prepare, &used, out));
    }
    return TULLE_OK;
}
