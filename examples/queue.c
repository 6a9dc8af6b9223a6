/* SPDX-License-Identifier: Apache-2.0 */

/* A hundred calls at once without a callback: their ends are events in a queue,
 * whose descriptor any loop can watch. Threads of the library do the work; this
 * one sleeps until something has ended.
 *
 *     cc queue.c $(pkg-config --cflags --libs tulle) && ./a.out mesh/ */

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <tulle/tulle.h>

enum { CALLS = 100, AT_ONCE = 16 };

static bool is_good(const struct tulle_event *event)
{
    bool good =
        event->error == TULLE_OK && tulle_reply_status(tulle_call_reply(event->call)) == 200;

    tulle_call_free(event->call);
    return good;
}

static int start_all(struct tulle *mesh, struct tulle_queue *queue)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/ratings/7",
                                     .queue = queue, .deadline_ns = TULLE_MS(500) };
    struct tulle_call *call;
    int started = 0;

    while (started < CALLS && tulle_call_start(mesh, &request, NULL, NULL, &call) == TULLE_OK) {
        started++;
    }
    return started;
}

int main(int argc, char **argv)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = argc > 1 ? argv[1] : "mesh/" };
    struct tulle_event events[AT_ONCE];
    struct tulle_queue *queue;
    struct tulle *mesh;
    int good = 0, left;

    if (tulle_open(&options, &mesh) || tulle_queue_new(&queue)) {
        return 1;
    }
    for (left = start_all(mesh, queue); left > 0;) {
        struct pollfd waiting = { .fd = tulle_queue_fd(queue), .events = POLLIN };

        poll(&waiting, 1, -1);
        for (size_t i = 0, count = tulle_queue_take(queue, events, AT_ONCE); i < count; i++) {
            good += is_good(&events[i]);
            left--;
        }
    }
    tulle_queue_free(queue);
    tulle_close(mesh);
    printf("%d of %d calls were answered with 200\n", good, CALLS);
    return 0;
}
