/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/lines.h"

#include "harness/test.h"

static void memory_begins_a_cache_line_and_is_zero(void **state)
{
    (void)state;
    for (size_t size = 1; size < 300; size += 7) {
        unsigned char *lines = tulle__lines_alloc(size);

        CHECK_OR_DONE(lines != NULL);
        assert_int_equal((uintptr_t)lines % LINE_SIZE, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(lines[i], 0);
        }
        memset(lines, 0xff, size);
        tulle__lines_free(lines);
    }
done:
    return;
}

static void a_size_that_would_overflow_is_no_memory(void **state)
{
    (void)state;
    assert_null(tulle__lines_alloc(SIZE_MAX));
    assert_null(tulle__lines_alloc(SIZE_MAX - LINE_SIZE + 1));
    tulle__lines_free(NULL);
}

static void sizes_round_up_to_whole_lines(void **state)
{
    (void)state;
    assert_int_equal(lines_round(0), 0);
    assert_int_equal(lines_round(1), LINE_SIZE);
    assert_int_equal(lines_round(LINE_SIZE), LINE_SIZE);
    assert_int_equal(lines_round(LINE_SIZE + 1), 2 * LINE_SIZE);
}

TEST_MAIN(TEST_OOM(memory_begins_a_cache_line_and_is_zero),
          cmocka_unit_test(a_size_that_would_overflow_is_no_memory),
          cmocka_unit_test(sizes_round_up_to_whole_lines))
