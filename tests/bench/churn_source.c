/* SPDX-License-Identifier: Apache-2.0 */

#include "churn_source.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/defaults.h"
#include "model/seal.h"

enum { SPARE = 1000, TEXT = 24 };

struct source source;

void churn_fail(const char *what)
{
    fprintf(stderr, "churn: %s\n", what);
    exit(1);
}

static struct str address_of(size_t number, char *text)
{
    int size = snprintf(text, TEXT, "10.%zu.%zu.%zu:8080", 100 + (number >> 14 & 127),
                        100 + (number >> 7 & 127), 100 + (number & 127));

    return (struct str){ text, (size_t)size };
}

/* The first set holds the even numbers: who comes later comes between. */
static struct endpoint_set *set_first(size_t count)
{
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    struct endpoint *endpoints = calloc(count + 1, sizeof(*endpoints));
    char(*texts)[TEXT] = calloc(count + 1, TEXT);

    if (set == NULL || endpoints == NULL || texts == NULL) {
        churn_fail("no memory");
    }
    for (size_t i = 0; i < count; i++) {
        endpoints[i] = (struct endpoint){ .address = address_of(source.there[i], texts[i]),
                                          .locality = STR("eu-west-1/eu-west-1a"),
                                          .weight = 1 };
    }
    if (!tulle__endpoint_set_fill(set, endpoints, count)) {
        churn_fail("no memory");
    }
    free(endpoints);
    free(texts);
    tulle__endpoint_set_seal(set);
    return set;
}

static void swap_one(size_t *there, size_t *spare)
{
    size_t kept = *there;

    *there = *spare;
    *spare = kept;
}

static struct endpoint_set *set_next(void)
{
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    size_t *there = &source.there[rand_below(&source.rand, (uint32_t)source.count)];
    size_t *spare = &source.spare[rand_below(&source.rand, SPARE)];
    char texts[2][TEXT];
    struct endpoint_edit edits[2] = {
        { .endpoint = { .address = address_of(*there, texts[0]) }, .gone = true },
        { .endpoint = { .address = address_of(*spare, texts[1]),
                        .locality = STR("eu-west-1/eu-west-1a"),
                        .weight = 1 } },
    };

    if (*spare < *there) {
        struct endpoint_edit first = edits[1];

        edits[1] = edits[0];
        edits[0] = first;
    }
    swap_one(there, spare);
    if (set == NULL || !tulle__endpoint_set_fill_from(set, source.set, edits, 2)) {
        churn_fail("no memory");
    }
    tulle__endpoint_set_seal(set);
    return set;
}

/* Takes the set over. */
static void draft_make(struct endpoint_set *set)
{
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));

    if (cluster == NULL || !tulle__part_add_cleanup(&cluster->part, tulle__part_unref, set)) {
        churn_fail("no memory");
    }
    cluster->name = STR("outbound|8080||reviews");
    cluster->host = STR("reviews");
    cluster->subset = cluster->trouble = STR("");
    cluster->port = 8080;
    tulle__cluster_set_defaults(cluster);
    cluster->balancer.kind = source.kind;
    cluster->endpoints = source.set = set;
    tulle__cluster_seal(cluster);
    tulle__draft_fini(&source.draft);
    if (!tulle__draft_add_cluster(&source.draft, cluster)) {
        churn_fail("no memory");
    }
}

void churn_deal(size_t count)
{
    source.count = count;
    source.there = calloc(count + 1, sizeof(size_t));
    source.spare = calloc(SPARE, sizeof(size_t));
    if (source.there == NULL || source.spare == NULL) {
        churn_fail("no memory");
    }
    for (size_t i = 0; i < count; i++) {
        source.there[i] = 2 * i;
    }
    for (size_t i = 0; i < SPARE; i++) {
        source.spare[i] = 2 * (i * (count + 1) / SPARE) + 1;
    }
}

static enum tulle_error source_open(const struct source_options *options, int64_t now,
                                    struct source **out)
{
    (void)options, (void)now;
    tulle__rand_init(&source.rand, 42);
    draft_make(set_first(source.count));
    *out = &source;
    return TULLE_OK;
}

static void source_close(struct source *each)
{
    tulle__draft_fini(&each->draft);
    free(each->there);
    free(each->spare);
}

static void times_add(struct times *times, double ns)
{
    if (times->count < times->room) {
        times->ns[times->count++] = ns;
    }
}

static enum source_step source_step(struct source *each, int64_t now)
{
    (void)now;
    clock_gettime(CLOCK_MONOTONIC, &each->began);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &each->began_cpu);
    each->changed = atomic_load(&each->wanted) > 0;
    if (!each->changed) {
        return SOURCE_SAME;
    }
    atomic_fetch_sub(&each->wanted, 1);
    draft_make(set_next());
    return SOURCE_CHANGED;
}

double churn_since(clockid_t clock, const struct timespec *began)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)(now.tv_sec - began->tv_sec) * 1e9 + (double)(now.tv_nsec - began->tv_nsec);
}

/* The last thing that a control step asks. */
static int64_t source_due(const struct source *each)
{
    if (source.began.tv_sec > 0) {
        double took = churn_since(CLOCK_MONOTONIC, &source.began);

        times_add(source.changed ? &source.changes : &source.others, took);
        if (source.changed) {
            times_add(&source.worked, churn_since(CLOCK_THREAD_CPUTIME_ID, &source.began_cpu));
        }
        source.began.tv_sec = 0;
        atomic_fetch_add(&source.done, source.changed);
    }
    return atomic_load(&each->wanted) > 0 ? 0 : NEVER;
}

static int source_fd(const struct source *each)
{
    (void)each;
    return -1;
}

static const struct draft *source_draft(const struct source *each)
{
    return &each->draft;
}

static void source_stats(const struct source *each, struct source_stats *out)
{
    (void)each;
    *out = (struct source_stats){ .resources = 1 };
}

const struct source_type churn_source = {
    .name = "churn",
    .open = source_open,
    .close = source_close,
    .step = source_step,
    .due = source_due,
    .fd = source_fd,
    .draft = source_draft,
    .stats = source_stats,
};
