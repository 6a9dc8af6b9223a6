/* SPDX-License-Identifier: Apache-2.0 */

/* All metrics as Prometheus text, exposition format 0.0.4. */

#ifndef TULLE_OBSERVE_RENDER_H
#define TULLE_OBSERVE_RENDER_H

#include <tulle/error.h>

#include "base/buf.h"
#include "endpoint/live.h"
#include "observe/metrics.h"
#include "seam/resolver.h"
#include "seam/source.h"
#include "seam/transport.h"

struct render_source {
    const char *name; /* "file": the label `source` */
    struct source_stats stats;
};

/* What core gathers for one text. Only atomics are read behind the pointers,
 * and what never changes; all must stay until tulle__render() returns. */
struct render_input {
    const struct metrics *metrics;
    const struct cluster_live *const *clusters; /* sorted by name: the cap keeps the first */
    size_t cluster_count;
    const struct transport *const *transports; /* one for each loop; NULL entries are passed over */
    size_t transport_count;
    const struct render_source *sources;
    size_t source_count;
    const struct dns_stats *dns; /* NULL: nothing is said of names */
    uint64_t generation;         /* of the snapshot in force */
    int64_t now;                 /* monotonic, for ages */
};

/* Appends to `out`. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__render(const struct render_input *input, struct buf *out);

/* --- for the files of this folder --- */

/* "# HELP" and "# TYPE". */
void tulle__render_head(struct buf *out, const char *name, const char *help, const char *type);
/* A label's value between its quotes: \, " and newline escaped. */
void tulle__render_label(struct buf *out, struct str value);
/* Whole numbers without a point, others with up to six places; never asks the locale. */
void tulle__render_number(struct buf *out, double value);

/* Istio's families (render_istio.c), and those of clusters (render_cluster.c). */
enum tulle_error tulle__render_istio(const struct metrics *metrics, struct buf *out);
void tulle__render_clusters(const struct render_input *input, struct buf *out);

#endif
