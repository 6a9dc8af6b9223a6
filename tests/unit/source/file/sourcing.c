/* SPDX-License-Identifier: Apache-2.0 */

#include "sourcing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void log_write(void *user, int32_t level, const char *area, const char *text)
{
    struct sourcing *sourcing = user;
    size_t used = strlen(sourcing->told), path = strlen(sourcing->folder);
    const char *rest = strncmp(text, sourcing->folder, path) == 0 ? text + path + 1 : text;

    assert_string_equal(area, "config");
    snprintf(sourcing->told + used, sizeof(sourcing->told) - used, "%c %s\n", "?EWID"[level], rest);
}

void sourcing_init(struct sourcing *sourcing)
{
    memset(sourcing, 0, sizeof(*sourcing));
    sourcing->folder = test_folder_new();
    sourcing->log = (struct log){ log_write, sourcing, LOG_DEBUG };
    sourcing->now = NS_PER_S;
    sourcing->options = (struct source_options){
        .path = sourcing->folder,
        .name_space = "default",
        .domain = "cluster.local",
        .log = &sourcing->log,
    };
}

void sourcing_fini(struct sourcing *sourcing)
{
    if (sourcing->source) {
        tulle__file_source.close(sourcing->source);
    }
    test_folder_free(sourcing->folder);
}

enum tulle_error sourcing_open(struct sourcing *sourcing)
{
    return tulle__file_source.open(&sourcing->options, sourcing->now, &sourcing->source);
}

void sourcing_write(struct sourcing *sourcing, const char *file, const char *text)
{
    test_folder_write(sourcing->folder, file, text);
}

void sourcing_write_entry(struct sourcing *sourcing, const char *file, const char *name,
                          const char *address)
{
    char text[512];

    snprintf(text, sizeof(text),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: %s}\n"
             "spec:\n  hosts: [%s.default.svc.cluster.local]\n  resolution: STATIC\n"
             "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
             "  endpoints: [{address: %s, labels: {version: v1}}]\n",
             name, name, address);
    sourcing_write(sourcing, file, text);
}

const char *sourcing_path(const struct sourcing *sourcing, const char *file, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", sourcing->folder, file);
    return out;
}

void sourcing_remove(struct sourcing *sourcing, const char *file)
{
    char path[512];

    assert_int_equal(unlink(sourcing_path(sourcing, file, path, sizeof(path))), 0);
}

enum source_step sourcing_settle(struct sourcing *sourcing)
{
    enum source_step step = SOURCE_SAME;

    /* The poll finds it if no notice did; then it is waited out; then it is read. */
    sourcing->now += 3 * NS_PER_S;
    for (int i = 0; i < 4; i++) {
        step = tulle__file_source.step(sourcing->source, sourcing->now) == SOURCE_CHANGED
                   ? SOURCE_CHANGED
                   : step;
        sourcing->now += 100 * NS_PER_MS;
    }
    return step;
}

const char *sourcing_address(const struct sourcing *sourcing, const char *name, char *out,
                             size_t size)
{
    const struct draft *draft = tulle__file_source.draft(sourcing->source);
    char host[128];

    snprintf(host, sizeof(host), "%s.default.svc.cluster.local", name);
    out[0] = '\0';
    for (size_t i = 0; i < draft->cluster_count; i++) {
        const struct cluster *cluster = draft->clusters[i];
        if (str_equal(cluster->host, str_of(host)) && cluster->subset.size == 0 &&
            cluster->endpoints->count > 0) {
            snprintf(out, size, "%.*s", STR_ARG(endpoint_at(cluster->endpoints, 0).address));
        }
    }
    return out;
}

bool sourcing_has(const struct sourcing *sourcing, const char *name, const char *address)
{
    char found[128];

    return strcmp(sourcing_address(sourcing, name, found, sizeof(found)), address) == 0;
}

struct source_stats sourcing_stats(const struct sourcing *sourcing)
{
    struct source_stats stats;

    tulle__file_source.stats(sourcing->source, &stats);
    return stats;
}

bool sourcing_told(const struct sourcing *sourcing, const char *text)
{
    return strstr(sourcing->told, text) != NULL;
}
