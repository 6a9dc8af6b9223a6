/* SPDX-License-Identifier: Apache-2.0 */

/* A case as it runs, and how its JSON is read. What is not understood is a
 * fault, like what does not come as expected. */

#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <tulle/mock.h>
#include <tulle/tulle.h>

enum { LINES_MAX = 16, STARTS_MAX = 4, BODY_MAX = 4096, LOG_MAX = 4096 };

struct run {
    const char *name;
    const json_t *texts;
    struct tulle_mock *mock;
    struct tulle *mesh;
    struct {
        const char *name;
        struct tulle_call *call;
    } starts[STARTS_MAX];
    unsigned faults;
    char log[LOG_MAX];
};

/* What came of a call, a stream or a pick. */
struct outcome {
    int32_t error;
    const struct tulle_failure *failure; /* NULL: none */
    const struct tulle_reply *reply;     /* NULL: none */
    const char *body;
    size_t body_size;
    const char *endpoint; /* of a pick */
    const char *cluster;
    int64_t took_ns;
};

/* --- json.c --- */

__attribute__((format(printf, 2, 3))) void fault(struct run *run, const char *format, ...);

/* True when `object` is one and has no key but those in `allowed`, with blanks between. */
bool has_only(struct run *run, const json_t *object, const char *allowed);

/* NULL, 0 where the key is not there. */
const char *text_at(const json_t *object, const char *key);
size_t count_at(const json_t *object, const char *key);
int64_t duration_at(struct run *run, const json_t *object, const char *key);
size_t lines_at(struct run *run, const json_t *object, const char *key, struct tulle_header *out);

/* The number that a text stands for in a NULL-ended list; "" is the first. */
int32_t number_of(struct run *run, const char *const *names, const char *text);

/* A text of `texts`, with its lines joined; to be freed. */
char *yaml_of(struct run *run, const char *name);

extern const char *const error_names[], *const progress_names[], *const kind_names[];

/* --- expect.c --- */

void expect_outcome(struct run *run, const json_t *expected, const struct outcome *outcome);
void expect_code(struct run *run, const json_t *step, enum tulle_error error);
void expect_seen(struct run *run, const json_t *expected);

/* --- call.c --- */

void step_request(struct run *run, const json_t *step);
void step_stream(struct run *run, const json_t *step);
void step_start(struct run *run, const json_t *step);
void step_cancel(struct run *run, const json_t *step);
void step_end(struct run *run, const json_t *step);
void step_pick(struct run *run, const json_t *step);
void calls_free(struct run *run);

#endif
