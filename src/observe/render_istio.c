/* SPDX-License-Identifier: Apache-2.0 */

/* Istio's standard metrics as a client-side reporter writes them: every label,
 * in Istio's order, with its fallbacks (istio/proxy, istio_stats): "unknown"
 * where nothing is known, "latest" for a canonical revision, an empty
 * grpc_response_status where there is none, "-" for no flag, the URL's host as
 * destination_service outside the mesh. What does not fit under the cap is one
 * label set with "__other__" where it would say which call it was. */

#include <inttypes.h>

#include "base/alloc.h"
#include "base/macros.h"
#include "observe/render.h"

enum { FLAGS_TEXT_SIZE = 64 };

static const struct istio_family {
    const char *name, *help;
    enum series_metric metric;
} histogram_families[] = {
    { "istio_request_duration_milliseconds", "Duration of calls.", SERIES_DURATION },
    { "istio_request_bytes", "Request body sizes.", SERIES_REQUEST_BYTES },
    { "istio_response_bytes", "Response body sizes.", SERIES_RESPONSE_BYTES },
};

/* One walk: the series there were when it began. */
struct istio_walk {
    const struct metrics *metrics;
    const struct series **list;
    size_t count;
    struct buf source; /* the labels that are alike in all series */
    struct buf labels; /* of the series at hand */
};

static void labels_source(struct buf *out, struct str workload)
{
    tulle__buf_add_str(out, STR("reporter=\"source\",source_workload=\""));
    tulle__render_label(out, workload);
    tulle__buf_add_str(out, STR("\",source_canonical_service=\"unknown\""
                                ",source_canonical_revision=\"latest\""
                                ",source_workload_namespace=\"unknown\""
                                ",source_principal=\"unknown\""
                                ",source_app=\"unknown\""
                                ",source_version=\"unknown\""
                                ",source_cluster=\"unknown\""
                                ",destination_workload=\"unknown\""
                                ",destination_workload_namespace=\"unknown\""
                                ",destination_principal=\"unknown\""
                                ",destination_app=\"unknown\""
                                ",destination_version=\"unknown\""
                                ",destination_service=\""));
}

static struct str service_name(const struct series *series)
{
    switch (series->key.kind) {
    case SERIES_SERVICE: return series->key.service;
    case SERIES_PASSTHROUGH: return STR("PassthroughCluster");
    case SERIES_BLACKHOLE: return STR("BlackHoleCluster");
    case SERIES_NO_ROUTE: return series->key.host;
    case SERIES_OTHER: break;
    }
    return STR("__other__");
}

static struct str or_unknown(struct str text)
{
    return text.size > 0 ? text : STR("unknown");
}

static void labels_response(struct buf *out, const struct series *series)
{
    char flags[FLAGS_TEXT_SIZE];

    if (series->key.kind == SERIES_OTHER) {
        tulle__buf_add_str(out, STR("\",destination_cluster=\"unknown\""
                                    ",request_protocol=\"__other__\""
                                    ",response_code=\"__other__\""
                                    ",grpc_response_status=\"\""
                                    ",response_flags=\"__other__\""));
        return;
    }
    tulle__flags_text(series->key.flags, flags, sizeof(flags));
    tulle__buf_addf(out,
                    "\",destination_cluster=\"unknown\",request_protocol=\"%s\""
                    ",response_code=\"%d\",grpc_response_status=\"\",response_flags=\"%s\"",
                    series->key.is_grpc ? "grpc" : "http", series->key.status, flags);
}

static void labels_make(struct istio_walk *walk, const struct series *series)
{
    struct buf *out = &walk->labels;
    bool is_other = series->key.kind == SERIES_OTHER;

    tulle__buf_clear(out);
    tulle__buf_add(out, walk->source.data, walk->source.size);
    tulle__render_label(out, is_other ? STR("__other__") : or_unknown(series->key.host));
    tulle__buf_add_str(out, STR("\",destination_canonical_service=\"unknown\""
                                ",destination_canonical_revision=\"latest\""
                                ",destination_service_name=\""));
    tulle__render_label(out, or_unknown(service_name(series)));
    tulle__buf_add_str(out, STR("\",destination_service_namespace=\""));
    tulle__render_label(out, is_other ? STR("__other__") : or_unknown(series->key.name_space));
    labels_response(out, series);
    tulle__buf_add_str(out, STR(",connection_security_policy=\"unknown\""));
}

