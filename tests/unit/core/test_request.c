/* SPDX-License-Identifier: Apache-2.0 */

/* Structs of any age: what the caller's lacks is zero, what it has more must be. */

#include "core/request.h"

#include "harness/test.h"

struct today {
    size_t size;
    int32_t first, second;
};

struct tomorrow {
    struct today today;
    int64_t third;
};

static void a_struct_of_the_same_age_is_copied(void **state)
{
    const struct today from = { sizeof(from), 1, 2 };
    struct today to;

    (void)state;
    assert_true(tulle__options_copy(&to, sizeof(to), &from, from.size));
    assert_memory_equal(&to, &from, sizeof(to));
}

static void what_an_older_one_lacks_is_zero(void **state)
{
    const struct today from = { offsetof(struct today, second), 1, 2 };
    struct today to = { 7, 7, 7 };

    (void)state;
    assert_true(tulle__options_copy(&to, sizeof(to), &from, from.size));
    assert_int_equal(to.first, 1);
    assert_int_equal(to.second, 0);
}

static void what_a_newer_one_has_more_must_be_zero(void **state)
{
    struct tomorrow from = { { sizeof(from), 1, 2 }, 0 };
    struct today to;

    (void)state;
    assert_true(tulle__options_copy(&to, sizeof(to), &from, from.today.size));
    assert_int_equal(to.second, 2);
    from.third = INT64_C(1) << 60;
    assert_false(tulle__options_copy(&to, sizeof(to), &from, from.today.size));
}

static void one_without_a_size_is_refused(void **state)
{
    const struct today from = { 0, 1, 2 };
    struct today to;

    (void)state;
    for (size_t size = 0; size < sizeof(size_t); size++) {
        assert_false(tulle__options_copy(&to, sizeof(to), &from, size));
    }
}

TEST_MAIN(cmocka_unit_test(a_struct_of_the_same_age_is_copied),
          cmocka_unit_test(what_an_older_one_lacks_is_zero),
          cmocka_unit_test(what_a_newer_one_has_more_must_be_zero),
          cmocka_unit_test(one_without_a_size_is_refused))
