/* SPDX-License-Identifier: Apache-2.0 */

/* One easy handle and how it is set. Handles are kept and used again without a
 * reset: what never changes is set once, and of the rest only what differs.
 *
 * What libcurl would do on its own and must not (a request is what the mesh
 * says, sent once): redirects, cookies, netrc, proxies of the environment,
 * authentication, alt-svc, HSTS, decompression, Expect, a Content-Type, and
 * sending again. There is no option against the last: once a request was
 * handed to a connection, FRESH_CONNECT makes a second try open a new
 * connection, and OPENSOCKET refuses it. */

#include "base/alloc.h"
#include "base/macros.h"
#include "transport/curl/internal.h"

/* 10,000 calls that wait on one loop share the multi's buffer, so its size is
 * no matter of memory; 64 KiB halves the callbacks of large bodies. */
enum { BUFFER_SIZE = 65536 };

/* Lines that libcurl must not add; it takes an empty value as a removal, and looks
 * through the list for each line of its own: the last two are for requests with a
 * body alone. Const but for the type: libcurl reads lists. */
static struct curl_slist no_accept = { .data = (char *)(uintptr_t) "Accept:" };
static struct curl_slist no_content_type = { .data = (char *)(uintptr_t) "Content-Type:",
                                             .next = &no_accept };
static struct curl_slist no_expect = { .data = (char *)(uintptr_t) "Expect:",
                                       .next = &no_content_type };

