/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes at all in the place of an HTTP/1.1 response, read by the real
 * transport from a loopback socket whose other end is on the same loop. An
 * exchange ends, once; its head is complete before its body; it is a success
 * only with as much body as it was promised; and what is left of it is never
 * taken for the answer to the next request.
 *
 * The input: a byte for method, ending and pauses, a byte for the size of the
 * pieces (mod 8; 0: all at once), then the response. Where the peer does not
 * close, a second request follows, whose answer is fixed. Where there are
 * pauses, each piece of the body is taken when it is told again. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/macros.h"
#include "fuzz/peer.h"
#include "seam/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 100, HEAD_SIZE_MAX = 64 * 1024, PATIENCE_S = 5, QUIET_ROUNDS = 4 };

static const char second_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct call {
    struct exchange exchange;
    unsigned header_count;
    size_t head_size, body_size;
    char body[16]; /* its start */
    unsigned lengths, codings;
    uint64_t length; /* the last Content-Length */
    bool same_length, clear_length;
    bool chunked;
    int status;
    bool over_cap;
    unsigned heads, ends, trailers;
    bool pauses, paused;
    enum tulle_error error;
};

static void call_note_length(struct call *call, struct str value)
{
    uint64_t length = 0;

    call->clear_length = tulle__str_to_u64(value, UINT64_MAX, &length);
    call->same_length = call->lengths == 0 || (call->same_length && call->length == length);
    call->length = length;
    call->lengths++;
}

static bool call_header(struct exchange *exchange, struct str name, struct str value)
{
    struct call *call = CONTAINER_OF(exchange, struct call, exchange);

    must(call->heads == 0 && call->ends == 0 && !call->over_cap);
    must(!memchr(name.data, '\0', name.size) && !memchr(value.data, '\0', value.size));
    must(!memchr(name.data, '\n', name.size) && !memchr(value.data, '\n', value.size));
    call->header_count++;
    call->head_size += name.size + value.size + 4;
    if (tulle__str_equal_nocase(name, STR("content-length"))) {
        call_note_length(call, value);
    }
    if (tulle__str_equal_nocase(name, STR("transfer-encoding"))) {
        call->codings++;
        call->chunked = tulle__str_equal_nocase(value, STR("chunked"));
    }
    call->over_cap = call->header_count > HEADERS_MAX || call->head_size > HEAD_SIZE_MAX;
    return !call->over_cap;
}

static void call_head(struct exchange *exchange, int status, bool is_http2)
{
    struct call *call = CONTAINER_OF(exchange, struct call, exchange);

    must(call->heads++ == 0 && call->ends == 0 && !call->over_cap);
    must(!is_http2 && status >= 100 && status <= 999);
    call->status = status;
}

static enum body_taken call_body(struct exchange *exchange, const char *data, size_t size)
{
    struct call *call = CONTAINER_OF(exchange, struct call, exchange);

    must(call->heads == 1 && call->ends == 0 && call->trailers == 0);
    call->paused = call->pauses && !call->paused;
    if (call->paused) {
        tulle__curl_transport.resume_receive(exchange);
        return BODY_LATER;
    }
    for (size_t i = 0; i < size && call->body_size + i < sizeof(call->body); i++) {
        call->body[call->body_size + i] = data[i];
    }
    call->body_size += size;
    return BODY_TAKEN;
}

static bool call_trailer(struct exchange *exchange, struct str name, struct str value)
{
    struct call *call = CONTAINER_OF(exchange, struct call, exchange);

    must(call->heads == 1 && call->ends == 0 && !call->paused && !call->over_cap);
    must(!memchr(name.data, '\0', name.size) && !memchr(value.data, '\0', value.size));
    must(!memchr(name.data, '\n', name.size) && !memchr(value.data, '\n', value.size));
    must(name.size > 0 && call->codings > 0);
    call->trailers++;
    call->over_cap = call->trailers > HEADERS_MAX;
    return !call->over_cap;
}

static void call_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct call *call = CONTAINER_OF(exchange, struct call, exchange);

    must(call->ends++ == 0 && end->text != NULL);
    call->error = end->error;
    must(!call->over_cap || end->error == TULLE_E_TOO_LARGE);
    must(end->error != TULLE_OK || call->heads == 1);
    must(end->error == TULLE_OK || end->error == TULLE_E_PEER || end->error == TULLE_E_NETWORK ||
         end->error == TULLE_E_TOO_LARGE);
    must(end->error == TULLE_OK || call->heads == 0 || end->progress == TULLE_ANSWERED);
}

