/* SPDX-License-Identifier: Apache-2.0 */

/* The shop: replicas that are processes. */

#ifndef DEMO_SHOP_H
#define DEMO_SHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum replica_state { REPLICA_RUNS, REPLICA_KILLED, REPLICA_STOPPED };

struct replica {
    const char *service, *version;
    const char *address; /* with the port, as the mesh names it */
    const char *latency_ms;
    pid_t pid; /* 0: none */
    enum replica_state state;
};

enum {
    FRONT_1,
    FRONT_2,
    DETAILS_1,
    RATINGS_1,
    RATINGS_2,
    REVIEWS_V1_1,
    REVIEWS_V1_2,
    REVIEWS_V1_3,
    REVIEWS_V2_1,
    REVIEWS_V2_2,
    REPLICAS
};

extern struct replica shop[REPLICAS];

/* False: a replica did not start; stderr says why. */
bool shop_open(void);
void shop_close(void);
bool shop_start(size_t replica);
void shop_signal(size_t replica, int signal); /* SIGKILL, SIGSTOP or SIGCONT */

/* The replica at this address; REPLICAS: none. */
size_t shop_find(const char *address);

/* The folder of this program, into `folder`. */
bool shop_folder(char *folder, size_t size);

#endif
