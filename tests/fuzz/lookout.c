/* SPDX-License-Identifier: Apache-2.0 */

#include "fuzz/lookout.h"

#include <stdlib.h>

#include "core/mesh.h"

struct pool {
    char unused;
};

static struct exchange *shown;
static struct transport transport;
static struct pool pool;

extern const struct transport_type lookout_transport;

static struct transport *lookout_open_transport(const struct transport_options *options)
{
    (void)options;
    transport.type = &lookout_transport;
    return &transport;
}

static void lookout_close_transport(struct transport *closed)
{
    (void)closed;
}

static struct pool *lookout_pool(struct transport *on, const struct pool_spec *spec)
{
    (void)on;
    (void)spec;
    return &pool;
}

static void lookout_start(struct pool *on, struct exchange *exchange)
{
    (void)on;
    if (shown) {
        abort();
    }
    exchange->private = &shown;
    shown = exchange;
}

static void lookout_cancel(struct exchange *exchange)
{
    exchange->private = NULL;
    shown = NULL;
}

static void lookout_drain(struct pool *drained)
{
    (void)drained;
}

static bool lookout_shed(struct transport *on, struct connection_limit *limit)
{
    (void)on;
    (void)limit;
    return false;
}

static void lookout_retry(struct transport *on, struct connection_limit *limit)
{
    (void)on;
    (void)limit;
}

const struct transport_type lookout_transport = {
    .name = "lookout",
    .open_transport = lookout_open_transport,
    .close_transport = lookout_close_transport,
    .open = lookout_pool,
    .start = lookout_start,
    .cancel = lookout_cancel,
    .drain = lookout_drain,
    .shed = lookout_shed,
    .retry = lookout_retry,
};

static int64_t still_now(void *user)
{
    (void)user;
    return 1000 * NS_PER_S;
}

static uint64_t still_seed(void *user)
{
    (void)user;
    return 42;
}

static const struct world still = {
    .now = still_now,
    .wall = still_now,
    .seed = still_seed,
    .is_virtual = true,
};

struct tulle *lookout_open(void)
{
    static const char *const service = "apiVersion: networking.istio.io/v1\n"
                                       "kind: ServiceEntry\n"
                                       "metadata: {name: shop}\n"
                                       "spec:\n"
                                       "  hosts: [shop]\n"
                                       "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
                                       "  resolution: STATIC\n"
                                       "  endpoints: [{address: 10.0.0.1}]\n";
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1 };
    struct tulle *mesh = NULL;

    if (tulle_config_new(&options.built) != TULLE_OK ||
        tulle_config_add_yaml(options.built, "shop.yaml", service) != TULLE_OK ||
        tulle__open_in(&options, &still, &lookout_transport, &mesh) != TULLE_OK) {
        abort();
    }
    tulle_config_free(options.built);
    tulle__mesh_run(mesh);
    return mesh;
}

struct exchange *lookout_take(void)
{
    return shown;
}

void lookout_answer(struct exchange *exchange)
{
    const struct exchange_end end = { .error = TULLE_OK, .progress = TULLE_ANSWERED, .text = "" };

    shown = NULL;
    exchange->private = NULL;
    exchange->events->head(exchange, 200, false);
    exchange->events->end(exchange, &end);
}
