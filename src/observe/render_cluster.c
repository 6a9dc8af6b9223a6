/* SPDX-License-Identifier: Apache-2.0 */

/* What clusters count: a table of families, and one walk. A family has at most
 * as many series as the cap says; the clusters beyond it are added up under
 * cluster="__other__". */

#include <inttypes.h>

#include "base/macros.h"
#include "endpoint/live_adaptive.h"
#include "observe/render.h"

#define NO_WORD SIZE_MAX

/* A row is one line of a cluster; rows of one family follow each other. */
struct row {
    const char *name, *help, *type;
    const char *label;         /* ",reason=\"budget\"" or "" */
    enum live_counter counter; /* COUNTERS: none */
    size_t word;               /* where an atomic_uint of the cluster is; NO_WORD */
    uint64_t (*read)(const struct cluster_live *live); /* NULL: one of the two */
    bool (*is_there)(const struct cluster_live *live); /* NULL: every cluster has it */
    bool in_ns;                                        /* what is read, and shown in seconds */
};

static uint64_t read_connections_opened(const struct cluster_live *live)
{
    return atomic_load_explicit(&live->connections.opened, memory_order_relaxed);
}

static struct live_adaptive *adaptive_of(const struct cluster_live *live)
{
    return atomic_load_explicit(&live->adaptive, memory_order_acquire);
}

static bool is_adaptive(const struct cluster_live *live)
{
    return adaptive_of(live);
}

static uint64_t read_limit(const struct cluster_live *live)
{
    return atomic_load_explicit(&adaptive_of(live)->limit, memory_order_relaxed);
}

static uint64_t read_min_rtt(const struct cluster_live *live)
{
    return (uint64_t)atomic_load_explicit(&adaptive_of(live)->min_rtt_ns, memory_order_relaxed);
}

static uint64_t read_measuring(const struct cluster_live *live)
{
    return atomic_load_explicit(&adaptive_of(live)->measuring, memory_order_relaxed);
}

#define COUNTER(name, help, label, counter)                                                        \
    {                                                                                              \
        name, help, "counter", label, counter, NO_WORD, NULL, NULL, false                          \
    }
#define GAUGE(name, help, word)                                                                    \
    {                                                                                              \
        name, help, "gauge", "", COUNTERS, offsetof(struct cluster_live, word), NULL, NULL, false  \
    }
#define ADAPTIVE(name, help, read, in_ns)                                                          \
    {                                                                                              \
        name, help, "gauge", "", COUNTERS, NO_WORD, read, is_adaptive, in_ns                       \
    }

#define SHED      "tulle_shed_total"
#define SHED_HELP "Calls (of throttling: attempts) refused to spare the servers, by the policy."

#define SKIPPED             "tulle_retries_skipped_total"
#define SKIPPED_HELP        "Retries that were wanted and not made."
#define OVERFLOW            "tulle_overflow_total"
#define OVERFLOW_HELP       "Attempts refused by a limit of the cluster."
#define EJECTIONS           "tulle_ejections_total"
#define EJECTIONS_HELP      "Endpoints ejected, by the kind of failure."
#define HEDGES_SKIPPED      "tulle_hedges_skipped_total"
#define HEDGES_SKIPPED_HELP "Hedges that were due and not sent."

#define OUTLIERS      "tulle_outliers_detected_total"
#define OUTLIERS_HELP "Outliers detected, ejected or not, by the kind of failure."
#define REPORTS       "tulle_load_reports_total"
#define REPORTS_HELP  "Load reports (ORCA) on replies, for the balancers that read them."
#define PROBES        "tulle_probes_total"
#define PROBES_HELP   "Questions for an endpoint's load (Prequal), by what became of them."
#define CHECKS        "tulle_health_checks_total"
#define CHECKS_HELP   "Active health checks that ended, by what they found."
#define TIMEOUTS      "tulle_timeouts_total"
#define TIMEOUTS_HELP "Timeouts of an attempt and of a route."

