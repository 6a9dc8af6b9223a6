/* SPDX-License-Identifier: Apache-2.0 */

/* One pick, over and over: the choice of an endpoint, counting it in flight, and
 * counting out the one that was picked sixteen before. Each round is two parts,
 * one thread alone and two at once, each of these a loop of the mesh.
 *
 *   picks BALANCER ENDPOINTS equal|weighted ROUNDS PICKS
 *
 * prints ns of CPU for each pick of each round, alone and (the mean of the two)
 * at once, and what a line took between the cores before the two began. CPU and
 * not the clock: another program that takes the core away costs no pick, a cache
 * line that the other thread took does. With preload/counts.c in LD_PRELOAD, how
 * often a mutex was locked and memory asked for meanwhile. */

#include "line.h"
#include "picking.h"

#include "balance/picker.h"
#include "base/clock.h"
#include "model/defaults.h"
#include "model/seal.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 2, IN_FLIGHT = 16, ROUNDS_MAX = 100, PICKS_AN_INSTANT = 64 };

/* Of preload/counts.c; not there without it. */
__attribute__((weak)) void counts_begin(void);
__attribute__((weak)) void counts_end(unsigned long *locks, unsigned long *memory);

static const struct {
    const char *name;
    enum balancer_kind kind;
} balancers[] = {
    { "round_robin", BALANCER_ROUND_ROBIN }, { "least_request", BALANCER_LEAST_REQUEST },
    { "random", BALANCER_RANDOM },           { "peak_ewma", BALANCER_PEAK_EWMA },
    { "ring_hash", BALANCER_RING_HASH },     { "maglev", BALANCER_MAGLEV },
    { "weighted", BALANCER_WEIGHTED },       { "prequal", BALANCER_PREQUAL },
    { "pick_first", BALANCER_PICK_FIRST },
};

static struct live_set set;
static struct cluster_live *live;
static atomic_uint ready;
static atomic_bool go;

struct picking {
    _Alignas(128) pthread_t thread; /* no line is shared but those of the cluster */
    size_t loop;
    size_t picks, at_once;
    uint64_t failed;
    double ns;
};

static void fail(const char *what)
{
    fprintf(stderr, "picks: %s\n", what);
    exit(1);
}

/* --- the cluster --- */

static struct endpoint_set *endpoints_new(size_t count, bool weighted)
{
    struct endpoint_set *endpoints = tulle__part_new(sizeof(*endpoints));
    struct endpoint *all;

    if (endpoints == NULL) {
        fail("no memory");
    }
    all = ARENA_ARRAY(&endpoints->part.arena, struct endpoint, count);
    for (size_t i = 0; all != NULL && i < count; i++) {
        all[i].address =
            tulle__arena_format(&endpoints->part.arena, "10.%zu.%zu.%zu:9080", 100 + (i >> 14),
                                100 + (i >> 7 & 127), 100 + (i & 127));
        all[i].weight = weighted ? (uint32_t)(1 + i * i % 7) : 1;
    }
    if (all == NULL || !tulle__endpoint_set_fill(endpoints, all, count)) {
        fail("no memory");
    }
    return endpoints;
}

static void cluster_make(enum balancer_kind kind, size_t count, bool weighted)
{
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));
    struct picker *picker;
    bool changed;

    cluster->name = STR("outbound|9080||reviews");
    cluster->host = STR("reviews");
    tulle__cluster_set_defaults(cluster);
    cluster->balancer.kind = kind;
    cluster->endpoints = endpoints_new(count, weighted);
    tulle__live_set_init(&set, THREADS, NULL);
    live = tulle__live_adopt(&set, cluster, &changed);
    if (live == NULL) {
        fail("no memory");
    }
    picker = tulle__picker_new(live, &cluster->balancer, THREADS, 42, NS_PER_S);
    if (picker == NULL) {
        fail("no memory");
    }
    atomic_store(&live->picker, picker);
}

/* All have a history: between 1 and 20 ms, a moment ago. */
static void latencies_set(void)
{
    struct rand rand;

    tulle__rand_init(&rand, 7);
    for (size_t i = 0; i < live->view_count; i++) {
        tulle__ewma_add(&live->views[i]->peer->latency,
                        NS_PER_MS + rand_below_i64(&rand, 19 * NS_PER_MS), 10 * NS_PER_S,
                        NS_PER_S / 2);
    }
}

/* --- the picks --- */

