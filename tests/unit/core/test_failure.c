/* SPDX-License-Identifier: Apache-2.0 */

#include "core/failure.h"

#include "harness/test.h"

static const struct tulle_failure full = {
    TULLE_FAILURE_INIT, .error = TULLE_E_LIMIT, .status = 503,
    .attempts = 2,      .flags = "UO",          .text = "a limit",
};

static void a_receiver_of_this_age_gets_all(void **state)
{
    struct tulle_failure to = { TULLE_FAILURE_INIT };

    (void)state;
    tulle__failure_copy(&to, &full);
    assert_memory_equal(&to, &full, sizeof(to));
}

static void an_older_one_gets_what_it_has_room_for(void **state)
{
    struct tulle_failure to = { .size = offsetof(struct tulle_failure, attempts), .attempts = 99 };

    (void)state;
    tulle__failure_copy(&to, &full);
    assert_int_equal(to.size, offsetof(struct tulle_failure, attempts));
    assert_int_equal(to.status, 503);
    assert_int_equal(to.attempts, 99);
}

static void a_newer_one_keeps_its_size(void **state)
{
    struct tulle_failure to[2] = { { .size = sizeof(to) }, { .error = 7 } };

    (void)state;
    tulle__failure_copy(to, &full);
    assert_int_equal(to[0].size, sizeof(to));
    assert_string_equal(to[0].text, "a limit");
    assert_int_equal(to[1].error, 7);
}

static void one_without_a_size_is_left_alone(void **state)
{
    struct tulle_failure to = { .size = 0 };

    (void)state;
    tulle__failure_copy(&to, &full);
    assert_int_equal(to.error, 0);
}

TEST_MAIN(cmocka_unit_test(a_receiver_of_this_age_gets_all),
          cmocka_unit_test(an_older_one_gets_what_it_has_room_for),
          cmocka_unit_test(a_newer_one_keeps_its_size),
          cmocka_unit_test(one_without_a_size_is_left_alone))
