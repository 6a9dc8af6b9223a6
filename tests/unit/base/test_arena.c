/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/arena.h"

static void an_arena_allocates_nothing_before_it_is_asked(void **state)
{
    struct arena arena;
    uint64_t before = test_allocations();

    (void)state;
    tulle__arena_init(&arena, 1024);
    assert_int_equal(test_allocations(), before);
    tulle__arena_fini(&arena);
}

static void what_is_taken_is_aligned_and_apart(void **state)
{
    struct arena arena;
    char *last = NULL;
    size_t size;

    (void)state;
    tulle__arena_init(&arena, 512);
    for (size = 1; size < 300; size++) {
        char *taken = tulle__arena_alloc_zero(&arena, size);
        assert_non_null(taken);
        assert_int_equal((uintptr_t)taken % _Alignof(max_align_t), 0);
        assert_true(!last || last[0] == 1);
        memset(taken, 1, size);
        last = taken;
    }
    tulle__arena_fini(&arena);
}

static void a_large_block_leaves_the_room_of_the_small_one_in_use(void **state)
{
    struct arena arena;
    char *first, *second;

    (void)state;
    tulle__arena_init(&arena, 1024);
    first = tulle__arena_alloc(&arena, 16);
    assert_non_null(tulle__arena_alloc(&arena, 100000));
    second = tulle__arena_alloc(&arena, 16);
    assert_ptr_equal(second, first + 16);
    assert_in_range(arena.total, 101024, 101200);
    tulle__arena_fini(&arena);
}

static void the_first_block_may_be_a_large_one(void **state)
{
    struct arena arena;

    (void)state;
    tulle__arena_init(&arena, 64);
    assert_non_null(tulle__arena_alloc(&arena, 1000));
    assert_non_null(tulle__arena_alloc(&arena, 8));
    tulle__arena_fini(&arena);
}

static void texts_are_copied_with_a_nul_and_packed(void **state)
{
    struct arena arena;
    struct str a, b, empty;

    (void)state;
    tulle__arena_init(&arena, 256);
    a = tulle__arena_str(&arena, (struct str){ "reviews.x", 7 });
    b = tulle__arena_str(&arena, STR("ratings"));
    empty = tulle__arena_str(&arena, STR_NONE);
    assert_string_equal(a.data, "reviews");
    assert_string_equal(b.data, "ratings");
    assert_string_equal(empty.data, "");
    assert_ptr_equal(b.data, a.data + 8);
    tulle__arena_fini(&arena);
}

static void formatting_fits_any_length(void **state)
{
    struct arena arena;
    struct str text;

    (void)state;
    tulle__arena_init(&arena, 128);
    text = tulle__arena_format(&arena, "outbound|%d|%s|%0500d", 80, "v1", 7);
    assert_int_equal(text.size, 515);
    assert_true(tulle__str_starts(text, STR("outbound|80|v1|000")));
    tulle__arena_fini(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct arena arena;

    (void)state;
    tulle__arena_init(&arena, 128);
    assert_null(tulle__arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(tulle__arena_str(&arena, (struct str){ "", SIZE_MAX }).data);
    tulle__arena_fini(&arena);
}

static void an_arena_that_ran_out_of_memory_can_go_on(void **state)
{
    struct arena arena;

    (void)state;
    tulle__arena_init(&arena, 128);
    CHECK_OR_DONE(tulle__arena_alloc(&arena, 100));
    CHECK_OR_DONE(tulle__arena_alloc_zero(&arena, 1000));
    CHECK_OR_DONE(tulle__arena_str(&arena, STR("and a text that needs a block of its own")).data);
    CHECK_OR_DONE(tulle__arena_format(&arena, "%0200d", 1).data);
done:
    tulle__arena_fini(&arena);
}

TEST_MAIN(cmocka_unit_test(an_arena_allocates_nothing_before_it_is_asked),
          cmocka_unit_test(what_is_taken_is_aligned_and_apart),
          cmocka_unit_test(a_large_block_leaves_the_room_of_the_small_one_in_use),
          cmocka_unit_test(the_first_block_may_be_a_large_one),
          cmocka_unit_test(texts_are_copied_with_a_nul_and_packed),
          cmocka_unit_test(formatting_fits_any_length),
          cmocka_unit_test(sizes_that_overflow_are_refused),
          TEST_OOM(an_arena_that_ran_out_of_memory_can_go_on))
