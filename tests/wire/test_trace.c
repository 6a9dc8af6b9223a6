/* SPDX-License-Identifier: Apache-2.0 */

/* A client asks service A, whose handler calls service B through the mesh with
 * the headers it got. What B saw comes back through both, and is compared byte
 * for byte; 's' stands for a digit of a span id, 't' of a new trace id, 'u' of a
 * new request id. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wire/inbound.h"
#include "wire/wire.h"

#define ID     "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define S16    "ssssssssssssssss"
#define T32    "tttttttttttttttttttttttttttttttt"

#define NEW_REQUEST_ID "x-request-id: uuuuuuuu-uuuu-4uuu-uuuu-uuuuuuuuuuuu\r\n"

enum { SPANS_MOST = 8 };

/* Service A. */
struct service {
    struct inbound inbound;
    struct tulle *mesh;
    bool by_name; /* the context is named in the request; else by the thread's scope */
    struct server *b;
    unsigned span_count;
    char spans[SPANS_MOST][17];
    char parents[SPANS_MOST][17];
    int32_t statuses[SPANS_MOST];
};

static const char retries[] = "apiVersion: networking.istio.io/v1\n"
                              "kind: VirtualService\n"
                              "metadata: {name: shop}\n"
                              "spec:\n"
                              "  hosts: [shop]\n"
                              "  http:\n"
                              "  - route: [{destination: {host: shop}}]\n"
                              "    retries: {attempts: 2, retryOn: \"5xx\"}\n";

static void span_keep(void *user, const struct tulle_span *span)
{
    struct service *service = user;
    size_t i = service->span_count++;

    assert_true(i < SPANS_MOST);
    snprintf(service->spans[i], sizeof(service->spans[i]), "%s", span->span_id);
    snprintf(service->parents[i], sizeof(service->parents[i]), "%s", span->parent_id);
    service->statuses[i] = span->status;
    assert_string_equal(span->endpoint, server_address(service->b));
    assert_true(span->end_ns >= span->start_ns);
}

static void service_handle(void *user, int fd)
{
    struct service *service = user;
    struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/next?echo" };
    struct tulle_header headers[INBOUND_HEADERS];
    struct tulle_context *context, *before;
    struct tulle_reply *reply;
    char head[INBOUND_TEXT];

    assert_true(inbound_read(fd, head, "\r\n\r\n"));
    assert_int_equal(tulle_context_new(headers, inbound_headers(head, headers), &context),
                     TULLE_OK);
    request.context = service->by_name ? context : NULL;
    before = tulle_scope_enter(service->by_name ? NULL : context);
    assert_int_equal(tulle_call(service->mesh, &request, &reply), TULLE_OK);
    tulle_scope_enter(before);
    tulle_context_free(context);
    inbound_answer(fd, tulle_reply_body(reply));
    tulle_reply_free(reply);
}

static void service_start(struct service *service, bool by_name)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .span = span_keep, .span_user = service };

    *service = (struct service){ .by_name = by_name };
    service->b = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    service->mesh = wire_open(&service->b, 1, TULLE_PROTOCOL_HTTP, retries, &options);
    inbound_start(&service->inbound, service_handle, service);
}

static void service_stop(struct service *service)
{
    inbound_stop(&service->inbound);
    wire_close(service->mesh);
    server_stop(service->b);
}

/* What B saw, when A was asked with these header lines. */
static void ask(const struct service *service, const char *lines, char *out)
{
    int fd = inbound_connect(&service->inbound);
    char *body;

    inbound_write(fd, "GET / HTTP/1.1\r\nHost: a\r\n");
    inbound_write(fd, lines);
    inbound_write(fd, "\r\n");
    assert_true(inbound_read(fd, out, NULL));
    close(fd);
    body = strstr(out, "\r\n\r\n");
    assert_non_null(body);
    memmove(out, body + 4, strlen(body + 4) + 1);
}

