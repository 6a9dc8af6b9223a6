/* SPDX-License-Identifier: Apache-2.0 */

/* A server that hands its headers over: the call it makes while it serves a
 * request belongs to that request's trace. It serves one request at a time, and
 * shows what reviews answered.
 *
 *     cc trace.c $(pkg-config --cflags --libs tulle) && ./a.out mesh/ 8080
 *     curl -H "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" localhost:8080
 */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <tulle/tulle.h>
#include <unistd.h>

enum { HEAD_SIZE = 16 * 1024, HEADERS_MOST = 64 };

static void tell(void *user, const struct tulle_span *span)
{
    (void)user;
    printf("trace %s: span %s of %s, attempt %u on %s: %d in %.3f ms\n", span->trace_id,
           span->span_id, span->parent_id[0] ? span->parent_id : "nobody", span->attempt,
           span->endpoint, span->status, (double)(span->end_ns - span->start_ns) / 1e6);
}

static int head_read(int fd, char *head)
{
    size_t size = 0;

    while (size < HEAD_SIZE - 1) {
        ssize_t got = read(fd, head + size, HEAD_SIZE - 1 - size);

        if (got <= 0) {
            return 0;
        }
        size += (size_t)got;
        head[size] = '\0';
        if (strstr(head, "\r\n\r\n")) {
            return 1;
        }
    }
    return 0;
}

/* Cuts the head up in place: a server has its headers at hand anyway. */
static size_t headers_cut(char *head, struct tulle_header *out)
{
    size_t count = 0;
    char *rest, *line;

    strtok_r(head, "\r\n", &rest);
    while (count < HEADERS_MOST && (line = strtok_r(NULL, "\r\n", &rest))) {
        char *value = strchr(line, ':');

        if (value) {
            *value++ = '\0';
            out[count++] = (struct tulle_header){ line, value };
        }
    }
    return count;
}

static void serve(struct tulle *mesh, int fd)
{
    struct tulle_header headers[HEADERS_MOST];
    struct tulle_context *context, *before;
    struct tulle_reply *reply = NULL;
    char head[HEAD_SIZE];
    int status = 502;

    if (!head_read(fd, head) || tulle_context_new(headers, headers_cut(head, headers), &context)) {
        return;
    }
    before = tulle_scope_enter(context); /* from here on every call of this thread */
    if (tulle_get(mesh, "http://reviews/ratings/7", &reply) == TULLE_OK) {
        status = tulle_reply_status(reply);
    }
    tulle_scope_enter(before);
    tulle_context_free(context);
    dprintf(fd, "HTTP/1.1 %d -\r\nConnection: close\r\n\r\n%s", status,
            reply ? tulle_reply_body(reply) : "reviews did not answer\n");
    tulle_reply_free(reply);
}

static int listen_at(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16)) {
        return -1;
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = argc > 1 ? argv[1] : "mesh/",
                                     .span = tell };
    int listening = listen_at((uint16_t)(argc > 2 ? strtoul(argv[2], NULL, 10) : 8080)), fd;
    struct tulle *mesh;

    if (listening < 0 || tulle_open(&options, &mesh)) {
        return 1;
    }
    while ((fd = accept(listening, NULL, NULL)) >= 0) {
        serve(mesh, fd);
        fflush(stdout);
        close(fd);
    }
    tulle_close(mesh);
    return 0;
}
