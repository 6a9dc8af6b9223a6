/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/interleave.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { READS_MAX = 16, SEEN_FIRST = 1 << 16 };

/* Where a thread stands. */
struct place {
    uint32_t operation;
    unsigned answers; /* a bit each */
    uint32_t reads;   /* of the operation that it is in */
    uint32_t unused;
    uint64_t read[READS_MAX];
};

struct state {
    uint64_t word;
    struct place places[INTERLEAVE_THREADS];
};

struct explorer {
    const struct interleave *run;
    XXH128_hash_t *seen;
    size_t capacity, count;
    bool no_memory;
};

/* The thread that goes on at the moment. */
static struct {
    struct place *place;
    uint32_t at; /* reads that this running of the operation has made */
    bool is_real, has_gone_on;
    jmp_buf leave;
} current;

uint64_t interleave_read(uint64_t now)
{
    struct place *place = current.place;

    current.is_real = false;
    if (current.at < place->reads) {
        return place->read[current.at++];
    }
    if (current.has_gone_on || place->reads == READS_MAX) {
        longjmp(current.leave, 1);
    }
    current.has_gone_on = current.is_real = true;
    place->read[place->reads++] = now;
    current.at++;
    return now;
}

bool interleave_is_real(void)
{
    return current.is_real;
}

/* One atomic operation further. */
static void go_on(const struct interleave *run, struct state *state, int thread)
{
    struct place *place = &state->places[thread];
    int operation = (int)place->operation;
    bool answer;

    run->set(run->user, state->word);
    current.place = place;
    current.at = 0;
    current.has_gone_on = false;
    if (setjmp(current.leave) == 0) {
        answer = run->operation(run->user, thread, operation, place->answers);
        *place = (struct place){ .operation = (uint32_t)operation + 1,
                                 .answers = place->answers | (unsigned)answer << operation };
    }
    state->word = run->get(run->user);
}

static bool seen_put(XXH128_hash_t *seen, size_t capacity, XXH128_hash_t key)
{
    size_t at = (size_t)key.low64 & (capacity - 1);

    while (seen[at].low64 != 0 || seen[at].high64 != 0) {
        if (XXH128_isEqual(seen[at], key)) {
            return false;
        }
        at = (at + 1) & (capacity - 1);
    }
    seen[at] = key;
    return true;
}

static bool seen_grow(struct explorer *explorer)
{
    size_t capacity = explorer->capacity > 0 ? explorer->capacity * 2 : SEEN_FIRST;
    XXH128_hash_t *seen = calloc(capacity, sizeof(*seen));

    if (!seen) {
        explorer->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < explorer->capacity; i++) {
        if (explorer->seen[i].low64 != 0 || explorer->seen[i].high64 != 0) {
            seen_put(seen, capacity, explorer->seen[i]);
        }
    }
    free(explorer->seen);
    explorer->seen = seen;
    explorer->capacity = capacity;
    return true;
}

/* False: it was there, or there is no memory. */
static bool is_new(struct explorer *explorer, const struct state *state)
{
    if (explorer->count * 2 >= explorer->capacity && !seen_grow(explorer)) {
        return false;
    }
    if (!seen_put(explorer->seen, explorer->capacity, XXH3_128bits(state, sizeof(*state)))) {
        return false;
    }
    explorer->count++;
    return true;
}

static void explore(struct explorer *explorer, const struct state *state)
{
    const struct interleave *run = explorer->run;
    unsigned answers[INTERLEAVE_THREADS];
    bool over = true;

    if (!is_new(explorer, state)) {
        return;
    }
    for (int i = 0; i < INTERLEAVE_THREADS; i++) {
        answers[i] = state->places[i].answers;
    }
    if (run->check) {
        run->check(run->user, state->word, answers);
    }
    for (int i = 0; i < INTERLEAVE_THREADS; i++) {
        struct state next = *state;

        if (state->places[i].operation < INTERLEAVE_OPERATIONS) {
            over = false;
            go_on(run, &next, i);
            explore(explorer, &next);
        }
    }
    if (over) {
        run->end(run->user, state->word, answers);
    }
}

size_t interleave_run(const struct interleave *run)
{
    struct explorer explorer = { .run = run };
    struct state first;

    memset(&first, 0, sizeof(first));
    first.word = run->get(run->user);
    explore(&explorer, &first);
    free(explorer.seen);
    return explorer.no_memory ? 0 : explorer.count;
}
