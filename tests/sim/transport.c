/* SPDX-License-Identifier: Apache-2.0 */

/* seam/transport.h with queues behind it. Connections cost nothing and there
 * are always enough. All that is told is told from a timer of the loop. */

#include "base/macros.h"
#include "sim/whole.h"

#include <stdlib.h>

struct sim_transport {
    struct transport base; /* first */
    struct whole *whole;
    struct loop *loop;
    struct list pools;
    struct task settle;
};

struct pool {
    struct list node;
    struct sim_transport *transport;
    struct whole_server *server;
    size_t jobs;
    bool draining;
    void *user;
    void (*drained)(void *user);
};

static void server_turn(struct whole_server *server, struct sim_transport *transport);

static void settle(struct task *task)
{
    struct sim_transport *transport = CONTAINER_OF(task, struct sim_transport, settle);
    struct list *node, *next;

    for (node = transport->pools.next; node != &transport->pools; node = next) {
        struct pool *pool = CONTAINER_OF(node, struct pool, node);

        next = node->next;
        if (pool->draining && pool->jobs == 0) {
            list_remove(node);
            pool->drained(pool->user);
            free(pool);
        }
    }
}

static struct transport *transport_open(const struct transport_options *options)
{
    struct sim_transport *transport = sim_alloc(1, sizeof(*transport));

    transport->base.type = options->type;
    transport->whole = CONTAINER_OF(options->type, struct whole, type);
    transport->loop = options->loop;
    transport->settle.run = settle;
    list_init(&transport->pools);
    return &transport->base;
}

static struct sim_transport *transport_of(struct transport *transport)
{
    return (struct sim_transport *)(void *)transport;
}

static void transport_close(struct transport *base)
{
    struct sim_transport *transport = transport_of(base);
    struct list *node, *next;

    for (node = transport->pools.next; node != &transport->pools; node = next) {
        next = node->next;
        free(CONTAINER_OF(node, struct pool, node));
    }
    free(transport);
}

/* "10.0.0.N:80" is server N - 1; the pool of calls past the mesh has none. */
static struct whole_server *server_of(struct whole *whole, struct str address)
{
    size_t number = address.size > 7 ? strtoul(address.data + 7, NULL, 10) : 0;

    return number > 0 && number <= whole->server_count ? &whole->servers[number - 1] : NULL;
}

static struct pool *transport_open_pool(struct transport *base, const struct pool_spec *spec)
{
    struct sim_transport *transport = transport_of(base);
    struct pool *pool = sim_alloc(1, sizeof(*pool));

    pool->transport = transport;
    pool->server = server_of(transport->whole, spec->address);
    pool->user = spec->user;
    pool->drained = spec->drained;
    list_add_last(&transport->pools, &pool->node);
    return pool;
}

static void job_free(struct job *job)
{
    struct sim_transport *transport = job->pool->transport;

    job->pool->jobs--;
    list_remove(&job->in_whole);
    tulle__loop_release_timers(transport->loop, 1);
    if (job->pool->draining) {
        tulle__loop_post(transport->loop, &transport->settle);
    }
    free(job);
}

static void job_tell(struct job *job)
{
    const struct exchange_end end = { .progress = TULLE_ANSWERED, .text = "" };
    struct exchange *exchange = job->exchange;

    exchange->events->head(exchange, job->status, false);
    if (job->exchange != NULL) { /* it may have been cancelled by the head */
        job->exchange = NULL;
        exchange->private = NULL;
        exchange->events->end(exchange, &end);
    }
}

static void job_over(struct timer *timer, int64_t now)
{
    struct job *job = CONTAINER_OF(timer, struct job, timer);
    struct sim_transport *transport = job->pool->transport;
    struct whole_server *server = job->server;

    (void)now;
    if (job->working) {
        server->busy--;
    }
    if (job->exchange != NULL) {
        job_tell(job);
    }
    job_free(job);
    server_turn(server, transport);
}

static void job_begin(struct job *job, struct sim_transport *transport)
{
    job->status = 200;
    transport->whole->serve(transport->whole, job);
    job->working = true;
    job->server->busy++;
    if (job->takes_ns != NEVER) {
        tulle__timer_arm(transport->loop, &job->timer, transport->whole->sim.now + job->takes_ns);
    }
}

static void server_turn(struct whole_server *server, struct sim_transport *transport)
{
    struct list *node;

    while (server->busy < server->workers && (node = list_first(&server->line)) != NULL) {
        struct job *job = CONTAINER_OF(node, struct job, node);

        list_remove(node);
        server->line_size--;
        job_begin(job, transport);
    }
}

static void transport_start(struct pool *pool, struct exchange *exchange)
{
    struct sim_transport *transport = pool->transport;
    struct job *job = sim_alloc(1, sizeof(*job));
    struct whole_server *server = pool->server;

    if (server == NULL || !tulle__loop_reserve_timers(transport->loop, 1)) {
        sim_die("no such server, or no memory", exchange->url.data);
    }
    job->exchange = exchange;
    job->pool = pool;
    job->server = server;
    job->timer.fire = job_over;
    list_init(&job->node);
    list_add_last(&transport->whole->jobs, &job->in_whole);
    pool->jobs++;
    exchange->private = job;
    exchange->connected_at = 0;
    exchange->events->sent(exchange);
    transport->whole->requests++;
    if (server->busy < server->workers) {
        job_begin(job, transport);
    } else if (server->line_size < server->line_max) {
        list_add_last(&server->line, &job->node);
        server->line_size++;
    } else {
        job->status = 503;
        tulle__timer_arm(transport->loop, &job->timer, transport->whole->sim.now);
    }
}

static void transport_cancel(struct exchange *exchange)
{
    struct job *job = exchange->private;

    if (job != NULL) {
        job->exchange = NULL;
        exchange->private = NULL;
    }
}

static void transport_drain(struct pool *pool)
{
    pool->draining = true;
    tulle__loop_post(pool->transport->loop, &pool->transport->settle);
}

static void exchange_resume(struct exchange *exchange)
{
    (void)exchange; /* no body is ever streamed */
}

static bool transport_shed(struct transport *transport, struct connection_limit *limit)
{
    (void)transport, (void)limit;
    return false;
}

static void transport_retry(struct transport *transport, struct connection_limit *limit)
{
    (void)transport, (void)limit;
}

void sim_jobs_discard(struct whole *whole)
{
    struct list *node, *next;

    for (node = whole->jobs.next; node != &whole->jobs; node = next) {
        struct job *job = CONTAINER_OF(node, struct job, in_whole);

        next = node->next;
        tulle__timer_disarm(job->pool->transport->loop, &job->timer);
        list_remove(&job->node);
        job_free(job);
    }
}

const struct transport_type sim_transport = {
    .name = "sim",
    .open_transport = transport_open,
    .close_transport = transport_close,
    .open = transport_open_pool,
    .start = transport_start,
    .cancel = transport_cancel,
    .resume_send = exchange_resume,
    .resume_receive = exchange_resume,
    .drain = transport_drain,
    .shed = transport_shed,
    .retry = transport_retry,
};
