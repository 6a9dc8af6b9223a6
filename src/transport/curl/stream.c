/* SPDX-License-Identifier: Apache-2.0 */

/* Bodies that stream: the request's as libcurl asks for it, and both as they
 * are paused.
 *
 * Resuming is noted and done when everything settles, since curl_easy_pause()
 * calls back at once: what it had kept of the reply's body.
 *
 * libcurl 8.14 reads a buffer of the reply each time that it sends, paused or
 * not, and keeps what it read. So on HTTP/1.1 a paused reply holds up the
 * request once that has become much; on HTTP/2 the stream's window is the bound. */

#include "base/alloc.h"
#include "transport/curl/internal.h"

/* Of a paused reply, before the request is held up. */
enum { KEPT_MAX = 128 * 1024 };

static void stream_set_paused(struct transfer *transfer, unsigned paused)
{
    struct connection *connection = transfer->connection;

    if (connection && (paused != 0) != (transfer->paused != 0)) {
        connection->paused += paused != 0 ? 1 : -1u;
        if (connection->watch.fd >= 0) {
            tulle__connection_listen(connection);
        }
    }
    transfer->paused = paused;
}

void tulle__stream_forget(struct transfer *transfer)
{
    stream_set_paused(transfer, 0);
    list_remove(&transfer->in_resumed);
    transfer->resumed = 0;
}

static void stream_note(struct transfer *transfer, unsigned wish)
{
    struct curl_transport *transport = transfer->transport;

    transfer->resumed |= wish;
    if (list_is_empty(&transfer->in_resumed)) {
        list_add_last(&transport->resumed, &transfer->in_resumed);
    }
    tulle__flow_later(transport);
}

/* --- the request's body --- */

static bool stream_has_kept_much(const struct transfer *transfer)
{
    curl_off_t come = 0;

    if (transfer->is_http2) {
        return false;
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &come);
    return (uint64_t)come > transfer->told + KEPT_MAX;
}

static size_t stream_refuse(struct transfer *transfer, enum tulle_error error, const char *text)
{
    transfer->refusal = error;
    transfer->refusal_text = text;
    return CURL_READFUNC_ABORT;
}

static size_t stream_end(struct transfer *transfer)
{
    const struct exchange *exchange = transfer->exchange;

    if (exchange->stream_size >= 0 && transfer->streamed < (uint64_t)exchange->stream_size) {
        return stream_refuse(transfer, TULLE_E_INTERNAL,
                             "the request's body is shorter than was announced");
    }
    if (exchange->trailer_count == 0) {
        return 0;
    }
    if (transfer->pool->spoken == POOL_HTTP2) {
        return stream_refuse(transfer, TULLE_E_INTERNAL,
                             "the request's trailers cannot be sent over HTTP/2");
    }
    transfer->trailers_due = true;
    return 0;
}

size_t tulle__stream_more(char *data, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    struct exchange *exchange = transfer->exchange;
    size_t got;

    if (!exchange || transfer->again) {
        return CURL_READFUNC_ABORT;
    }
    if (transfer->paused & STREAM_RECEIVE && stream_has_kept_much(transfer)) {
        transfer->held_up = true;
        return CURL_READFUNC_PAUSE;
    }
    got = exchange->events->more(exchange, data, size * count);
    if (!transfer->exchange) {
        return CURL_READFUNC_ABORT;
    }
    switch (got) {
    case 0: return stream_end(transfer);
    case MORE_FAIL:
        return stream_refuse(transfer, TULLE_E_CANCELLED, "the request's body was given up");
    case MORE_LATER:
        stream_set_paused(transfer, transfer->paused | STREAM_SEND);
        return CURL_READFUNC_PAUSE;
    default: transfer->streamed += got; return got;
    }
}

/* They were to be sent, and libcurl did not ask for them. Of a body of a known
 * size it does not ask for the end. */
bool tulle__stream_lacks_trailers(const struct transfer *transfer)
{
    const struct exchange *exchange = transfer->exchange;

    return transfer->trailers_due ||
           (exchange->streams && exchange->stream_size >= 0 && exchange->trailer_count > 0);
}

