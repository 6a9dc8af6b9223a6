/* SPDX-License-Identifier: Apache-2.0 */

/* The library and a live Envoy before servers that do the same at the same time,
 * and what the outlier detection of each tells: Envoy in its event log, the
 * library in its own; both carry the time of this machine. */

#ifndef TESTS_PEER_SIDES_H
#define TESTS_PEER_SIDES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/peers.h"

enum { HOSTS_MAX = 6, EVENTS_MAX = 32 };

struct outlier_case {
    size_t hosts;
    const char *ours, *envoys; /* fields of the detection */
    const char *failing;       /* what the first host does; "": it is not there */
    const char *type, *why;    /* of the event; what our line says */
    int64_t interval_ns;
    unsigned failures; /* in a row until it is out; 0: a sweep finds it */
};

struct event {
    int64_t at;
    uint16_t port;
    bool ejects;
    char why[128];
};

/* One side of the comparison: the library, or Envoy. */
struct side {
    const struct outlier_case *test;
    struct server *servers[HOSTS_MAX];
    struct tulle *mesh;
    struct peer *envoy; /* NULL: this is the library */
    unsigned failures;  /* of calls, until the first ejection */
    pthread_mutex_t lock;
    struct event events[EVENTS_MAX]; /* guarded by `lock`, as the rest */
    size_t count;
};

void side_open(struct side *side, const struct outlier_case *test, bool is_envoy);
void side_close(struct side *side);

/* The first server fails from now on as `test` says; is well again. */
void side_break(struct side *side);
void side_heal(struct side *side);

/* How many it has told by now. */
size_t side_events(struct side *side);

/* Calls both, in turn, until each has told so many (the test fails after a while);
 * for so long. */
void call_until(struct side *sides, size_t events);
void call_for(struct side *sides, int64_t ns);

/* CLOCK_REALTIME, as the events have it; and of a line of Envoy's, its "timestamp". */
int64_t wall_now(void);
int64_t wall_of(const char *line);

#endif