static void line_begin(struct buf *out, const char *name, const char *suffix,
                       const struct buf *labels)
{
    tulle__buf_addf(out, "%s%s{", name, suffix);
    tulle__buf_add(out, labels->data, labels->size);
}

static void render_histogram(struct buf *out, const char *name, const struct buf *labels,
                             const struct series_total *total)
{
    uint64_t below = 0;

    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        below += total->counts[i];
        line_begin(out, name, "_bucket", labels);
        tulle__buf_add_str(out, STR(",le=\""));
        tulle__render_number(out, tulle__histogram_bounds[i]);
        tulle__buf_addf(out, "\"} %" PRIu64 "\n", below);
    }
    line_begin(out, name, "_bucket", labels);
    tulle__buf_addf(out, ",le=\"+Inf\"} %" PRIu64 "\n", total->count);
    line_begin(out, name, "_sum", labels);
    tulle__buf_add_str(out, STR("} "));
    tulle__render_number(out, total->sum);
    tulle__buf_add(out, "\n", 1);
    line_begin(out, name, "_count", labels);
    tulle__buf_addf(out, "} %" PRIu64 "\n", total->count);
}

/* A set that was just added has no numbers yet: Prometheus is spared it. */
static bool series_total(struct istio_walk *walk, const struct series *series,
                         enum series_metric metric, struct series_total *total)
{
    tulle__series_total(series, metric, total);
    if (total->count == 0 || !walk->source.data) {
        return false;
    }
    labels_make(walk, series);
    return tulle__buf_ok(&walk->labels);
}

static void render_requests(struct istio_walk *walk, struct buf *out)
{
    struct series_total total;

    tulle__render_head(out, "istio_requests_total", "Calls that ended.", "counter");
    for (size_t i = 0; i < walk->count; i++) {
        if (series_total(walk, walk->list[i], SERIES_DURATION, &total)) {
            line_begin(out, "istio_requests_total", "", &walk->labels);
            tulle__buf_addf(out, "} %" PRIu64 "\n", total.count);
        }
    }
}

static void render_family(struct istio_walk *walk, const struct istio_family *family,
                          struct buf *out)
{
    struct series_total total;

    tulle__render_head(out, family->name, family->help, "histogram");
    for (size_t i = 0; i < walk->count; i++) {
        if (series_total(walk, walk->list[i], family->metric, &total)) {
            render_histogram(out, family->name, &walk->labels, &total);
        }
    }
}

static void render_dropped(struct istio_walk *walk, struct buf *out)
{
    struct series_total total;

    tulle__series_total(tulle__metrics_other(walk->metrics), SERIES_DURATION, &total);
    tulle__render_head(out, "tulle_series_dropped_total",
                       "Calls counted under __other__: their labels were over the cap on series.",
                       "counter");
    tulle__buf_addf(out, "tulle_series_dropped_total %" PRIu64 "\n", total.count);
}

/* Loops add series meanwhile: a list that is full may have missed one, and a
 * series that comes and goes looks like a reset. */
static enum tulle_error walk_list(struct istio_walk *walk)
{
    enum { SLACK = 64 };

    for (size_t room = 0; walk->count == room;) {
        tulle__free(walk->list);
        room = tulle__metrics_count(walk->metrics) + SLACK;
        walk->list = tulle__alloc_zero(room + 1, sizeof(*walk->list));
        ENSURE(walk->list, TULLE_E_NOMEM);
        walk->count = tulle__metrics_list(walk->metrics, walk->list, room);
    }
    walk->list[walk->count++] = tulle__metrics_other(walk->metrics);
    return TULLE_OK;
}

enum tulle_error tulle__render_istio(const struct metrics *metrics, struct buf *out)
{
    struct istio_walk walk = { .metrics = metrics };
    enum tulle_error error = walk_list(&walk);

    if (error == TULLE_OK) {
        labels_source(&walk.source, tulle__metrics_workload(metrics));
        render_requests(&walk, out);
        for (size_t i = 0; i < COUNT_OF(histogram_families); i++) {
            render_family(&walk, &histogram_families[i], out);
        }
        render_dropped(&walk, out);
        if (!tulle__buf_ok(&walk.source) || !tulle__buf_ok(&walk.labels)) {
            error = TULLE_E_NOMEM;
        }
    }
    tulle__buf_fini(&walk.source);
    tulle__buf_fini(&walk.labels);
    tulle__free(walk.list);
    return error;
}
