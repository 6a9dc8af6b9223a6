/* SPDX-License-Identifier: Apache-2.0 */

/* The real library against real servers: a mesh in front of a few of them, and
 * calls with what came of them kept in plain structs. */

#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <tulle/tulle.h>

#include "harness/server.h"
#include "harness/test.h"

/* A mesh with one service, "shop", on port 80 (or 443 for TULLE_PROTOCOL_HTTPS),
 * whose endpoints are these servers. `yaml` is added (NULL: none); `options` may
 * be NULL. */
struct tulle *wire_open(struct server *const *servers, size_t count, int32_t protocol,
                        const char *yaml, const struct tulle_options *options);

/* One loop, so that a call after another finds its connection: of two loops, each has its own. */
extern const struct tulle_options wire_one_loop;

/* Closes it, and asserts that it did. */
void wire_close(struct tulle *mesh);

/* What came of a call. */
struct outcome {
    enum tulle_error error;
    int32_t status;
    uint32_t attempts;
    int64_t took_ns;
    char endpoint[64];
    char body[512]; /* cut to fit */
    struct tulle_failure failure;
};

/* Blocking. */
struct outcome wire_get(struct tulle *mesh, const char *url);
struct outcome wire_call(struct tulle *mesh, const struct tulle_request *request);

/* Asynchronous calls that are counted. */
struct tally {
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    uint64_t started, ended, ok, failed, cancelled;
    uint64_t attempts;
    uint64_t statuses[600];
    int64_t slowest_ns;
    char first_failure[512]; /* "" when there was none */
};

void tally_init(struct tally *tally);
void tally_fini(struct tally *tally);

/* Starts a call that is counted and freed when it ends; its error. */
enum tulle_error tally_start(struct tally *tally, struct tulle *mesh,
                             const struct tulle_request *request);

/* Waits until all that was started has ended. False: `timeout_ns` went by. */
bool tally_wait(struct tally *tally, int64_t timeout_ns);
uint64_t tally_ended(struct tally *tally);

/* A thread that starts GETs of `url` at a steady pace until told to stop. */
struct pacer {
    struct tulle *mesh;
    const char *url;
    unsigned per_s;
    struct tally tally;
    pthread_t thread;
    atomic_bool stop;
};

void pacer_start(struct pacer *pacer, struct tulle *mesh, const char *url, unsigned per_s);

/* Waits for its calls as well (20 s at most). */
void pacer_stop(struct pacer *pacer);

/* The sum of a metric's samples whose labels contain `labels` ("" for all). */
double wire_metric(struct tulle *mesh, const char *name, const char *labels);

/* The mesh's state of the endpoint at this address, over all its clusters: the
 * least good gate. False: it has none. */
bool wire_endpoint(struct tulle *mesh, const char *address, struct tulle_endpoint_state *out);

int wire_threads(void); /* of this process */
/* Waits until there are so many: the system lists one that was joined a moment longer. */
bool wire_threads_are(int count);

#endif
