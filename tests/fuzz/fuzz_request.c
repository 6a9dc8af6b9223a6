/* SPDX-License-Identifier: Apache-2.0 */

/* What an application says of a request, against what a transport would be
 * given: whatever is accepted holds no byte that could end a line or start
 * another, and no header that is the library's; and all of it is there, in its
 * order and case. The mesh is real, on a virtual clock; its transport looks.
 *
 * The input: method, URL, idempotency key, then names and values of headers,
 * each ended by a NUL. An empty method, URL or key is none. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "core/mesh.h"
#include "fuzz/lookout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 64, HEADERS_MAX = 30 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct said {
    char *text; /* a copy, with a NUL at its end */
    const char *fields[FIELDS_MAX];
    size_t count;
    struct tulle_header headers[HEADERS_MAX];
    struct tulle_request request;
};

static const char *field(const struct said *said, size_t index)
{
    return index < said->count && said->fields[index][0] != '\0' ? said->fields[index] : NULL;
}

static void said_read(struct said *said, const uint8_t *data, size_t size)
{
    *said = (struct said){ 0 };
    said->text = malloc(size + 1);
    must(said->text != NULL);
    memcpy(said->text, data, size);
    said->text[size] = '\0';
    for (size_t at = 0; at < size && said->count < FIELDS_MAX; at += strlen(said->text + at) + 1) {
        said->fields[said->count++] = said->text + at;
    }
    said->request =
        (struct tulle_request){ TULLE_REQUEST_INIT, .method = field(said, 0),
                                .url = field(said, 1) ? field(said, 1) : "http://shop/",
                                .idempotency_key = field(said, 2), .headers = said->headers };
    for (size_t i = 3; i + 1 < said->count && said->request.header_count < HEADERS_MAX; i += 2) {
        said->headers[said->request.header_count++] =
            (struct tulle_header){ said->fields[i], said->fields[i + 1] };
    }
}

static bool is_owned(struct str name)
{
    static const char *const names[] = { "host",       "content-length", "transfer-encoding",
                                         "connection", "keep-alive",     "upgrade" };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (tulle__str_equal_nocase(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* No byte that ends a line or a word of it. `blank`: blanks and tabs may be. */
static void check_bytes(struct str text, bool blank)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        must(c != 0x7f && (c > ' ' || (blank && (c == ' ' || c == '\t'))));
    }
}

static void check_line(const struct header_line *header)
{
    struct str name = { header->line.data, header->name_size };
    struct str rest = { name.data + name.size, header->line.size - name.size };

    must(header->name_size > 0 && header->name_size < header->line.size);
    must(header->line.data[header->line.size] == '\0');
    must(tulle__str_starts(rest, STR(": ")));
    must(!is_owned(name));
    must(!memchr(name.data, ':', name.size));
    check_bytes(name, false);
    check_bytes(rest, true);
}

/* The line is the header as it was said, byte for byte. */
static void check_said(const struct header_line *line, const char *name, const char *value)
{
    struct str text = line->line;

    must(line->name_size == strlen(name) && memcmp(text.data, name, line->name_size) == 0);
    must(text.size == line->name_size + 2 + strlen(value));
    must(strcmp(text.data + line->name_size + 2, value) == 0);
}

static void check_exchange(const struct exchange *exchange, const struct tulle_request *request)
{
    size_t count = request->header_count;

    check_bytes(exchange->method, false);
    check_bytes(exchange->url, false);
    must(exchange->url.data[exchange->url.size] == '\0');
    must(str_equal(exchange->method, str_of(request->method ? request->method : "GET")));
    must(exchange->header_count >= count + (request->idempotency_key != NULL));
    for (size_t i = 0; i < exchange->header_count; i++) {
        check_line(&exchange->headers[i]);
    }
    for (size_t i = 0; i < count; i++) {
        check_said(&exchange->headers[i], request->headers[i].name, request->headers[i].value);
    }
    if (request->idempotency_key) {
        check_said(&exchange->headers[count], "Idempotency-Key", request->idempotency_key);
    }
}

struct ending {
    unsigned count;
    enum tulle_error error;
};

static void call_done(struct tulle_call *call, enum tulle_error error, void *user)
{
    struct ending *ending = user;

    (void)call;
    ending->count++;
    ending->error = error;
}

/* Accepted: it goes out as it was said, once, and ends once. */
static void check_accepted(struct tulle *mesh, const struct tulle_request *request,
                           struct tulle_call *call, const struct ending *ending)
{
    struct exchange *exchange;

    tulle__mesh_run(mesh);
    exchange = lookout_take();
    if (exchange) {
        check_exchange(exchange, request);
        lookout_answer(exchange);
        tulle__mesh_run(mesh);
        must(ending->error == TULLE_OK);
    }
    must(ending->count == 1 && !lookout_take());
    tulle_call_free(call);
    tulle__mesh_run(mesh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tulle *mesh;
    struct ending ending = { 0 };
    struct tulle_call *call;
    enum tulle_error error;
    struct said said;

    if (!mesh) {
        mesh = lookout_open();
    }
    said_read(&said, data, size);
    error = tulle_call_start(mesh, &said.request, call_done, &ending, &call);
    if (error == TULLE_OK) {
        check_accepted(mesh, &said.request, call, &ending);
    } else {
        must(error == TULLE_E_USAGE && !call && ending.count == 0);
        must(!lookout_take());
    }
    free(said.text);
    return 0;
}