static double worked_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void pick_many(struct picking *picking, struct rand *rand, size_t count)
{
    struct view *held[IN_FLIGHT] = { NULL };
    uint64_t failed = 0;
    struct pick pick = { .loop = picking->loop, .rand = rand, .now = NS_PER_S, .has_hash = true };

    for (size_t i = 0; i < count; i++) {
        struct view **view = &held[i % IN_FLIGHT];

        in_flight_add(*view, -1);
        pick.hash = rand_next(rand);
        pick.now += i % PICKS_AN_INSTANT == 0;
        failed += tulle__pick(live, &pick, view) != PICK_ENDPOINT;
        in_flight_add(*view, 1);
    }
    picking->failed += failed;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        in_flight_add(held[i], -1);
    }
}

static void *picking_run(void *user)
{
    struct picking *picking = user;
    struct rand rand;
    double began;

    pin_to_core(picking->loop);
    tulle__rand_init(&rand, 11 + picking->loop);
    pick_many(picking, &rand, picking->picks / 4); /* warm */
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&go)) {
        sched_yield();
    }
    began = worked_ns();
    pick_many(picking, &rand, picking->picks);
    picking->ns = (worked_ns() - began) / (double)picking->picks;
    atomic_fetch_sub(&ready, 1);
    /* The other one is not to run alone in what is timed: it is kept company. */
    while (atomic_load(&ready) > 0 && picking->at_once > 1) {
        pick_many(picking, &rand, IN_FLIGHT);
    }
    return NULL;
}

/* The mean of what a pick took. */
static double part_run(size_t at_once, size_t picks, unsigned long *locks, unsigned long *memory)
{
    struct picking pickings[THREADS] = { 0 };
    unsigned long taken = 0, asked = 0;
    double sum = 0;

    atomic_store(&ready, 0);
    atomic_store(&go, false);
    for (size_t i = 0; i < at_once; i++) {
        pickings[i] = (struct picking){ .loop = i, .picks = picks, .at_once = at_once };
        if (pthread_create(&pickings[i].thread, NULL, picking_run, &pickings[i]) != 0) {
            fail("no thread");
        }
    }
    while (atomic_load(&ready) < at_once) {
        sched_yield();
    }
    if (counts_begin) {
        counts_begin();
    }
    atomic_store(&go, true);
    while (atomic_load(&ready) > 0) {
        usleep(100);
    }
    if (counts_end) {
        counts_end(&taken, &asked);
    }
    for (size_t i = 0; i < at_once; i++) {
        pthread_join(pickings[i].thread, NULL);
        sum += pickings[i].ns;
        if (pickings[i].failed > 0) {
            fail("a pick found no endpoint");
        }
    }
    *locks += taken;
    *memory += asked;
    return sum / (double)at_once;
}

static void print_all(const char *name, const double *values, size_t count)
{
    printf("\"%s\": [", name);
    for (size_t i = 0; i < count; i++) {
        printf("%s%.2f", i > 0 ? ", " : "", values[i]);
    }
    printf("], ");
}

static int measure(size_t rounds, size_t picks)
{
    double one[ROUNDS_MAX], two[ROUNDS_MAX], line[ROUNDS_MAX];
    unsigned long locks = 0, memory = 0;

    for (size_t i = 0; i < rounds; i++) {
        one[i] = part_run(1, picks, &locks, &memory);
        line[i] = line_ns();
        two[i] = part_run(THREADS, picks, &locks, &memory);
    }
    printf("{");
    print_all("one", one, rounds);
    print_all("two", two, rounds);
    print_all("line", line, rounds);
    printf("\"counted\": %s, \"locks\": %lu, \"memory\": %lu}\n", counts_end ? "true" : "false",
           locks, memory);
    return 0;
}

int main(int argc, char **argv)
{
    size_t rounds = argc == 6 ? strtoul(argv[4], NULL, 10) : 0;

    if (rounds == 0 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: picks BALANCER ENDPOINTS equal|weighted ROUNDS PICKS\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(balancers) / sizeof(balancers[0]); i++) {
        if (strcmp(balancers[i].name, argv[1]) == 0) {
            cluster_make(balancers[i].kind, strtoul(argv[2], NULL, 10),
                         strcmp(argv[3], "weighted") == 0);
            latencies_set();
            return measure(rounds, strtoul(argv[5], NULL, 10));
        }
    }
    fail("no such balancer");
}
