/* SPDX-License-Identifier: Apache-2.0 */

#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "conn.h"
#include "h1.h"
#include "h2.h"
#include "setup.h"

static SSL_CTX *context;
static unsigned char protocols[16]; /* ALPN's wire form, in the order we like */
static unsigned protocols_size;

static void protocols_add(const char *name)
{
    size_t size = strlen(name);

    protocols[protocols_size] = (unsigned char)size;
    memcpy(protocols + protocols_size + 1, name, size);
    protocols_size += (unsigned)size + 1;
}

static int alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                       const unsigned char *in, unsigned in_size, void *user)
{
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)user;
    if (SSL_select_next_proto(&chosen, out_size, protocols, protocols_size, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

bool tls_init(const struct setup *setup)
{
    context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, setup->cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, setup->key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        return false;
    }
    if (!setup->no_h2) {
        protocols_add("h2");
    }
    if (!setup->no_h1) {
        protocols_add("http/1.1");
    }
    SSL_CTX_set_alpn_select_cb(context, alpn_select, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return true;
}

void tls_fini(void)
{
    SSL_CTX_free(context);
    context = NULL;
}

static ssize_t tls_result(struct conn *conn, int result)
{
    int error = SSL_get_error(conn->tls, result);

    if (result > 0) {
        return result;
    }
    ERR_clear_error();
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t tls_read(struct conn *conn, void *data, size_t size)
{
    return tls_result(conn, SSL_read(conn->tls, data, (int)size));
}

static ssize_t tls_write(struct conn *conn, const void *data, size_t size)
{
    int piece = size < (1 << 20) ? (int)size : 1 << 20;

    return tls_result(conn, SSL_write(conn->tls, data, piece));
}

static void tls_failed(struct conn *conn, int error)
{
    unsigned long code = ERR_get_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    conn->host->counts.handshakes_failed++;
    host_note(conn->host, "handshake-failed %lu %s", (unsigned long)conn->number,
              reason != NULL ? reason : (error == SSL_ERROR_SYSCALL ? "closed" : "-"));
    ERR_clear_error();
}

static enum stream_step tls_handshake(struct conn *conn)
{
    int result = SSL_accept(conn->tls);
    int error = SSL_get_error(conn->tls, result);
    const unsigned char *name = NULL;
    unsigned size = 0;

    if (result != 1 && (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)) {
        return STREAM_AGAIN;
    }
    if (result != 1) {
        tls_failed(conn, error);
        return STREAM_FAILED;
    }
    SSL_get0_alpn_selected(conn->tls, &name, &size);
    conn->host->counts.handshakes++;
    host_note(conn->host, "handshake %lu %.*s", (unsigned long)conn->number,
              size > 0 ? (int)size : 1, size > 0 ? (const char *)name : "-");
    conn_speak(conn, size == 2 ? &h2_protocol : &h1_protocol);
    return STREAM_DONE;
}

static void tls_finish(struct conn *conn)
{
    if (SSL_is_init_finished(conn->tls)) {
        SSL_shutdown(conn->tls);
    }
    ERR_clear_error();
}

static void tls_close(struct conn *conn)
{
    tls_finish(conn);
    SSL_free(conn->tls);
    conn->tls = NULL;
}

static const struct stream_type tls_stream = {
    .read = tls_read,
    .write = tls_write,
    .handshake = tls_handshake,
    .finish = tls_finish,
    .close = tls_close,
};

void tls_welcome(struct conn *conn)
{
    SSL *ssl = SSL_new(context);

    SSL_set_fd(ssl, conn->watch.fd);
    SSL_set_accept_state(ssl);
    conn->tls = ssl;
    conn->stream = &tls_stream;
}
