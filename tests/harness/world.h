/* SPDX-License-Identifier: Apache-2.0 */

/* The whole client on a virtual clock, against endpoints of a script: an hour
 * of outage takes a millisecond, and nothing depends on the machine.
 *
 *     struct test_world *world = world_open(MESH, NULL);
 *
 *     world_answer(world, "10.0.0.1:80", .status = 503, .times = 2);
 *     world_get(world, "http://reviews/ratings/7");
 *     assert_int_equal(world->last.status, 200);
 *     assert_int_equal(world->last.attempts, 3);
 *     world_advance(world, 10 * NS_PER_S);
 *     assert_true(world_metric(world, "tulle_retries_total{}") == 2);
 *     world_close(world);
 *
 * An endpoint nobody spoke of answers 200 after a millisecond. What a test does
 * not bound is bounded here: a call that is not over after an hour of virtual
 * time fails the test, and so does an instant that never ends.
 *
 * In a sweep (TEST_OOM) world_open() may give NULL; last.error is then often
 * TULLE_E_NOMEM: use CHECK and CHECK_OR_DONE. */

#ifndef TESTS_HARNESS_WORLD_H
#define TESTS_HARNESS_WORLD_H

#include <tulle/tulle.h>

#include "base/clock.h"
#include "harness/script.h"
#include "harness/script_resolver.h"
#include "harness/test.h"

/* How a call ended, and when. */
struct world_result {
    bool done;
    unsigned completions; /* must be one */
    enum tulle_error error;
    int32_t status; /* of the reply; of a failure: what Envoy would have answered */
    uint32_t attempts;
    char endpoint[64];
    char body[256]; /* its start */
    size_t body_size;
    struct tulle_failure failure; /* of a call that failed */
    char story[2048];
    int64_t started_at, ended_at;
};

/* A call under way. Stays where it is until world_call_free(). */
struct world_call {
    struct test_world *world;
    struct tulle_call *call;
    struct world_result result;
};

struct test_world {
    struct script script; /* first: the transport finds it as the world's `user` */
    struct world world;
    int64_t now;
    uint64_t seed;
    struct tulle *mesh;
    struct world_result last; /* of world_get() and world_send() */
    char log[8192];           /* what the library logged, a line each */
    size_t log_size;
    unsigned accesses;     /* calls the access log told of */
    char flags[16];        /* of the last of them */
    tulle_access_fn *also; /* the options' own, told besides */
    void *also_user;
    char gate[16]; /* what world_gate() gave */
};

/* Opens a mesh with this YAML. `options` (NULL: defaults) gives the rest; log
 * and access log are the world's. NULL only in a sweep. */
struct test_world *world_open(const char *yaml, const struct tulle_options *options);
/* The same, and the error is the test's business. */
enum tulle_error world_try_open(const char *yaml, const struct tulle_options *options,
                                struct test_world **out);
/* Closes its mesh and opens another one, over the same script and clock. */
enum tulle_error world_reopen(struct test_world *world, const char *yaml);
void world_close(struct test_world *world); /* NULL does nothing */

/* --- endpoints --- */

struct script_endpoint *world_endpoint(struct test_world *world, const char *address);
/* From now on; with `.times` only so often, then what is said next (or 200). */
#define world_answer(world, address, ...)                                                          \
    script_say(&(world)->script, world_endpoint(world, address),                                   \
               &(struct script_line){ __VA_ARGS__ })
#define world_answer_all(world, ...) world_say_all(world, &(struct script_line){ __VA_ARGS__ })
/* What a name resolves to from now on; one nobody spoke of has 192.0.2.1. */
#define world_name(world, host, ...)                                                               \
    script_name_say(&(world)->script, host, &(struct script_says){ __VA_ARGS__ })
void world_say_all(struct test_world *world, const struct script_line *line);
void world_kill(struct test_world *world, const char *address);
void world_revive(struct test_world *world, const char *address);
/* Requests that an endpoint got; NULL: all. */
unsigned world_requests(const struct test_world *world, const char *address);
const struct script_request *world_request(const struct test_world *world, size_t index);

/* --- time --- */

void world_run(struct test_world *world);                 /* what is due now */
void world_advance(struct test_world *world, int64_t ns); /* through every due instant, in order */

/* --- calls --- */

const struct world_result *world_get(struct test_world *world, const char *url);
const struct world_result *world_send(struct test_world *world,
                                      const struct tulle_request *request);
/* Starts without waiting. False: refused, see call->result.error. */
bool world_start(struct test_world *world, const struct tulle_request *request,
                 struct world_call *call);
bool world_start_get(struct test_world *world, const char *url, struct world_call *call);
void world_finish(struct world_call *call);    /* advances until it is over */
void world_call_free(struct world_call *call); /* one under way is cancelled first */

/* --- what one can see --- */

/* The sum of all series of this name that have these labels:
 * "tulle_ejections_total{cluster="...",kind="5xx"}", or the bare name. */
double world_metric(struct test_world *world, const char *selector);
/* The gate of an endpoint: "ready", "trial", "ejected"; "" when it is not known. */
const char *world_gate(struct test_world *world, const char *address);

#endif
