/* SPDX-License-Identifier: Apache-2.0 */

/* Every order of three threads that close, open and try one gate, or take a place
 * at one endpoint, four times each. */

#include "harness/interleave.h"

#include "endpoint/gate.h"
#include "endpoint/outlier.h"
#include "harness/test.h"

static uint64_t word_get(void *user)
{
    return *(atomic_uint *)user;
}

static void word_set(void *user, uint64_t word)
{
    *(atomic_uint *)user = (unsigned)word;
}

/* --- the gate --- */

enum { ANY = 9 };

static const struct change {
    unsigned from, to;
} changes[INTERLEAVE_THREADS][INTERLEAVE_OPERATIONS] = {
    /* Envoy's kinds close what is not closed; the sweep lets in again. */
    { { ANY, GATE_EJECTED },
      { GATE_EJECTED, GATE_READY },
      { ANY, GATE_EJECTED },
      { GATE_EJECTED, GATE_TRIAL } },
    /* The breaker: it trips, a trial, which fails, another, which passes. */
    { { GATE_READY, GATE_EJECTED },
      { GATE_EJECTED, GATE_TRIAL },
      { GATE_TRIAL, GATE_EJECTED },
      { GATE_TRIAL, GATE_READY } },
    { { ANY, GATE_EJECTED },
      { GATE_EJECTED, GATE_TRIAL },
      { GATE_TRIAL, GATE_READY },
      { ANY, GATE_EJECTED } },
};

struct seen {
    bool open, closed;
};

static struct seen seen; /* at the ends */

static bool gate_change(void *user, int thread, int i, unsigned answers)
{
    const struct change *change = &changes[thread][i];

    (void)answers;
    if (change->from == ANY) {
        return gate_close(user);
    }
    return gate_move(user, change->from, change->to);
}

/* Places under the cap: one for each change that closed it, less those that opened it. */
static void there_is_one_place_for_a_closed_gate(void *user, uint64_t word, const unsigned *answers)
{
    int places = 0;

    (void)user;
    for (int thread = 0; thread < INTERLEAVE_THREADS; thread++) {
        for (int i = 0; i < INTERLEAVE_OPERATIONS; i++) {
            const struct change *change = &changes[thread][i];

            if (answers[thread] & 1U << i) {
                places += (change->to == GATE_EJECTED) - (change->from == GATE_EJECTED);
            }
        }
    }
    assert_int_equal(places, word == GATE_EJECTED);
}

static void ends_are_seen(void *user, uint64_t word, const unsigned *answers)
{
    there_is_one_place_for_a_closed_gate(user, word, answers);
    seen.open = seen.open || word == GATE_READY;
    seen.closed = seen.closed || word == GATE_EJECTED;
}

static void each_change_of_a_gate_has_one_author_in_any_order(void **state)
{
    atomic_uint gate = GATE_READY;
    const struct interleave run = { word_get,      word_set,
                                    gate_change,   there_is_one_place_for_a_closed_gate,
                                    ends_are_seen, &gate };

    (void)state;
    seen = (struct seen){ 0 };
    assert_true(interleave_run(&run) > 1000);
    assert_true(seen.open && seen.closed);
}

/* --- the trial --- */

static uint64_t trial_get(void *user)
{
    return *&((struct view *)user)->trial;
}

static void trial_set(void *user, uint64_t word)
{
    ((struct view *)user)->trial = (unsigned)word;
}

/* Claims, returns, claims, returns; only what was claimed is returned. */
static bool claim_or_return(void *user, int thread, int i, unsigned answers)
{
    struct view *view = user;
    bool trial;

    (void)thread;
    if (i % 2 == 0) {
        return trial_claim(view, &trial) && trial;
    }
    if (answers & 1U << (i - 1)) {
        trial_return(view);
        return true;
    }
    return false;
}

static void one_has_it(void *user, uint64_t word, const unsigned *answers)
{
    int holders = 0;

    (void)user;
    for (int thread = 0; thread < INTERLEAVE_THREADS; thread++) {
        holders +=
            __builtin_popcount(answers[thread] & 5) - __builtin_popcount(answers[thread] & 10);
    }
    assert_in_range(holders, 0, 1);
    assert_int_equal(holders, word);
}

static void a_trial_has_one_holder_in_any_order(void **state)
{
    static struct view view; /* at its gate all read the same */
    const struct interleave run = { trial_get,  trial_set,  claim_or_return,
                                    one_has_it, one_has_it, &view };

    (void)state;
    view.gate = GATE_TRIAL;
    view.trial = 0;
    assert_true(interleave_run(&run) > 1000);
}

/* --- the places of an endpoint --- */

enum { PLACES = 2, USERS_AT = 32 };

static uint64_t places_get(void *user)
{
    struct view *view = user;

    return (uint64_t) * &view->users << USERS_AT | *&view->busy;
}

static void places_set(void *user, uint64_t word)
{
    struct view *view = user;

    view->users = (unsigned)(word >> USERS_AT);
    view->busy = (unsigned short)word;
}

/* Enters, leaves, enters, leaves; only who has entered leaves. */
static bool enter_or_leave(void *user, int thread, int i, unsigned answers)
{
    (void)thread;
    if (i % 2 == 0) {
        return view_enter(user, PLACES);
    }
    if (answers & 1U << (i - 1)) {
        view_leave(user);
    }
    return false;
}

static void no_more_than_there_are(void *user, uint64_t word, const unsigned *answers)
{
    (void)user, (void)answers;
    assert_in_range(word & USHRT_MAX, 0, PLACES);
    assert_in_range(word >> USERS_AT, 0, INTERLEAVE_THREADS);
}

static void all_have_left(void *user, uint64_t word, const unsigned *answers)
{
    (void)user, (void)answers;
    assert_int_equal(word, 0);
}

static void an_endpoint_is_never_over_its_limit_in_any_order(void **state)
{
    static struct view view;
    const struct interleave run = { places_get,     places_set,
                                    enter_or_leave, no_more_than_there_are,
                                    all_have_left,  &view };

    (void)state;
    view.users = 0;
    view.busy = 0;
    assert_true(interleave_run(&run) > 1000);
}

TEST_MAIN(cmocka_unit_test(each_change_of_a_gate_has_one_author_in_any_order),
          cmocka_unit_test(an_endpoint_is_never_over_its_limit_in_any_order),
          cmocka_unit_test(a_trial_has_one_holder_in_any_order))
