/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh that its children open anew, in front of one server. */

#ifndef TESTS_WIRE_FORK_SHOP_H
#define TESTS_WIRE_FORK_SHOP_H

#include "wire/wire.h"

extern const char url_of_shop[];

struct shop {
    struct server *server;
    struct tulle *mesh;
    struct tulle_options options;
    atomic_int openings; /* told by the log */
    atomic_int calls;    /* told by the access log */
};

void shop_init(struct shop *shop); /* the mesh is still to be opened */
void shop_open(struct shop *shop);
/* The parent's one connection is the one it had. */
void shop_close(struct shop *shop, uint64_t of_children);
bool is_served(struct tulle *mesh);

#endif
