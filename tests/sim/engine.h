/* SPDX-License-Identifier: Apache-2.0 */

/* Discrete events on a virtual clock. A seed is a whole run: equal seeds give
 * equal runs, whatever the machine.
 *
 * Who runs out of memory, or is told nonsense, ends the program: a simulation
 * has nobody to report to. */

#ifndef TESTS_SIM_ENGINE_H
#define TESTS_SIM_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/rand.h"

struct sim {
    struct heap events;
    struct rand rand;
    int64_t now;
};

/* Lives inside its owner; the owner may free it while it fires. */
struct event {
    struct heap_node node;
    void (*fire)(struct event *event, struct sim *sim);
};

void sim_init(struct sim *sim, uint64_t seed);
void sim_fini(struct sim *sim);
void sim_at(struct sim *sim, struct event *event, int64_t when); /* moves one that is armed */
void sim_cancel(struct sim *sim, struct event *event);
int64_t sim_due(const struct sim *sim); /* the next event; NEVER: none */
void sim_run(struct sim *sim, int64_t end);

double sim_uniform(struct rand *rand); /* in (0, 1] */
int64_t sim_exponential(struct rand *rand, double mean_ns);
double sim_normal(struct rand *rand, double mean, double deviation);

void *sim_alloc(size_t count, size_t size); /* zeroed; never NULL */
_Noreturn void sim_die(const char *what, const char *detail);

#endif
