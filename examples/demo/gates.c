/* SPDX-License-Identifier: Apache-2.0 */

#include "gates.h"

#include <stdio.h>
#include <string.h>
#include <tulle/tulle.h>

struct gate gates[REPLICAS];

/* Ejected from one cluster is ejected: calls to reviews go by its subsets. */
static void look_at(const struct tulle_endpoint_state *state, void *user)
{
    struct gate *seen = user;
    size_t replica = shop_find(state->address);

    if (replica == REPLICAS) {
        return;
    }
    seen[replica].ejections += state->ejections;
    if (strcmp(seen[replica].name, "ejected") != 0) {
        snprintf(seen[replica].name, sizeof(seen[replica].name), "%s", state->gate);
    }
}

void gates_look(struct tulle *mesh)
{
    struct gate seen[REPLICAS] = { 0 };

    if (tulle_endpoints(mesh, look_at, seen) != TULLE_OK) {
        return;
    }
    for (size_t i = 0; i < REPLICAS; i++) {
        seen[i].returned = gates[i].returned + (gate_is_ejected(i) ? 1 : 0);
        if (strcmp(seen[i].name, "ejected") == 0) {
            seen[i].returned = gates[i].returned;
        }
        gates[i] = seen[i];
    }
}

bool gate_is_ejected(size_t replica)
{
    return strcmp(gates[replica].name, "ejected") == 0;
}

bool gate_is_ready(size_t replica)
{
    return strcmp(gates[replica].name, "ready") == 0;
}
