/* SPDX-License-Identifier: Apache-2.0 */

/* The counting allocator that every test runs on, and what the out-of-memory
 * sweep does to it. Test writers use harness/test.h; this is its lower half. */

#ifndef TESTS_HARNESS_SWEEP_H
#define TESTS_HARNESS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sweep_mark {
    size_t blocks;
    size_t bytes;
    uint64_t serial; /* of the last block so far */
};

/* Which allocation a run loses. */
enum sweep_mode {
    SWEEP_OFF,
    SWEEP_RECORD, /* none, but remembers each call stack that allocates */
    SWEEP_ONCE,   /* the first one from the chosen call stack */
    SWEEP_REST    /* that one and all that follow */
};

void sweep_install(void); /* once, before all */
void sweep_hook(void);    /* puts the allocator in libc's place */
void sweep_mark(struct sweep_mark *mark);
/* True: nothing lives that did not live at `mark`. Else prints what does. */
bool sweep_is_clean(const struct sweep_mark *mark, int fd);

void sweep_begin(enum sweep_mode mode, uint64_t stack); /* `stack`: of ONCE and REST */
void sweep_end(void);
bool sweep_hit(void);               /* this run has lost an allocation */
void sweep_print_hit(int fd);       /* the call stack that lost it */
size_t sweep_recorded(void);        /* call stacks found by the last SWEEP_RECORD */
uint64_t sweep_stack(size_t index); /* one of them, in the order they came */

/* The same allocator for the hooks of other libraries. */
void *sweep_malloc(size_t size);
void *sweep_calloc(size_t count, size_t size);
void *sweep_realloc(void *ptr, size_t size);
void sweep_free(void *ptr);
char *sweep_strdup(const char *text);

#endif
