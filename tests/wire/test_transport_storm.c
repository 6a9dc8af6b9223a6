/* SPDX-License-Identifier: Apache-2.0 */

/* Many fates at once: whatever servers and callers do, each exchange ends once
 * or was cancelled, no limit is passed, and nothing is left. And all of it
 * again while memory runs out. */

#include <stdio.h>
#include <stdlib.h>

#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

enum { SLOTS = 60, ROUNDS = 1500, CONNECTIONS_MAX = 7 };

static const char *const fates[] = { "",        "?delay=3", "?drop",           "?reset",
                                     "?close",  "?cut",     "?body=20000",     "?body=50&break=9",
                                     "?refuse", "?rst=8",   "?body=9&chunked", "?delay=30" };

struct slot {
    struct rig_call call;
    bool running;
};

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void slot_collect(struct slot *slot)
{
    if (slot->running && slot->call.ends > 0) {
        assert_int_equal(slot->call.ends, 1);
        slot->running = false;
    }
}

static void slot_step(struct slot *slot, struct rig *rig, struct pool *pool, uint32_t *seed)
{
    char url[100];

    slot_collect(slot);
    if (slot->running) {
        if (draw(seed, 8) == 0) {
            tulle__curl_transport.cancel(&slot->call.exchange);
            slot->running = false;
            memset(&slot->call.exchange, 0xA5, sizeof(slot->call.exchange));
        }
        return;
    }
    rig_call_fini(&slot->call);
    snprintf(url, sizeof(url), "http://mesh%u.test/x%s", draw(seed, 2),
             fates[draw(seed, COUNT_OF(fates))]);
    rig_call_init(&slot->call, rig, url);
    slot->call.exchange.connections_max = CONNECTIONS_MAX;
    slot->call.exchange.idle_timeout_ns = (1 + (int64_t)draw(seed, 400)) * NS_PER_MS;
    slot->call.exchange.method = draw(seed, 2) ? STR("GET") : STR("POST");
    rig_start(&slot->call, pool);
    slot->running = true;
}

static void storm(struct server *servers[2], enum protocol protocol)
{
    struct slot *slots = calloc(SLOTS, sizeof(*slots));
    struct pool *pools[2];
    struct rig rig;
    uint32_t seed = 7;

    rig_init(&rig, NULL);
    for (int i = 0; i < 2; i++) {
        pools[i] = rig_pool(&rig, server_address(servers[i]), protocol);
    }
    for (int i = 0; i < ROUNDS; i++) {
        slot_step(&slots[draw(&seed, SLOTS)], &rig, pools[draw(&seed, 2)], &seed);
        if (draw(&seed, 4) == 0) {
            tulle__loop_round(&rig.loop, rig.loop.now);
        }
        if (draw(&seed, 100) == 0) {
            int which = (int)draw(&seed, 2);

            tulle__curl_transport.drain(pools[which]);
            pools[which] = rig_pool(&rig, server_address(servers[which]), protocol);
        }
        assert_true(atomic_load(&rig.limit.open) <= CONNECTIONS_MAX);
    }
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i].running) {
            rig_wait(&rig, &slots[i].call, 1);
            slot_collect(&slots[i]);
        }
        rig_call_fini(&slots[i].call);
    }
    rig_run(&rig, 600 * NS_PER_MS);
    assert_int_equal(atomic_load(&rig.transport->open), 0);
    assert_int_equal(atomic_load(&rig.transport->idle), 0);
    assert_int_equal(atomic_load(&rig.transport->active), 0);
    assert_int_equal(atomic_load(&rig.transport->waiting), 0);
    rig_fini(&rig);
    free(slots);
}

static void every_fate_over_http1(void **state)
{
    struct server *servers[2] = { server_start(SERVER_HTTP, "127.0.0.2:0", NULL),
                                  server_start(SERVER_HTTP, "127.0.0.2:0", NULL) };

    (void)state;
    storm(servers, PROTOCOL_HTTP1);
    assert_true(server_count(servers[0], "open_max") <= CONNECTIONS_MAX);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

static void every_fate_over_http2(void **state)
{
    struct server *servers[2] = { server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", "--streams", "5",
                                               NULL),
                                  server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", NULL) };

    (void)state;
    server_command(servers[1], "goaway-every 20");
    storm(servers, PROTOCOL_HTTP2);
    server_stop(servers[0]);
    server_stop(servers[1]);
}

/* What fails for memory says so, and the next one may succeed. */
static void calls_survive_running_out_of_memory(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct pool_spec spec = { .address = str_of(server_address(server)) };
    struct rig_call calls[3] = { 0 };
    struct rig rig;
    struct pool *pool;

    (void)state;
    if (!rig_try_init(&rig, "/dev/null")) {
        CHECK(false);
        server_stop(server);
        return;
    }
    pool = tulle__curl_transport.open(rig.transport, &spec);
    CHECK_OR_DONE(pool);
    for (int i = 0; i < 3; i++) {
        rig_call_init(&calls[i], &rig, "http://mesh.test/x?text=abc&delay=5");
        for (int k = 0; k < 20; k++) {
            calls[i].lines[k] = (struct header_line){ STR("X-Empty:"), 7 };
        }
        calls[i].exchange.header_count = 20;
        rig_start(&calls[i], pool);
    }
    rig_wait(&rig, calls, 3);
    for (int i = 0; i < 3; i++) {
        CHECK(calls[i].end.error == TULLE_OK);
        assert_true(calls[i].end.error == TULLE_OK || calls[i].end.error == TULLE_E_NOMEM);
        rig_call_fini(&calls[i]);
    }
done:
    rig_fini(&rig);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(every_fate_over_http1), cmocka_unit_test(every_fate_over_http2),
          TEST_OOM(calls_survive_running_out_of_memory))
