/* SPDX-License-Identifier: Apache-2.0 */

/* A hundred calls at once from one thread. Completions come on the library's
 * threads; closing the mesh waits for them.
 *
 *     cc async.c $(pkg-config --cflags --libs tulle) && ./a.out mesh/ */

#include <stdatomic.h>
#include <stdio.h>
#include <tulle/tulle.h>

enum { CALLS = 100 };

static void count(struct tulle_call *call, enum tulle_error error, void *user)
{
    atomic_int *good = user;

    if (error == TULLE_OK && tulle_reply_status(tulle_call_reply(call)) == 200) {
        atomic_fetch_add(good, 1);
    }
    tulle_call_free(call);
}

int main(int argc, char **argv)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = argc > 1 ? argv[1] : "mesh/" };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/ratings/7",
                                     .deadline_ns = TULLE_MS(500) };
    struct tulle_call *call;
    struct tulle *mesh;
    atomic_int good = 0;

    if (tulle_open(&options, &mesh)) {
        return 1;
    }
    for (int i = 0; i < CALLS; i++) {
        if (tulle_call_start(mesh, &request, count, &good, &call)) {
            break;
        }
    }
    tulle_close(mesh);
    printf("%d of %d calls were answered with 200\n", atomic_load(&good), CALLS);
    return 0;
}
