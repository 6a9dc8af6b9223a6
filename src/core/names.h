/* SPDX-License-Identifier: Apache-2.0 */

/* The names in what a source delivers: they are looked up, and their clusters
 * get the endpoints that they stand for. */

#ifndef TULLE_CORE_NAMES_H
#define TULLE_CORE_NAMES_H

#include <tulle/error.h>

#include "base/thread.h"
#include "dns/dns.h"
#include "model/snapshot.h"

struct tulle;
struct tulle_options;

struct names {
    struct dns *dns;
    struct dns_name **held; /* once for each place that names it */
    size_t count;
    bool changed; /* some of them resolve to other addresses than what was published */
    /* Who waits for the first answers. */
    struct mutex lock; /* guards pending and leaving */
    struct cond ready;
    size_t pending; /* names without any answer yet, in the newest snapshot */
    size_t warming; /* clusters whose first health checks are not over */
    bool leaving;   /* the mesh is being closed: nobody waits any more */
    bool open;      /* lock and ready are there */
};

enum tulle_error tulle__names_open(struct tulle *mesh, const struct resolver_type *resolver,
                                   const struct tulle_options *options);
void tulle__names_close(struct names *names);

/* `from` with each cluster that has names replaced by one with their addresses;
 * all other parts are shared. Holds what `from` names from now on, and nothing
 * else. `pending`: names that have no answer yet. On failure nothing was
 * changed. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__names_expand(struct names *names, const struct draft *from,
                                     struct draft *out, size_t *pending);

void tulle__names_published(struct names *names, size_t pending);
void tulle__names_warming(struct names *names, size_t warming); /* so many clusters still are */
/* Where an endpoint is that is a name, "[::1],10.0.0.1"; as much as fits. False: it has no
 * answer yet. On the control step's loop. */
bool tulle__names_where(struct names *names, struct str host, char *out, size_t size);
void tulle__names_leave(struct names *names); /* who waits is let go; any thread */
/* Errors: TULLE_E_AGAIN (some are pending), TULLE_E_CLOSED (then the mesh is leaving).
 * Any thread. */
enum tulle_error tulle__names_state(struct names *names);
/* Waits until that is no longer TULLE_E_AGAIN, or `due`. */
void tulle__names_wait(struct names *names, int64_t due);

#endif
