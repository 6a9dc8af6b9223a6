/* SPDX-License-Identifier: Apache-2.0 */

/* An exchange from start to end: waiting in its pool, with libcurl as a
 * transfer, over. Starting and cancelling only note what is wanted when they
 * come from inside libcurl, or from an event; it is done in the same round. */

#include "transport/curl/internal.h"

/* Handles that are kept for later; each has some 10 KB. */
enum { SPARE_MAX = 256 };

#define RESET_WAIT_NS NS_PER_S

static struct transfer *transfer_take(struct curl_transport *transport)
{
    struct list *node = list_first(&transport->spare);

    if (!node) {
        return tulle__transfer_new(transport);
    }
    list_remove(node);
    transport->spare_count--;
    return CONTAINER_OF(node, struct transfer, node);
}

static void transfer_keep(struct transfer *transfer)
{
    struct curl_transport *transport = transfer->transport;

    list_remove(&transfer->node);
    transfer->exchange = NULL;
    transfer->pool = NULL;
    if (transport->spare_count >= SPARE_MAX || transport->closing) {
        tulle__transfer_free(transfer);
        return;
    }
    transport->spare_count++;
    list_add_first(&transport->spare, &transfer->node); /* the warmest first */
}

/* Takes it from libcurl; a connection in mid-reply is closed by that. */
static void transfer_detach(struct transfer *transfer)
{
    struct curl_transport *transport = transfer->transport;
    struct pool *pool = transfer->pool;

    tulle__lane_remove(&transport->lane, transfer->easy);
    tulle__stream_forget(transfer);
    tulle__connection_release(transfer);
    tulle__pool_give_up(transfer);
    pool->transfers--;
    pool->credit += pool->full && !transfer->no_room;
    atomic_fetch_sub_explicit(&transport->base.active, 1, memory_order_relaxed);
    if (pool->draining || !list_is_empty(&pool->waiting)) {
        tulle__flow_later(transport);
    }
}

static void exchange_end(struct exchange *exchange, const struct outcome *outcome)
{
    char text[OUTCOME_TEXT_SIZE];
    struct exchange_end end;

    tulle__outcome_end(outcome, &end, text);
    exchange->private = NULL;
    exchange->events->end(exchange, &end);
}

static const char *refusal_text(const struct exchange *exchange, enum tulle_error error)
{
    if (error == TULLE_E_NOMEM) {
        return "out of memory";
    }
    if ((exchange->body_size > 0 || exchange->streams) &&
        str_equal(exchange->method, STR("HEAD"))) {
        return "a HEAD request with a body cannot be sent";
    }
    if (exchange->method.size >= METHOD_MAX) {
        return "the method is too long";
    }
    return "HTTP/2 with prior knowledge needs libcurl 8.0 or later";
}

static void exchange_refuse(struct exchange *exchange, enum tulle_error error)
{
    struct exchange_end end = { .error = error,
                                .progress = TULLE_NOTHING_SENT,
                                .text = refusal_text(exchange, error) };

    exchange->private = NULL;
    exchange->events->end(exchange, &end);
}

/* It was not lost: at the most the peer has ended it, after what it had to say.
 * Older versions of libcurl send again after any end. */
static bool flow_was_whole(const struct curl_transport *transport,
                           const struct connection *connection)
{
    enum bearing bearing = tulle__connection_bearing(connection);

    return bearing == BEARING_STANDS || (bearing == BEARING_ENDED && transport->tells_refusals);
}

static void outcome_fill(struct outcome *outcome, const struct transfer *transfer, CURLcode code)
{
    CURL *easy = transfer->easy;
    const struct pool *pool = transfer->pool;
    const struct connection *connection = transfer->connection;

    *outcome = (struct outcome){
        /* To libcurl a head that breaks off is a reply. */
        .code = code == CURLE_OK && !transfer->head ? CURLE_GOT_NOTHING : code,
        .text = transfer->text,
        .sent = transfer->sent,
        .again = transfer->again,
        .silent = transfer->silent,
        /* On a new connection only HTTP/2 makes libcurl send again. */
        .is_http2 = pool->spoken == POOL_HTTP2 || pool->spoken == POOL_UNKNOWN,
        .answered = transfer->status != 0 || transfer->head,
        .head = transfer->head,
        .fault = transfer->fault,
        .too_large = transfer->too_large,
        .no_memory = transfer->no_memory,
        .no_descriptor = transfer->no_descriptor,
        .refusal = transfer->refusal,
        .refusal_text = transfer->refusal_text,
        .url = transfer->exchange->url,
        .connect_timeout_ns = transfer->exchange->connect_timeout_ns,
        .address = str_of(pool->connect_to ? pool->connect_to->data + 2 : NULL),
    };
    if (outcome->code == CURLE_OK && tulle__stream_lacks_trailers(transfer)) {
        outcome->code = CURLE_ABORTED_BY_CALLBACK;
        outcome->refusal = TULLE_E_INTERNAL;
        outcome->refusal_text =
            "the request's trailers were not sent: they need HTTP/1.1, and no announced size";
    }
    if (outcome->code != CURLE_OK) {
        outcome->standing = connection && flow_was_whole(transfer->transport, connection);
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &outcome->os_error);
        curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &outcome->sent_bytes);
    }
}

