/* SPDX-License-Identifier: Apache-2.0 */

/* Blocks are libc's, with a header in front that chains them, so that a leak
 * can be named. New memory is 0xA5, freed memory is 0x5A: what was never
 * written, or is read after free, shows even without a sanitizer.
 *
 * A call stack is known by the hash of its return addresses. It is taken only
 * while a sweep still looks for one: unwinding costs microseconds. */

#include "harness/sweep.h"

#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"

enum { FRAMES_MAX = 96, FRAMES_KEPT = 24, FRAMES_OWN = 3, STACKS_MAX = 16384, LEAKS_SHOWN = 8 };

#define BLOCK_LIVE UINT64_C(0x7475c1e5a11c0de5)
#define BLOCK_DEAD UINT64_C(0xdeadc1e5a11c0de5)

struct block {
    struct list node;
    size_t size;
    uint64_t serial;
    void **frames; /* with TULLE_TEST_STACKS=1; NULL-ended */
    _Alignas(max_align_t) uint64_t magic;
    _Alignas(max_align_t) unsigned char data[];
};

/* Guarded by `lock`. */
static struct {
    pthread_mutex_t lock;
    struct list all;
    size_t blocks, bytes;
    uint64_t serial;
    bool wants_stacks;
    enum sweep_mode mode;
    bool hit;
    uint64_t target;
    uint64_t stacks[STACKS_MAX];
    size_t stack_count;
    uint64_t seen[STACKS_MAX * 2]; /* open addressing; 0: free */
    void *hit_frames[FRAMES_MAX];
    int hit_count;
    int depth;    /* of the call stack that began the run */
    void *bottom; /* its outermost frame */
} sweep = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The frames of whoever began the run are left out: runs are begun in several
 * places. A thread of the library's has none of them. */
static uint64_t stack_hash(void *const *frames, int count)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    int end = count;
    int i;

    if (count < FRAMES_MAX && frames[count - 1] == sweep.bottom) {
        end -= sweep.depth;
    }
    for (i = FRAMES_OWN; i < end; i++) {
        hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * UINT64_C(1099511628211);
        hash ^= hash >> 29;
    }
    return hash ? hash : 1;
}

static void stack_record(uint64_t stack)
{
    size_t at = (size_t)(stack % (STACKS_MAX * 2));

    while (sweep.seen[at] != 0) {
        if (sweep.seen[at] == stack) {
            return;
        }
        at = (at + 1) % (STACKS_MAX * 2);
    }
    if (sweep.stack_count < STACKS_MAX) {
        sweep.seen[at] = stack;
        sweep.stacks[sweep.stack_count++] = stack;
    }
}

/* With the lock held. */
static __attribute__((noinline)) bool sweep_refuses(void)
{
    void *frames[FRAMES_MAX];
    uint64_t stack;
    int count;

    if (sweep.mode == SWEEP_OFF || sweep.hit) {
        return sweep.mode == SWEEP_REST;
    }
    count = backtrace(frames, FRAMES_MAX);
    stack = stack_hash(frames, count);
    if (sweep.mode == SWEEP_RECORD) {
        stack_record(stack);
        return false;
    }
    if (stack != sweep.target) {
        return false;
    }
    sweep.hit = true;
    sweep.hit_count = count;
    memcpy(sweep.hit_frames, frames, sizeof(frames));
    return true;
}

static void block_remember_stack(struct block *block)
{
    int count;

    block->frames = NULL;
    if (!sweep.wants_stacks) {
        return;
    }
    block->frames = calloc(FRAMES_KEPT + 1, sizeof(void *));
    if (block->frames) {
        count = backtrace(block->frames, FRAMES_KEPT);
        block->frames[count] = NULL;
    }
}

/* With the lock held. */
static __attribute__((noinline)) void *block_new(size_t size)
{
    struct block *block;

    if (sweep_refuses() || size > SIZE_MAX / 2) {
        return NULL;
    }
    block = malloc(sizeof(*block) + size);
    if (!block) {
        return NULL;
    }
    memset(block->data, 0xA5, size);
    block->magic = BLOCK_LIVE;
    block->size = size;
    block->serial = ++sweep.serial;
    block_remember_stack(block);
    list_add_last(&sweep.all, &block->node);
    sweep.blocks++;
    sweep.bytes += size;
    return block->data;
}

static struct block *block_of(void *ptr)
{
    struct block *block = (struct block *)(void *)((char *)ptr - offsetof(struct block, data));

