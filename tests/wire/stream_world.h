/* SPDX-License-Identifier: Apache-2.0 */

/* What the tests of streams share: a server, a rig and a stream, over HTTP/1.1
 * and HTTP/2, in the clear and with TLS. */

#ifndef TESTS_WIRE_STREAM_WORLD_H
#define TESTS_WIRE_STREAM_WORLD_H

#include "wire/rig_stream.h"

enum { MB = 1000000 };

struct stream_world {
    struct rig rig;
    struct server *server;
    struct certs *certs;
    struct pool *pool;
    const char *base;
    char url[200];
    bool is_http2;
    struct rig_stream stream;
    struct rig_call other;
};

extern struct stream_world stream_world;

int stream_world_setup_http1(void **state);
int stream_world_setup_http2(void **state);
int stream_world_setup_tls1(void **state);
int stream_world_setup_tls2(void **state);
int stream_world_teardown(void **state);

const char *stream_world_url(const char *target);
void stream_world_init(const char *target, uint64_t size);
void stream_world_start(const char *target, uint64_t size);
void stream_world_other(const char *target); /* a call without streams, which must go well */
void stream_world_assert_echoed(uint64_t size);

#define ON(name, how, setup)                                                                       \
    {                                                                                              \
#name " (" how ")", name, setup, stream_world_teardown, NULL                               \
    }
#define ON_HTTP1(name) ON(name, "HTTP/1.1", stream_world_setup_http1)
#define ON_HTTP2(name) ON(name, "HTTP/2", stream_world_setup_http2)
#define ON_TLS1(name)  ON(name, "HTTP/1.1, TLS", stream_world_setup_tls1)
#define ON_TLS2(name)  ON(name, "HTTP/2, TLS", stream_world_setup_tls2)
#define ON_PLAIN(name) ON_HTTP1(name), ON_HTTP2(name)
#define ON_ALL(name)   ON_PLAIN(name), ON_TLS1(name), ON_TLS2(name)

#endif