/* Called when the request is about to go to a connection that stands. */
static int transfer_before_sending(void *user, char *remote, char *local, int remote_port,
                                   int local_port)
{
    struct transfer *transfer = user;
    struct ends ends = { remote, remote_port, local_port };

    (void)local;
    if (transfer->sent) {
        return CURL_PREREQFUNC_ABORT; /* the last guard; FRESH_CONNECT comes first */
    }
    if (!transfer->exchange || !tulle__connection_take(transfer, &ends)) {
        return CURL_PREREQFUNC_ABORT;
    }
    if (curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK) {
        transfer->no_memory = true;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->sent = true;
    transfer->exchange->events->sent(transfer->exchange);
    return CURL_PREREQFUNC_OK;
}

#define SET(easy, option, value) (curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

static bool transfer_set_manners(CURL *easy)
{
    return SET(easy, CURLOPT_NOSIGNAL, 1L) && SET(easy, CURLOPT_PATH_AS_IS, 1L) &&
           SET(easy, CURLOPT_FOLLOWLOCATION, 0L) && SET(easy, CURLOPT_PROXY, "") &&
           SET(easy, CURLOPT_NOPROXY, "*") && /* else it asks the environment at each request */
           SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
           SET(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE) &&
           SET(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(easy, CURLOPT_HTTP09_ALLOWED, 0L) && SET(easy, CURLOPT_PIPEWAIT, 0L) &&
           SET(easy, CURLOPT_TCP_NODELAY, 1L) && SET(easy, CURLOPT_TCP_KEEPALIVE, 1L) &&
           SET(easy, CURLOPT_MAXAGE_CONN, (long)INT32_MAX) && /* default: 118 s */
           SET(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE) && SET(easy, CURLOPT_NOPROGRESS, 1L) &&
           SET(easy, CURLOPT_DNS_CACHE_TIMEOUT, 30L);
}

static bool transfer_set_trust(CURL *easy, const char *ca_file)
{
    return SET(easy, CURLOPT_SSL_VERIFYPEER, 1L) && SET(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
           (!ca_file || (SET(easy, CURLOPT_CAINFO, ca_file) && SET(easy, CURLOPT_CAPATH, NULL)));
}

static bool transfer_set_callbacks(struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    return SET(easy, CURLOPT_PRIVATE, transfer) && SET(easy, CURLOPT_ERRORBUFFER, transfer->text) &&
           SET(easy, CURLOPT_HEADERFUNCTION, tulle__reply_header) &&
           SET(easy, CURLOPT_HEADERDATA, transfer) &&
           SET(easy, CURLOPT_WRITEFUNCTION, tulle__reply_body) &&
           SET(easy, CURLOPT_WRITEDATA, transfer) &&
           SET(easy, CURLOPT_PREREQFUNCTION, transfer_before_sending) &&
           SET(easy, CURLOPT_PREREQDATA, transfer) &&
           SET(easy, CURLOPT_OPENSOCKETFUNCTION, tulle__connection_open) &&
           SET(easy, CURLOPT_OPENSOCKETDATA, transfer) &&
           SET(easy, CURLOPT_SOCKOPTFUNCTION, tulle__connection_sockopt) &&
           SET(easy, CURLOPT_SOCKOPTDATA, transfer->transport) &&
           SET(easy, CURLOPT_CLOSESOCKETFUNCTION, tulle__connection_close) &&
           SET(easy, CURLOPT_CLOSESOCKETDATA, transfer->transport) &&
           SET(easy, CURLOPT_RESOLVER_START_FUNCTION, tulle__resolve_start) &&
           SET(easy, CURLOPT_RESOLVER_START_DATA, transfer);
}

struct transfer *tulle__transfer_new(struct curl_transport *transport)
{
    struct transfer *transfer = ALLOC_ZERO(struct transfer);

    if (!transfer) {
        return NULL;
    }
    list_init(&transfer->node);
    list_init(&transfer->opened);
    list_init(&transfer->in_resumed);
    transfer->transport = transport;
    transfer->lines = transfer->inline_lines;
    transfer->lines_capacity = LINES_INLINE;
    transfer->connect_timeout_ms = -1;
    transfer->easy = curl_easy_init();
    if (!transfer->easy || !transfer_set_manners(transfer->easy) ||
        !transfer_set_trust(transfer->easy, transport->ca_file) ||
        !transfer_set_callbacks(transfer)) {
        tulle__transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

void tulle__transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    tulle__buf_fini(&transfer->texts);
    tulle__buf_fini(&transfer->url);
    tulle__buf_fini(&transfer->resolve);
    tulle__free(transfer->line);
    if (transfer->lines != transfer->inline_lines) {
        tulle__free(transfer->lines);
    }
    list_remove(&transfer->node);
    tulle__free(transfer);
}

/* libcurl borrows lists, so the same one needs no telling. */
static bool set_list(CURL *easy, CURLoption option, struct curl_slist **now,
                     struct curl_slist *list)
{
    if (*now != list && !SET(easy, option, list)) {
        return false;
    }
    *now = list;
    return true;
}

static bool transfer_reserve_lines(struct transfer *transfer, size_t count)
{
    struct curl_slist *lines;

    if (count <= transfer->lines_capacity) {
        return true;
    }
    lines = tulle__alloc_zero(count, sizeof(*lines));
    if (!lines) {
        return false;
    }
    if (transfer->lines != transfer->inline_lines) {
        tulle__free(transfer->lines);
    }
    transfer->lines = lines;
    transfer->lines_capacity = count;
    return true;
}

static bool line_is_empty(const struct header_line *header)
{
    struct str value = { header->line.data + header->name_size + 1,
                         header->line.size - header->name_size - 1 };

    return tulle__str_trim(value).size == 0;
}

/* "Name:" would remove the line, "Name;" sends it without a value. */
static size_t lines_empty_size(const struct exchange *exchange)
{
    size_t size = 0;

    for (size_t i = 0; i < exchange->header_count; i++) {
        if (line_is_empty(&exchange->headers[i])) {
            size += exchange->headers[i].name_size + 2;
        }
    }
    return size;
}

static char *line_write_empty(struct buf *texts, const struct header_line *header)
{
    size_t at = texts->size;

    tulle__buf_add(texts, header->line.data, header->name_size);
    tulle__buf_add(texts, ";\0", 2);
    return texts->data + at;
}

static bool transfer_set_lines(struct transfer *transfer, const struct exchange *exchange)
{
    size_t count = exchange->header_count;
    size_t empty_size = lines_empty_size(exchange);
    bool has_body = transfer->shape == SHAPE_BODY || transfer->shape == SHAPE_STREAM;
    struct curl_slist *last = has_body ? &no_expect : &no_accept;
    struct curl_slist *lines;

    tulle__buf_clear(&transfer->texts);
    if (!transfer_reserve_lines(transfer, count) ||
        (empty_size > 0 && !tulle__buf_reserve(&transfer->texts, empty_size + 1))) {
        return false;
    }
    lines = transfer->lines;
    for (size_t i = 0; i < count; i++) {
        const struct header_line *header = &exchange->headers[i];

        lines[i].data = line_is_empty(header) ? line_write_empty(&transfer->texts, header)
                                              : (char *)(uintptr_t)header->line.data;
        lines[i].next = i + 1 < count ? &lines[i + 1] : last;
    }
    return set_list(transfer->easy, CURLOPT_HTTPHEADER, &transfer->headers,
                    count > 0 ? lines : last);
}

static enum shape shape_of(const struct exchange *exchange)
{
    struct str method = exchange->method;

    if (exchange->streams) {
        return SHAPE_STREAM;
    }
    if (exchange->body && exchange->body_size > 0) {
        return SHAPE_BODY;
    }
    if (str_equal(method, STR("GET"))) {
        return SHAPE_GET;
    }
    if (str_equal(method, STR("HEAD"))) {
        return SHAPE_HEAD;
    }
    /* These say Content-Length: 0 (RFC 9110 8.6). */
    if (str_equal(method, STR("POST")) || str_equal(method, STR("PUT")) ||
        str_equal(method, STR("PATCH"))) {
        return SHAPE_BODY;
    }
    return SHAPE_CUSTOM;
}

static bool transfer_set_body(struct transfer *transfer, const struct exchange *exchange)
{
    CURL *easy = transfer->easy;
    const char *body = exchange->body_size > 0 ? exchange->body : "";

    /* A HEAD before would leave its mark. */
    return SET(easy, CURLOPT_NOBODY, 0L) &&
           SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body_size) &&
           SET(easy, CURLOPT_POSTFIELDS, body);
}

/* libcurl asks for the body; of an unknown size it makes chunks on HTTP/1.1. */
static bool transfer_set_stream(struct transfer *transfer, const struct exchange *exchange)
{
    CURL *easy = transfer->easy;

    if (!transfer->can_stream) {
        transfer->can_stream = SET(easy, CURLOPT_READFUNCTION, tulle__stream_more) &&
                               SET(easy, CURLOPT_READDATA, transfer) &&
                               SET(easy, CURLOPT_SEEKFUNCTION, tulle__stream_rewind) &&
                               SET(easy, CURLOPT_TRAILERFUNCTION, tulle__stream_trailers) &&
                               SET(easy, CURLOPT_TRAILERDATA, transfer);
    }
    return transfer->can_stream && SET(easy, CURLOPT_UPLOAD, 1L) &&
           SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->stream_size);
}

static bool transfer_set_shape(struct transfer *transfer, const struct exchange *exchange,
                               enum shape shape)
{
    switch (shape) {
    case SHAPE_STREAM: return transfer_set_stream(transfer, exchange);
    case SHAPE_BODY: return transfer_set_body(transfer, exchange);
    default: return SET(transfer->easy, CURLOPT_HTTPGET, 1L);
    }
}

/* The method goes out as it is; libcurl's own notion of it decides the rest. */
static bool transfer_set_method(struct transfer *transfer, const struct exchange *exchange)
{
    CURL *easy = transfer->easy;
    enum shape shape = shape_of(exchange);
    char method[METHOD_MAX];

    if (shape == transfer->shape && (shape == SHAPE_GET || shape == SHAPE_HEAD)) {
        return true;
    }
    transfer->shape = SHAPE_NONE;
    if (shape == SHAPE_HEAD) {
        if (!SET(easy, CURLOPT_CUSTOMREQUEST, NULL) || !SET(easy, CURLOPT_NOBODY, 1L)) {
            return false;
        }
        transfer->shape = shape;
        return true;
    }
    if (!transfer_set_shape(transfer, exchange, shape)) {
        return false;
    }
    memcpy(method, exchange->method.data, exchange->method.size);
    method[exchange->method.size] = '\0';
    if (!SET(easy, CURLOPT_CUSTOMREQUEST, shape == SHAPE_GET ? NULL : method)) {
        return false;
    }
    transfer->shape = shape;
    return true;
}

static long version_of(const struct pool *pool)
{
    switch (pool->protocol) {
    case PROTOCOL_HTTP2: return CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    case PROTOCOL_HTTPS: return CURL_HTTP_VERSION_2TLS;
    case PROTOCOL_HTTP1: break;
    }
    return CURL_HTTP_VERSION_1_1;
}

static long timeout_ms(int64_t timeout_ns)
{
    int64_t ms = timeout_ns / NS_PER_MS;

    if (ms < 1) {
        return 1;
    }
    return ms > INT32_MAX ? INT32_MAX : (long)ms;
}

/* libcurl copies it; ours is what the handle has, or nothing when there was no memory. */
static bool transfer_set_url(struct transfer *transfer, struct str url)
{
    struct buf *known = &transfer->url;

    if (str_equal((struct str){ known->data, known->size }, url)) {
        return true;
    }
    tulle__buf_clear(known);
    if (!SET(transfer->easy, CURLOPT_URL, url.data)) {
        return false;
    }
    (void)tulle__buf_add_str(known, url);
    return true;
}

static bool transfer_set_peer(struct transfer *transfer, const struct pool *pool,
                              const struct exchange *exchange)
{
    CURL *easy = transfer->easy;
    long version = version_of(pool);
    long connect_timeout_ms = timeout_ms(exchange->connect_timeout_ns);

    if (version != transfer->version && !SET(easy, CURLOPT_HTTP_VERSION, version)) {
        return false;
    }
    transfer->version = version;
    if (connect_timeout_ms != transfer->connect_timeout_ms &&
        !SET(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms)) {
        return false;
    }
    transfer->connect_timeout_ms = connect_timeout_ms;
    return set_list(easy, CURLOPT_CONNECT_TO, &transfer->connect_to, pool->connect_to) &&
           transfer_set_url(transfer, exchange->url) &&
           tulle__resolve_set(transfer, pool, exchange);
}

static void transfer_forget(struct transfer *transfer)
{
    transfer->connection = NULL;
    transfer->line_size = 0;
    transfer->status = 0;
    transfer->is_http2 = transfer->sent = transfer->again = transfer->silent = false;
    transfer->head = transfer->too_large = transfer->no_memory = transfer->no_descriptor = false;
    transfer->no_room = transfer->has_length = transfer->has_coding = false;
    transfer->fault = NULL;
    transfer->held_up = transfer->trailers_due = false;
    transfer->streamed = transfer->told = 0;
    transfer->refusal = TULLE_OK;
    transfer->text[0] = '\0';
}

/* libcurl need not look through connections of which none is idle: with thousands
 * of them in use that look is what costs. */
static bool transfer_set_fresh(struct transfer *transfer, const struct pool *pool)
{
    bool is_fresh = transfer->connecting && pool->spoken == POOL_HTTP1;

    return SET(transfer->easy, CURLOPT_FRESH_CONNECT, is_fresh ? 1L : 0L);
}

/* libcurl has its mind about windows from the first header line on. */
static bool transfer_set_pace(struct transfer *transfer, const struct pool *pool,
                              const struct exchange *exchange)
{
    transfer->paced =
        exchange->paces && pool->spoken != POOL_HTTP1 && transfer->transport->tells_refusals;
    if (transfer->paced) {
        transfer->come = 0;
        tulle__window_init(&transfer->window);
    }
    return tulle__stream_set_speed(transfer, transfer->paced ? WINDOW_SIZE : 0);
}

enum tulle_error tulle__transfer_set(struct transfer *transfer, const struct pool *pool,
                                     const struct exchange *exchange)
{
    ENSURE(exchange->method.size < METHOD_MAX, TULLE_E_INTERNAL);
    /* libcurl would wait for a body of the reply that never comes. */
    ENSURE(!str_equal(exchange->method, STR("HEAD")) ||
               (exchange->body_size == 0 && !exchange->streams),
           TULLE_E_INTERNAL);
    ENSURE(pool->protocol != PROTOCOL_HTTP2 || transfer->transport->can_http2, TULLE_E_INTERNAL);
    transfer_forget(transfer);
    ENSURE(transfer_set_peer(transfer, pool, exchange), TULLE_E_NOMEM);
    ENSURE(transfer_set_method(transfer, exchange), TULLE_E_NOMEM);
    ENSURE(transfer_set_lines(transfer, exchange), TULLE_E_NOMEM);
    ENSURE(transfer_set_fresh(transfer, pool), TULLE_E_NOMEM);
    ENSURE(tulle__lifetime_set_last(transfer, false), TULLE_E_NOMEM);
    ENSURE(transfer_set_pace(transfer, pool, exchange), TULLE_E_NOMEM);
    return TULLE_OK;
}
