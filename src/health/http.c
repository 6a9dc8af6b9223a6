/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP and gRPC: an exchange without a call. Where there are no sockets (a scripted
 * transport) TCP is one as well, that asks for nothing but a connection.
 *
 * What says how an endpoint is: of HTTP the status; of gRPC the status in the
 * trailers (in the head, when there is no message) and the message. */

#include <stdio.h>

#include "base/alloc.h"
#include "health/checkup.h"
#include "health/grpc.h"

enum {
    STATUS_OK = 200,
    GRPC_STATUS_NONE = -1,
    GRPC_STATUS_MAX = 9999,
    LINES_MAX = 4 + CHECK_HEADERS_MAX
};

#define GRPC_PATH "/grpc.health.v1.Health/Check"

static const char *const serving_names[] = { "UNKNOWN", "SERVING", "NOT_SERVING",
                                             "SERVICE_UNKNOWN" };

struct http_checkup {
    struct checkup checkup;
    struct exchange exchange;
    struct checkup_spec spec;
    struct header_line lines[LINES_MAX];
    struct buf texts; /* URL and lines, a NUL behind each */
    struct buf body;
    size_t head_size, body_size;
    int status; /* 0: no head yet */
    int grpc_status;
    struct grpc_reply reply;
    bool is_degraded;
};

static struct http_checkup *http_of(struct exchange *exchange)
{
    return CONTAINER_OF(exchange, struct http_checkup, exchange);
}

static void http_free(struct http_checkup *http)
{
    tulle__buf_fini(&http->texts);
    tulle__buf_fini(&http->body);
    tulle__free(http);
}

static void http_cancel(struct checkup *checkup)
{
    struct http_checkup *http = CONTAINER_OF(checkup, struct http_checkup, checkup);

    http->spec.transport->cancel(&http->exchange);
    http_free(http);
}

/* --- what it said --- */

static bool status_is_in(int status, const struct status_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (status >= (int)ranges[i].first && status < (int)ranges[i].end) {
            return true;
        }
    }
    return false;
}

static enum check_result judge_http(const struct http_checkup *http)
{
    const struct health_check *check = http->spec.check;
    bool is_expected = check->expected_count > 0
                           ? status_is_in(http->status, check->expected, check->expected_count)
                           : http->status == STATUS_OK;

    if (is_expected) {
        return http->is_degraded ? CHECK_DEGRADED : CHECK_PASSED;
    }
    return status_is_in(http->status, check->retriable, check->retriable_count) ? CHECK_RETRIABLE
                                                                                : CHECK_FAILED;
}

static void end_http(const struct http_checkup *http, struct checkup_end *end)
{
    const struct health_check *check = http->spec.check;

    end->result = judge_http(http);
    snprintf(end->why, sizeof(end->why), "%.*s %.*s answered %d", STR_ARG(check->method),
             STR_ARG(check->path), http->status);
}

static void end_grpc(const struct http_checkup *http, struct checkup_end *end)
{
    enum grpc_serving serving = GRPC_UNKNOWN;

    end->result = CHECK_FAILED;
    if (http->status != STATUS_OK) {
        snprintf(end->why, sizeof(end->why), "gRPC answered with HTTP %d", http->status);
        return;
    }
    if (http->grpc_status == GRPC_STATUS_NONE) {
        snprintf(end->why, sizeof(end->why), "gRPC ended without a status");
        return;
    }
    if (http->grpc_status != 0) {
        snprintf(end->why, sizeof(end->why), "gRPC ended with status %d", http->grpc_status);
        return;
    }
    if (!tulle__grpc_reply_read(&http->reply, &serving)) {
        snprintf(end->why, sizeof(end->why), "gRPC answered with no HealthCheckResponse");
        return;
    }
    end->result = serving == GRPC_SERVING ? CHECK_PASSED : CHECK_FAILED;
    snprintf(end->why, sizeof(end->why), "gRPC answered %s", serving_names[serving]);
}

/* All that says something is there. */
static void end_judge(const struct http_checkup *http, struct checkup_end *end)
{
    switch (http->spec.check->kind) {
    case HEALTH_CHECK_HTTP: end_http(http, end); return;
    case HEALTH_CHECK_GRPC: end_grpc(http, end); return;
    case HEALTH_CHECK_TCP: break;
    }
    end->result = CHECK_PASSED;
    snprintf(end->why, sizeof(end->why), "a connection stood");
}

/* --- as it comes --- */

static void http_sent(struct exchange *exchange)
{
    (void)exchange;
}

static int grpc_status_of(struct str text)
{
    uint64_t number;

    return tulle__str_to_u64(text, GRPC_STATUS_MAX, &number) ? (int)number : GRPC_STATUS_NONE;
}

static bool http_header(struct exchange *exchange, struct str name, struct str value)
{
    struct http_checkup *http = http_of(exchange);

    http->head_size += name.size + value.size;
    if (tulle__str_equal_nocase(name, STR("x-envoy-degraded"))) {
        http->is_degraded = true;
    } else if (tulle__str_equal_nocase(name, STR("grpc-status"))) {
        http->grpc_status = grpc_status_of(value);
    }
    return http->head_size <= CHECKUP_HEAD_MAX;
}

static void http_head(struct exchange *exchange, int status, bool is_http2)
{
    (void)is_http2;
    http_of(exchange)->status = status;
}

static enum body_taken http_body(struct exchange *exchange, const char *data, size_t size)
{
    struct http_checkup *http = http_of(exchange);

    tulle__grpc_reply_add(&http->reply, data, size);
    http->body_size += size;
    return http->body_size <= CHECKUP_BODY_MAX ? BODY_TAKEN : BODY_TOO_LARGE;
}

