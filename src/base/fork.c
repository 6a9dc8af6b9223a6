/* SPDX-License-Identifier: Apache-2.0 */

/* Closing what a child has from its parent is dangerous by number alone: it may
 * have closed all its descriptors first, as daemons do, and opened others of the
 * same numbers; and fork() copies descriptors before it copies the memory that
 * names them. So a descriptor of ours carries a mark that goes with the open file
 * and not with its number: a signal for O_ASYNC, which is never switched on. (An
 * owner is not set, so no urgent byte of a peer makes a SIGURG.) What has our
 * number and our mark is ours. Numbers are in a table of bits, so that not every
 * one is asked, and what the app has dup()ed stays the app's.
 *
 * Where the kernel cannot wipe (before 4.14, gVisor) every look asks for the
 * process' number instead; that fails only for a child whose number is the
 * parent's, each in a namespace of its own. */

#include "base/fork.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

enum { MARK = 64, NONE = 0, BUSY = 1 }; /* SIGRTMAX */
enum { WORD_BITS = 64, FDS_MAX = 1 << 20, WORDS = FDS_MAX / WORD_BITS };

/* What children inherit. */
struct lineage {
    struct fork_page *page; /* on pages of its own, before this */
    atomic_uint generations;
    atomic_uint_least64_t who; /* where nothing is wiped: twice the process' number, plus BUSY */
    bool wipes;
    atomic_uint_least64_t fds[WORDS];
};

static struct fork_page unmapped = { .generation = FORK_FIRST };
static _Atomic(struct lineage *) the_lineage;
_Atomic(struct fork_page *) tulle__fork_page = &unmapped;

static size_t page_size(void)
{
    long size = sysconf(_SC_PAGESIZE);

    return size > (long)sizeof(struct fork_page) ? (size_t)size : 65536;
}

static uint64_t me(void)
{
    return (uint64_t)getpid() * 2;
}

static struct lineage *lineage_map(void)
{
    size_t wiped = page_size();
    char *base = mmap(NULL, wiped + sizeof(struct lineage), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct lineage *lineage;

    if (base == MAP_FAILED) {
        return NULL;
    }
    lineage = (struct lineage *)(void *)(base + wiped);
    lineage->page = (struct fork_page *)(void *)base;
    lineage->wipes = madvise(base, wiped, MADV_WIPEONFORK) == 0;
    atomic_init(&lineage->generations, FORK_FIRST);
    atomic_init(&lineage->who, me());
    atomic_init(&lineage->page->generation, lineage->wipes ? FORK_FIRST : NONE);
    return lineage;
}

bool tulle__fork_begin(void)
{
    struct lineage *lineage = atomic_load(&the_lineage), *made;

    if (!lineage) {
        made = lineage_map();
        if (!made) {
            return false;
        }
        if (atomic_compare_exchange_strong(&the_lineage, &lineage, made)) {
            lineage = made;
        } else {
            munmap(made->page, page_size() + sizeof(*made));
        }
    }
    /* By all: a child may be born between these two. */
    atomic_store(&tulle__fork_page, lineage->page);
    (void)fork_generation();
    return true;
}

/* --- in a child --- */

static void word_close(uint64_t fds, int first)
{
    while (fds != 0) {
        int fd = first + __builtin_ctzll(fds);

        fds &= fds - 1;
        if (fcntl(fd, F_GETSIG) == MARK) {
            close(fd);
        }
    }
}

static unsigned generation_begin(struct lineage *lineage)
{
    for (int i = 0; i < WORDS; i++) {
        if (atomic_load_explicit(&lineage->fds[i], memory_order_relaxed) != 0) {
            word_close(atomic_exchange(&lineage->fds[i], 0), i * WORD_BITS);
        }
    }
    return atomic_fetch_add(&lineage->generations, 1) + 1;
}

static unsigned notice_by_page(struct lineage *lineage)
{
    atomic_uint *word = &lineage->page->generation;
    unsigned generation = NONE;

    if (atomic_compare_exchange_strong(word, &generation, BUSY)) {
        generation = generation_begin(lineage);
        atomic_store(word, generation);
        return generation;
    }
    while ((generation = atomic_load(word)) == BUSY) {
        sched_yield();
    }
    return generation;
}

/* The lock may have been taken when this process was born. */
static unsigned notice_by_number(struct lineage *lineage)
{
    uint64_t who = atomic_load(&lineage->who), mine = me();

    while (who != mine) {
        if (who != (mine | BUSY) &&
            atomic_compare_exchange_strong(&lineage->who, &who, mine | BUSY)) {
            memset(&lineage->page->lock, 0, sizeof(lineage->page->lock));
            (void)generation_begin(lineage);
            atomic_store(&lineage->who, mine);
        }
        sched_yield();
        who = atomic_load(&lineage->who);
    }
    return atomic_load(&lineage->generations);
}

unsigned tulle__fork_notice(void)
{
    struct lineage *lineage = atomic_load_explicit(&the_lineage, memory_order_acquire);

    return lineage->wipes ? notice_by_page(lineage) : notice_by_number(lineage);
}

struct mutex *tulle__fork_lock(void)
{
    return &atomic_load_explicit(&tulle__fork_page, memory_order_relaxed)->lock;
}

/* --- descriptors --- */

static uint64_t bit_of(int fd)
{
    return UINT64_C(1) << (fd % WORD_BITS);
}

/* NULL: nobody looks after it. */
static atomic_uint_least64_t *word_of(int fd)
{
    struct lineage *lineage = atomic_load_explicit(&the_lineage, memory_order_acquire);

    return lineage && fd >= 0 && fd < FDS_MAX ? &lineage->fds[fd / WORD_BITS] : NULL;
}

int tulle__fork_own(int fd)
{
    atomic_uint_least64_t *word = word_of(fd);

    if (word && fcntl(fd, F_SETSIG, MARK) == 0) {
        atomic_fetch_or_explicit(word, bit_of(fd), memory_order_relaxed);
    }
    return fd;
}

void tulle__fork_disown(int fd)
{
    atomic_uint_least64_t *word = word_of(fd);

    if (word) {
        atomic_fetch_and_explicit(word, ~bit_of(fd), memory_order_relaxed);
    }
}

void tulle__fork_close(int fd)
{
    tulle__fork_disown(fd);
    close(fd);
}
