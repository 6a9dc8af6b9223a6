/* SPDX-License-Identifier: Apache-2.0 */

/* One multi handle, driven by the loop's epoll and timers. Everything that
 * enters libcurl goes through here, so that `inside` is right: a function of
 * the multi handle that is called from one of its callbacks does nothing but
 * fail (CURLM_RECURSIVE_API_CALL). */

#include "transport/curl/internal.h"

/* Far above what one loop can hold: libcurl must never choose what to close.
 * Its default, four times the transfers, evicts warm connections. */
enum { CONNECTIONS_MAX = 1000000 };

/* Ours is no limit; the server's SETTINGS rule. */
enum { STREAMS_MAX = 100000 };

static int lane_set_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct lane *lane = user;
    struct loop *loop = lane->transport->loop;

    (void)multi;
    if (timeout_ms < 0) {
        tulle__timer_disarm(loop, &lane->timer);
        return 0;
    }
    tulle__timer_arm(loop, &lane->timer, time_add(loop->now, timeout_ms * NS_PER_MS));
    return 0;
}

static void lane_fire(struct timer *timer, int64_t now)
{
    struct lane *lane = CONTAINER_OF(timer, struct lane, timer);

    (void)now;
    tulle__lane_expire(lane);
    tulle__lane_collect(lane);
    tulle__flow_settle(lane->transport);
}

static bool lane_set_options(struct lane *lane)
{
    CURLM *multi = lane->multi;

    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, tulle__connection_watch) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, lane->transport) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, lane_set_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, lane) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS_MAX) ==
               CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) == CURLM_OK;
}

bool tulle__lane_open(struct curl_transport *transport, struct lane *lane)
{
    lane->transport = transport;
    lane->timer.fire = lane_fire;
    lane->multi = curl_multi_init();
    return lane->multi && lane_set_options(lane);
}

void tulle__lane_close(struct lane *lane)
{
    struct curl_transport *transport = lane->transport;

    if (!lane->multi) {
        return;
    }
    transport->inside++;
    curl_multi_cleanup(lane->multi);
    transport->inside--;
    lane->multi = NULL;
    tulle__timer_disarm(transport->loop, &lane->timer);
}

void tulle__lane_expire(struct lane *lane)
{
    int running = 0;

    lane->transport->inside++;
    curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    lane->transport->inside--;
}

void tulle__lane_action(struct lane *lane, int fd, unsigned events)
{
    int flags =
        (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    int running = 0;

    lane->transport->inside++;
    curl_multi_socket_action(lane->multi, fd, flags, &running);
    lane->transport->inside--;
}

void tulle__lane_collect(struct lane *lane)
{
    CURLMsg *message;
    int left = 0;

    while ((message = curl_multi_info_read(lane->multi, &left))) {
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        CURL *easy = message->easy_handle;

        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        if (transfer) { /* else the sweeper */
            tulle__flow_finish(transfer, code);
        }
    }
}

bool tulle__lane_add(struct lane *lane, CURL *easy)
{
    CURLMcode code;

    lane->transport->inside++;
    code = curl_multi_add_handle(lane->multi, easy);
    lane->transport->inside--;
    return code == CURLM_OK;
}

void tulle__lane_remove(struct lane *lane, CURL *easy)
{
    lane->transport->inside++;
    curl_multi_remove_handle(lane->multi, easy);
    lane->transport->inside--;
}
