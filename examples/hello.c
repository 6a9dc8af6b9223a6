/* SPDX-License-Identifier: Apache-2.0 */

/* The smallest program in the mesh: one call, by name.
 *
 *     cc hello.c $(pkg-config --cflags --libs tulle) && ./a.out mesh/ */

#include <stdio.h>
#include <tulle/tulle.h>

int main(int argc, char **argv)
{
    struct tulle *mesh;
    struct tulle_reply *reply;
    const char *folder = argc > 1 ? argv[1] : "mesh/";

    if (tulle_open(&(struct tulle_options){ TULLE_OPTIONS_INIT, .config = folder }, &mesh)) {
        return 1;
    }
    if (tulle_get(mesh, "http://reviews/ratings/7", &reply) == TULLE_OK) {
        printf("%d %s\n", tulle_reply_status(reply), tulle_reply_body(reply));
    }
    tulle_reply_free(reply);
    tulle_close(mesh);
    return 0;
}
