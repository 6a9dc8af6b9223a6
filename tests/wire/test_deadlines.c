/* SPDX-License-Identifier: Apache-2.0 */

/* A client with 300 ms asks service A, whose handler calls service B through the
 * mesh under the context of the request: what is left goes on to B, and when it
 * is over A's call ends as well. A real server between two real calls. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wire/inbound.h"
#include "wire/wire.h"

#define GRPC "application/grpc"

enum { LIMIT_MS = 300, WORK_MS = 30, TRIES = 200 };

/* Service A. */
struct service {
    struct inbound inbound;
    struct server *b;
    struct tulle *to_a, *to_b;
    pthread_mutex_t lock; /* guards the rest */
    bool by_scope;
    int64_t inbound_ms; /* what A was told */
    int64_t took_ns;    /* of A's last call, from the context on */
    enum tulle_error error;
    char flags[32];
};

static int64_t number_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

static void service_call(struct service *service, const char *url, struct tulle_context *context,
                         int fd)
{
    static const struct tulle_header grpc = { "content-type", GRPC };
    struct tulle_context *before = tulle_scope_enter(service->by_scope ? context : NULL);
    int64_t start = test_now();
    struct outcome outcome =
        wire_call(service->to_b, &(struct tulle_request){
                                     TULLE_REQUEST_INIT,
                                     .url = url,
                                     .headers = &grpc,
                                     .header_count = 1,
                                     .context = service->by_scope ? NULL : context,
                                 });

    service->took_ns = test_now() - start;
    tulle_scope_enter(before);
    service->error = outcome.error;
    snprintf(service->flags, sizeof(service->flags), "%s", outcome.failure.flags);
    inbound_answer(fd, outcome.body);
}

/* The path of the request says what B is to do. */
static void service_handle(void *user, int fd)
{
    struct service *service = user;
    struct tulle_header headers[INBOUND_HEADERS];
    struct tulle_context *context;
    char head[INBOUND_TEXT], url[64];
    bool hangs;

    if (!inbound_read(fd, head, "\r\n\r\n")) {
        return;
    }
    hangs = strncmp(head, "GET /hang", 9) == 0;
    snprintf(url, sizeof(url), "http://shop/%s", hangs ? "hang" : "?echo");
    pthread_mutex_lock(&service->lock);
    service->inbound_ms = number_of(head, "\r\nx-envoy-expected-rq-timeout-ms: ");
    assert_int_equal(tulle_context_new(headers, inbound_headers(head, headers), &context),
                     TULLE_OK);
    usleep(WORK_MS * 1000);
    service_call(service, url, context, fd);
    tulle_context_free(context);
    pthread_mutex_unlock(&service->lock);
}

static struct tulle *mesh_to(const char *address)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle_config *config;
    struct tulle *mesh;

    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "shop", 80, TULLE_PROTOCOL_HTTP), TULLE_OK);
    assert_int_equal(tulle_config_add_endpoint(config, "shop", address, NULL, 1), TULLE_OK);
    options.built = config;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    tulle_config_free(config);
    return mesh;
}

static void service_start(struct service *service, bool by_scope)
{
    *service = (struct service){ .by_scope = by_scope };
    pthread_mutex_init(&service->lock, NULL);
    service->b = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    service->to_b = mesh_to(server_address(service->b));
    inbound_start(&service->inbound, service_handle, service);
    service->to_a = mesh_to(service->inbound.address);
}

static void service_stop(struct service *service)
{
    inbound_stop(&service->inbound);
    wire_close(service->to_a);
    wire_close(service->to_b);
    server_stop(service->b);
    pthread_mutex_destroy(&service->lock);
}

static struct outcome ask(const struct service *service, const char *url)
{
    return wire_call(service->to_a, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url,
                                                             .deadline_ns = TULLE_MS(LIMIT_MS),
                                                             .retry = TULLE_RETRY_OFF });
}

/* On a machine that is busy enough 300 ms are too little: it is tried again. */
static void the_last_server_sees_what_is_left(bool by_scope)
{
    struct service service;
    struct outcome outcome;
    int64_t envoy, grpc;
    int tries = 0;

    service_start(&service, by_scope);
    do {
        outcome = ask(&service, "http://shop/echo");
    } while ((outcome.error != TULLE_OK || strlen(outcome.body) == 0) && ++tries < TRIES);
    assert_int_equal(outcome.error, TULLE_OK);
    pthread_mutex_lock(&service.lock);
    assert_in_range(service.inbound_ms, 1, LIMIT_MS);
    envoy = number_of(outcome.body, "\r\nx-envoy-expected-rq-timeout-ms: ");
    grpc = number_of(outcome.body, "\r\ngrpc-timeout: ");
    assert_in_range(envoy, 1, service.inbound_ms - WORK_MS);
    assert_int_equal(grpc / 1000, envoy);
    assert_non_null(strstr(outcome.body, "u\r\n"));
    pthread_mutex_unlock(&service.lock);
    service_stop(&service);
}

static void an_inbound_deadline_of_300_ms_is_seen_by_the_last_server(void **state)
{
    (void)state;
    the_last_server_sees_what_is_left(false);
}

static void and_by_the_scope_of_the_thread(void **state)
{
    (void)state;
    the_last_server_sees_what_is_left(true);
}

static bool has_ended(void *user)
{
    struct service *service = user;
    bool ended;

    pthread_mutex_lock(&service->lock);
    ended = service->error != TULLE_OK;
    pthread_mutex_unlock(&service->lock);
    return ended;
}

/* B never answers; without the inbound deadline A would wait for 30 s. A request
 * that was given up before it came to A is sent again; A, who is told whole
 * milliseconds, may give up a moment before the client, and say so. */
static void and_bounds_both_chained_calls(void **state)
{
    struct service service;
    struct outcome outcome;
    int tries = 0;

    (void)state;
    service_start(&service, false);
    do {
        outcome = ask(&service, "http://shop/hang");
        assert_true(outcome.error == TULLE_OK || outcome.error == TULLE_E_TIMEOUT);
        assert_string_equal(outcome.body, "");
    } while (!test_wait_until(has_ended, &service, TULLE_S(15)) && ++tries < 5);
    pthread_mutex_lock(&service.lock);
    assert_int_equal(service.error, TULLE_E_TIMEOUT);
    assert_string_equal(service.flags, "DT");
    assert_true(service.took_ns < TULLE_S(15));
    pthread_mutex_unlock(&service.lock);
    service_stop(&service);
}

TEST_MAIN(cmocka_unit_test(an_inbound_deadline_of_300_ms_is_seen_by_the_last_server),
          cmocka_unit_test(and_by_the_scope_of_the_thread),
          cmocka_unit_test(and_bounds_both_chained_calls))
