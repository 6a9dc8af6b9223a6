/* SPDX-License-Identifier: Apache-2.0 */

/* The table that core sees, and the birth and death of the transport of a loop. */

#include "base/alloc.h"
#include "transport/curl/internal.h"

enum {
    TIMERS = 6,
    HTTP2_SINCE = 0x080000,
    /* Versions whose silence about a stream was read and tested; with others a
     * connection that has ended proves nothing, and a POST is not sent again. */
    REFUSALS_SINCE = 0x080e00,
    REFUSALS_UNTIL = 0x080f00
};

static struct curl_transport *transport_of(struct transport *base)
{
    return CONTAINER_OF(base, struct curl_transport, base);
}

static void transport_settle(struct timer *timer, int64_t now)
{
    (void)now;
    tulle__flow_settle(CONTAINER_OF(timer, struct curl_transport, later));
}

static void transport_init_lists(struct curl_transport *transport)
{
    list_init(&transport->pools);
    list_init(&transport->draining);
    list_init(&transport->waiting_pools);
    list_init(&transport->transfers);
    list_init(&transport->spare);
    list_init(&transport->cancelled);
    list_init(&transport->resumed);
    list_init(&transport->idle);
    list_init(&transport->ahead_now);
    list_init(&transport->ahead_later);
}

static void transport_close(struct transport *base);

static bool transport_prepare(struct curl_transport *transport,
                              const struct transport_options *options)
{
    if (options->ca_file) {
        transport->ca_file = tulle__strndup(options->ca_file, strlen(options->ca_file));
        if (!transport->ca_file) {
            return false;
        }
    }
    transport->reserved = tulle__loop_reserve_timers(transport->loop, TIMERS);
    return transport->reserved && tulle__lane_open(transport, &transport->lane) &&
           tulle__idle_init(transport);
}

static struct transport *transport_open(const struct transport_options *options)
{
    unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;
    struct curl_transport *transport;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return NULL;
    }
    transport = ALLOC_ZERO(struct curl_transport);
    if (!transport) {
        curl_global_cleanup();
        return NULL;
    }
    transport->base.type = &tulle__curl_transport;
    transport->loop = options->loop;
    transport->log = options->log;
    transport->later.fire = transport_settle;
    transport->patience_timer.fire = tulle__pool_lose_patience;
    transport->ahead_timer.fire = tulle__ahead_fire;
    transport->lane.transport = transport;
    transport->can_http2 = version >= HTTP2_SINCE;
    transport->tells_refusals = version >= REFUSALS_SINCE && version < REFUSALS_UNTIL;
    transport_init_lists(transport);
    if (!transport_prepare(transport, options)) {
        transport_close(&transport->base);
        return NULL;
    }
    return &transport->base;
}

static void pools_free(struct list *pools)
{
    while (!list_is_empty(pools)) {
        tulle__pool_free(CONTAINER_OF(pools->next, struct pool, node));
    }
}

static void transfers_free(struct list *transfers)
{
    while (!list_is_empty(transfers)) {
        tulle__transfer_free(CONTAINER_OF(transfers->next, struct transfer, node));
    }
}

static void pools_cool(struct list *pools)
{
    for (struct list *node = pools->next; node != pools; node = node->next) {
        tulle__ahead_stop(CONTAINER_OF(node, struct pool, node));
    }
}

static void transport_close(struct transport *base)
{
    struct curl_transport *transport = transport_of(base);

    transport->closing = true;
    pools_cool(&transport->pools);
    if (transport->sweeper) {
        tulle__flow_settle(transport);
        tulle__idle_fini(transport);
    }
    tulle__lane_close(&transport->lane);
    tulle__timer_disarm(transport->loop, &transport->later);
    tulle__timer_disarm(transport->loop, &transport->patience_timer);
    tulle__timer_disarm(transport->loop, &transport->ahead_timer);
    transfers_free(&transport->spare);
    tulle__pool_settle(transport);
    pools_free(&transport->draining);
    pools_free(&transport->pools);
    if (transport->reserved) {
        tulle__loop_release_timers(transport->loop, TIMERS);
    }
    tulle__free(transport->by_fd);
    tulle__free(transport->buckets);
    tulle__free(transport->ca_file);
    tulle__free(transport);
    curl_global_cleanup();
}

static bool transport_shed(struct transport *base, struct connection_limit *limit)
{
    return tulle__idle_shed(transport_of(base), limit);
}

static void transport_retry(struct transport *base, struct connection_limit *limit)
{
    (void)limit;
    tulle__pool_try_again(transport_of(base));
}

const struct transport_type tulle__curl_transport = {
    .name = "curl",
    .open_transport = transport_open,
    .close_transport = transport_close,
    .open = tulle__pool_open,
    .start = tulle__flow_start,
    .cancel = tulle__flow_cancel,
    .resume_send = tulle__stream_resume_send,
    .resume_receive = tulle__stream_resume_receive,
    .warm = tulle__ahead_warm,
    .drain = tulle__pool_drain,
    .shed = transport_shed,
    .retry = transport_retry,
};