static const struct row rows[] = {
    COUNTER("tulle_retries_total", "Attempts that were retries.", "", COUNT_RETRIES),
    COUNTER("tulle_retry_success_total", "Retries that had a good end.", "", COUNT_RETRY_SUCCESS),
    COUNTER(SKIPPED, SKIPPED_HELP, ",reason=\"budget\"", COUNT_RETRY_SKIPPED_BUDGET),
    COUNTER(SKIPPED, SKIPPED_HELP, ",reason=\"limit\"", COUNT_RETRY_SKIPPED_LIMIT),
    COUNTER(SKIPPED, SKIPPED_HELP, ",reason=\"method\"", COUNT_RETRY_SKIPPED_METHOD),
    COUNTER(SKIPPED, SKIPPED_HELP, ",reason=\"deadline\"", COUNT_RETRY_SKIPPED_DEADLINE),
    COUNTER(SKIPPED, SKIPPED_HELP, ",reason=\"body\"", COUNT_RETRY_SKIPPED_BODY),
    COUNTER(SKIPPED, SKIPPED_HELP, ",reason=\"concurrency\"", COUNT_RETRY_SKIPPED_CONCURRENCY),
    COUNTER(SKIPPED, SKIPPED_HELP, ",reason=\"pushback\"", COUNT_RETRY_SKIPPED_PUSHBACK),
    COUNTER(OVERFLOW, OVERFLOW_HELP, ",limit=\"requests\"", COUNT_OVERFLOW_REQUESTS),
    COUNTER(OVERFLOW, OVERFLOW_HELP, ",limit=\"pending\"", COUNT_OVERFLOW_PENDING),
    COUNTER("tulle_no_endpoint_total", "Attempts refused: every endpoint was ejected.", "",
            COUNT_NO_ENDPOINT),
    COUNTER("tulle_panic_picks_total", "Picks in panic, when too few endpoints were healthy.", "",
            COUNT_PANIC),
    COUNTER("tulle_spilled_picks_total", "Picks from another priority than the first.", "",
            COUNT_SPILLED),
    COUNTER("tulle_dropped_total", "Calls refused by drop_overload.", "", COUNT_DROPPED),
    COUNTER(SHED, SHED_HELP, ",by=\"adaptive_concurrency\"", COUNT_SHED_ADAPTIVE),
    COUNTER(SHED, SHED_HELP, ",by=\"admission_control\"", COUNT_SHED_ADMISSION),
    COUNTER(SHED, SHED_HELP, ",by=\"adaptive_throttling\"", COUNT_SHED_THROTTLING),
    COUNTER("tulle_held_total", "Attempts that waited for a slot or an endpoint.", "", COUNT_HELD),
    COUNTER(TIMEOUTS, TIMEOUTS_HELP, ",kind=\"try\"", COUNT_TIMEOUT_TRY),
    COUNTER(TIMEOUTS, TIMEOUTS_HELP, ",kind=\"route\"", COUNT_TIMEOUT_ROUTE),
    COUNTER(TIMEOUTS, TIMEOUTS_HELP, ",kind=\"idle\"", COUNT_TIMEOUT_IDLE),
    COUNTER("tulle_connect_failures_total", "Attempts for which no connection came about.", "",
            COUNT_CONNECT_FAIL),
    COUNTER("tulle_picks_unreported_total",
            "Picks that counted as failed because they were never reported.", "",
            COUNT_PICK_UNREPORTED),
    COUNTER("tulle_perhaps_executed_total", "Failures of which nobody knows if they were executed.",
            "", COUNT_PERHAPS_EXECUTED),
    COUNTER("tulle_hedges_total", "Attempts sent beside one that took long.", "", COUNT_HEDGES),
    COUNTER("tulle_hedges_won_total", "Hedges that answered first.", "", COUNT_HEDGES_WON),
    COUNTER(HEDGES_SKIPPED, HEDGES_SKIPPED_HELP, ",reason=\"budget\"", COUNT_HEDGES_SKIPPED_BUDGET),
    COUNTER(HEDGES_SKIPPED, HEDGES_SKIPPED_HELP, ",reason=\"room\"", COUNT_HEDGES_SKIPPED_ROOM),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"5xx\"", COUNT_EJECTIONS_5XX),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"gateway\"", COUNT_EJECTIONS_GATEWAY),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"local\"", COUNT_EJECTIONS_LOCAL),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"success_rate\"", COUNT_EJECTIONS_SUCCESS_RATE),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"local_success_rate\"",
            COUNT_EJECTIONS_LOCAL_SUCCESS_RATE),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"failure_percentage\"",
            COUNT_EJECTIONS_FAILURE_PERCENTAGE),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"local_failure_percentage\"",
            COUNT_EJECTIONS_LOCAL_FAILURE_PERCENTAGE),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"latency\"", COUNT_EJECTIONS_LATENCY),
    COUNTER(EJECTIONS, EJECTIONS_HELP, ",kind=\"breaker\"", COUNT_EJECTIONS_BREAKER),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"5xx\"", COUNT_DETECTED_5XX),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"gateway\"", COUNT_DETECTED_GATEWAY),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"local\"", COUNT_DETECTED_LOCAL),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"success_rate\"", COUNT_DETECTED_SUCCESS_RATE),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"local_success_rate\"",
            COUNT_DETECTED_LOCAL_SUCCESS_RATE),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"failure_percentage\"",
            COUNT_DETECTED_FAILURE_PERCENTAGE),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"local_failure_percentage\"",
            COUNT_DETECTED_LOCAL_FAILURE_PERCENTAGE),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"latency\"", COUNT_DETECTED_LATENCY),
    COUNTER(OUTLIERS, OUTLIERS_HELP, ",kind=\"breaker\"", COUNT_DETECTED_BREAKER),
    COUNTER("tulle_ejections_overflow_total", "Ejections held back by maxEjectionPercent.", "",
            COUNT_EJECTIONS_OVERFLOW),
    COUNTER(REPORTS, REPORTS_HELP, ",result=\"read\"", COUNT_LOAD_REPORTS),
    COUNTER(REPORTS, REPORTS_HELP, ",result=\"refused\"", COUNT_LOAD_REPORTS_BAD),
    COUNTER(PROBES, PROBES_HELP, ",result=\"answered\"", COUNT_PROBES_ANSWERED),
    COUNTER(PROBES, PROBES_HELP, ",result=\"lost\"", COUNT_PROBES_LOST),
    COUNTER("tulle_health_check_attempts_total", "Active health checks that were begun.", "",
            COUNT_CHECKS),
    COUNTER(CHECKS, CHECKS_HELP, ",result=\"passed\"", COUNT_CHECKS_PASSED),
    COUNTER(CHECKS, CHECKS_HELP, ",result=\"failed\"", COUNT_CHECKS_FAILED),
    COUNTER(CHECKS, CHECKS_HELP, ",result=\"unreached\"", COUNT_CHECKS_UNREACHED),
    COUNTER(CHECKS, CHECKS_HELP, ",result=\"void\"", COUNT_CHECKS_VOID),
    { "tulle_connections_opened_total", "Connections ever opened for a cluster.", "counter", "",
      COUNTERS, NO_WORD, read_connections_opened, NULL, false },
    GAUGE("tulle_connections", "Open connections of a cluster.", connections.open),
    GAUGE("tulle_requests_in_flight", "Attempts admitted and not ended.", requests),
    GAUGE("tulle_retries_in_flight", "Of those, the ones that are retries.", retries),
    GAUGE("tulle_pending", "Attempts that wait for a slot or an endpoint.", pending),
    GAUGE("tulle_endpoints", "Endpoints that the configuration names.", endpoint_count),
    GAUGE("tulle_endpoints_ejected", "Of those, the ones that are ejected now.", ejected),
    ADAPTIVE("tulle_concurrency_limit", "Calls at once that adaptive concurrency lets in.",
             read_limit, false),
    ADAPTIVE("tulle_concurrency_min_rtt_seconds", "The least latency that it has measured.",
             read_min_rtt, true),
    ADAPTIVE("tulle_concurrency_measuring", "1 while it measures the least latency.",
             read_measuring, false),
    GAUGE("tulle_health_check_healthy", "Endpoints that pass their active health checks.",
          checked_healthy),
    GAUGE("tulle_health_check_degraded", "Of those, the ones that ask for less.", checked_degraded),
};

