/* SPDX-License-Identifier: Apache-2.0 */

/* How an exchange ended, from what libcurl and our own book say.
 *
 * Progress errs to the safe side. "Nothing sent" needs proof: no connection
 * stood, or libcurl counts no byte of the request as written. "Refused
 * unprocessed" is what libcurl would send again on HTTP/2: a stream that was
 * refused (RST_STREAM or GOAWAY), and a connection that was lost by a reset.
 * They differ in that the first leaves the connection standing and libcurl
 * without an error text. All else that was sent is "perhaps executed". */

#include <stdio.h>

#include "base/macros.h"
#include "transport/curl/internal.h"

static struct str url_host(struct str url)
{
    struct str rest;
    struct str authority;

    tulle__str_cut(url, ':', &rest);
    if (rest.size < 2) {
        return url;
    }
    rest = (struct str){ rest.data + 2, rest.size - 2 };
    authority = tulle__str_cut(rest, '/', &rest);
    return tulle__str_cut(authority, '?', &rest);
}

/* OpenSSL's and libcurl's words. */
static const struct {
    const char *needle;
    const char *reason;
} tls_reasons[] = {
    { "target ip", "it is for another address" },
    { "target host", "it is for another name" },
    { "does not match", "it is for another name" },
    { "not yet valid", "it is not yet valid" },
    { "expired", "it has expired" },
    { "self-signed certificate in", "its chain ends in an authority that is not trusted" },
    { "self signed certificate in", "its chain ends in an authority that is not trusted" },
    { "self-signed", "it is self-signed" },
    { "self signed", "it is self-signed" },
    { "issuer", "no trusted authority has issued it" },
    { "first certificate", "no trusted authority has issued it" },
};

static const char *tls_reason(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(tls_reasons); i++) {
        if (strstr(text, tls_reasons[i].needle)) {
            return tls_reasons[i].reason;
        }
    }
    return NULL;
}

static enum tulle_progress outcome_progress(const struct outcome *outcome)
{
    if (outcome->head) {
        return TULLE_ANSWERED;
    }
    if (!outcome->sent || (outcome->sent_bytes == 0 && !outcome->answered)) {
        return TULLE_NOTHING_SENT;
    }
    if (outcome->again && outcome->is_http2 && outcome->standing && !outcome->answered &&
        outcome->silent) {
        return TULLE_REFUSED_UNPROCESSED;
    }
    return TULLE_PERHAPS_EXECUTED;
}

static bool is_tls_refusal(const struct outcome *outcome)
{
    switch (outcome->code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return true;
    /* Also what becomes of a handshake that the network cuts. */
    case CURLE_SSL_CONNECT_ERROR:
        return outcome->os_error == 0 && !strstr(outcome->text, "SYSCALL") &&
               !strstr(outcome->text, "reset") && !strstr(outcome->text, "unexpected eof");
    default: return false;
    }
}

/* What the peer said was no HTTP. */
static bool is_peer_fault(const struct outcome *outcome)
{
    if (outcome->fault) {
        return true;
    }
    switch (outcome->code) {
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING: return true;
    /* libcurl's code for a chunk that is none, too. */
    case CURLE_RECV_ERROR:
        return strstr(outcome->text, "chunk") != NULL || strstr(outcome->text, "header") != NULL;
    default: return false;
    }
}

static enum tulle_error outcome_error(const struct outcome *outcome)
{
    if (outcome->no_memory || outcome->code == CURLE_OUT_OF_MEMORY) {
        return TULLE_E_NOMEM;
    }
    if (outcome->refusal != TULLE_OK) {
        return outcome->refusal;
    }
    if (outcome->too_large || outcome->code == CURLE_TOO_LARGE) {
        return TULLE_E_TOO_LARGE;
    }
    if (outcome->no_descriptor) {
        return TULLE_E_INTERNAL;
    }
    if (is_tls_refusal(outcome)) {
        return TULLE_E_TLS;
    }
    return is_peer_fault(outcome) ? TULLE_E_PEER : TULLE_E_NETWORK;
}