static void call_sent(struct exchange *exchange)
{
    (void)exchange;
}

static const struct exchange_events events = {
    .sent = call_sent,
    .header = call_header,
    .head = call_head,
    .body = call_body,
    .trailer = call_trailer,
    .end = call_end,
};

/* Never closed: they are the process'. */
static struct loop loop;
static struct transport *transport;
static struct pool *pool;
static struct peer peer;

static bool set_up(void)
{
    struct transport_options options = { .loop = &loop };
    struct pool_spec spec = { .protocol = PROTOCOL_HTTP1 };

    must(tulle__loop_init(&loop, &tulle__world));
    peer_init(&peer, &loop);
    transport = tulle__curl_transport.open_transport(&options);
    must(transport != NULL);
    spec.address = str_of(peer.address);
    pool = tulle__curl_transport.open(transport, &spec);
    return pool != NULL;
}

static void call_start(struct call *call, struct str method, bool pauses)
{
    *call = (struct call){ .exchange = { .events = &events,
                                         .method = method,
                                         .url = STR("http://shop/"),
                                         .connect_timeout_ns = PATIENCE_S * NS_PER_S,
                                         .idle_timeout_ns = 3600 * NS_PER_S,
                                         .connections_max = LIMIT_NONE,
                                         .paces = pauses },
                           .pauses = pauses };
    tulle__curl_transport.start(pool, &call->exchange);
}

/* To the end of the call. A peer that has said all and is waited for closes. */
static void call_wait(struct call *call)
{
    int64_t due = world_now(&tulle__world) + PATIENCE_S * NS_PER_S;
    unsigned quiet = 0;

    while (call->ends == 0) {
        must(world_now(&tulle__world) < due);
        tulle__loop_round(&loop, peer_has_spoken(&peer) ? 0 : due);
        if (peer_has_spoken(&peer) && quiet++ >= QUIET_ROUNDS) {
            peer_close(&peer);
            tulle__loop_round(&loop, due);
        }
    }
}

/* RFC 9112 6.3; what has no length of its own ends where the connection does. */
static void check_length(const struct call *call, struct str method, const char *raw, size_t size)
{
    bool bodiless = str_equal(method, STR("HEAD")) || call->status == 204 || call->status == 304 ||
                    call->status < 200;

    if (call->error != TULLE_OK) {
        return;
    }
    if (bodiless) {
        must(call->body_size == 0);
        return;
    }
    if (call->codings > 0) {
        /* Cut before the last chunk it is no success. */
        must(!call->chunked || call->codings > 1 || memchr(raw, '0', size));
        return;
    }
    if (call->lengths > 0) {
        must(call->same_length);
        must(!call->clear_length || call->body_size == call->length);
    }
}

/* Whatever came of the first call, the second gets its own answer. */
static void check_second(void)
{
    struct call call;

    peer_say(&peer, second_answer, sizeof(second_answer) - 1, 0);
    call_start(&call, STR("GET"), false);
    call_wait(&call);
    must(call.error == TULLE_OK && call.status == 200 && call.body_size == 6);
    must(memcmp(call.body, "second", 6) == 0);
}

/* Nothing is left over from one input to the next. */
static void clean_up(void)
{
    int64_t due = world_now(&tulle__world) + PATIENCE_S * NS_PER_S;

    peer_close(&peer);
    while (atomic_load(&transport->open) > 0) {
        must(world_now(&tulle__world) < due);
        tulle__loop_round(&loop, due);
    }
    must(atomic_load(&transport->active) == 0 && atomic_load(&transport->waiting) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = { "GET", "HEAD", "POST" };
    static bool ready;
    const char *raw = (const char *)data + 2;
    struct call call;
    struct str method;

    if (size < 2) {
        return 0;
    }
    ready = ready || set_up();
    must(ready);
    method = str_of(methods[data[0] % COUNT_OF(methods)]);
    peer_say(&peer, raw, size - 2, data[1] % 8);
    call_start(&call, method, data[0] / COUNT_OF(methods) / 2 % 2 == 1);
    call_wait(&call);
    check_length(&call, method, raw, size - 2);
    if (data[0] / COUNT_OF(methods) % 2 == 1) {
        check_second();
    }
    clean_up();
    return 0;
}
