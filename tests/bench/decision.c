/* SPDX-License-Identifier: Apache-2.0 */

/* One whole decision without network, over and over: plan, every layer down
 * (deadline, timeout, retry, admit, pick, endpoint, per-try timeout), the
 * transport, which is answered 200 at once, and every layer up and to its end,
 * counters and outlier detection included. What is left out is what belongs to
 * the request and the reply: copying the one in, taking the other over.
 *
 *   decision ENDPOINTS ROUNDS
 *
 * prints ns for each decision (median, least and greatest of batches) and how
 * many times memory was asked for. The world stands still and its seed is
 * fixed, so that two runs differ by their rounds alone: callgrind counts the
 * instructions of a decision as a difference. */

#include "core/mesh.h"
#include "core/request.h"
#include "policy/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCHES = 10 };

struct bench {
    struct tulle *mesh;
    struct mesh_loop *here;
    struct tulle_call *call;
    struct tulle_call fresh; /* `call` as it was before its first round */
    uint64_t decided;
};

static uint64_t allocations;
static struct exchange *started;

static void fail(const char *what)
{
    fprintf(stderr, "decision: %s\n", what);
    exit(1);
}

/* --- memory and the world --- */

static void *resize_counted(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    allocations++;
    return realloc(ptr, size);
}

static int64_t still_now(void *user)
{
    (void)user;
    return NS_PER_S;
}

static uint64_t still_seed(void *user)
{
    (void)user;
    return 42;
}

static const struct world still_world = {
    .now = still_now, .wall = still_now, .seed = still_seed, .is_virtual = true
};

/* --- a transport that remembers what it was given --- */

struct null_pool {
    int unused;
};

static struct pool *null_open(struct transport *transport, const struct pool_spec *spec)
{
    static struct null_pool pool;

    (void)transport;
    (void)spec;
    return (struct pool *)&pool;
}

static void null_start(struct pool *pool, struct exchange *exchange)
{
    exchange->private = pool;
    started = exchange;
}

static void null_cancel(struct exchange *exchange)
{
    exchange->private = NULL;
}

static void null_drain(struct pool *pool)
{
    (void)pool;
}

static bool null_shed(struct transport *transport, struct connection_limit *limit)
{
    (void)transport;
    (void)limit;
    return false;
}

static void null_retry(struct transport *transport, struct connection_limit *limit)
{
    (void)transport;
    (void)limit;
}

static struct transport *null_open_transport(const struct transport_options *options);
static void null_close_transport(struct transport *transport);

static const struct transport_type null_transport = {
    .name = "null",
    .open_transport = null_open_transport,
    .close_transport = null_close_transport,
    .open = null_open,
    .start = null_start,
    .cancel = null_cancel,
    .drain = null_drain,
    .shed = null_shed,
    .retry = null_retry,
};

static struct transport *null_open_transport(const struct transport_options *options)
{
    struct transport *transport = ALLOC_ZERO(struct transport);

    (void)options;
    if (transport) {
        transport->type = &null_transport;
    }
    return transport;
}

static void null_close_transport(struct transport *transport)
{
    tulle__free(transport);
}

/* --- the mesh --- */

static const char policies[] = "apiVersion: networking.istio.io/v1\n"
                               "kind: VirtualService\n"
                               "metadata: {name: reviews}\n"
                               "spec:\n"
                               "  hosts: [reviews]\n"
                               "  http:\n"
                               "  - match: [{uri: {prefix: /admin}}]\n"
                               "    route: [{destination: {host: reviews}}]\n"
                               "  - timeout: 1s\n"
                               "    retries: {attempts: 2, perTryTimeout: 0.25s}\n"
                               "    route: [{destination: {host: reviews}}]\n"
                               "---\n"
                               "apiVersion: networking.istio.io/v1\n"
                               "kind: DestinationRule\n"
                               "metadata: {name: reviews}\n"
                               "spec:\n"
                               "  host: reviews\n"
                               "  trafficPolicy:\n"
                               "    connectionPool:\n"
                               "      tcp: {maxConnections: 1000}\n"
                               "      http: {http1MaxPendingRequests: 100}\n"
                               "    outlierDetection: {consecutive5xxErrors: 5}\n";

static void config_fill(struct tulle_config *config, size_t endpoints)
{
    char address[32];

    if (tulle_config_add_service(config, "reviews", 9080, TULLE_PROTOCOL_HTTP) != TULLE_OK ||
        tulle_config_add_yaml(config, "policies", policies) != TULLE_OK) {
        fail("the configuration");
    }
    for (size_t i = 0; i < endpoints; i++) {
        snprintf(address, sizeof(address), "10.%zu.%zu.%zu:9080", i >> 16, i >> 8 & 255, i & 255);
        if (tulle_config_add_endpoint(config, "reviews", address, NULL, 1) != TULLE_OK) {
            fail("an endpoint");
        }
    }
}