void tulle__flow_finish(struct transfer *transfer, CURLcode code)
{
    struct exchange *exchange = transfer->exchange;
    struct pool *pool = transfer->pool;
    bool again = transfer->no_room && !transfer->sent && exchange;
    struct outcome outcome;

    if (exchange) {
        outcome_fill(&outcome, transfer, code);
    }
    transfer_detach(transfer);
    if (again) {
        pool->full = true;
        tulle__pool_wait(pool, exchange);
        if (pool->transfers == 0 && exchange->connections) {
            tulle__pool_want(pool, exchange->connections); /* nobody here will say when */
        }
    } else if (pool->transfers == 0) {
        pool->full = false;
    }
    if (exchange && !again) {
        exchange_end(exchange, &outcome);
    }
    transfer_keep(transfer);
}

void tulle__flow_start(struct pool *pool, struct exchange *exchange)
{
    exchange->connected_at = 0;
    exchange->order = ++pool->transport->orders;
    list_init(&exchange->node);
    tulle__pool_wait(pool, exchange);
    tulle__flow_later(pool->transport);
}

/* libcurl keeps the RST_STREAM of a stream that is cut until the connection is
 * next used, or another stream is. Where nobody uses it soon it is closed, so that
 * the peer's work ends all the same. */
static void transfer_cut(struct transfer *transfer)
{
    struct connection *connection = transfer->connection;

    if (connection && transfer->sent && connection->streams == 1 &&
        connection->idle_timeout_ns > RESET_WAIT_NS) {
        connection->idle_timeout_ns = RESET_WAIT_NS;
    }
    transfer_detach(transfer);
    transfer_keep(transfer);
}

void tulle__flow_cancel(struct exchange *exchange)
{
    struct transfer *transfer = exchange->private;

    if (!transfer) {
        return;
    }
    exchange->private = NULL;
    if (!list_is_empty(&exchange->node)) {
        tulle__pool_leave((struct pool *)(void *)transfer, exchange);
        return;
    }
    transfer->exchange = NULL;
    list_remove(&transfer->node);
    if (transfer->transport->inside > 0) {
        list_add_last(&transfer->transport->cancelled, &transfer->node);
        tulle__flow_later(transfer->transport);
        return;
    }
    transfer_cut(transfer);
}

static void flow_cut_cancelled(struct curl_transport *transport)
{
    struct list *node;

    while ((node = list_first(&transport->cancelled))) {
        transfer_cut(CONTAINER_OF(node, struct transfer, node));
    }
}

/* It leaves the waiting list for libcurl, or for its end. */
static void flow_begin(struct transfer *transfer, struct pool *pool, struct exchange *exchange)
{
    struct curl_transport *transport = pool->transport;
    enum tulle_error error = tulle__transfer_set(transfer, pool, exchange);

    tulle__pool_leave(pool, exchange);
    pool->transfers++;
    atomic_fetch_add_explicit(&transport->base.active, 1, memory_order_relaxed);
    list_add_last(&transport->transfers, &transfer->node);
    transfer->exchange = exchange;
    exchange->private = transfer;
    if (pool->warm.per_endpoint > 0) {
        tulle__ahead_look(pool);
    }
    if (error == TULLE_OK && !tulle__lane_add(&transport->lane, transfer->easy)) {
        error = TULLE_E_NOMEM;
    }
    if (error != TULLE_OK) {
        transfer_detach(transfer);
        transfer_keep(transfer);
        exchange_refuse(exchange, error);
    }
}

/* False: the first of the pool must wait on. */
static bool flow_admit_first(struct pool *pool)
{
    struct curl_transport *transport = pool->transport;
    struct exchange *exchange = CONTAINER_OF(list_first(&pool->waiting), struct exchange, node);
    struct transfer *transfer = transfer_take(transport);

    if (!transfer) {
        tulle__pool_leave(pool, exchange);
        exchange_refuse(exchange, TULLE_E_NOMEM);
        return true;
    }
    transfer->pool = pool;
    if (!tulle__pool_may_start(pool, exchange, transfer)) {
        transfer_keep(transfer);
        return false;
    }
    flow_begin(transfer, pool, exchange);
    return true;
}

/* Who is started meanwhile (in the end of one that was refused) has its turn in
 * the next round. */
static bool flow_admit(struct curl_transport *transport)
{
    uint64_t last = transport->orders;
    struct list blocked;
    struct list *node;
    bool began = false;

    if (list_is_empty(&transport->waiting_pools)) {
        return false;
    }
    list_init(&blocked);
    while ((node = list_first(&transport->waiting_pools))) {
        struct pool *pool = CONTAINER_OF(node, struct pool, waiting_node);

        if (CONTAINER_OF(list_first(&pool->waiting), struct exchange, node)->order > last) {
            tulle__flow_later(transport);
            break;
        }
        if (flow_admit_first(pool)) {
            began = true;
            continue;
        }
        list_remove(node);
        list_add_last(&blocked, node);
    }
    list_move_all(&blocked, &transport->waiting_pools);
    list_move_all(&transport->waiting_pools, &blocked);
    return began;
}

void tulle__flow_settle(struct curl_transport *transport)
{
    bool resumed;

    if (transport->inside > 0) {
        tulle__flow_later(transport);
        return;
    }
    tulle__timer_disarm(transport->loop, &transport->later);
    resumed = tulle__stream_settle(transport);
    flow_cut_cancelled(transport);
    if (flow_admit(transport) || resumed) {
        tulle__lane_expire(&transport->lane);
        tulle__lane_collect(&transport->lane);
        flow_cut_cancelled(transport);
    }
    tulle__ahead_settle(transport);
    tulle__pool_settle(transport);
}

void tulle__flow_later(struct curl_transport *transport)
{
    if (!transport->closing && transport->later.node.index == 0) {
        tulle__timer_arm(transport->loop, &transport->later, transport->loop->now);
    }
}
