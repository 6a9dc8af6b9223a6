/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "policy/usual.h"

#include "base/rand.h"

static void the_first_sample_is_all_that_is_known(void **state)
{
    (void)state;
    assert_int_equal(usual_learn(0, 5000), 5000);
    assert_int_equal(usual_learn(0, 0), 1);
}

static void what_never_changes_is_told_exactly(void **state)
{
    int64_t known = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        known = usual_learn(known, 20000);
    }
    assert_int_equal(known, 20000);
}

/* One in ten takes a hundred times as long: an average would be eleven times it. */
static void a_few_slow_ones_do_not_move_it(void **state)
{
    int64_t known = 0, least = INT64_MAX, most = 0;
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 1);
    for (int i = 0; i < 10000; i++) {
        known = usual_learn(known, rand_below(&rand, 10) == 0 ? 1000000 : 10000);
        if (i > 100) {
            least = known < least ? known : least;
            most = known > most ? known : most;
        }
    }
    assert_true(least >= 9000 && most <= 16000);
}

static void it_follows_what_becomes_the_rule(void **state)
{
    int64_t known = 1000000;

    (void)state;
    for (int i = 0; i < 100; i++) {
        known = usual_learn(known, 10000);
    }
    assert_int_equal(known, 10000);
    for (int i = 0; i < 100; i++) {
        known = usual_learn(known, 1000000);
    }
    assert_int_equal(known, 1000000);
}

static void it_is_never_nothing(void **state)
{
    int64_t known = 1;

    (void)state;
    for (int i = 0; i < 10; i++) {
        known = usual_learn(known, 0);
        assert_true(known > 0);
    }
}

TEST_MAIN(cmocka_unit_test(the_first_sample_is_all_that_is_known),
          cmocka_unit_test(what_never_changes_is_told_exactly),
          cmocka_unit_test(a_few_slow_ones_do_not_move_it),
          cmocka_unit_test(it_follows_what_becomes_the_rule), cmocka_unit_test(it_is_never_nothing))
