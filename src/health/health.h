/* SPDX-License-Identifier: Apache-2.0 */

/* Active health checks of all clusters of a mesh, on the control step's loop and
 * on no thread of their own: what they find is the control step's to write, and no
 * call shares a connection, a limit or a lock with them.
 *
 * All functions are for the thread that runs that loop. */

#ifndef TULLE_HEALTH_HEALTH_H
#define TULLE_HEALTH_HEALTH_H

#include "base/rand.h"
#include "endpoint/live.h"
#include "seam/transport.h"

/* Of all clusters together; who is due and finds no room waits, first come first. */
enum { CHECKUPS_MAX = 256 };
/* Connections kept between checks; beyond them each check has its own. */
enum { CONNECTIONS_KEPT_MAX = 4096 };

enum { HEALTH_ADDRESSES_SIZE = 512 };

struct health_options {
    struct loop *loop;
    const struct transport_type *transport;
    bool has_sockets; /* else TCP checks are the transport's, too (a scripted one) */
    const struct log *log;
    const char *ca_file;
    struct live_set *live;
    uint64_t seed;
    /* Where a name is that is an endpoint, as exchange.addresses; how it is called.
     * False: nobody knows yet. "": there is no such place. */
    bool (*resolve)(void *user, struct str host, char out[HEALTH_ADDRESSES_SIZE]);
    /* live->gates_changed was set of some cluster, or its first checks are over. */
    void (*changed)(void *user);
    void *user;
};

struct health {
    struct health_options options;
    struct transport *transport; /* NULL: there was no check yet */
    struct list wards;           /* clusters that are checked (ward.c) */
    struct list queue;           /* exams that are due and wait for room */
    unsigned under_way;
    unsigned kept;
    bool pumping;
    bool behind; /* there was no memory for somebody: tulle__health_fit() is wanted again */
    struct rand rand;
};

void tulle__health_init(struct health *health, const struct health_options *options);
/* Before the loop's end and that of the live set. Also of one that is all zero. */
void tulle__health_fini(struct health *health);

/* After a snapshot was published: who came is checked, who left no more; what was
 * found out about the others stays while their checks are the same. */
void tulle__health_fit(struct health *health);

/* Replies to calls may have said that their endpoint wants no more of them. */
void tulle__health_listen(struct health *health);

/* Clusters whose first checks are not over. */
size_t tulle__health_warming(const struct health *health);

#endif
