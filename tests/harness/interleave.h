/* SPDX-License-Identifier: Apache-2.0 */

/* Runs three threads in every order there is, four operations each. What they
 * share is one word, and an operation is pure but for it: so a thread is where
 * its operation stands, which is what that has read so far. To go on by one
 * atomic operation, the operation is run anew, is given again what it has read,
 * does the next one for real, and is left behind the one after.
 *
 * Orders that lead to a state that was seen are not followed again.
 *
 * Include this before the code that is to be looked at: it puts its own operations
 * in the place of stdatomic's. */

#ifndef TULLE_HARNESS_INTERLEAVE_H
#define TULLE_HARNESS_INTERLEAVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTERLEAVE_THREADS = 3, INTERLEAVE_OPERATIONS = 4 };

struct interleave {
    uint64_t (*get)(void *user); /* the shared word */
    void (*set)(void *user, uint64_t word);
    bool (*operation)(void *user, int thread, int i,
                      unsigned answers); /* answers: of this thread's
                                          * operations so far, a bit each */
    /* In every state, also in the middle; NULL: nothing is looked at. */
    void (*check)(void *user, uint64_t word, const unsigned answers[INTERLEAVE_THREADS]);
    /* At the end of an order. */
    void (*end)(void *user, uint64_t word, const unsigned answers[INTERLEAVE_THREADS]);
    void *user;
};

/* From the word that is there. Gives how many states there are; 0: no memory. */
size_t interleave_run(const struct interleave *run);

/* What an atomic operation reads; `now` is in the word. */
uint64_t interleave_read(uint64_t now);
/* What was read just now was not given again: the operation takes effect. */
bool interleave_is_real(void);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit

/* Neither atomic nor promoted. */
#define INTERLEAVE_TYPE(at) __typeof__((void)0, *(at))
#define INTERLEAVE_READ(at) ((INTERLEAVE_TYPE(at))interleave_read((uint64_t) * (at)))

#define atomic_load_explicit(at, order) INTERLEAVE_READ(at)
#define atomic_store_explicit(at, wanted, order)                                                   \
    __extension__({                                                                                \
        (void)INTERLEAVE_READ(at);                                                                 \
        if (interleave_is_real()) {                                                                \
            *(at) = (wanted);                                                                      \
        }                                                                                          \
    })
#define atomic_compare_exchange_strong_explicit(at, expected, wanted, won, lost)                   \
    atomic_compare_exchange_weak_explicit(at, expected, wanted, won, lost)
#define atomic_compare_exchange_weak_explicit(at, expected, wanted, won, lost)                     \
    __extension__({                                                                                \
        INTERLEAVE_TYPE(at) read_ = INTERLEAVE_READ(at);                                           \
        bool won_ = read_ == *(expected);                                                          \
        if (won_ && interleave_is_real()) {                                                        \
            *(at) = (wanted);                                                                      \
        }                                                                                          \
        *(expected) = read_;                                                                       \
        won_;                                                                                      \
    })
#define INTERLEAVE_FETCH(at, sign, by)                                                             \
    __extension__({                                                                                \
        INTERLEAVE_TYPE(at) read_ = INTERLEAVE_READ(at);                                           \
        if (interleave_is_real()) {                                                                \
            *(at) = (INTERLEAVE_TYPE(at))(read_ sign(by));                                         \
        }                                                                                          \
        read_;                                                                                     \
    })
#define atomic_fetch_add_explicit(at, by, order) INTERLEAVE_FETCH(at, +, by)
#define atomic_fetch_sub_explicit(at, by, order) INTERLEAVE_FETCH(at, -, by)

#endif