/* libcurl rewinds what it means to send again. It is not asked to stop here, as
 * it then says less about why: it is given no connection for it. */
int tulle__stream_rewind(void *user, curl_off_t offset, int origin)
{
    (void)user;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_OK;
}

/* libcurl frees the list, also when this fails. */
int tulle__stream_trailers(struct curl_slist **list, void *user)
{
    struct transfer *transfer = user;
    const struct exchange *exchange = transfer->exchange;

    transfer->trailers_due = false;
    for (size_t i = 0; exchange && i < exchange->trailer_count; i++) {
        struct curl_slist *longer = curl_slist_append(*list, exchange->trailers[i].line.data);

        if (!longer) {
            transfer->no_memory = true;
            return CURL_TRAILERFUNC_ABORT;
        }
        *list = longer;
    }
    return exchange ? CURL_TRAILERFUNC_OK : CURL_TRAILERFUNC_ABORT;
}

/* --- pausing --- */

/* libcurl takes it for the size of the window, and for the limit that it is; so
 * it is there only while libcurl sees to the window. */
bool tulle__stream_set_speed(struct transfer *transfer, int64_t speed)
{
    if (speed == 0 && !transfer->speed) {
        return true;
    }
    transfer->speed = speed > 0;
    return curl_easy_setopt(transfer->easy, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)speed) ==
           CURLE_OK;
}

/* libcurl sees to the window when this is back. */
static void stream_pace(struct transfer *transfer, size_t size, bool paused)
{
    struct window *window = &transfer->window;

    transfer->come += size;
    tulle__window_arrive(window, (int64_t)size);
    tulle__window_ask(window, paused ? 0 : WINDOW_SIZE);
    tulle__window_take(window, (int64_t)size);
    if (paused) {
        tulle__stream_set_speed(transfer, 0);
        return;
    }
    tulle__stream_set_speed(transfer, WINDOW_SIZE);
    stream_note(transfer, STREAM_SPEED);
}

size_t tulle__stream_taken(struct transfer *transfer, size_t size, enum body_taken taken)
{
    bool paused = taken == BODY_LATER;

    if (transfer->paced && !transfer->telling) {
        stream_pace(transfer, size, paused);
    }
    if (paused) {
        stream_set_paused(transfer, transfer->paused | STREAM_RECEIVE);
        return CURL_WRITEFUNC_PAUSE;
    }
    if (transfer->exchange->streams) {
        tulle__stream_suspect(transfer);
    }
    return size;
}

static void stream_resume(struct exchange *exchange, unsigned wish)
{
    if (exchange->private && list_is_empty(&exchange->node)) {
        stream_note(exchange->private, wish);
    }
}

void tulle__stream_resume_send(struct exchange *exchange)
{
    stream_resume(exchange, STREAM_SEND);
}

void tulle__stream_resume_receive(struct exchange *exchange)
{
    stream_resume(exchange, STREAM_RECEIVE);
}

/* With what libcurl keeps, the server may send a window's size. */
static void stream_open_window(struct transfer *transfer)
{
    struct window *window = &transfer->window;
    curl_off_t come = 0;
    int64_t more, room;

    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &come);
    more = come - (int64_t)transfer->come;
    if (more > 0) {
        transfer->come = (uint64_t)come;
        tulle__window_ask(window, 0);
        tulle__window_arrive(window, more);
        tulle__window_take(window, more);
    }
    if (window->asked == 0) {
        room = WINDOW_SIZE - tulle__window_credit(window) - (come - (int64_t)transfer->told);
        tulle__window_ask(window, tulle__window_choose(window, room));
    }
    tulle__stream_set_speed(transfer, window->asked);
}

static unsigned stream_bits(const struct transfer *transfer)
{
    return transfer->paused | (transfer->held_up ? STREAM_SEND : 0u);
}

