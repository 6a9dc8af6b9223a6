/* SPDX-License-Identifier: Apache-2.0 */

/* Calls to a real nginx: the plain ones, and those under way while it reloads
 * and closes the connections that were kept. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer/peers.h"

enum { RELOADS = 5, PER_S = 300 };

static const char config[] = "worker_processes 1;\n"
                             "daemon off;\n"
                             "pid %1$s/nginx.pid;\n"
                             "error_log %1$s/nginx.log notice;\n"
                             "events { worker_connections 512; }\n"
                             "http {\n"
                             "  access_log off;\n"
                             "  keepalive_requests %3$u;\n"
                             "  client_body_temp_path %1$s/body;\n"
                             "  proxy_temp_path %1$s/proxy;\n"
                             "  fastcgi_temp_path %1$s/fastcgi;\n"
                             "  uwsgi_temp_path %1$s/uwsgi;\n"
                             "  scgi_temp_path %1$s/scgi;\n"
                             "  server {\n"
                             "    listen 127.0.0.1:%2$u;\n"
                             "    location = / { return 200 \"nginx says $request_method\\n\"; }\n"
                             "    location = /big { root %1$s; }\n"
                             "    location / { return 404; }\n"
                             "  }\n"
                             "}\n";

static struct peer *nginx_start(unsigned keepalive_requests)
{
    struct peer *peer = peer_new();
    char text[2048], path[256], log[256];

    snprintf(text, sizeof(text), config, peer_folder(peer), peer_port(peer), keepalive_requests);
    test_folder_write(peer_folder(peer), "nginx.conf", text);
    snprintf(path, sizeof(path), "%s", peer_path(peer, "nginx.conf"));
    snprintf(log, sizeof(log), "%s", peer_path(peer, "nginx.log"));
    peer_run(peer, "/usr/sbin/nginx", "-e", log, "-p", peer_folder(peer), "-c", path, NULL);
    return peer;
}

static struct outcome call(struct tulle *mesh, const char *method, const char *url,
                           const char *body)
{
    struct tulle_request request = { TULLE_REQUEST_INIT, .method = method, .url = url, .body = body,
                                     .body_size = body ? strlen(body) : 0 };

    return wire_call(mesh, &request);
}

static void nginx_keeps_one_connection_for_all_that_comes_in_turn(void **state)
{
    struct peer *nginx = nginx_start(1000);
    struct tulle *mesh = peer_open(peer_at(nginx), TULLE_PROTOCOL_HTTP, NULL, &wire_one_loop);
    struct outcome outcome;

    (void)state;
    for (int i = 0; i < 20; i++) {
        outcome = call(mesh, "GET", "http://shop/", NULL);
        assert_int_equal(outcome.status, 200);
        assert_string_equal(outcome.body, "nginx says GET\n");
    }
    outcome = call(mesh, "HEAD", "http://shop/", NULL);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body, "");
    outcome = call(mesh, "POST", "http://shop/", "an order");
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body, "nginx says POST\n");
    outcome = call(mesh, "DELETE", "http://shop/nothing", NULL);
    assert_int_equal(outcome.error, TULLE_OK);
    assert_int_equal(outcome.status, 404);
    assert_true(wire_metric(mesh, "tulle_connections_opened_total", "shop") == 1);
    wire_close(mesh);
    peer_free(nginx);
}

static void a_file_of_a_megabyte_arrives_whole(void **state)
{
    enum { SIZE = 1 << 20 };
    struct peer *nginx = nginx_start(1000);
    struct tulle *mesh = peer_open(peer_at(nginx), TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct tulle_reply *reply;
    char *text = malloc(SIZE + 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    test_folder_write(peer_folder(nginx), "big", text);
    assert_int_equal(tulle_get(mesh, "http://shop/big", &reply), TULLE_OK);
    assert_int_equal(tulle_reply_body_size(reply), SIZE);
    assert_memory_equal(tulle_reply_body(reply), text, SIZE);
    tulle_reply_free(reply);
    free(text);
    wire_close(mesh);
    peer_free(nginx);
}

struct progress {
    struct tally *tally;
    uint64_t least;
};

static bool has_ended(void *user)
{
    struct progress *progress = user;

    return tally_ended(progress->tally) >= progress->least;
}

/* `reload`: new workers each time. Without, nginx closes a connection after
 * every tenth request. */
static void check_pace(unsigned keepalive_requests, bool reload)
{
    struct peer *nginx = nginx_start(keepalive_requests);
    struct tulle *mesh = peer_open(peer_at(nginx), TULLE_PROTOCOL_HTTP, NULL, NULL);
    struct pacer pacer;

    pacer_start(&pacer, mesh, "http://shop/", PER_S);
    for (int i = 0; i < RELOADS; i++) {
        struct progress progress = { &pacer.tally, tally_ended(&pacer.tally) + PER_S / 3 };

        assert_true(test_wait_until(has_ended, &progress, TULLE_S(20)));
        if (reload) {
            peer_signal(nginx, SIGHUP);
        }
    }
    pacer_stop(&pacer);
    assert_string_equal(pacer.tally.first_failure, "");
    assert_int_equal(pacer.tally.failed, 0);
    assert_int_equal(pacer.tally.statuses[200], pacer.tally.ended);
    assert_true(wire_metric(mesh, "tulle_connections_opened_total", "shop") > 1);
    wire_close(mesh);
    peer_free(nginx);
}

static void no_call_fails_while_nginx_reloads(void **state)
{
    (void)state;
    check_pace(100000, true);
}

static void no_call_fails_when_nginx_closes_what_was_kept(void **state)
{
    (void)state;
    check_pace(10, false);
}

TEST_MAIN(cmocka_unit_test(nginx_keeps_one_connection_for_all_that_comes_in_turn),
          cmocka_unit_test(a_file_of_a_megabyte_arrives_whole),
          cmocka_unit_test(no_call_fails_while_nginx_reloads),
          cmocka_unit_test(no_call_fails_when_nginx_closes_what_was_kept))