static void on_log(void *user, int32_t level, const char *area, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "decision: %s: %s\n", area, text);
}

static void on_ended(struct tulle_call *call)
{
    list_remove(&call->node);
    tulle__use_end(call->mesh_loop, call->use);
}

static void bench_open(struct bench *bench, size_t endpoints)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .log = on_log };
    const struct tulle_request request = { TULLE_REQUEST_INIT,
                                           .url = "http://reviews:9080/ratings/7?full=1" };

    if (tulle_config_new(&options.built) != TULLE_OK) {
        fail("no memory");
    }
    config_fill(options.built, endpoints);
    if (tulle__open_in(&options, &still_world, &null_transport, &bench->mesh) != TULLE_OK) {
        fail("tulle__open_in");
    }
    tulle_config_free(options.built);
    tulle__mesh_run(bench->mesh);
    bench->here = &bench->mesh->loops.each[0];
    if (tulle__call_new(bench->mesh, &request, false, &bench->call) != TULLE_OK ||
        !tulle__loop_reserve_timers(&bench->here->loop, 1)) {
        fail("a call");
    }
    bench->call->mesh_loop = bench->here;
    bench->call->on = &bench->here->lend;
    bench->call->ended = on_ended;
    bench->fresh = *bench->call;
}

/* A pool is made when its endpoint is first picked: that is part of connecting,
 * not of deciding. */
static void pools_open(struct bench *bench)
{
    struct runnable *runnable = bench->here->use->runnable;

    for (size_t i = 0; i < runnable->live_count; i++) {
        struct cluster_live *live = runnable->lives[i];

        for (size_t j = 0; j < live->view_count; j++) {
            if (!bench->here->lend.pool_of(&bench->here->lend, live->views[j]->peer)) {
                fail("a pool");
            }
        }
    }
}

static void bench_close(struct bench *bench)
{
    tulle__loop_release_timers(&bench->here->loop, 1);
    tulle__call_unref(bench->call);
    tulle_close(bench->mesh);
}

/* --- one decision, as core/calls.c begins and ends a call --- */

static void call_begin(struct bench *bench, struct tulle_call *call)
{
    struct mesh_loop *here = bench->here;
    const struct plan_request request = { .url = &call->url,
                                          .method = call->method,
                                          .headers = call->headers,
                                          .header_count = call->header_count };

    tulle__publisher_freshen(here);
    tulle__plan(&here->use->runnable->table, &request, &here->lend.rand, &call->plan);
    if (call->plan.kind != PLAN_TARGET) {
        fail("no route");
    }
    call->stack = call->plan.destination->target->stack;
    call->use = here->use;
    call->use->calls++;
    list_add_last(&here->here, &call->node);
    tulle__call_run(call);
}

static void decide(struct bench *bench)
{
    static const struct exchange_end good = { .error = TULLE_OK, .progress = TULLE_ANSWERED };
    struct tulle_call *call = bench->call;
    struct exchange *exchange;

    *call = bench->fresh;
    started = NULL;
    call_begin(bench, call);
    if (!started) {
        fail("nothing was sent");
    }
    exchange = started;
    exchange->events->head(exchange, 200, false);
    exchange->private = NULL;
    exchange->events->end(exchange, &good);
    bench->decided += call->done && call->outcome.status == 200;
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static void measure(struct bench *bench, size_t rounds)
{
    double batches[BATCHES];
    uint64_t before;

    decide(bench);
    pools_open(bench);
    before = allocations;
    for (size_t i = 0; i < BATCHES; i++) {
        int64_t began = now_ns();

        for (size_t j = 0; j < rounds / BATCHES; j++) {
            decide(bench);
        }
        batches[i] = (double)(now_ns() - began) / (double)(rounds / BATCHES);
    }
    qsort(batches, BATCHES, sizeof(batches[0]), by_value);
    printf("{\"ns\": %.1f, \"least\": %.1f, \"greatest\": %.1f, \"decided\": %llu, "
           "\"allocations\": %llu}\n",
           batches[BATCHES / 2], batches[0], batches[BATCHES - 1],
           (unsigned long long)bench->decided, (unsigned long long)(allocations - before));
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const struct alloc_hook hook = { .resize = resize_counted };

    if (argc != 3 || strtoul(argv[2], NULL, 10) < BATCHES) {
        fprintf(stderr, "usage: decision ENDPOINTS ROUNDS (10 at least)\n");
        return 2;
    }
    tulle__alloc_set_hook(&hook);
    bench_open(&bench, strtoul(argv[1], NULL, 10));
    measure(&bench, strtoul(argv[2], NULL, 10));
    bench_close(&bench);
    return 0;
}