static const char *reason_of(const struct outcome *outcome)
{
    if (outcome->fault) {
        return outcome->fault;
    }
    if (outcome->text[0] != '\0') {
        return outcome->text;
    }
    return curl_easy_strerror(outcome->code);
}

static void write_connect_text(const struct outcome *outcome, char *text, struct str peer)
{
    if (outcome->code == CURLE_OPERATION_TIMEDOUT) {
        snprintf(text, OUTCOME_TEXT_SIZE, "connecting to %.*s took over %.3g s", STR_ARG(peer),
                 (double)outcome->connect_timeout_ns / (double)NS_PER_S);
        return;
    }
    snprintf(text, OUTCOME_TEXT_SIZE, "no connection to %.*s: %s", STR_ARG(peer),
             reason_of(outcome));
}

static void write_tls_text(const struct outcome *outcome, char *text, struct str peer)
{
    struct str host = url_host(outcome->url);
    const char *reason = tls_reason(outcome->text);

    if (!reason) {
        snprintf(text, OUTCOME_TEXT_SIZE, "no TLS with %.*s: %s", STR_ARG(peer),
                 reason_of(outcome));
        return;
    }
    snprintf(text, OUTCOME_TEXT_SIZE, "the certificate for %.*s was refused: %s", STR_ARG(host),
             reason);
}

static const char *lost_text(const struct outcome *outcome, enum tulle_progress progress)
{
    switch (progress) {
    case TULLE_NOTHING_SENT: return "closed before the request was sent";
    case TULLE_REFUSED_UNPROCESSED: return "the request was refused unprocessed";
    case TULLE_ANSWERED: return "the reply broke off";
    case TULLE_PERHAPS_EXECUTED: break;
    }
    return outcome->answered ? "closed in the head of the reply" : "closed before a reply came";
}

static void write_text(const struct outcome *outcome, const struct exchange_end *end, char *text)
{
    struct str peer = outcome->address.size > 0 ? outcome->address : url_host(outcome->url);

    if (end->error != TULLE_OK && end->error == outcome->refusal) {
        snprintf(text, OUTCOME_TEXT_SIZE, "%s", outcome->refusal_text);
        return;
    }
    switch (end->error) {
    case TULLE_OK: text[0] = '\0'; return;
    case TULLE_E_NOMEM: snprintf(text, OUTCOME_TEXT_SIZE, "out of memory"); return;
    case TULLE_E_TOO_LARGE:
        snprintf(text, OUTCOME_TEXT_SIZE, "the reply of %.*s is over its cap", STR_ARG(peer));
        return;
    case TULLE_E_INTERNAL:
        snprintf(text, OUTCOME_TEXT_SIZE, "no descriptor for a connection to %.*s", STR_ARG(peer));
        return;
    case TULLE_E_TLS: write_tls_text(outcome, text, peer); return;
    default: break;
    }
    if (end->connect_failure) {
        write_connect_text(outcome, text, peer);
        return;
    }
    /* A second try that was refused left a text about itself. */
    snprintf(text, OUTCOME_TEXT_SIZE, "connection to %.*s: %s (%s)", STR_ARG(peer),
             lost_text(outcome, end->progress),
             outcome->again ? "not sent again" : reason_of(outcome));
}

void tulle__outcome_end(const struct outcome *outcome, struct exchange_end *end,
                        char text[OUTCOME_TEXT_SIZE])
{
    *end = (struct exchange_end){ .progress = TULLE_ANSWERED, .text = text };
    if (outcome->code != CURLE_OK || !outcome->head) {
        end->error = outcome_error(outcome);
        end->progress = outcome_progress(outcome);
        end->connect_failure = !outcome->sent && end->error != TULLE_E_NOMEM;
        end->refused_stream = end->progress == TULLE_REFUSED_UNPROCESSED;
        end->truncated =
            outcome->head && end->error != TULLE_E_TOO_LARGE && outcome->refusal == TULLE_OK;
    }
    write_text(outcome, end, text);
}
