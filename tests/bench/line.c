/* SPDX-License-Identifier: Apache-2.0 */

#include "line.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "picking.h"

enum { TURNS = 10000 };

static _Alignas(128) atomic_uint turn;

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Answers odd turns with even ones, or even ones with odd. */
static void play(unsigned parity)
{
    for (unsigned mine = parity; mine < TURNS; mine += 2) {
        while (atomic_load_explicit(&turn, memory_order_acquire) != mine) {
        }
        atomic_store_explicit(&turn, mine + 1, memory_order_release);
    }
}

static void *player(void *user)
{
    unsigned parity = *(unsigned *)user;

    pin_to_core(parity);
    play(parity);
    return NULL;
}

/* Both on threads of their own: one that is pinned would hand its core down. */
double line_ns(void)
{
    unsigned parities[2] = { 0, 1 };
    pthread_t threads[2];
    double began = now_ns();

    atomic_store(&turn, 0);
    for (size_t i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, player, &parities[i]) != 0) {
            fprintf(stderr, "line: no thread\n");
            exit(1);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    return (now_ns() - began) / TURNS;
}
