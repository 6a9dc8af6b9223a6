/* SPDX-License-Identifier: Apache-2.0 */

/* A day of a mesh without threads, whoever's loop runs it: two hundred calls at
 * once and a reload in their midst, a deadline that passes in silence, and an
 * ejection that ends in silence. A test makes the loop, gives it the mesh, and
 * calls own_loop_tick() every few milliseconds from it; that runs nothing. */

#ifndef TESTS_WIRE_OWN_LOOP_H
#define TESTS_WIRE_OWN_LOOP_H

#include "wire/wire.h"

enum own_stage { OWN_STORM, OWN_RELOAD, OWN_DEADLINE, OWN_EJECTION, OWN_OVER };

struct own_loop {
    struct tulle *mesh;
    struct server *server;
    char *folder;
    int threads; /* before there was a mesh */
    enum own_stage stage;
    bool under_way; /* a call of a later stage */
    unsigned started, ended;
    uint64_t statuses[600]; /* [0]: failed */
    enum tulle_error last;
    char route[64]; /* of the last call */
    int64_t began;
};

void own_loop_open(struct own_loop *own);
/* Starts what is next. True: the day is over. */
bool own_loop_tick(struct own_loop *own);
/* Closes the mesh: there was no thread but this one. */
void own_loop_close(struct own_loop *own);

#endif
