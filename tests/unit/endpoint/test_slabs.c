/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/slabs.h"

#include "harness/test.h"

enum { THING = 72, MANY = 200 };

static struct slabs slabs;

static int setup(void **state)
{
    (void)state;
    tulle__slabs_init(&slabs, THING);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tulle__slabs_fini(&slabs);
    return 0;
}

static void things_are_zeroed_and_found_by_their_numbers(void **state)
{
    uint32_t numbers[MANY];

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        unsigned char *thing = tulle__slabs_take(&slabs, &numbers[i]);

        CHECK_OR_DONE(thing != NULL);
        CHECK(thing[0] == 0 && thing[THING - 1] == 0);
        memset(thing, 1 + (int)(i % 200), THING);
    }
    for (size_t i = 0; i < MANY; i++) {
        const unsigned char *thing = slabs_at(&slabs, numbers[i]);

        CHECK(thing[0] == 1 + i % 200 && thing[THING - 1] == 1 + i % 200);
    }
done:
    return;
}

static void the_first_room_is_used_again(void **state)
{
    uint32_t numbers[MANY], again;
    unsigned char *thing;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        memset(tulle__slabs_take(&slabs, &numbers[i]), 1, THING);
    }
    tulle__slabs_give(&slabs, numbers[150]);
    tulle__slabs_give(&slabs, numbers[70]);
    thing = tulle__slabs_take(&slabs, &again);
    assert_int_equal(again, numbers[70]);
    assert_int_equal(thing[0], 0);
    tulle__slabs_take(&slabs, &again);
    assert_int_equal(again, numbers[150]);
    tulle__slabs_take(&slabs, &again);
    assert_int_equal(again, MANY);
}

static void an_empty_slab_is_freed_and_comes_back(void **state)
{
    uint32_t numbers[MANY], again;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        tulle__slabs_take(&slabs, &numbers[i]);
    }
    for (size_t i = SLAB_THINGS; i < 2 * SLAB_THINGS; i++) {
        tulle__slabs_give(&slabs, numbers[i]);
    }
    assert_null(slabs.list[1].things);
    tulle__slabs_take(&slabs, &again);
    assert_int_equal(again, SLAB_THINGS);
    assert_non_null(slabs.list[1].things);
}

static void a_slab_begins_a_cache_line(void **state)
{
    uint32_t number;

    (void)state;
    assert_int_equal((uintptr_t)tulle__slabs_take(&slabs, &number) % 64, 0);
}

#define SLABS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(TEST_OOM_WITH(things_are_zeroed_and_found_by_their_numbers, setup, teardown),
          SLABS_TEST(the_first_room_is_used_again),
          SLABS_TEST(an_empty_slab_is_freed_and_comes_back), SLABS_TEST(a_slab_begins_a_cache_line))
