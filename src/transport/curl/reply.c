/* SPDX-License-Identifier: Apache-2.0 */

/* The reply as libcurl tells it: a line at a time, blocks of 1xx before the
 * final one, a blank line behind each block, trailers like header lines after
 * the body.
 *
 * A line may go on in the next one (obs-fold, RFC 9112 5.2), so each is kept
 * until the next has come. */

#include "base/alloc.h"
#include "transport/curl/internal.h"

static bool reply_keep(struct transfer *transfer, struct str text)
{
    size_t size = transfer->line_size + text.size;

    if (size > transfer->line_capacity) {
        char *line = tulle__realloc(transfer->line, size + 128);

        if (!line) {
            transfer->no_memory = true;
            return false;
        }
        transfer->line = line;
        transfer->line_capacity = size + 128;
    }
    memcpy(transfer->line + transfer->line_size, text.data, text.size);
    transfer->line_size = size;
    return true;
}

static bool reply_fault(struct transfer *transfer, const char *fault)
{
    transfer->fault = fault;
    return false;
}

/* Two lengths are no length: whoever believes the other one sees another reply
 * behind this (RFC 9112 6.3). */
static bool reply_check_length(struct transfer *transfer, struct str value)
{
    uint64_t length = 0;

    if (!tulle__str_to_u64(value, INT64_MAX, &length)) {
        return reply_fault(transfer, "the reply's length is no number");
    }
    if (transfer->has_length && transfer->length != length) {
        return reply_fault(transfer, "the reply has two lengths");
    }
    transfer->has_length = true;
    transfer->length = length;
    return true;
}

/* Most names differ in size already. */
static inline bool is_named(struct str name, struct str wanted)
{
    return name.size == wanted.size && tulle__str_equal_nocase(name, wanted);
}

static bool reply_name_is_good(struct str name)
{
    return name.size > 0 && !memchr(name.data, ' ', name.size) &&
           !memchr(name.data, '\t', name.size);
}

/* libcurl takes "Content-Length : 5" for a header it does not know. */
static bool reply_check(struct transfer *transfer, struct str name, struct str value)
{
    if (!reply_name_is_good(name)) {
        return reply_fault(transfer, "a header's name in the reply is none");
    }
    if (is_named(name, STR("content-length")) && !reply_check_length(transfer, value)) {
        return false;
    }
    transfer->has_coding |= is_named(name, STR("transfer-encoding"));
    if (transfer->has_length && transfer->has_coding) {
        return reply_fault(transfer, "the reply has a length and a transfer coding");
    }
    return true;
}

/* Tells the line that is kept. */
static bool reply_tell_line(struct transfer *transfer)
{
    struct exchange *exchange = transfer->exchange;
    struct str name, value;

    if (transfer->line_size == 0) {
        return true;
    }
    name = tulle__str_cut((struct str){ transfer->line, transfer->line_size }, ':', &value);
    value = tulle__str_trim(value);
    transfer->line_size = 0;
    if (!reply_check(transfer, name, value)) {
        return false;
    }
    if (!exchange->events->header(exchange, name, value)) {
        transfer->too_large = true;
        return false;
    }
    return transfer->exchange != NULL;
}

/* Where libcurl writes the line (HTTP/2) it ends in a blank; without, it takes
 * the line for HTTP/1.0 with 200, whatever it says, as it does with HTTP/3's. */
static bool reply_is_http2(const struct transfer *transfer, struct str version, struct str line)
{
    return transfer->pool->protocol != PROTOCOL_HTTP1 && str_equal(version, STR("HTTP/2")) &&
           line.data[line.size - 1] == ' ';
}

/* "HTTP/1.1 200 OK", "HTTP/2 200 ". */
static bool reply_status(struct transfer *transfer, struct str line)
{
    struct str rest;
    struct str version = tulle__str_cut(line, ' ', &rest);
    uint64_t status = 0;

    tulle__str_to_u64(tulle__str_cut(rest, ' ', &rest), 999, &status);
    transfer->status = (int)status;
    transfer->is_http2 = reply_is_http2(transfer, version, line);
    transfer->line_size = 0;
    if (status < 100 || !(transfer->is_http2 || str_equal(version, STR("HTTP/1.1")) ||
                          str_equal(version, STR("HTTP/1.0")))) {
        return reply_fault(transfer, "the reply's status line is none");
    }
    if (status == 101) {
        return reply_fault(transfer, "the reply switches to a protocol nobody asked for");
    }
    return true;
}

