/* SPDX-License-Identifier: Apache-2.0 */

#include "core/places.h"

enum { PLACES_MAX = 1000 };

bool tulle__places_init(struct places *places)
{
    tulle__arena_init(&places->arena, 512);
    return tulle__mutex_init(&places->lock);
}

void tulle__places_fini(struct places *places)
{
    tulle__table_fini(&places->told);
    tulle__arena_fini(&places->arena);
    tulle__mutex_fini(&places->lock);
}

static bool place_add(struct places *places, struct str place)
{
    struct str copy;

    if (places->told.count == PLACES_MAX || tulle__table_find(&places->told, place)) {
        return false;
    }
    copy = tulle__arena_str(&places->arena, place);
    return copy.data && tulle__table_put(&places->told, copy, places);
}

bool tulle__places_add(struct places *places, struct str place)
{
    bool is_new;

    tulle__mutex_lock(&places->lock);
    is_new = place_add(places, place);
    tulle__mutex_unlock(&places->lock);
    return is_new;
}
