/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "seam/observer.h"

static void assert_flags(unsigned flags, size_t size, const char *expected)
{
    char text[64];

    memset(text, '#', sizeof(text));
    tulle__flags_text(flags, text, size);
    assert_string_equal(text, expected);
    assert_int_equal(text[size], '#');
}

static void no_flag_is_a_dash(void **state)
{
    (void)state;
    assert_flags(0, 16, "-");
}

static void each_flag_has_envoys_name(void **state)
{
    (void)state;
    assert_flags(FLAG_UH, 16, "UH");
    assert_flags(FLAG_UF, 16, "UF");
    assert_flags(FLAG_UO, 16, "UO");
    assert_flags(FLAG_NR, 16, "NR");
    assert_flags(FLAG_URX, 16, "URX");
    assert_flags(FLAG_NC, 16, "NC");
    assert_flags(FLAG_UT, 16, "UT");
    assert_flags(FLAG_UC, 16, "UC");
    assert_flags(FLAG_UR, 16, "UR");
    assert_flags(FLAG_DC, 16, "DC");
    assert_flags(FLAG_UPE, 16, "UPE");
    assert_flags(FLAG_DT, 16, "DT");
    assert_flags(FLAG_DO, 16, "DO");
}

static void flags_come_in_envoys_order(void **state)
{
    (void)state;
    assert_flags(FLAG_URX | FLAG_UF, 16, "URX,UF");
    assert_flags(0xfff, 63, "URX,UH,UT,UR,UF,UC,UO,NR,DC,DT,UPE,NC");
}

static void a_flag_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    assert_flags(FLAG_URX | FLAG_UF, 7, "URX,UF");
    assert_flags(FLAG_URX | FLAG_UF, 6, "URX");
    assert_flags(FLAG_URX, 3, "");
    assert_flags(0, 1, "");
}

static void without_room_nothing_is_written(void **state)
{
    char text[2] = "##";

    (void)state;
    tulle__flags_text(FLAG_UH, text, 0);
    assert_int_equal(text[0], '#');
}

TEST_MAIN(cmocka_unit_test(no_flag_is_a_dash), cmocka_unit_test(each_flag_has_envoys_name),
          cmocka_unit_test(flags_come_in_envoys_order),
          cmocka_unit_test(a_flag_that_does_not_fit_is_left_out_whole),
          cmocka_unit_test(without_room_nothing_is_written))
