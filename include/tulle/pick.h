/* SPDX-License-Identifier: Apache-2.0 */

/* Picks: the mesh chooses an endpoint, the program speaks to it itself (a
 * database, Redis, its own gRPC stack), and reports what happened. Routing,
 * limits, balancing and ejection work as for calls. */

#ifndef TULLE_PICK_H
#define TULLE_PICK_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/call.h>
#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/queue.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tulle_pick;

/* A pick that was held is decided: with TULLE_OK it has an endpoint. Once a
 * pick, on a loop of the library's, never from inside tulle_pick_start(). It
 * may call anything but blocking functions. */
typedef void tulle_pick_fn(struct tulle_pick *pick, enum tulle_error error, void *user);

struct tulle_pick_request {
    size_t size;        /* set by TULLE_PICK_INIT */
    const char *url;    /* as of a call: "http://reviews:9080/"; its path, and */
    const char *method; /* these, matter to routes that look at them; NULL: GET */
    const struct tulle_header *headers;
    size_t header_count;
    int64_t deadline_ns;       /* for waiting and for the report; 0: the mesh's, TULLE_NONE: none */
    const char *place;         /* "file.c:12", told when it is never reported; static text */
    struct tulle_queue *queue; /* where the decision goes; NULL: to `done` */
    struct tulle_failure *failure; /* filled when tulle_pick() fails; NULL: not wanted */
    const char *hash_key; /* what ring hash and Maglev go by (a shard, a session), in place of
                           * the hash policies; NULL: these */
};                        /* append only */

#define TULLE_PICK_TEXT_(n) #n
#define TULLE_PICK_TEXT(n)  TULLE_PICK_TEXT_(n)
#define TULLE_PICK_INIT                                                                            \
    .size = sizeof(struct tulle_pick_request), .place = __FILE__ ":" TULLE_PICK_TEXT(__LINE__)

/* Picks an endpoint, and waits for one where none is free (bounded by the
 * deadline).
 *
 * Owns: takes nothing.
 * Gives: `*out`, to be handed to tulle_pick_done(). It counts as a request in
 *   flight until then, or until its deadline: then it counts as failed, and the
 *   log says so once for each place.
 * Thread: any but a callback of the library's.
 * Errors: as tulle_call() before any I/O: TULLE_E_USAGE, TULLE_E_REFUSED, TULLE_E_LIMIT,
 *   TULLE_E_NO_ENDPOINT, TULLE_E_TIMEOUT, TULLE_E_CLOSED, TULLE_E_NOMEM; TULLE_E_REFUSED also
 *   for a name outside the mesh */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_pick(struct tulle *mesh, const struct tulle_pick_request *request, struct tulle_pick **out);

/* Starts a pick; the decision comes to `done`, or as TULLE_EVENT_END to the
 * request's queue.
 *
 * Gives: `*out`, also to be handed to tulle_pick_done() if the decision is a
 *   failure; handed in before the decision it cancels the pick, and `done` hears
 *   TULLE_E_CANCELLED, unless the decision was under way; a queue hears nothing.
 * Thread: any. Errors: TULLE_E_USAGE, TULLE_E_CLOSED, TULLE_E_NOMEM, TULLE_E_INTERNAL; then
 *   nothing was started */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_pick_start(struct tulle *mesh,
                                                           const struct tulle_pick_request *request,
                                                           tulle_pick_fn *done, void *user,
                                                           struct tulle_pick **out);

/* The endpoint, "10.0.0.1:9080". Borrowed; "" as long as there is none. */
TULLE_API const char *tulle_pick_address(const struct tulle_pick *pick);

/* The cluster, "outbound|80||reviews.default.svc.cluster.local". Borrowed. */
TULLE_API const char *tulle_pick_cluster(const struct tulle_pick *pick);

/* Why a pick failed; NULL when it did not. Borrowed. */
TULLE_API const struct tulle_failure *tulle_pick_failure(const struct tulle_pick *pick);

/* What came of a pick. */
struct tulle_pick_result {
    size_t size;    /* set by TULLE_PICK_RESULT_INIT */
    int32_t error;  /* TULLE_OK; or NETWORK, TLS, PEER, TIMEOUT: the endpoint's fault;
                     * CANCELLED: nobody's */
    int32_t status; /* an HTTP status, as outlier detection reads it; 0: 200 */
};                  /* append only */

#define TULLE_PICK_RESULT_INIT .size = sizeof(struct tulle_pick_result)

/* Reports what came of a pick (NULL: it went well) and gives it back; after its
 * deadline only the latter.
 * Owns: takes `pick`. NULL does nothing. Thread: any. Errors: none. */
TULLE_API void tulle_pick_done(struct tulle_pick *pick, const struct tulle_pick_result *result);

#ifdef __cplusplus
}
#endif

#endif
