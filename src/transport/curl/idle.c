/* SPDX-License-Identifier: Apache-2.0 */

/* The end of connections that nobody uses.
 *
 * libcurl looks at its idle connections only when a transfer begins, and has
 * no call that closes one. So the socket is shut down here, at once: the peer
 * sees the end and the room is free. The descriptor goes when libcurl next
 * looks; if nothing else makes it look, the sweeper does: a transfer that may
 * not open a socket. libcurl looks once a second at most, so that is its pace. */

#include "transport/curl/internal.h"

enum { SWEEP_MS = 1020, IDLE_STEP_MS = 200 };

static struct connection *idle_first(const struct curl_transport *transport)
{
    struct list *node = list_first(&transport->idle);

    return node ? CONTAINER_OF(node, struct connection, in_idle) : NULL;
}

static int64_t idle_due(const struct connection *connection)
{
    int64_t due = time_add(connection->idle_since, connection->idle_timeout_ns);
    int64_t end = tulle__lifetime_due(connection);

    return end < due ? end : due;
}

/* The list is by the beginning of idleness; limits may differ, so all are seen.
 * A step of 200 ms bounds how often. */
static void idle_fire(struct timer *timer, int64_t now)
{
    struct curl_transport *transport = CONTAINER_OF(timer, struct curl_transport, idle_timer);
    struct list *node = transport->idle.next;
    int64_t next = NEVER;

    while (node != &transport->idle) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_idle);
        int64_t due = idle_due(connection);

        node = node->next;
        if (due <= now) {
            tulle__connection_shut(connection);
        } else if (due < next) {
            next = due;
        }
    }
    if (next != NEVER) {
        int64_t step = time_add(now, IDLE_STEP_MS * NS_PER_MS);

        tulle__timer_arm(transport->loop, timer, next < step ? step : next);
    }
    tulle__flow_settle(transport);
}

static void idle_look_again(struct curl_transport *transport)
{
    struct list *node;

    transport->unread = 0;
    for (node = transport->idle.next; node != &transport->idle; node = node->next) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_idle);

        if (connection->unread) {
            connection->unread = false;
            tulle__watch_change(transport->loop, &connection->watch, LOOP_READ);
        }
    }
}

static void sweep_fire(struct timer *timer, int64_t now)
{
    struct curl_transport *transport = CONTAINER_OF(timer, struct curl_transport, sweep_timer);

    transport->swept_at = now;
    if (tulle__lane_add(&transport->lane, transport->sweeper)) {
        tulle__lane_expire(&transport->lane);
        tulle__lane_remove(&transport->lane, transport->sweeper);
        tulle__lane_collect(&transport->lane);
    }
    idle_look_again(transport);
    if (transport->held > 0) {
        tulle__timer_arm(transport->loop, timer, time_add(now, SWEEP_MS * NS_PER_MS));
    }
    tulle__flow_settle(transport);
}

void tulle__idle_sweep_soon(struct curl_transport *transport)
{
    int64_t due = transport->swept_at + SWEEP_MS * NS_PER_MS;

    if (!transport->closing && transport->sweep_timer.node.index == 0) {
        tulle__timer_arm(transport->loop, &transport->sweep_timer, due);
    }
}

bool tulle__idle_init(struct curl_transport *transport)
{
    CURL *easy = curl_easy_init();

    list_init(&transport->idle);
    transport->idle_timer.fire = idle_fire;
    transport->sweep_timer.fire = sweep_fire;
    transport->swept_at = transport->loop->now - SWEEP_MS * NS_PER_MS;
    transport->sweeper = easy;
    return easy && curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1/") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)INT32_MAX) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, tulle__connection_open) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, NULL) == CURLE_OK;
}

void tulle__idle_fini(struct curl_transport *transport)
{
    struct connection *connection;

    while ((connection = idle_first(transport))) {
        tulle__connection_shut(connection);
    }
    curl_easy_cleanup(transport->sweeper);
    transport->sweeper = NULL;
    tulle__timer_disarm(transport->loop, &transport->idle_timer);
    tulle__timer_disarm(transport->loop, &transport->sweep_timer);
}

static bool idle_is_unwanted(const struct connection *connection)
{
    const struct pool *pool = connection->pool;

    if (tulle__lifetime_due(connection) <= connection->transport->loop->now) {
        return true;
    }
    if (pool->draining) {
        return list_is_empty(&pool->waiting);
    }
    /* Somebody waits for room: in another pool, or on another loop. */
    return connection->limit && list_is_empty(&pool->waiting) &&
           atomic_load(&connection->limit->waiting) > 0;
}

void tulle__idle_add(struct connection *connection)
{
    struct curl_transport *transport = connection->transport;
    struct timer *timer = &transport->idle_timer;
    int64_t due;

    if (idle_is_unwanted(connection)) {
        tulle__connection_shut(connection);
        return;
    }
    connection->idle_since = transport->loop->now;
    list_add_last(&transport->idle, &connection->in_idle);
    connection->pool->idle++;
    atomic_fetch_add_explicit(&transport->base.idle, 1, memory_order_relaxed);
    due = idle_due(connection);
    if (due != NEVER && (timer->node.index == 0 || due < timer->node.key)) {
        tulle__timer_arm(transport->loop, timer, due);
    }
}

void tulle__idle_remove(struct connection *connection)
{
    struct curl_transport *transport = connection->transport;

    if (list_is_empty(&connection->in_idle)) {
        return;
    }
    list_remove(&connection->in_idle);
    connection->pool->idle--;
    atomic_fetch_sub_explicit(&transport->base.idle, 1, memory_order_relaxed);
    if (connection->unread) {
        connection->unread = false;
        transport->unread--;
    }
}

/* HTTP/1.1: whatever comes unasked is the end. HTTP/2: frames may come, PING or
 * GOAWAY; libcurl reads them when it looks, and until then epoll is silent. */
void tulle__idle_ready(struct connection *connection)
{
    struct curl_transport *transport = connection->transport;

    if (list_is_empty(&connection->in_idle)) {
        return;
    }
    if (connection->pool->spoken != POOL_HTTP2 ||
        tulle__connection_bearing(connection) != BEARING_STANDS) {
        tulle__connection_shut(connection);
        return;
    }
    connection->unread = true;
    transport->unread++;
    tulle__watch_change(transport->loop, &connection->watch, 0);
    tulle__idle_sweep_soon(transport);
}

/* Not one that a transfer is about to use. */
static bool idle_is_free(const struct connection *connection)
{
    return connection->pool->joining == 0 && connection->pool->idle > connection->pool->claimed;
}

bool tulle__idle_shed(struct curl_transport *transport, const struct connection_limit *limit)
{
    struct list *node;

    for (node = transport->idle.next; node != &transport->idle; node = node->next) {
        struct connection *connection = CONTAINER_OF(node, struct connection, in_idle);

        if (connection->limit == limit && idle_is_free(connection)) {
            tulle__connection_shut(connection);
            return true;
        }
    }
    return false;
}
