/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/alloc.h"

static void zeroed_memory_is_zero(void **state)
{
    unsigned char *ptr = tulle__alloc_zero(100, 7);
    size_t i;

    (void)state;
    assert_non_null(ptr);
    for (i = 0; i < 700; i++) {
        assert_int_equal(ptr[i], 0);
    }
    tulle__free(ptr);
}

static void a_count_that_overflows_is_refused(void **state)
{
    (void)state;
    assert_null(tulle__alloc_zero(SIZE_MAX / 2, 3));
    tulle__alloc_set_hook(NULL);
    assert_null(tulle__alloc_zero(SIZE_MAX / 2, 3));
    test_hook_again();
}

static void growing_keeps_what_was_there(void **state)
{
    char *ptr = tulle__alloc(4);

    (void)state;
    memcpy(ptr, "abc", 4);
    ptr = tulle__realloc(ptr, 4000);
    assert_string_equal(ptr, "abc");
    tulle__free(ptr);
}

static void a_copy_ends_with_a_nul(void **state)
{
    char *copy = tulle__strndup("reviews.default", 7);

    (void)state;
    assert_string_equal(copy, "reviews");
    tulle__free(copy);
    assert_null(tulle__strndup("", SIZE_MAX));
}

static void freeing_nothing_does_nothing(void **state)
{
    (void)state;
    tulle__free(NULL);
}

static void without_a_hook_memory_is_libcs(void **state)
{
    uint64_t before = test_allocations();
    char *ptr;

    (void)state;
    tulle__alloc_set_hook(NULL);
    ptr = tulle__alloc(10);
    ptr = tulle__realloc(ptr, 20);
    tulle__free(ptr);
    ptr = tulle__alloc_zero(3, 3);
    assert_int_equal(ptr[8], 0);
    tulle__free(ptr);
    test_hook_again();
    assert_int_equal(test_allocations(), before);
}

static void who_runs_out_of_memory_hears_null(void **state)
{
    char *first = NULL, *second = NULL;

    (void)state;
    CHECK_OR_DONE((first = tulle__alloc(10)) != NULL);
    CHECK_OR_DONE((second = tulle__strndup("x", 1)) != NULL);
done:
    tulle__free(first);
    tulle__free(second);
}

TEST_MAIN(cmocka_unit_test(zeroed_memory_is_zero),
          cmocka_unit_test(a_count_that_overflows_is_refused),
          cmocka_unit_test(growing_keeps_what_was_there), cmocka_unit_test(a_copy_ends_with_a_nul),
          cmocka_unit_test(freeing_nothing_does_nothing),
          cmocka_unit_test(without_a_hook_memory_is_libcs),
          TEST_OOM(who_runs_out_of_memory_hears_null))
