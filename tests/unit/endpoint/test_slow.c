/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/slow.h"

#include <stdlib.h>

#include "base/rand.h"
#include "harness/test.h"

static uint32_t median_of(const uint32_t *values, size_t count)
{
    struct median median;

    tulle__median_begin(&median, count);
    for (int round = 0; round < MEDIAN_ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            tulle__median_show(&median, values[i]);
        }
        tulle__median_round(&median);
    }
    return median.value;
}

static void the_median_is_the_one_in_the_middle(void **state)
{
    (void)state;
    assert_int_equal(median_of((uint32_t[]){ 7 }, 1), 7);
    assert_int_equal(median_of((uint32_t[]){ 900, 3, 70000 }, 3), 900);
    assert_int_equal(median_of((uint32_t[]){ 5, 5, 5, 1, 9 }, 5), 5);
    assert_int_equal(median_of((uint32_t[]){ UINT32_MAX, 0, UINT32_MAX }, 3), UINT32_MAX);
}

static void of_an_even_count_it_is_the_lower_one(void **state)
{
    (void)state;
    assert_int_equal(median_of((uint32_t[]){ 20, 10 }, 2), 10);
    assert_int_equal(median_of((uint32_t[]){ 4, 1, 3, 2 }, 4), 2);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void it_is_what_sorting_finds(void **state)
{
    uint32_t values[257];
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 11);
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + rand_below(&rand, COUNT_OF(values));
        unsigned bits = rand_below(&rand, 32);
        uint32_t found;

        for (size_t i = 0; i < count; i++) {
            values[i] = (uint32_t)rand_next(&rand) >> bits;
        }
        found = median_of(values, count);
        qsort(values, count, sizeof(*values), compare);
        assert_int_equal(found, values[(count - 1) / 2]);
    }
}

static void exactly_the_factor_is_not_slow_yet(void **state)
{
    (void)state;
    assert_false(is_slow(3000, 1000, 3000));
    assert_true(is_slow(3001, 1000, 3000));
    assert_false(is_slow(UINT32_MAX, UINT32_MAX, 1000));
}

TEST_MAIN(cmocka_unit_test(the_median_is_the_one_in_the_middle),
          cmocka_unit_test(of_an_even_count_it_is_the_lower_one),
          cmocka_unit_test(it_is_what_sorting_finds),
          cmocka_unit_test(exactly_the_factor_is_not_slow_yet))
