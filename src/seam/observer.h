/* SPDX-License-Identifier: Apache-2.0 */

/* What the policies tell whoever counts. */

#ifndef TULLE_SEAM_OBSERVER_H
#define TULLE_SEAM_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "model/cluster.h"

/* Envoy's response flags (data/accesslog/v3 ResponseFlags). */
enum response_flag {
    FLAG_UH = 1 << 0,   /* no healthy upstream */
    FLAG_UF = 1 << 1,   /* connection failure */
    FLAG_UO = 1 << 2,   /* overflow: a limit */
    FLAG_NR = 1 << 3,   /* no route */
    FLAG_URX = 1 << 4,  /* retries (or connect attempts) used up */
    FLAG_NC = 1 << 5,   /* no such cluster */
    FLAG_UT = 1 << 6,   /* upstream request timeout */
    FLAG_UC = 1 << 7,   /* upstream connection ended */
    FLAG_UR = 1 << 8,   /* upstream remote reset */
    FLAG_DC = 1 << 9,   /* downstream (here: the app) went away */
    FLAG_UPE = 1 << 10, /* upstream protocol error */
    FLAG_DT = 1 << 11,  /* deadline of the app: Envoy's max duration */
    FLAG_DF = 1 << 12,  /* the host's name was not resolved */
    FLAG_DO = 1 << 13   /* drop overload: the configuration drops some calls */
};

/* "UO", "URX,UF", "-". Writes at most `size` bytes with the NUL. */
void tulle__flags_text(unsigned flags, char *out, size_t size);

/* One finished call. */
struct call_record {
    const struct cluster *cluster; /* NULL: no route, or outside the mesh */
    bool outside;                  /* passed through to a name that is not in the mesh */
    struct str host;               /* of the URL */
    int status;                    /* 0: none */
    unsigned flags;
    bool is_grpc;
    int64_t duration_ns;
    uint64_t bytes_sent, bytes_received;
};

/* One for each loop: written there alone, read by anyone. */
struct observer_shard;

struct observer {
    void (*call_ended)(struct observer_shard *shard, const struct call_record *record);
};

#endif
