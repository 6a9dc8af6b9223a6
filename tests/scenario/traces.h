/* SPDX-License-Identifier: Apache-2.0 */

/* What a server saw of a trace, byte for byte. In what is expected 's' stands
 * for a digit of a span id, 't' of a new trace id, 'u' of a new request id; the
 * rest is itself. */

#ifndef TESTS_SCENARIO_TRACES_H
#define TESTS_SCENARIO_TRACES_H

#include "harness/world.h"
#include "scenario/reviews.h"

#define ID     "4bf92f3577b34da6a3ce929d0e0e4736"
#define SHORT  "a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

#define S16 "ssssssssssssssss"
#define T32 "tttttttttttttttttttttttttttttttt"
#define UID "uuuuuuuu-uuuu-4uuu-uuuu-uuuuuuuuuuuu"

#define NEW_REQUEST_ID "x-request-id: " UID "\n"

/* Digits of the placeholders, in their order. */
struct seen {
    char span[65], trace[65], request[65];
};

/* Asserts that the request's headers are these. */
struct seen traces_expect(const struct test_world *world, size_t index, const char *wanted);

/* What the span callback was told. */
struct spans {
    unsigned count;
    struct {
        char trace[33], span[17], parent[17], endpoint[64], method[8], path[64], authority[64],
            cluster[64];
        int32_t sampled, status, error;
        uint32_t attempt;
        int64_t start_ns, end_ns;
    } each[8];
};

/* world_open() with this option, and spans told to `spans` (NULL: to nobody). */
struct test_world *traces_open(const char *yaml, int32_t trace, struct spans *spans);

#endif
