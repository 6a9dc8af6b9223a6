/* SPDX-License-Identifier: Apache-2.0 */

/* One cluster of very many endpoints, of which one is replaced, over and over, while
 * a thread on each core picks, on a loop of the mesh that it owns.
 *
 *   churn BALANCER ENDPOINTS SECONDS CHANGES_A_SECOND
 *
 * The changes take the way of any source: a draft, whose endpoint set shares what
 * did not change with the one before; snapshot, adoption, picker, publication,
 * sweeps. A change is timed from the source's step, in which the set is made, to
 * the end of the control step; how it came to the source is not in it. It is the
 * clock on the wall, with a pick running on every core, and the CPU's of the
 * thread beside it. Steps without a change (freeing what loops let go) are `others`.
 * A pick is timed by the clock, and counts if its thread kept its core meanwhile: who
 * takes that away costs no pick. What a hypervisor or an interrupt takes remains; so
 * beside each pick nothing at all is timed in the same way, for as long, and how many
 * of both were over the bar is counted: picks that are slow by themselves are more.
 *
 * Memory is what the mesh asked for, and what malloc gave, more than a mesh without
 * endpoints: model, views, peers, picker; of the source, the draft alone, which
 * is the model. The first set is made from nothing, as any. */

#include "churn_source.h"
#include "picking.h"

#include "balance/picker.h"
#include "base/clock.h"
#include "core/mesh.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS = 2,
    IN_FLIGHT = 16,
    PICKS_A_ROUND = 64,
    READINGS = 8,
    BAR_NS = 50000,
    SECONDS_MAX = 60
};

static const struct {
    const char *name;
    enum balancer_kind kind;
} balancers[] = {
    { "round_robin", BALANCER_ROUND_ROBIN }, { "least_request", BALANCER_LEAST_REQUEST },
    { "peak_ewma", BALANCER_PEAK_EWMA },     { "ring_hash", BALANCER_RING_HASH },
    { "maglev", BALANCER_MAGLEV },
};

/* --- memory --- */

static atomic_size_t asked, given;

/* The size asked for stands before what is given. */
static void *resize_counted(void *user, void *ptr, size_t size)
{
    size_t *old = ptr != NULL ? (size_t *)ptr - 2 : NULL, *made;

    (void)user;
    if (old != NULL) {
        atomic_fetch_sub_explicit(&asked, old[0], memory_order_relaxed);
        atomic_fetch_sub_explicit(&given, malloc_usable_size(old) - 8, memory_order_relaxed);
    }
    if (size == 0) {
        free(old);
        return NULL;
    }
    made = realloc(old, size + 2 * sizeof(size_t));
    if (made == NULL) {
        churn_fail("no memory");
    }
    made[0] = size;
    atomic_fetch_add_explicit(&asked, size, memory_order_relaxed);
    atomic_fetch_add_explicit(&given, malloc_usable_size(made) - 8, memory_order_relaxed);
    return made + 2;
}

/* --- all that is there --- */

static struct tulle *mesh_open(size_t count)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = THREADS };
    struct mesh_setup setup = { .world = &tulle__world,
                                .transport = &tulle__curl_transport,
                                .source = &churn_source };
    struct tulle *mesh;

    churn_deal(count);
    if (tulle__open_on(&options, &setup, &mesh) != TULLE_OK) {
        churn_fail("tulle__open_on");
    }
    usleep(100000); /* what is freed after opening is free */
    return mesh;
}

/* --- the picks --- */

static atomic_bool over;

/* Of what was timed; each second of the run by itself. */
struct tail {
    double slowest;
    double all[SECONDS_MAX];
    uint64_t over[SECONDS_MAX]; /* BAR_NS */
};

struct picking {
    _Alignas(128) pthread_t thread;
    struct tulle *mesh;
    size_t loop;
    uint64_t picks, failed;
    uint64_t lost; /* not counted: the core was taken away */
    long switches;
    size_t second; /* of the run */
    struct tail pick, nothing;
};

static bool core_was_taken(struct picking *picking)
{
    struct rusage usage;
    bool taken;

    getrusage(RUSAGE_THREAD, &usage);
    taken = usage.ru_nivcsw != picking->switches;
    picking->switches = usage.ru_nivcsw;
    picking->lost += taken;
    return taken;
}

static void tail_note(struct picking *picking, struct tail *tail, double took)
{
    tail->all[picking->second] += took;
    if ((took > tail->slowest || took > BAR_NS) && !core_was_taken(picking)) {
        tail->slowest = took > tail->slowest ? took : tail->slowest;
        tail->over[picking->second] += took > BAR_NS;
    }
}

/* About as long as a pick. */
static double nothing_time(void)
{
    struct timespec began, now;

    clock_gettime(CLOCK_MONOTONIC, &began);
    for (int i = 0; i < READINGS; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return churn_since(CLOCK_MONOTONIC, &began);
}

/* A round of the loop: what is picked in it is held no longer. */
static void round_pick(struct picking *picking, const struct cluster_live *live, struct rand *rand)
{
    struct view *held[IN_FLIGHT] = { NULL };
    struct pick pick = { .loop = picking->loop, .rand = rand, .now = NS_PER_S, .has_hash = true };

    (void)core_was_taken(picking);
    for (size_t i = 0; i < PICKS_A_ROUND; i++) {
        struct view **view = &held[i % IN_FLIGHT];
        struct timespec began;
        double took, nothing;

        in_flight_add(*view, -1);
        pick.hash = rand_next(rand);
        clock_gettime(CLOCK_MONOTONIC, &began);
        picking->failed += tulle__pick(live, &pick, view) != PICK_ENDPOINT;
        took = churn_since(CLOCK_MONOTONIC, &began);
        nothing = nothing_time();
        tail_note(picking, &picking->pick, took);
        tail_note(picking, &picking->nothing, nothing);
        in_flight_add(*view, 1);
    }
    picking->picks += PICKS_A_ROUND;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        in_flight_add(held[i], -1);
    }
}

