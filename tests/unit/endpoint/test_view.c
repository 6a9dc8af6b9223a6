/* SPDX-License-Identifier: Apache-2.0 */

/* How fit an endpoint is: by its active checks and by the control plane (EDS). */

#include "endpoint/view.h"

#include "harness/test.h"

static enum fitness judge(enum endpoint_health said, enum fitness checked)
{
    struct endpoint_record record = { .health = said };
    struct view view = { .named = true, .endpoint = &record, .checked = (uint8_t)checked };

    (void)view_judge(&view, 1);
    return (enum fitness)view.fitness;
}

static void what_the_control_plane_says_is_as_in_eds(void **state)
{
    (void)state;
    assert_int_equal(judge(HEALTH_UNKNOWN, FIT), FIT);
    assert_int_equal(judge(HEALTH_HEALTHY, FIT), FIT);
    assert_int_equal(judge(HEALTH_DEGRADED, FIT), FIT_DEGRADED);
    assert_int_equal(judge(HEALTH_UNHEALTHY, FIT), FIT_NOT);
    assert_int_equal(judge(HEALTH_DRAINING, FIT), FIT_NOT);
}

static void the_worse_of_the_two_counts(void **state)
{
    (void)state;
    assert_int_equal(judge(HEALTH_HEALTHY, FIT_NOT), FIT_NOT);
    assert_int_equal(judge(HEALTH_HEALTHY, FIT_DEGRADED), FIT_DEGRADED);
    assert_int_equal(judge(HEALTH_DEGRADED, FIT_NOT), FIT_NOT);
    assert_int_equal(judge(HEALTH_UNHEALTHY, FIT_DEGRADED), FIT_NOT);
}

static void who_can_be_used_again_is_young(void **state)
{
    struct endpoint_record record = { .health = HEALTH_UNHEALTHY };
    struct view view = { .named = true, .endpoint = &record, .joined_at = 5 };

    (void)state;
    assert_true(view_judge(&view, 100));
    assert_false(view_judge(&view, 150));
    assert_int_equal(view.joined_at, 5);
    record.health = HEALTH_DEGRADED;
    assert_true(view_judge(&view, 200));
    assert_int_equal(view.joined_at, 200);
    record.health = HEALTH_HEALTHY;
    assert_true(view_judge(&view, 300));
    assert_int_equal(view.joined_at, 200); /* it was in use */
}

TEST_MAIN(cmocka_unit_test(what_the_control_plane_says_is_as_in_eds),
          cmocka_unit_test(the_worse_of_the_two_counts),
          cmocka_unit_test(who_can_be_used_again_is_young))