static uint64_t row_read(const struct row *row, const struct cluster_live *live)
{
    if (row->read) {
        return row->read(live);
    }
    if (row->word != NO_WORD) {
        return atomic_load_explicit((const atomic_uint *)((const char *)live + row->word),
                                    memory_order_relaxed);
    }
    return tulle__live_counter(live, row->counter);
}

static size_t family_size(size_t first)
{
    size_t size = 1;

    while (first + size < COUNT_OF(rows) &&
           strcmp(rows[first].name, rows[first + size].name) == 0) {
        size++;
    }
    return size;
}

static void row_write(struct buf *out, const struct row *row, struct str cluster, uint64_t value)
{
    tulle__buf_addf(out, "%s{cluster=\"", row->name);
    tulle__render_label(out, cluster);
    tulle__buf_addf(out, "\"%s} ", row->label);
    if (row->in_ns) {
        tulle__buf_addf(out, "%.9f\n", (double)value / (double)NS_PER_S);
        return;
    }
    tulle__buf_addf(out, "%" PRIu64 "\n", value);
}

static void row_render(const struct render_input *input, const struct row *row, size_t shown,
                       struct buf *out)
{
    uint64_t others = 0;

    for (size_t i = 0; i < input->cluster_count; i++) {
        uint64_t value;

        if (row->is_there && !row->is_there(input->clusters[i])) {
            continue;
        }
        value = row_read(row, input->clusters[i]);
        if (i >= shown) {
            others += value;
            continue;
        }
        row_write(out, row, input->clusters[i]->name, value);
    }
    if (input->cluster_count > shown && !row->is_there) {
        row_write(out, row, STR("__other__"), others);
    }
}

void tulle__render_clusters(const struct render_input *input, struct buf *out)
{
    size_t max = tulle__metrics_max(input->metrics);
    size_t size;

    for (size_t first = 0; first < COUNT_OF(rows); first += size) {
        size = family_size(first);
        tulle__render_head(out, rows[first].name, rows[first].help, rows[first].type);
        for (size_t i = first; i < first + size; i++) {
            row_render(input, &rows[i], max / size, out);
        }
    }
}