    if (block->magic != BLOCK_LIVE) {
        static const char text[] = "sweep: freed twice, or never allocated\n";
        (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
        abort();
    }
    return block;
}

/* With the lock held. */
static void block_free(struct block *block)
{
    list_remove(&block->node);
    sweep.blocks--;
    sweep.bytes -= block->size;
    block->magic = BLOCK_DEAD;
    memset(block->data, 0x5A, block->size);
    free(block->frames);
    free(block);
}

/* Always moves: whoever keeps the old address is found out. */
static void *sweep_resize(void *user, void *ptr, size_t size)
{
    struct block *old = ptr ? block_of(ptr) : NULL;
    void *moved = NULL;

    (void)user;
    pthread_mutex_lock(&sweep.lock);
    if (size > 0 || !old) {
        moved = block_new(size);
    }
    if (moved && old) {
        memcpy(moved, old->data, old->size < size ? old->size : size);
    }
    if (old && (moved || size == 0)) {
        block_free(old);
    }
    pthread_mutex_unlock(&sweep.lock);
    return moved;
}

void sweep_hook(void)
{
    static const struct alloc_hook hook = { .resize = sweep_resize };

    tulle__alloc_set_hook(&hook);
}

void sweep_install(void)
{
    const char *stacks = getenv("TULLE_TEST_STACKS");
    void *warm[1];

    /* The first backtrace() loads a library; not in the middle of a test. */
    backtrace(warm, 1);
    sweep.wants_stacks = stacks && stacks[0] == '1';
    list_init(&sweep.all);
    sweep_hook();
}

void sweep_mark(struct sweep_mark *mark)
{
    pthread_mutex_lock(&sweep.lock);
    *mark = (struct sweep_mark){ sweep.blocks, sweep.bytes, sweep.serial };
    pthread_mutex_unlock(&sweep.lock);
}

static void block_print(const struct block *block, int fd)
{
    int count = 0;

    dprintf(fd, "leak: %zu bytes, allocation %llu%s\n", block->size,
            (unsigned long long)block->serial,
            block->frames ? "" : " (TULLE_TEST_STACKS=1 shows where)");
    while (block->frames && block->frames[count]) {
        count++;
    }
    if (block->frames) {
        backtrace_symbols_fd(block->frames, count, fd);
    }
}

bool sweep_is_clean(const struct sweep_mark *mark, int fd)
{
    struct list *at;
    int shown = 0;

    pthread_mutex_lock(&sweep.lock);
    for (at = sweep.all.next; at != &sweep.all; at = at->next) {
        const struct block *block = CONTAINER_OF(at, struct block, node);
        if (block->serial <= mark->serial) {
            continue;
        }
        if (shown++ < LEAKS_SHOWN) {
            block_print(block, fd);
        }
    }
    pthread_mutex_unlock(&sweep.lock);
    return shown == 0;
}

void sweep_begin(enum sweep_mode mode, uint64_t stack)
{
    void *frames[FRAMES_MAX];
    const void *caller = __builtin_return_address(0);
    int count = backtrace(frames, FRAMES_MAX);
    int own = 0;

    /* A sanitizer has a frame of its own in between. */
    while (own < count - 1 && frames[own] != caller) {
        own++;
    }
    pthread_mutex_lock(&sweep.lock);
    sweep.depth = count - own;
    sweep.bottom = frames[count - 1];
    if (mode == SWEEP_RECORD) {
        sweep.stack_count = 0;
        memset(sweep.seen, 0, sizeof(sweep.seen));
    }
    sweep.hit = false;
    sweep.target = stack;
    sweep.mode = mode;
    pthread_mutex_unlock(&sweep.lock);
}

void sweep_end(void)
{
    pthread_mutex_lock(&sweep.lock);
    sweep.mode = SWEEP_OFF;
    sweep.hit = false;
    pthread_mutex_unlock(&sweep.lock);
}

bool sweep_hit(void)
{
    bool hit;

    pthread_mutex_lock(&sweep.lock);
    hit = sweep.hit;
    pthread_mutex_unlock(&sweep.lock);
    return hit;
}

void sweep_print_hit(int fd)
{
    pthread_mutex_lock(&sweep.lock);
    if (sweep.hit) {
        dprintf(fd, "sweep: %s failed:\n",
                sweep.mode == SWEEP_REST ? "this allocation and all after it" : "this allocation");
        backtrace_symbols_fd(sweep.hit_frames, sweep.hit_count, fd);
    }
    pthread_mutex_unlock(&sweep.lock);
}

size_t sweep_recorded(void)
{
    return sweep.stack_count;
}

uint64_t sweep_stack(size_t index)
{
    return sweep.stacks[index];
}

void *sweep_malloc(size_t size)
{
    return sweep_resize(NULL, NULL, size);
}

void *sweep_calloc(size_t count, size_t size)
{
    void *ptr;

    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    ptr = sweep_resize(NULL, NULL, count * size);
    if (ptr) {
        memset(ptr, 0, count * size);
    }
    return ptr;
}

void *sweep_realloc(void *ptr, size_t size)
{
    return sweep_resize(NULL, ptr, size);
}

void sweep_free(void *ptr)
{
    if (ptr) {
        sweep_resize(NULL, ptr, 0);
    }
}

char *sweep_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = sweep_malloc(size);

    if (copy) {
        memcpy(copy, text, size);
    }
    return copy;
}
