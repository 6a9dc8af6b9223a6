/* SPDX-License-Identifier: Apache-2.0 */

/* What the scenarios of streams share: a call whose events are counted, and whose
 * bodies follow a pattern. */

#ifndef TESTS_SCENARIO_STREAMED_H
#define TESTS_SCENARIO_STREAMED_H

#include "harness/world.h"
#include "scenario/reviews.h"

enum { WINDOW = 64 * 1024, LONG = 300 * 1000 };

struct streamed {
    struct world_call call; /* first: it is the `user` */
    unsigned heads, readables, writables;
    size_t wrote, got;
    char body[LONG + 1]; /* what was read of the reply */
};

#define BOTH (TULLE_STREAM_REQUEST | TULLE_STREAM_REPLY)

#define STREAM(world, streamed, ...)                                                               \
    (memset((streamed), 0, sizeof(*(streamed))),                                                   \
     START(world, &(streamed)->call, .method = "PUT", .event = streamed_event, __VA_ARGS__))

void streamed_event(struct tulle_call *call, int32_t kind, void *user);

/* Writes up to `size` bytes; how the last write ended. */
enum tulle_error streamed_write(struct streamed *streamed, size_t size);
enum tulle_error streamed_end(struct streamed *streamed);
/* Reads all there is; how the last read ended (TULLE_OK: the body is over). */
enum tulle_error streamed_read(struct streamed *streamed);
bool is_what_was_written(const char *body, size_t size);

#endif
