/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/alloc.h"
#include "base/buf.h"

static void what_is_added_stands_in_order_and_ends_with_a_nul(void **state)
{
    struct buf buf = { 0 };
    int i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        assert_true(tulle__buf_addf(&buf, "%d,", i));
        assert_int_equal(buf.data[buf.size], '\0');
    }
    assert_true(tulle__buf_add_str(&buf, STR("end")));
    assert_int_equal(buf.size, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_memory_equal(buf.data, "0,1,2,3,", 8);
    assert_string_equal(buf.data + buf.size - 7, "999,end");
    tulle__buf_fini(&buf);
}

static void adding_nothing_is_allowed(void **state)
{
    struct buf buf = { 0 };

    (void)state;
    assert_true(tulle__buf_add(&buf, NULL, 0));
    assert_true(tulle__buf_addf(&buf, "%s", ""));
    assert_string_equal(buf.data, "");
    tulle__buf_fini(&buf);
}

static void clearing_keeps_the_room(void **state)
{
    struct buf buf = { 0 };
    uint64_t before;

    (void)state;
    tulle__buf_clear(&buf);
    tulle__buf_addf(&buf, "%0300d", 1);
    before = test_allocations();
    tulle__buf_clear(&buf);
    assert_string_equal(buf.data, "");
    tulle__buf_addf(&buf, "%0300d", 2);
    assert_int_equal(test_allocations(), before);
    tulle__buf_fini(&buf);
}

static void room_that_was_reserved_is_not_allocated_again(void **state)
{
    struct buf buf = { 0 };
    uint64_t before;
    int i;

    (void)state;
    assert_true(tulle__buf_reserve(&buf, 1000));
    before = test_allocations();
    for (i = 0; i < 1000; i++) {
        tulle__buf_add(&buf, "x", 1);
    }
    assert_int_equal(test_allocations(), before);
    tulle__buf_fini(&buf);
}

static void taking_gives_a_text_even_of_an_empty_one(void **state)
{
    struct buf buf = { 0 };
    size_t size = 7;
    char *text = tulle__buf_take(&buf, &size);

    (void)state;
    assert_string_equal(text, "");
    assert_int_equal(size, 0);
    tulle__free(text);
    tulle__buf_add_str(&buf, STR("abc"));
    text = tulle__buf_take(&buf, NULL);
    assert_string_equal(text, "abc");
    assert_null(buf.data);
    tulle__free(text);
}

static void a_failure_sticks(void **state)
{
    struct buf buf = { 0 };
    size_t size;

    (void)state;
    tulle__buf_add_str(&buf, STR("abc"));
    assert_false(tulle__buf_reserve(&buf, SIZE_MAX - 3));
    assert_false(tulle__buf_ok(&buf));
    assert_false(tulle__buf_add_str(&buf, STR("d")));
    assert_false(tulle__buf_addf(&buf, "d"));
    assert_null(tulle__buf_take(&buf, &size));
    assert_null(buf.data);
}

static void running_out_of_memory_is_told_at_the_end(void **state)
{
    struct buf buf = { 0 };
    int i;

    (void)state;
    for (i = 0; i < 100; i++) {
        tulle__buf_addf(&buf, "%d", i);
        tulle__buf_add_str(&buf, STR("line\n"));
    }
    CHECK(tulle__buf_ok(&buf));
    tulle__buf_fini(&buf);
}

TEST_MAIN(cmocka_unit_test(what_is_added_stands_in_order_and_ends_with_a_nul),
          cmocka_unit_test(adding_nothing_is_allowed), cmocka_unit_test(clearing_keeps_the_room),
          cmocka_unit_test(room_that_was_reserved_is_not_allocated_again),
          cmocka_unit_test(taking_gives_a_text_even_of_an_empty_one),
          cmocka_unit_test(a_failure_sticks), TEST_OOM(running_out_of_memory_is_told_at_the_end))