static void expect(const char *got, const char *wanted, char *span)
{
    size_t spans = 0;

    if (strlen(got) != strlen(wanted)) {
        fail_msg("wanted\n%sgot\n%s", wanted, got);
    }
    for (size_t i = 0; wanted[i]; i++) {
        bool digit = isdigit(got[i]) || (got[i] >= 'a' && got[i] <= 'f');

        if (wanted[i] == got[i]) {
            continue;
        }
        if (!strchr("stu", wanted[i]) || !digit) {
            fail_msg("wanted\n%sgot\n%s", wanted, got);
        }
        if (wanted[i] == 's' && spans < 16) {
            span[spans++] = got[i];
        }
    }
    span[spans] = '\0';
}

struct row {
    const char *asked, *seen, *parent;
};

static const struct row rows[] = {
    { "Traceparent: 00-" ID "-" PARENT "-01\r\n"
      "Tracestate: rojo=1\r\n"
      "tracestate: congo=2\r\n"
      "X-Request-Id: 7f1c\r\n"
      "Baggage: user=alice\r\n",
      "traceparent: 00-" ID "-" S16 "-01\r\n"
      "tracestate: rojo=1,congo=2\r\n"
      "x-request-id: 7f1c\r\n"
      "baggage: user=alice\r\n",
      PARENT },
    { "b3: " ID "-" PARENT "-1-05e3ac9a4f6e3b90\r\n"
      "x-request-id: 7f1c\r\n",
      "b3: " ID "-" S16 "-1-" PARENT "\r\n"
      "x-request-id: 7f1c\r\n",
      PARENT },
    { "X-B3-TraceId: " ID "\r\n"
      "X-B3-SpanId: " PARENT "\r\n"
      "X-B3-Sampled: 0\r\n"
      "x-request-id: 7f1c\r\n",
      "x-b3-traceid: " ID "\r\n"
      "x-b3-spanid: " S16 "\r\n"
      "x-b3-parentspanid: " PARENT "\r\n"
      "x-b3-sampled: 0\r\n"
      "x-request-id: 7f1c\r\n",
      PARENT },
    { "", "traceparent: 00-" T32 "-" S16 "-00\r\n" NEW_REQUEST_ID, "" },
};

static void the_next_server_sees(bool by_name)
{
    struct service service;
    char seen[INBOUND_TEXT], wanted[INBOUND_TEXT], span[17];

    service_start(&service, by_name);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ask(&service, rows[i].asked, seen);
        snprintf(wanted, sizeof(wanted),
                 "GET /next?echo HTTP/1.1\r\nHost: shop\r\n%sx-envoy-attempt-count: 1\r\n\r\n",
                 rows[i].seen);
        expect(seen, wanted, span);
        assert_int_equal(service.span_count, i + 1);
        assert_string_equal(service.spans[i], span);
        assert_string_equal(service.parents[i], rows[i].parent);
    }
    service_stop(&service);
}

static void a_trace_goes_on_by_a_context_in_the_request(void **state)
{
    (void)state;
    the_next_server_sees(true);
}

static void a_trace_goes_on_by_the_scope_of_the_thread(void **state)
{
    (void)state;
    the_next_server_sees(false);
}

static void a_retry_is_a_span_of_its_own(void **state)
{
    struct service service;
    char seen[INBOUND_TEXT], wanted[INBOUND_TEXT], span[17];

    (void)state;
    service_start(&service, true);
    server_command(service.b, "next 1 status=503");
    ask(&service, rows[0].asked, seen);
    snprintf(wanted, sizeof(wanted),
             "GET /next?echo HTTP/1.1\r\nHost: shop\r\n%sx-envoy-attempt-count: 2\r\n\r\n",
             rows[0].seen);
    expect(seen, wanted, span);
    assert_int_equal(service.span_count, 2);
    assert_int_equal(service.statuses[0], 503);
    assert_int_equal(service.statuses[1], 200);
    assert_string_equal(service.spans[1], span);
    assert_string_not_equal(service.spans[0], span);
    service_stop(&service);
}

TEST_MAIN(cmocka_unit_test(a_trace_goes_on_by_a_context_in_the_request),
          cmocka_unit_test(a_trace_goes_on_by_the_scope_of_the_thread),
          cmocka_unit_test(a_retry_is_a_span_of_its_own))
