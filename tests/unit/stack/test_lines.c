/* SPDX-License-Identifier: Apache-2.0 */

#include "base/macros.h"
#include "harness/test.h"
#include "stack/lines.h"

static void the_first_of_a_name_is_found_in_any_case(void **state)
{
    char text[] = "a\0001\0B\0002\0b\0003";
    const struct buf lines = { .data = text, .size = sizeof(text) };
    struct tulle_header header;
    const char *at;

    (void)state;
    assert_string_equal(tulle__lines_find(&lines, 3, "b"), "2");
    assert_string_equal(tulle__lines_find(&lines, 3, "A"), "1");
    assert_null(tulle__lines_find(&lines, 3, "c"));
    assert_null(tulle__lines_find(&lines, 1, "b"));
    assert_null(tulle__lines_find(&lines, 0, "a"));
    at = tulle__lines_next(tulle__lines_next(text, &header), &header);
    assert_string_equal(header.name, "B");
    assert_string_equal(header.value, "2");
    assert_string_equal(at, "b");
}

TEST_MAIN(cmocka_unit_test(the_first_of_a_name_is_found_in_any_case))
