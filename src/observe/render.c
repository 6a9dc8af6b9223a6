/* SPDX-License-Identifier: Apache-2.0 */

/* Prometheus wants the lines of a family together, under one HELP and TYPE, so
 * every walk here is family first and object second. Numbers are written by
 * hand: printf asks the locale for its decimal point, and the locale is the
 * app's. */

#include "observe/render.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/macros.h"

void tulle__render_head(struct buf *out, const char *name, const char *help, const char *type)
{
    tulle__buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static struct str label_escape(char c)
{
    switch (c) {
    case '\\': return STR("\\\\");
    case '"': return STR("\\\"");
    case '\n': return STR("\\n");
    default: return STR_NONE;
    }
}

void tulle__render_label(struct buf *out, struct str value)
{
    size_t from = 0;

    for (size_t i = 0; i < value.size; i++) {
        struct str escape = label_escape(value.data[i]);

        if (escape.size > 0) {
            tulle__buf_add(out, value.data + from, i - from);
            tulle__buf_add_str(out, escape);
            from = i + 1;
        }
    }
    if (value.size > from) {
        tulle__buf_add(out, value.data + from, value.size - from);
    }
}

void tulle__render_number(struct buf *out, double value)
{
    uint64_t whole, parts;
    int places = 6;

    if (!(value > 0)) {
        tulle__buf_add(out, "0", 1);
        return;
    }
    whole = value < 1e19 ? (uint64_t)value : UINT64_C(10000000000000000000);
    parts = value < 1e12 ? (uint64_t)((value - (double)whole) * 1e6) : 0;
    if (parts == 0) {
        tulle__buf_addf(out, "%" PRIu64, whole);
        return;
    }
    while (parts % 10 == 0) {
        parts /= 10;
        places--;
    }
    tulle__buf_addf(out, "%" PRIu64 ".%0*" PRIu64, whole, places, parts);
}

/* --- pools: sums over the loops --- */

struct pool_sums {
    uint64_t open, idle, active, warm, waiting, opened, reused, warmed, warm_used;
};

static void pool_sum(const struct render_input *input, struct pool_sums *sums)
{
    *sums = (struct pool_sums){ .open = 0 };
    for (size_t i = 0; i < input->transport_count; i++) {
        const struct transport *transport = input->transports[i];

        if (!transport) {
            continue;
        }
        sums->open += atomic_load_explicit(&transport->open, memory_order_relaxed);
        sums->idle += atomic_load_explicit(&transport->idle, memory_order_relaxed);
        sums->active += atomic_load_explicit(&transport->active, memory_order_relaxed);
        sums->warm += atomic_load_explicit(&transport->warm, memory_order_relaxed);
        sums->warmed += atomic_load_explicit(&transport->warmed, memory_order_relaxed);
        sums->warm_used += atomic_load_explicit(&transport->warm_used, memory_order_relaxed);
        sums->waiting += atomic_load_explicit(&transport->waiting, memory_order_relaxed);
        sums->opened += atomic_load_explicit(&transport->opened, memory_order_relaxed);
        sums->reused += atomic_load_explicit(&transport->reused, memory_order_relaxed);
    }
}

static void render_one(struct buf *out, const char *name, const char *help, const char *type,
                       uint64_t value)
{
    tulle__render_head(out, name, help, type);
    tulle__buf_addf(out, "%s %" PRIu64 "\n", name, value);
}

static void render_pools(const struct render_input *input, struct buf *out)
{
    struct pool_sums sums;

    pool_sum(input, &sums);
    tulle__render_head(out, "tulle_pool_connections",
                       "Connections now; open is idle, active and those being opened; warm are "
                       "those of the idle ones that nobody has used yet.",
                       "gauge");
    tulle__buf_addf(out,
                    "tulle_pool_connections{state=\"open\"} %" PRIu64 "\n"
                    "tulle_pool_connections{state=\"idle\"} %" PRIu64 "\n"
                    "tulle_pool_connections{state=\"active\"} %" PRIu64 "\n"
                    "tulle_pool_connections{state=\"warm\"} %" PRIu64 "\n",
                    sums.open, sums.idle, sums.active, sums.warm);
    render_one(out, "tulle_pool_connections_opened_total", "Connections ever opened.", "counter",
               sums.opened);
    render_one(out, "tulle_pool_connections_warmed_total",
               "Of those, opened before anybody needed them.", "counter", sums.warmed);
    render_one(out, "tulle_pool_warm_used_total", "Of those, that an attempt then used.", "counter",
               sums.warm_used);
    render_one(out, "tulle_pool_reused_total", "Attempts that went over a kept connection.",
               "counter", sums.reused);
    render_one(out, "tulle_pool_waiting", "Attempts that wait for room on a connection.", "gauge",
               sums.waiting);
}

/* --- configuration --- */

static uint64_t source_loads(const struct source_stats *stats, int64_t now)
{
    (void)now;
    return stats->loads;
}

static uint64_t source_refused(const struct source_stats *stats, int64_t now)
{
    (void)now;
    return stats->refused;
}

static uint64_t source_errors(const struct source_stats *stats, int64_t now)
{
    (void)now;
    return stats->errors;
}

static uint64_t source_resources(const struct source_stats *stats, int64_t now)
{
    (void)now;
    return stats->resources;
}

static uint64_t source_age(const struct source_stats *stats, int64_t now)
{
    return now > stats->loaded_at ? (uint64_t)((now - stats->loaded_at) / NS_PER_S) : 0;
}

static const struct source_family {
    const char *name, *help, *type;
    uint64_t (*read)(const struct source_stats *stats, int64_t now);
} source_families[] = {
    { "tulle_config_loads_total", "Readings that changed something, the first included.", "counter",
      source_loads },
    { "tulle_config_refused_total", "Readings that had errors.", "counter", source_refused },
    { "tulle_config_errors", "Errors of the last reading.", "gauge", source_errors },
    { "tulle_config_resources", "Resources in force.", "gauge", source_resources },
    { "tulle_config_age_seconds", "Time since the last change.", "gauge", source_age },
};

static void render_config(const struct render_input *input, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(source_families); i++) {
        const struct source_family *family = &source_families[i];

        tulle__render_head(out, family->name, family->help, family->type);
        for (size_t j = 0; j < input->source_count; j++) {
            const struct render_source *source = &input->sources[j];

            tulle__buf_addf(out, "%s{source=\"", family->name);
            tulle__render_label(out, str_of(source->name));
            tulle__buf_addf(out, "\"} %" PRIu64 "\n", family->read(&source->stats, input->now));
        }
    }
    render_one(out, "tulle_config_generation", "Of the snapshot that new calls take.", "gauge",
               input->generation);
}

