/* SPDX-License-Identifier: Apache-2.0 */

/* The mock's script (src/mock/script.h), for tests that stand closer to the core
 * than a mock does. All of its own memory is libc's, because a sweep is about
 * the library; there is always some. */

#ifndef TESTS_HARNESS_SCRIPT_H
#define TESTS_HARNESS_SCRIPT_H

#include "mock/script.h"

void script_init(struct script *script);
void script_fini(struct script *script);
struct script_endpoint *script_endpoint(struct script *script,
                                        const char *address); /* or makes it */
void script_say(struct script *script, struct script_endpoint *endpoint,
                const struct script_line *line);

void script_names_fini(struct script *script); /* script_resolver.c */

#endif
