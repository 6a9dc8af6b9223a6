/* SPDX-License-Identifier: Apache-2.0 */

/* How the mesh sees the replicas. */

#ifndef DEMO_GATES_H
#define DEMO_GATES_H

#include <stdbool.h>
#include <stdint.h>

#include "shop.h"

struct gate {
    char name[16];      /* "ready", "trial", "ejected"; "" before the first look */
    uint32_t ejections; /* as the mesh counts them */
    unsigned returned;  /* times it was seen to come back */
};

struct tulle;

extern struct gate gates[REPLICAS];

void gates_look(struct tulle *mesh);
bool gate_is_ready(size_t replica);
bool gate_is_ejected(size_t replica);

#endif
