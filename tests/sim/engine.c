/* SPDX-License-Identifier: Apache-2.0 */

#include "sim/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The library takes 0 for "never". */
#define BEGINNING (1000 * NS_PER_S)

void sim_init(struct sim *sim, uint64_t seed)
{
    *sim = (struct sim){ .now = BEGINNING };
    tulle__rand_init(&sim->rand, seed);
}

void sim_fini(struct sim *sim)
{
    tulle__heap_fini(&sim->events);
}

void sim_at(struct sim *sim, struct event *event, int64_t when)
{
    if (event->node.index != 0) {
        tulle__heap_move(&sim->events, &event->node, when);
    } else if (!tulle__heap_add(&sim->events, &event->node, when)) {
        sim_die("out of memory", "an event");
    }
}

void sim_cancel(struct sim *sim, struct event *event)
{
    tulle__heap_remove(&sim->events, &event->node);
}

int64_t sim_due(const struct sim *sim)
{
    const struct heap_node *first = tulle__heap_first(&sim->events);

    return first == NULL ? NEVER : first->key;
}

void sim_run(struct sim *sim, int64_t end)
{
    struct heap_node *first;

    while ((first = tulle__heap_first(&sim->events)) != NULL && first->key <= end) {
        struct event *event = (struct event *)(void *)first;

        sim->now = first->key > sim->now ? first->key : sim->now;
        tulle__heap_remove(&sim->events, first);
        event->fire(event, sim);
    }
    sim->now = end > sim->now ? end : sim->now;
}

double sim_uniform(struct rand *rand)
{
    return ((double)(rand_next(rand) >> 11) + 1) / 9007199254740992.0;
}

int64_t sim_exponential(struct rand *rand, double mean_ns)
{
    return (int64_t)(-log(sim_uniform(rand)) * mean_ns);
}

/* Box and Muller, one of the two. */
double sim_normal(struct rand *rand, double mean, double deviation)
{
    double radius = sqrt(-2 * log(sim_uniform(rand)));

    return mean + deviation * radius * cos(2 * M_PI * sim_uniform(rand));
}

void *sim_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        sim_die("out of memory", "a model");
    }
    return memory;
}

_Noreturn void sim_die(const char *what, const char *detail)
{
    fprintf(stderr, "sim: %s: %s\n", what, detail);
    exit(2);
}
