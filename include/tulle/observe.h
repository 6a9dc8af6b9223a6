/* SPDX-License-Identifier: Apache-2.0 */

/* What one can see: metrics and the access log. */

#ifndef TULLE_OBSERVE_H
#define TULLE_OBSERVE_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One finished call, as an access log line tells it. Texts are borrowed. */
struct tulle_access {
    size_t size;           /* of the struct the library filled */
    const char *method;    /* as sent */
    const char *authority; /* of the URL */
    const char *path;      /* as sent: normalised, with the query */
    const char *cluster;   /* "" when there was no route */
    const char *endpoint;  /* of the last attempt; "" when none */
    const char *flags;     /* Envoy's response flags, "-" when none */
    const char *protocol;  /* "HTTP/1.1", "HTTP/2"; "-" when nothing came */
    const char *route;     /* the route's name; "" when it has none */
    int32_t status;        /* of the reply, or the one Envoy would have answered with */
    int32_t error;         /* enum tulle_error */
    uint32_t attempts;
    int64_t duration_ns;
    uint64_t bytes_sent;     /* the request's body */
    uint64_t bytes_received; /* the reply's body */
};                           /* append only */

/* All metrics as Prometheus text (exposition format 0.0.4): Istio's standard
 * metrics by name, label and bucket, and tulle_* for pools, retries,
 * ejections and configuration.
 *
 * Gives: `*out`, followed by a NUL, to be freed by tulle_text_free(); its size
 *   in `*size` (NULL: not wanted).
 * Thread: any; it takes no lock that a call takes.
 * Errors: TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_metrics(struct tulle *mesh, size_t *size,
                                                        char **out);

/* Frees a text that the library gave. NULL does nothing. Thread: any. */
TULLE_API void tulle_text_free(char *text);

/* Where an endpoint of the mesh stands. Plain data. */
struct tulle_endpoint_state {
    size_t size;        /* set by TULLE_ENDPOINT_STATE_INIT */
    char cluster[256];  /* outbound|80|v1|reviews.default.svc.cluster.local */
    char address[64];   /* 10.0.0.1:9080 */
    char gate[16];      /* "ready", "trial" or "ejected" */
    uint32_t weight;    /* 1 unless the configuration says more */
    uint32_t in_flight; /* attempts under way, over the whole process */
    uint32_t ejections; /* since the endpoint was first named */
    uint64_t requests;  /* attempts that ended, since then */
    uint64_t failures;  /* of those, the ones that count against the endpoint */
    char health[16];    /* by its active health checks and the control plane: "healthy",
                         * "degraded", or "unhealthy" (also before its first check) */
};                      /* append only */

#define TULLE_ENDPOINT_STATE_INIT .size = sizeof(struct tulle_endpoint_state)

/* Calls `each` for every endpoint of every cluster, sorted by cluster and
 * address. `state` lives until it returns.
 *
 * Thread: any. Calls back: `each`, from this thread, before return.
 * Errors: TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_endpoints(struct tulle *mesh,
                void (*each)(const struct tulle_endpoint_state *state, void *user), void *user);

#ifdef __cplusplus
}
#endif

#endif
