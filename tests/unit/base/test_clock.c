/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include <time.h>

#include "base/clock.h"

static void the_real_clock_goes_forward(void **state)
{
    int64_t before = world_now(&tulle__world);

    (void)state;
    assert_true(before > 0);
    assert_true(world_now(&tulle__world) >= before);
    assert_true(test_now() - before < NS_PER_S);
    assert_false(tulle__world.is_virtual);
}

static void the_wall_clock_is_that_of_the_system(void **state)
{
    int64_t wall = tulle__world.wall(tulle__world.user);

    (void)state;
    assert_true(wall / NS_PER_S - (int64_t)time(NULL) <= 1);
    assert_true((int64_t)time(NULL) - wall / NS_PER_S <= 1);
}

static void seeds_differ(void **state)
{
    (void)state;
    assert_true(tulle__world.seed(tulle__world.user) != tulle__world.seed(tulle__world.user));
}

static void never_stays_never(void **state)
{
    (void)state;
    assert_int_equal(time_add(NEVER, 1), NEVER);
    assert_int_equal(time_add(1, NEVER), NEVER);
    assert_int_equal(time_add(NEVER - 5, 6), NEVER);
    assert_int_equal(time_add(NEVER - 5, 4), NEVER - 1);
    assert_int_equal(time_add(3, 4), 7);
}

TEST_MAIN(cmocka_unit_test(the_real_clock_goes_forward),
          cmocka_unit_test(the_wall_clock_is_that_of_the_system), cmocka_unit_test(seeds_differ),
          cmocka_unit_test(never_stays_never))