static void render_dns(const struct dns_stats *stats, struct buf *out)
{
    render_one(out, "tulle_dns_lookups_total", "Look-ups of a name, A and AAAA together.",
               "counter", stats->lookups);
    tulle__render_head(out, "tulle_dns_failures_total", "Look-ups without an address.", "counter");
    for (int i = DNS_OK + 1; i < DNS_FAULTS; i++) {
        tulle__buf_addf(out, "tulle_dns_failures_total{reason=\"%s\"} %" PRIu64 "\n",
                        tulle__dns_fault_label((enum dns_fault)i), stats->failures[i]);
    }
    tulle__render_head(out, "tulle_dns_names",
                       "Names now; stale: the last look-up failed, last good addresses are in use.",
                       "gauge");
    tulle__buf_addf(out,
                    "tulle_dns_names{state=\"good\"} %" PRIu64 "\n"
                    "tulle_dns_names{state=\"stale\"} %" PRIu64 "\n"
                    "tulle_dns_names{state=\"failed\"} %" PRIu64 "\n"
                    "tulle_dns_names{state=\"pending\"} %" PRIu64 "\n",
                    stats->good, stats->stale, stats->failed, stats->pending);
}

enum tulle_error tulle__render(const struct render_input *input, struct buf *out)
{
    TRY(tulle__render_istio(input->metrics, out));
    tulle__render_clusters(input, out);
    render_pools(input, out);
    render_config(input, out);
    if (input->dns) {
        render_dns(input->dns, out);
    }
    ENSURE(tulle__buf_ok(out), TULLE_E_NOMEM);
    return TULLE_OK;
}
