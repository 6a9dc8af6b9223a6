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
    struct curl_transport transport = { .loop = NULL };
    struct pool pool = { .transport = &transport };
    const struct room three = { &limit, 3, 0 }, one = { &limit, 1, 0 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tulle__room_take(&pool, &three), ROOM_TAKEN);
    }
    assert_int_equal(tulle__room_take(&pool, &three), ROOM_NONE);
    assert_int_equal(refs, 3);
    tulle__room_give(&pool, &limit);
    assert_int_equal(refs, 2);
    assert_int_equal(freed, 1);
    assert_int_equal(tulle__room_take(&pool, &three), ROOM_TAKEN);
    /* A limit that was lowered lets nobody in before it is met. */
    assert_int_equal(tulle__room_take(&pool, &one), ROOM_NONE);
}

/* Two loops, one endpoint. */
static void an_endpoint_has_its_own_limit_and_each_pool_its_first(void **state)
{
    atomic_uint open = 0;
    struct connection_limit limit = { .ref = count_ref, .unref = count_unref };
    struct curl_transport transport = { .loop = NULL };
    struct pool a = { .transport = &transport, .endpoint_open = &open }, b = a;
    const struct room two = { &limit, 100, 2 }, any = { &limit, 100, 0 }, none = { &limit, 3, 9 };

    (void)state;
    assert_int_equal(tulle__room_take(&a, &two), ROOM_TAKEN);
    assert_int_equal(tulle__room_take(&a, &two), ROOM_TAKEN);
    assert_int_equal(tulle__room_take(&a, &two), ROOM_NOT_AT_ENDPOINT);
    assert_int_equal(tulle__room_take(&b, &two), ROOM_TAKEN);
    assert_int_equal(tulle__room_take(&b, &two), ROOM_NOT_AT_ENDPOINT);
    assert_int_equal(atomic_load(&open), 3);
    assert_int_equal(tulle__room_take(&b, &none), ROOM_NONE);
    assert_int_equal(atomic_load(&open), 3);
    assert_int_equal(tulle__room_take(&b, &any), ROOM_TAKEN);
    assert_int_equal(atomic_load(&open), 4);
}

TEST_MAIN(cmocka_unit_test(room_ends_at_the_limit_and_comes_back),
          cmocka_unit_test(an_endpoint_has_its_own_limit_and_each_pool_its_first))
