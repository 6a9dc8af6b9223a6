/* SPDX-License-Identifier: Apache-2.0 */

/* A program with a loop of its own: no thread of the library, one descriptor
 * for the whole mesh. For libuv, libev and GLib there are tulle/uv.h, tulle/ev.h
 * and tulle/glib.h, which do what is done here.
 *
 *     cc epoll.c $(pkg-config --cflags --libs tulle) && ./a.out mesh/ */

#include <stdio.h>
#include <sys/epoll.h>
#include <tulle/tulle.h>
#include <unistd.h>

enum { CALLS = 100 };

struct tally {
    int left, good;
};

static void count(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct tally *tally = user;

    tally->left--;
    tally->good += error == TULLE_OK && tulle_reply_status(tulle_call_reply(call)) == 200;
    tulle_call_free(call);
}

/* The mesh is run when its descriptor says so, and when its time has come. */
static int wait_ms(const struct tulle *mesh)
{
    int64_t due = tulle_due(mesh);

    return due > TULLE_S(60) ? 60000 : (int)((due + TULLE_MS(1) - 1) / TULLE_MS(1));
}

static void run(struct tulle *mesh, const struct tally *tally)
{
    struct epoll_event event = { .events = EPOLLIN };
    int loop = epoll_create1(EPOLL_CLOEXEC);

    epoll_ctl(loop, EPOLL_CTL_ADD, tulle_fd(mesh), &event);
    while (tally->left > 0) {
        epoll_wait(loop, &event, 1, wait_ms(mesh));
        if (tulle_run(mesh)) {
            break;
        }
    }
    close(loop);
}

int main(int argc, char **argv)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = argc > 1 ? argv[1] : "mesh/",
                                     .threads = TULLE_NONE_COUNT };
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/ratings/7",
                                     .deadline_ns = TULLE_MS(500) };
    struct tally tally = { 0, 0 };
    struct tulle_call *call;
    struct tulle *mesh;

    if (tulle_open(&options, &mesh)) {
        return 1;
    }
    while (tally.left < CALLS && !tulle_call_start(mesh, &request, count, &tally, &call)) {
        tally.left++;
    }
    run(mesh, &tally);
    tulle_close(mesh);
    printf("%d of %d calls were answered with 200\n", tally.good, CALLS);
    return 0;
}
