/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "transport/curl/internal.h"

static int refs, freed;

static void count_ref(struct connection_limit *limit)
{
    (void)limit;
    refs++;
}

static void count_unref(struct connection_limit *limit)
{
    (void)limit;
    refs--;
}

static void count_freed(struct connection_limit *limit, struct loop *loop)
{
    (void)loop;
    assert_int_equal(atomic_load(&limit->open), 2);
    freed++;
}

static void room_ends_at_the_limit_and_comes_back(void **state)
{
    struct connection_limit limit = { .ref = count_ref,
                                      .unref = count_unref,
                                      .freed = count_freed };

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(tulle__room_take(&limit, 3));
    }
    assert_false(tulle__room_take(&limit, 3));
    assert_int_equal(refs, 3);
    tulle__room_give(&limit, NULL);
    assert_int_equal(refs, 2);
    assert_int_equal(freed, 1);
    assert_true(tulle__room_take(&limit, 3));
    /* A limit that was lowered lets nobody in before it is met. */
    assert_false(tulle__room_take(&limit, 1));
}

TEST_MAIN(cmocka_unit_test(room_ends_at_the_limit_and_comes_back))
