/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/rand.h"

/* From the authors' reference programs: splitmix64 of 0, then xoshiro256++. */
static void the_sequence_is_that_of_the_paper(void **state)
{
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 0);
    assert_true(rand.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(rand.state[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(rand.state[2] == UINT64_C(0x06c45d188009454f));
    assert_true(rand.state[3] == UINT64_C(0xf88bb8a8724c81ec));
    rand = (struct rand){ { 1, 2, 3, 4 } };
    assert_true(rand_next(&rand) == UINT64_C(41943041));
    assert_true(rand_next(&rand) == UINT64_C(58720359));
    assert_true(rand_next(&rand) == UINT64_C(3588806011781223));
}

static void one_seed_gives_one_sequence(void **state)
{
    struct rand a, b;
    int i;

    (void)state;
    tulle__rand_init(&a, 99);
    tulle__rand_init(&b, 99);
    for (i = 0; i < 100; i++) {
        assert_true(rand_next(&a) == rand_next(&b));
    }
}

static void each_number_below_is_drawn_equally_often(void **state)
{
    uint32_t counts[10] = { 0 };
    struct rand rand;
    int i;

    (void)state;
    tulle__rand_init(&rand, 5);
    for (i = 0; i < 100000; i++) {
        counts[rand_below(&rand, 10)]++;
    }
    for (i = 0; i < 10; i++) {
        assert_in_range(counts[i], 9600, 10400);
    }
}

static void large_ranges_stay_within_their_bound(void **state)
{
    struct rand rand;
    int i;

    (void)state;
    tulle__rand_init(&rand, 5);
    for (i = 0; i < 1000; i++) {
        assert_in_range(rand_below_i64(&rand, INT64_C(1) << 40), 0, (INT64_C(1) << 40) - 1);
        assert_int_equal(rand_below(&rand, 1), 0);
    }
}

TEST_MAIN(cmocka_unit_test(the_sequence_is_that_of_the_paper),
          cmocka_unit_test(one_seed_gives_one_sequence),
          cmocka_unit_test(each_number_below_is_drawn_equally_often),
          cmocka_unit_test(large_ranges_stay_within_their_bound))