static bool reply_head(struct transfer *transfer)
{
    struct exchange *exchange = transfer->exchange;
    bool is_interim = transfer->status < 200;

    if (is_interim) {
        transfer->status = 0;
        return true;
    }
    if (!reply_tell_line(transfer)) {
        return false;
    }
    transfer->head = true;
    transfer->pool->spoken = transfer->is_http2 ? POOL_HTTP2 : POOL_HTTP1;
    if (transfer->connecting) {
        tulle__pool_join(transfer);
    }
    exchange->events->head(exchange, transfer->status, transfer->is_http2);
    if (!transfer->exchange) {
        return false;
    }
    if (transfer->paced && !transfer->is_http2) {
        transfer->paced = false;
        tulle__stream_set_speed(transfer, 0);
    }
    if (exchange->streams) {
        tulle__stream_suspect(transfer);
    }
    return true;
}

static bool reply_line(struct transfer *transfer, struct str line)
{
    bool is_folded = line.data[0] == ' ' || line.data[0] == '\t';
    bool is_interim = transfer->status < 200;

    if (is_interim) {
        return true;
    }
    if (is_folded && transfer->line_size > 0) {
        return reply_keep(transfer, STR(" ")) && reply_keep(transfer, tulle__str_trim(line));
    }
    return reply_tell_line(transfer) && reply_keep(transfer, line);
}

/* libcurl joins no folded lines here. */
static bool reply_trailer(struct transfer *transfer, struct str line)
{
    struct exchange *exchange = transfer->exchange;
    struct str value;
    struct str name = tulle__str_cut(line, ':', &value);

    if (line.size == 0 || !exchange->events->trailer) {
        return true;
    }
    if (!reply_name_is_good(name) || name.size == line.size || memchr(line.data, '\r', line.size) ||
        memchr(line.data, '\0', line.size)) {
        return reply_fault(transfer, "a trailer of the reply is none");
    }
    if (!exchange->events->trailer(exchange, name, tulle__str_trim(value))) {
        transfer->too_large = true;
        return false;
    }
    return transfer->exchange != NULL;
}

static struct str without_line_end(const char *data, size_t size)
{
    size -= size > 0 && data[size - 1] == '\n';
    while (size > 0 && data[size - 1] == '\r') {
        size--;
    }
    return (struct str){ data, size };
}

size_t tulle__reply_header(char *data, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    struct str line = without_line_end(data, size * count);

    if (!transfer->exchange) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (transfer->head) {
        return reply_trailer(transfer, line) ? size * count : CURL_WRITEFUNC_ERROR;
    }
    /* libcurl sees the end of the head in a line that only begins with CR. */
    if (memchr(line.data, '\r', line.size)) {
        reply_fault(transfer, "the reply's head has a CR in a line");
        return CURL_WRITEFUNC_ERROR;
    }
    if (transfer->status == 0) {
        return reply_status(transfer, line) ? size * count : CURL_WRITEFUNC_ERROR;
    }
    if (line.size == 0 ? reply_head(transfer) : reply_line(transfer, line)) {
        return size * count;
    }
    return CURL_WRITEFUNC_ERROR;
}

size_t tulle__reply_body(char *data, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    struct exchange *exchange = transfer->exchange;
    enum body_taken taken;

    if (!exchange) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (!transfer->head) {
        reply_fault(transfer, "the reply has a body without a head");
        return CURL_WRITEFUNC_ERROR;
    }
    taken = exchange->events->body(exchange, data, size * count);
    if (!transfer->exchange) {
        return CURL_WRITEFUNC_ERROR;
    }
    transfer->too_large = taken == BODY_TOO_LARGE;
    if (transfer->too_large) {
        return CURL_WRITEFUNC_ERROR;
    }
    transfer->told += taken == BODY_TAKEN ? size * count : 0;
    if (taken == BODY_LATER || exchange->paces || exchange->streams) {
        return tulle__stream_taken(transfer, size * count, taken);
    }
    return size * count;
}