/* Broken by us, for its length: what it says was in the head. */
static bool is_cut_off(const struct http_checkup *http, const struct exchange_end *end)
{
    return end->error == TULLE_E_TOO_LARGE && http->status != 0 &&
           http->body_size > CHECKUP_BODY_MAX;
}

static bool is_not_its_fault(const struct exchange_end *end)
{
    return end->error == TULLE_E_NOMEM || end->error == TULLE_E_INTERNAL;
}

/* The server may have closed it for its age, while the request was on its way. */
static bool end_was_kept(const struct http_checkup *http, const struct exchange_end *end)
{
    return http->status == 0 && http->exchange.connected_at == 0 && !end->connect_failure;
}

static void http_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct http_checkup *http = http_of(exchange);
    struct checkup_spec spec = http->spec;
    bool is_tcp = spec.check->kind == HEALTH_CHECK_TCP;
    struct checkup_end told = { .was_kept = false };

    if (end->error == TULLE_OK || is_cut_off(http, end) || (is_tcp && http->status != 0)) {
        end_judge(http, &told);
    } else {
        told.result = is_not_its_fault(end) ? CHECK_NONE : CHECK_UNREACHED;
        told.was_kept = end_was_kept(http, end);
        snprintf(told.why, sizeof(told.why), "%s", end->text);
    }
    http_free(http);
    spec.done(spec.user, &told);
}

static const struct exchange_events http_events = {
    .sent = http_sent,
    .header = http_header,
    .head = http_head,
    .body = http_body,
    .trailer = http_header,
    .end = http_end,
};

/* --- how it is asked --- */

static struct str method_of(const struct health_check *check)
{
    switch (check->kind) {
    case HEALTH_CHECK_GRPC: return STR("POST");
    case HEALTH_CHECK_TCP: return STR("CONNECT");
    case HEALTH_CHECK_HTTP: break;
    }
    return check->method;
}

static struct str path_of(const struct health_check *check)
{
    switch (check->kind) {
    case HEALTH_CHECK_GRPC: return STR(GRPC_PATH);
    case HEALTH_CHECK_TCP: return STR("/");
    case HEALTH_CHECK_HTTP: break;
    }
    return check->path;
}

static void line_add(struct http_checkup *http, struct str line, size_t name_size)
{
    http->lines[http->exchange.header_count++] = (struct header_line){ line, name_size };
}

static bool text_write(struct http_checkup *http, struct str name, struct str value)
{
    return tulle__buf_add(&http->texts, "", 1) &&
           tulle__buf_addf(&http->texts, "%.*s: %.*s", STR_ARG(name), STR_ARG(value));
}

/* A host of the check's own is a header: whom a certificate must name stays who it is. */
static bool texts_write(struct http_checkup *http)
{
    const struct health_check *check = http->spec.check;
    const struct cluster *cluster = http->spec.cluster;
    struct str path = path_of(check);

    if (!tulle__buf_addf(&http->texts, "%s://%.*s%.*s",
                         cluster->protocol == PROTOCOL_HTTPS ? "https" : "http",
                         STR_ARG(cluster->host), STR_ARG(path)) ||
        (check->host.size > 0 && !text_write(http, STR("Host"), check->host))) {
        return false;
    }
    for (size_t i = 0; i < check->header_count; i++) {
        if (!text_write(http, check->headers[i].name, check->headers[i].value)) {
            return false;
        }
    }
    return true;
}

/* They lie where they stay now: the URL and then a line after the other. True: one of
 * them is a User-Agent, which stands in the place of ours. */
static bool texts_take(struct http_checkup *http)
{
    struct str rest = { http->texts.data, http->texts.size };
    bool has_agent = false;

    http->exchange.url = tulle__str_cut(rest, '\0', &rest);
    while (rest.size > 0) {
        struct str ignored, line = tulle__str_cut(rest, '\0', &rest);
        struct str name = tulle__str_cut(line, ':', &ignored);

        has_agent |= tulle__str_equal_nocase(name, STR("user-agent"));
        line_add(http, line, name.size);
    }
    return has_agent;
}

static bool http_write(struct http_checkup *http)
{
    const struct health_check *check = http->spec.check;

    http->exchange.headers = http->lines;
    if (!texts_write(http)) {
        return false;
    }
    if (!texts_take(http)) {
        line_add(http, STR("User-Agent: tulle-health-check"), STR("User-Agent").size);
    }
    if (check->kind != HEALTH_CHECK_GRPC) {
        return true;
    }
    line_add(http, STR("Content-Type: application/grpc"), STR("Content-Type").size);
    line_add(http, STR("TE: trailers"), STR("TE").size);
    if (!tulle__grpc_health_write(&http->body, check->service)) {
        return false;
    }
    http->exchange.body = http->body.data;
    http->exchange.body_size = http->body.size;
    return true;
}

enum tulle_error tulle__checkup_http(const struct checkup_spec *spec, struct checkup **out)
{
    struct http_checkup *http = ALLOC_ZERO(struct http_checkup);

    if (http == NULL) {
        return TULLE_E_NOMEM;
    }
    http->checkup.cancel = http_cancel;
    http->spec = *spec;
    http->grpc_status = GRPC_STATUS_NONE;
    http->exchange = (struct exchange){
        .events = &http_events,
        .method = method_of(spec->check),
        .addresses = spec->addresses,
        .connect_timeout_ns = spec->check->timeout_ns,
        .idle_timeout_ns = NEVER,
    };
    if (!http_write(http)) {
        http_free(http);
        return TULLE_E_NOMEM;
    }
    *out = &http->checkup;
    spec->transport->start(spec->pool, &http->exchange);
    return TULLE_OK;
}
