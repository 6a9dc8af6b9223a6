/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TULLE_ERROR_H
#define TULLE_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns. A reply with any HTTP status is TULLE_OK. */
enum tulle_error {
    TULLE_OK = 0,
    TULLE_E_USAGE = 1,       /* the call was wrong: a bad argument, or not allowed here */
    TULLE_E_NOMEM = 2,       /* out of memory; nothing was changed */
    TULLE_E_CONFIG = 3,      /* the configuration is wrong; the log and the error list say where */
    TULLE_E_REFUSED = 4,     /* refused here: no route, or a name outside the mesh */
    TULLE_E_LIMIT = 5,       /* refused here: a limit, or shed load; the failure names it */
    TULLE_E_NO_ENDPOINT = 6, /* refused here: every endpoint of the service is ejected, or its
                              * names have no address */
    TULLE_E_NETWORK = 7,     /* connecting, sending or receiving failed */
    TULLE_E_TLS = 8,         /* the peer did not prove that it is who it should be */
    TULLE_E_PEER = 9,        /* the peer broke the protocol */
    TULLE_E_TOO_LARGE = 10,  /* the reply's head or body is over its cap */
    TULLE_E_TIMEOUT = 11,    /* the deadline, the route's timeout or a per-try timeout */
    TULLE_E_CANCELLED = 12,  /* tulle_call_cancel(), or tulle_close() gave up waiting */
    TULLE_E_CLOSED = 13,     /* the mesh is closing and takes no new calls */
    TULLE_E_INTERNAL = 14,   /* a fault in the library or the system (no thread, no descriptor) */
    TULLE_E_AGAIN = 15,      /* nothing now; an event tells when (streams, queues, picks) */
    TULLE_E_FORKED = 16      /* the mesh was opened before fork(); this is the child */
};

/* How far a request got before it failed. */
enum tulle_progress {
    TULLE_NOTHING_SENT = 0,        /* no byte of it left this process */
    TULLE_PERHAPS_EXECUTED = 1,    /* it was sent, and no answer came */
    TULLE_REFUSED_UNPROCESSED = 2, /* the peer said that it did not look at it (RFC 9113 8.7) */
    TULLE_ANSWERED = 3             /* the head of an answer came; the body may have broken off */
};

/* Why a call has no reply. Plain data; texts are cut to fit and end with a NUL. */
struct tulle_failure {
    size_t size;       /* set by TULLE_FAILURE_INIT */
    int32_t error;     /* enum tulle_error */
    int32_t progress;  /* enum tulle_progress, of the last attempt */
    int32_t status;    /* what Envoy would have answered: 503, 504, 404... */
    uint32_t attempts; /* that were made, the last one included */
    char flags[16];    /* Envoy's response flags, "UO", "URX,UF"; "-" when none */
    char layer[24];    /* the layer that decided: "admit", "deadline", "transport"... */
    char cluster[256]; /* outbound|80||reviews.default.svc.cluster.local; "" when no route */
    char endpoint[64]; /* of the last attempt, "10.0.0.1:9080"; "" when none was picked */
    char text[256];    /* one sentence */
};                     /* append only */

#define TULLE_FAILURE_INIT .size = sizeof(struct tulle_failure)

/* One short sentence for an error code. Static text, also for unknown codes.
 * Thread: any. Errors: none. */
TULLE_API const char *tulle_error_text(int32_t error);

#ifdef __cplusplus
}
#endif

#endif
