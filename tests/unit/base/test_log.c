/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include <stdio.h>

#include "base/log.h"

struct heard {
    int lines;
    int32_t level;
    char text[2048];
};

static void hear(void *user, int32_t level, const char *area, const char *text)
{
    struct heard *heard = user;

    assert_string_equal(area, "config");
    heard->lines++;
    heard->level = level;
    snprintf(heard->text, sizeof(heard->text), "%s", text);
}

static void a_line_is_told_with_its_level_and_area(void **state)
{
    struct heard heard = { 0 };
    struct log log = { hear, &heard, LOG_INFO };

    (void)state;
    tulle__log(&log, LOG_WARNING, "config", "%s:%d", "mesh.yaml", 7);
    assert_int_equal(heard.lines, 1);
    assert_int_equal(heard.level, LOG_WARNING);
    assert_string_equal(heard.text, "mesh.yaml:7");
}

static void what_is_below_the_level_is_not_told(void **state)
{
    struct heard heard = { 0 };
    struct log log = { hear, &heard, LOG_WARNING };

    (void)state;
    tulle__log(&log, LOG_INFO, "config", "nothing");
    assert_int_equal(heard.lines, 0);
}

static void no_log_and_no_callback_are_silent(void **state)
{
    struct log log = { NULL, NULL, LOG_DEBUG };

    (void)state;
    tulle__log(NULL, LOG_ERROR, "config", "nothing");
    tulle__log(&log, LOG_ERROR, "config", "nothing");
}

static void a_long_line_is_cut(void **state)
{
    struct heard heard = { 0 };
    struct log log = { hear, &heard, LOG_DEBUG };

    (void)state;
    tulle__log(&log, LOG_ERROR, "config", "%02000d", 1);
    assert_int_equal(strlen(heard.text), 1023);
}

TEST_MAIN(cmocka_unit_test(a_line_is_told_with_its_level_and_area),
          cmocka_unit_test(what_is_below_the_level_is_not_told),
          cmocka_unit_test(no_log_and_no_callback_are_silent), cmocka_unit_test(a_long_line_is_cut))
