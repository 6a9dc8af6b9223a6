/* SPDX-License-Identifier: Apache-2.0 */

/* How much an HTTP/2 server may still send on a stream.
 *
 * libcurl 8.14 opens the window of a stream to 10 MB, and by as much again each
 * time that the stream is resumed. What it asks of nghttp2 follows from
 * CURLOPT_MAX_RECV_SPEED_LARGE where that is set; here is what nghttp2 makes of
 * it, so that the one size can be asked for that lets in what there is room for.
 * A mistake costs some bytes of window, and no stream: libcurl always gives some. */

#include "transport/curl/internal.h"

void tulle__window_init(struct window *window)
{
    *window = (struct window){ .size = WINDOW_SIZE, .asked = WINDOW_SIZE };
}

int64_t tulle__window_credit(const struct window *window)
{
    return window->size - window->come;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* nghttp2_session_set_local_window_size(), larger; gives what the server is told. */
static int64_t window_widen(struct window *window, int64_t by)
{
    int64_t back = least(window->reduced, by);

    window->size += by;
    window->come += back;
    window->reduced -= back;
    return by - back;
}

/* nghttp2_submit_window_update(). */
static int64_t window_update(struct window *window, int64_t by)
{
    int64_t over = by - (window->come > 0 ? window->come : 0);
    int64_t back;

    if (over <= 0) {
        window->come -= by;
        return by;
    }
    back = least(window->reduced, over);
    window->size += over;
    window->reduced -= back;
    window->come = window->come < 0 ? window->come + back : back;
    return by - back;
}

/* libcurl's cf_h2_update_local_win(). */
int64_t tulle__window_ask(struct window *window, int64_t size)
{
    int64_t by = size - window->size;

    if (size == window->asked) {
        return 0;
    }
    window->asked = size;
    if (by > 0) {
        return window_widen(window, by) + window_update(window, by);
    }
    window->size += by;
    window->come += by;
    window->reduced -= by;
    return 0;
}

void tulle__window_arrive(struct window *window, int64_t size)
{
    window->come += size;
}

/* nghttp2_session_consume(). */
void tulle__window_take(struct window *window, int64_t size)
{
    int64_t told;

    window->taken += size;
    told = least(window->taken, window->come);
    if (told > 0 && told >= window->size / 2) {
        window->come -= told;
        window->taken -= told;
    }
}

/* The least size to be asked for that gives the server `credit` more. */
int64_t tulle__window_choose(const struct window *window, int64_t credit)
{
    int64_t low = 1;
    int64_t high = 2 * WINDOW_SIZE;

    while (low < high) {
        int64_t middle = (low + high) / 2;
        struct window trial = *window;

        if (tulle__window_ask(&trial, middle) < credit) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
