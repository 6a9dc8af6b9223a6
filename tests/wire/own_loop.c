/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/own_loop.h"

#include <stdio.h>

enum { CALLS = 200 };

static void write_mesh(const struct own_loop *own, const char *route)
{
    char yaml[2048];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop.default.svc.cluster.local]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
             "  endpoints: [{address: 127.0.0.2, ports: {http: %u}}]\n"
             "---\n"
             "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: shop}\n"
             "spec:\n  host: shop\n  trafficPolicy:\n"
             "    outlierDetection: {consecutive5xxErrors: 1, interval: 50ms,\n"
             "                       baseEjectionTime: 200ms, maxEjectionPercent: 100}\n"
             "---\n"
             "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n"
             "spec:\n  hosts: [shop]\n  http:\n"
             "  - name: %s\n    route: [{destination: {host: shop}}]\n",
             server_port(own->server), route);
    test_folder_write(own->folder, "shop.yaml", yaml);
}

static void note_route(void *user, const struct tulle_access *access)
{
    struct own_loop *own = user;

    snprintf(own->route, sizeof(own->route), "%s", access->route);
}

void own_loop_open(struct own_loop *own)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .threads = TULLE_NONE_COUNT,
                                     .access = note_route, .access_user = own };

    *own = (struct own_loop){ .began = test_now(), .threads = wire_threads() };
    own->server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    own->folder = test_folder_new();
    write_mesh(own, "first");
    options.config = own->folder;
    assert_int_equal(tulle_open(&options, &own->mesh), TULLE_OK);
    assert_true(tulle_fd(own->mesh) >= 0);
}

void own_loop_close(struct own_loop *own)
{
    assert_int_equal(wire_threads(), own->threads);
    wire_close(own->mesh);
    server_stop(own->server);
    test_folder_free(own->folder);
}

static void note_end(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct own_loop *own = user;

    own->last = error;
    own->statuses[error == TULLE_OK ? tulle_reply_status(tulle_call_reply(call)) : 0]++;
    own->under_way = false;
    if (++own->ended == CALLS / 4) {
        write_mesh(own, "second");
    }
    tulle_call_free(call);
}

static void start(struct own_loop *own, const char *url, int64_t deadline_ns)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = url, .deadline_ns = deadline_ns,
                                     .retry = TULLE_RETRY_OFF };
    struct tulle_call *call;

    own->under_way = true;
    own->started++;
    assert_int_equal(tulle_call_start(own->mesh, &request, note_end, own, &call), TULLE_OK);
}

static void storm_tick(struct own_loop *own)
{
    while (own->started < CALLS) {
        start(own, "http://shop/?delay=20", TULLE_S(60));
    }
    if (own->ended == CALLS) {
        assert_int_equal(own->statuses[200], CALLS);
        own->stage = OWN_RELOAD;
    }
}

static void reload_tick(struct own_loop *own)
{
    if (own->under_way) {
        return;
    }
    if (strcmp(own->route, "second") != 0) {
        start(own, "http://shop/", TULLE_S(60));
        return;
    }
    assert_int_equal(own->statuses[200], own->ended);
    own->stage = OWN_DEADLINE;
    start(own, "http://shop/hang", TULLE_MS(200));
}

/* An endpoint that was slow enough for the deadline may be ejected already. */
static void deadline_tick(struct own_loop *own)
{
    if (own->under_way) {
        return;
    }
    assert_int_equal(own->last, TULLE_E_TIMEOUT);
    own->stage = OWN_EJECTION;
    start(own, "http://shop/status/503", TULLE_S(60));
}

static void ejection_tick(struct own_loop *own)
{
    struct tulle_endpoint_state state = { TULLE_ENDPOINT_STATE_INIT };

    if (own->under_way || !wire_endpoint(own->mesh, server_address(own->server), &state)) {
        return;
    }
    if (state.ejections > 0 && strcmp(state.gate, "ejected") != 0) {
        own->stage = OWN_OVER;
    }
}

bool own_loop_tick(struct own_loop *own)
{
    static void (*const ticks[])(struct own_loop * own) = { storm_tick, reload_tick, deadline_tick,
                                                            ejection_tick };

    assert_true(test_now() - own->began < TULLE_S(120));
    if (own->stage != OWN_OVER) {
        ticks[own->stage](own);
    }
    return own->stage == OWN_OVER;
}
