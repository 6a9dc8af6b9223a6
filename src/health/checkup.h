/* SPDX-License-Identifier: Apache-2.0 */

/* One check of one endpoint, under way. Whoever starts it bounds its time: it ends
 * when its answer is there or it broke, and else not.
 *
 * What comes back is bounded: a head of 16 KiB and a body of 64 KiB are read, more
 * ends the connection. A status or a string that was found counts all the same. */

#ifndef TULLE_HEALTH_CHECKUP_H
#define TULLE_HEALTH_CHECKUP_H

#include "health/state.h"
#include "seam/transport.h"

enum { CHECKUP_HEAD_MAX = 16 * 1024, CHECKUP_BODY_MAX = 64 * 1024, CHECKUP_WHY_SIZE = 160 };

/* What came of it. */
struct checkup_end {
    enum check_result result;
    bool was_kept;              /* of CHECK_UNREACHED: a kept connection ended without a word */
    char why[CHECKUP_WHY_SIZE]; /* one sentence: "GET /healthz answered 503" */
};

/* All of it is borrowed until the end, but for the spec itself. */
struct checkup_spec {
    struct loop *loop;
    const struct transport_type *transport;
    struct pool *pool; /* NULL: TCP, over a socket of its own */
    const struct health_check *check;
    const struct cluster *cluster;
    struct str address;   /* of the endpoint, with its port */
    struct str addresses; /* as exchange.addresses; size 0: `address` is none but an address */
    void (*done)(void *user, const struct checkup_end *end); /* once, never from inside start */
    void *user;
};

/* The first member of each kind. */
struct checkup {
    void (*cancel)(struct checkup *checkup); /* frees it; nothing is told any more */
};

/* Errors: TULLE_E_NOMEM, TULLE_E_INTERNAL (no descriptor), TULLE_E_NETWORK (no way there) */
enum tulle_error tulle__checkup_http(const struct checkup_spec *spec, struct checkup **out);
enum tulle_error tulle__checkup_tcp(const struct checkup_spec *spec, struct checkup **out);

#endif