static void *picking_run(void *user)
{
    struct picking *picking = user;
    struct mesh_loop *here = &picking->mesh->loops.each[picking->loop];
    struct timespec began;
    struct rand rand;

    pin_to_core(picking->loop);
    tulle__rand_init(&rand, 11 + picking->loop);
    tulle__loops_enter(&picking->mesh->loops);
    while (!tulle__loops_take(here)) {
        sched_yield();
    }
    clock_gettime(CLOCK_MONOTONIC, &began);
    while (!atomic_load(&over)) {
        size_t second = (size_t)(churn_since(CLOCK_MONOTONIC, &began) / 1e9);

        picking->second = second < SECONDS_MAX ? second : SECONDS_MAX - 1;
        tulle__loops_round(here);
        round_pick(picking, here->use->runnable->lives[0], &rand);
    }
    tulle__loops_give(here);
    tulle__loops_leave(&picking->mesh->loops);
    return NULL;
}

/* --- all --- */

static void times_room(struct times *times, size_t room)
{
    times->ns = calloc(room, sizeof(double));
    times->room = room;
    if (times->ns == NULL) {
        churn_fail("no memory");
    }
}

static void changes_run(struct tulle *mesh, size_t seconds, size_t rate)
{
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    for (size_t i = 0; i < seconds * rate; i++) {
        next.tv_nsec += (long)(NS_PER_S / (int64_t)rate);
        next.tv_sec += next.tv_nsec / NS_PER_S;
        next.tv_nsec %= NS_PER_S;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        atomic_fetch_add(&source.wanted, 1);
        tulle__control_poke(mesh);
    }
    while (atomic_load(&source.done) < seconds * rate) {
        usleep(1000);
    }
}

static void print_all(const char *name, const struct times *times)
{
    printf("\"%s\": [", name);
    for (size_t i = 0; i < times->count; i++) {
        printf("%s%.0f", i > 0 ? ", " : "", times->ns[i]);
    }
    printf("], ");
}

static void print_tails(const char *name, const struct tail *one, const struct tail *other,
                        size_t seconds)
{
    printf("\"%s\": {\"slowest\": [%.0f, %.0f], \"seconds\": [", name, one->slowest,
           other->slowest);
    for (size_t i = 0; i < seconds; i++) {
        printf("%s[%llu, %.0f]", i > 0 ? ", " : "",
               (unsigned long long)(one->over[i] + other->over[i]), one->all[i] + other->all[i]);
    }
    printf("]}, ");
}

static void measure(size_t count, size_t seconds, size_t rate)
{
    struct picking pickings[THREADS] = { 0 };
    size_t changes = seconds * rate, empty_asked, empty_given;
    struct tulle *mesh = mesh_open(0);
    struct timespec began;
    double opened;

    empty_asked = atomic_load(&asked);
    empty_given = atomic_load(&given);
    tulle_close(mesh);
    clock_gettime(CLOCK_MONOTONIC, &began);
    mesh = mesh_open(count);
    opened = churn_since(CLOCK_MONOTONIC, &began) - 1e8;
    printf("{\"asked\": %.1f, \"given\": %.1f, \"open_ns\": %.0f, ",
           (double)(atomic_load(&asked) - empty_asked) / (double)count,
           (double)(atomic_load(&given) - empty_given) / (double)count, opened);
    times_room(&source.changes, changes);
    times_room(&source.worked, changes);
    times_room(&source.others, 100 * changes);
    for (size_t i = 0; i < THREADS; i++) {
        pickings[i] = (struct picking){ .loop = i, .mesh = mesh };
        if (pthread_create(&pickings[i].thread, NULL, picking_run, &pickings[i]) != 0) {
            churn_fail("no thread");
        }
    }
    changes_run(mesh, seconds, rate);
    atomic_store(&over, true);
    print_all("changes", &source.changes);
    print_all("worked", &source.worked);
    print_all("others", &source.others);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(pickings[i].thread, NULL);
        if (pickings[i].failed > 0) {
            churn_fail("a pick found no endpoint");
        }
    }
    print_tails("pick", &pickings[0].pick, &pickings[1].pick, seconds);
    print_tails("nothing", &pickings[0].nothing, &pickings[1].nothing, seconds);
    printf("\"lost\": %llu, \"picks\": %llu, \"settled\": %.1f}\n",
           (unsigned long long)(pickings[0].lost + pickings[1].lost),
           (unsigned long long)(pickings[0].picks + pickings[1].picks),
           (double)(atomic_load(&asked) - empty_asked) / (double)count);
    tulle_close(mesh);
}

int main(int argc, char **argv)
{
    const struct alloc_hook hook = { .resize = resize_counted };

    if (argc != 5) {
        fprintf(stderr, "usage: churn BALANCER ENDPOINTS SECONDS CHANGES_A_SECOND\n");
        return 2;
    }
    tulle__alloc_set_hook(&hook);
    for (size_t i = 0; i < sizeof(balancers) / sizeof(balancers[0]); i++) {
        if (strcmp(balancers[i].name, argv[1]) == 0) {
            source.kind = balancers[i].kind;
            measure(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10),
                    strtoul(argv[4], NULL, 10));
            return 0;
        }
    }
    churn_fail("no such balancer");
}
