/* SPDX-License-Identifier: Apache-2.0 */

/* What servers may say, and what they may not. */

#include <stdio.h>

#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

struct reply {
    const char *bytes;
    enum tulle_error error;
    int status;
    const char *body;    /* NULL: any */
    const char *headers; /* NULL: any */
};

static const struct reply replies[] = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", TULLE_OK, 200, "ab",
      "Content-Length: 2\n" },
    { "HTTP/1.1 204\r\nA:\t b \r\nB:\r\n\r\n", TULLE_OK, 204, NULL, "A: b\nB: \n" },
    { "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Go on\r\n\r\n"
      "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 0\r\n\r\n",
      TULLE_OK, 200, NULL, "A: 1\nContent-Length: 0\n" },
    { "HTTP/1.1 200 OK\r\nA: one\r\n  two\r\n\tthree\r\nContent-Length: 0\r\n\r\n", TULLE_OK, 200,
      NULL, "A: one two three\nContent-Length: 0\n" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nTrailer: no\r\n\r\n",
      TULLE_OK, 200, "ab", "Transfer-Encoding: chunked\n" },
    { "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz", TULLE_OK, 200,
      "zz", NULL },
    { "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", TULLE_OK, 302,
      NULL, NULL },
    { "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", TULLE_OK,
      401, NULL, NULL },
    { "hello, I am no HTTP at all\r\n\r\n", TULLE_E_PEER, 0, NULL, NULL },
    { "HTTP/7.7 200 OK\r\n\r\n", TULLE_E_PEER, 0, NULL, NULL },
    { "HTTP/30HTTP/1.1 304 Not Modified 200\r\n\r\nab", TULLE_E_PEER, 0, NULL, NULL },
    { "HTTP/1.1 OK\r\n\r\n", TULLE_E_PEER, 0, NULL, NULL },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", TULLE_E_PEER, 200, NULL,
      NULL },
    { "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", TULLE_E_PEER, 0, NULL, NULL },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", TULLE_E_PEER, 0, NULL,
      NULL },
};

static void send_raw(struct server *server, const char *bytes)
{
    static char hex[2048];
    size_t size = strlen(bytes);

    for (size_t i = 0; i < size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)bytes[i]);
    }
    server_command(server, "raw %s", hex);
}

static void each_reply_is_told_as_it_is_or_refused(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    struct rig rig;
    struct pool *pool;

    (void)state;
    rig_init(&rig, NULL);
    pool = rig_pool(&rig, server_address(server), PROTOCOL_HTTP1);
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        const struct reply *reply = &replies[i];
        struct rig_call call;

        send_raw(server, reply->bytes);
        rig_call(&call, &rig, pool, "http://mesh.test/x?raw&close");
        if (call.end.error != reply->error || call.status != reply->status) {
            fail_msg("%s: error %d, status %d, %s", reply->bytes, call.end.error, call.status,
                     call.text);
        }
        if (reply->body) {
            assert_string_equal(call.body, reply->body);
        }
        if (reply->headers) {
            assert_string_equal(call.headers, reply->headers);
        }
        assert_int_equal(call.ends, 1);
        assert_int_equal(server_count(server, "requests"), i + 1);
        rig_call_fini(&call);
    }
    rig_fini(&rig);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(each_reply_is_told_as_it_is_or_refused))
