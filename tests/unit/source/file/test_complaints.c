/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/complaints.h"

#include <stdio.h>

#include "harness/test.h"

static const struct place here = { { "a.yaml", 6 }, 3, 7 };

static void keep_line(void *user, int32_t level, const char *area, const char *text)
{
    char *lines = user;

    assert_int_equal(level, LOG_ERROR);
    assert_string_equal(area, "config");
    strncat(lines, text, 2000 - strlen(lines));
    strncat(lines, "\n", 2000 - strlen(lines));
}

static void a_complaint_is_told_with_place_and_resource(void **state)
{
    struct complaints complaints;
    char lines[2048] = "";
    const struct log log = { keep_line, lines, LOG_ERROR };

    (void)state;
    tulle__complaints_init(&complaints);
    tulle__complain(&complaints, here, STR("Kind ns/x"), "%d is wrong", 5);
    tulle__complain(&complaints, here, STR_NONE, "this too");
    tulle__complain(&complaints, (struct place){ STR("mesh"), 0, 0 }, STR_NONE, "is gone");
    tulle__complain(&complaints, (struct place){ STR_NONE, 0, 0 }, STR("Kind ns/y"), "in code");
    CHECK_OR_DONE(!complaints.no_memory);
    tulle__complaints_log(&complaints, &log);
    assert_string_equal(lines, "a.yaml:3:7: Kind ns/x: 5 is wrong\na.yaml:3:7: this too\n"
                               "mesh: is gone\nKind ns/y: in code\n");
done:
    tulle__complaints_fini(&complaints);
}

static void what_is_quoted_cannot_write_lines_of_its_own(void **state)
{
    struct complaints complaints;
    char lines[2048] = "";
    const struct log log = { keep_line, lines, LOG_ERROR };

    (void)state;
    tulle__complaints_init(&complaints);
    tulle__complain(&complaints, here, STR_NONE, "unknown \"%s\"", "a\nE b\x1b[31m");
    tulle__complain(&complaints, here, STR("Kind ns/x\nfake"), "y");
    tulle__complaints_log(&complaints, &log);
    assert_string_equal(lines, "a.yaml:3:7: unknown \"a?E b?[31m\"\n"
                               "a.yaml:3:7: Kind ns/x?fake: y\n");
    tulle__complaints_fini(&complaints);
}

static void all_are_counted_and_twenty_are_kept(void **state)
{
    struct complaints some, all;

    (void)state;
    tulle__complaints_init(&some);
    tulle__complaints_init(&all);
    for (int i = 0; i < 25; i++) {
        tulle__complain(&some, here, STR_NONE, "%d", i);
    }
    tulle__complain(&all, here, STR_NONE, "first");
    tulle__complaints_add(&all, &some);
    assert_int_equal(some.count, 25);
    assert_int_equal(all.count, 26);
    assert_true(str_equal(all.list[0].text, STR("first")));
    assert_true(str_equal(all.list[ERRORS_TOLD_MAX - 1].text, STR("18")));
    tulle__complaints_fini(&some);
    tulle__complaints_fini(&all);
}

TEST_MAIN(TEST_OOM(a_complaint_is_told_with_place_and_resource),
          cmocka_unit_test(what_is_quoted_cannot_write_lines_of_its_own),
          cmocka_unit_test(all_are_counted_and_twenty_are_kept))
