/* SPDX-License-Identifier: Apache-2.0 */

/* A layer is a const record: one policy of a call, or of each of its attempts.
 *
 *   down   on_call:  PASS (ask the layer below), HOLD (I will speak later), ANSWER
 *   up     on_reply: PASS (tell the layer above), HOLD, AGAIN (ask below once more);
 *                    it hears the head of a reply, or the failure in its place
 *   end    on_end:   once for each on_call, bottom first, whatever the way out
 *   late   on_wake:  the time asked for with tulle__call_wake_at() has come
 *          on_request_end: the request's body, which streams, is whole now (who is
 *          entered later asks call_is_uploading()) */

#ifndef TULLE_STACK_LAYER_H
#define TULLE_STACK_LAYER_H

#include <tulle/error.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/cluster.h"
#include "model/route.h"

struct tulle_call;
struct outcome;
struct cluster_live;

enum down { DOWN_PASS, DOWN_HOLD, DOWN_ANSWER };
enum up { UP_PASS, UP_HOLD, UP_AGAIN };
enum tier { TIER_CALL, TIER_ATTEMPT };

enum { LAYERS_MAX = 20, SLOTS_SIZE = 640 };

/* What a layer's ready-made configuration is made from. */
struct prepare {
    struct arena *arena;
    const struct route *route;     /* NULL: outside the mesh, or refused */
    const struct cluster *cluster; /* NULL: outside the mesh, or refused */
    struct cluster_live *live;     /* NULL: as cluster */
};

/* Every function is optional; `at` is the layer's place in the stack. */
struct layer_type {
    const char *name;
    enum tier tier;
    size_t slot_size;
    enum down (*on_call)(struct tulle_call *call, size_t at);
    enum up (*on_reply)(struct tulle_call *call, size_t at);
    void (*on_end)(struct tulle_call *call, size_t at, const struct outcome *outcome);
    void (*on_wake)(struct tulle_call *call, size_t at);
    void (*on_request_end)(struct tulle_call *call,
                           size_t at); /* only notes: no verb from inside */
    /* Gives the configuration, or `*absent`: this pair needs no such layer.
     * Errors: TULLE_E_NOMEM. NULL function: present, without configuration. */
    enum tulle_error (*prepare)(const struct prepare *prepare, const void **config, bool *absent);
};

struct layer {
    const struct layer_type *type;
    const void *config;
    size_t slot; /* offset into the call's slots */
};

struct stack {
    size_t count;
    struct layer layers[LAYERS_MAX];
};

/* Builds the stack of a pair from the types in their order (NULL-ended),
 * leaving out what is absent. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__stack_build(const struct layer_type *const *order,
                                    const struct prepare *prepare, struct stack *out);

#endif