static CURLcode stream_pause(struct transfer *transfer, unsigned paused)
{
    struct curl_transport *transport = transfer->transport;
    int bits = (paused & STREAM_SEND ? CURLPAUSE_SEND : 0) |
               (paused & STREAM_RECEIVE ? CURLPAUSE_RECV : 0);
    CURLcode code;

    transport->inside++;
    code = curl_easy_pause(transfer->easy, bits);
    transport->inside--;
    return code;
}

/* False: that was its end. */
static bool stream_go_on(struct transfer *transfer)
{
    CURLcode code;

    transfer->telling = true;
    code = stream_pause(transfer, stream_bits(transfer));
    transfer->telling = false;
    /* The head asks for a window as well. */
    if (transfer->head) {
        tulle__stream_set_speed(transfer, 0);
    }
    /* It may have no connection any more: its end is on the way. */
    if (code != CURLE_OK && code != CURLE_BAD_FUNCTION_ARGUMENT && transfer->exchange) {
        tulle__flow_finish(transfer, code);
        return false;
    }
    return transfer->exchange != NULL;
}

/* When libcurl has kept much, the request is held up until all of that is taken:
 * a transfer that does not send does not read either. */
static void stream_continue(struct transfer *transfer, unsigned wish)
{
    unsigned before = stream_bits(transfer);
    bool receives = (wish & transfer->paused & STREAM_RECEIVE) != 0;

    stream_set_paused(transfer, transfer->paused & ~wish);
    if (receives) {
        transfer->held_up = stream_has_kept_much(transfer);
        if (transfer->paced) {
            stream_open_window(transfer);
        }
    }
    if (stream_bits(transfer) == before || !stream_go_on(transfer)) {
        return;
    }
    if (receives && transfer->held_up && !(transfer->paused & STREAM_RECEIVE)) {
        transfer->held_up = false;
        stream_go_on(transfer);
    }
}

/* --- a reply that is over before its request (HTTP/1.1) --- */

/* libcurl would send on, and say nothing. That it waits for no more of the reply
 * is seen in what it waits for, if that changes; so it is looked at after each
 * piece of the reply as well. */
void tulle__stream_suspect(struct transfer *transfer)
{
    if (transfer->head && !transfer->is_http2 && !(transfer->paused & STREAM_RECEIVE)) {
        stream_note(transfer, STREAM_SUSPECT);
    }
}

/* TLS may have to write before it can read; with sending paused that shows. */
static bool stream_is_over(struct transfer *transfer)
{
    struct connection *connection = transfer->connection;
    bool over;

    if (!connection || connection->wanted & LOOP_READ || transfer->paused & STREAM_RECEIVE) {
        return false;
    }
    if (transfer->pool->protocol == PROTOCOL_HTTP1) {
        return true;
    }
    stream_pause(transfer, STREAM_SEND);
    over = connection->wanted == 0;
    if (!over) {
        stream_pause(transfer, stream_bits(transfer));
    }
    return over;
}

static void stream_settle(struct transfer *transfer)
{
    unsigned wish = transfer->resumed;

    transfer->resumed = 0;
    if (!transfer->exchange) {
        return;
    }
    if (wish & STREAM_SUSPECT && stream_is_over(transfer)) {
        tulle__flow_finish(transfer, CURLE_OK);
        return;
    }
    if (wish & STREAM_SPEED && transfer->speed) {
        /* libcurl may have begun to wait for the speed to fall. */
        tulle__stream_set_speed(transfer, 0);
        stream_pause(transfer, stream_bits(transfer));
    }
    if (transfer->exchange) {
        stream_continue(transfer, wish);
    }
}

bool tulle__stream_settle(struct curl_transport *transport)
{
    struct list noted;
    struct list *node;
    bool any = !list_is_empty(&transport->resumed);

    if (!any) {
        return false;
    }
    list_init(&noted);
    list_move_all(&noted, &transport->resumed);
    while ((node = list_first(&noted))) {
        list_remove(node);
        stream_settle(CONTAINER_OF(node, struct transfer, in_resumed));
    }
    return true;
}
