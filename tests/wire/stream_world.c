/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/stream_world.h"

#include <stdio.h>

#include "harness/certs.h"
#include "harness/server.h"
#include "harness/test.h"

struct stream_world stream_world;

static void begin(void **state, const char *ca_file, enum protocol protocol)
{
    rig_init(&stream_world.rig, ca_file);
    stream_world.pool = rig_pool(&stream_world.rig, server_address(stream_world.server), protocol);
    *state = &stream_world;
}

int stream_world_setup_http1(void **state)
{
    stream_world = (struct stream_world){ .base = "http://mesh.test" };
    stream_world.server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    begin(state, NULL, PROTOCOL_HTTP1);
    return 0;
}

int stream_world_setup_http2(void **state)
{
    stream_world = (struct stream_world){ .base = "http://mesh.test", .is_http2 = true };
    stream_world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--h2c", NULL);
    begin(state, NULL, PROTOCOL_HTTP2);
    return 0;
}

static int setup_tls(void **state, bool is_http2)
{
    const char *cert, *key;

    stream_world = (struct stream_world){ .base = "https://mesh.test", .is_http2 = is_http2 };
    stream_world.certs = certs_new();
    certs_issue(stream_world.certs, CERTS_GOOD, "DNS:mesh.test", &cert, &key);
    stream_world.server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key,
                                       is_http2 ? "--no-h1" : "--no-h2", NULL);
    begin(state, certs_ca(stream_world.certs), PROTOCOL_HTTPS);
    return 0;
}

int stream_world_setup_tls1(void **state)
{
    return setup_tls(state, false);
}

int stream_world_setup_tls2(void **state)
{
    return setup_tls(state, true);
}

int stream_world_teardown(void **state)
{
    (void)state;
    rig_call_fini(&stream_world.stream.call);
    rig_call_fini(&stream_world.other);
    rig_fini(&stream_world.rig);
    server_stop(stream_world.server);
    certs_free(stream_world.certs);
    return 0;
}

const char *stream_world_url(const char *target)
{
    snprintf(stream_world.url, sizeof(stream_world.url), "%s%s", stream_world.base, target);
    return stream_world.url;
}

void stream_world_init(const char *target, uint64_t size)
{
    rig_call_fini(&stream_world.stream.call);
    rig_stream_init(&stream_world.stream, &stream_world.rig, stream_world_url(target), size);
}

void stream_world_start(const char *target, uint64_t size)
{
    stream_world_init(target, size);
    rig_stream_start(&stream_world.stream, stream_world.pool);
}

void stream_world_other(const char *target)
{
    rig_call_fini(&stream_world.other);
    rig_call(&stream_world.other, &stream_world.rig, stream_world.pool, stream_world_url(target));
    assert_string_equal(stream_world.other.text, "");
    assert_int_equal(stream_world.other.status, 200);
}

void stream_world_assert_echoed(uint64_t size)
{
    assert_string_equal(stream_world.stream.call.text, "");
    assert_int_equal(stream_world.stream.call.end.error, TULLE_OK);
    assert_int_equal(stream_world.stream.call.is_http2, stream_world.is_http2);
    assert_int_equal(stream_world.stream.sent, size);
    assert_int_equal(stream_world.stream.got, size);
}
