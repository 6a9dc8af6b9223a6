/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "model/part.h"

struct thing {
    struct part part;
    int value;
};

struct trail {
    int order[4];
    size_t count;
};

static struct trail trail;

static void note(void *object)
{
    trail.order[trail.count++] = *(int *)object;
}

static void a_new_part_is_zeroed_and_has_one_reference(void **state)
{
    struct thing *thing = tulle__part_new(sizeof(*thing));

    (void)state;
    CHECK_OR_DONE(thing != NULL);
    assert_int_equal(thing->part.refs, 1);
    assert_int_equal(thing->value, 0);
done:
    tulle__part_unref(thing);
}

static void a_part_lives_until_its_last_reference_goes(void **state)
{
    struct thing *thing = tulle__part_new(sizeof(*thing));
    size_t blocks = test_memory_blocks();

    (void)state;
    assert_non_null(thing);
    assert_ptr_equal(tulle__part_ref(thing), thing);
    tulle__part_unref(thing);
    assert_int_equal(test_memory_blocks(), blocks);
    tulle__part_unref(thing);
    assert_true(test_memory_blocks() < blocks);
}

static void cleanups_run_once_and_the_newest_first(void **state)
{
    struct thing *thing = tulle__part_new(sizeof(*thing));
    int first = 1, second = 2;

    (void)state;
    trail.count = 0;
    CHECK_OR_DONE(thing != NULL);
    CHECK_OR_DONE(tulle__part_add_cleanup(&thing->part, note, &first));
    CHECK_OR_DONE(tulle__part_add_cleanup(&thing->part, note, &second));
    tulle__part_unref(thing);
    thing = NULL;
    assert_int_equal(trail.count, 2);
    assert_int_equal(trail.order[0], 2);
    assert_int_equal(trail.order[1], 1);
done:
    tulle__part_unref(thing);
}

static void nothing_may_be_unreferenced(void **state)
{
    (void)state;
    tulle__part_unref(NULL);
}

static void a_fingerprint_tells_contents_apart(void **state)
{
    (void)state;
    assert_true(fingerprint_equal(tulle__fingerprint("abc", 3), tulle__fingerprint("abc", 3)));
    assert_false(fingerprint_equal(tulle__fingerprint("abc", 3), tulle__fingerprint("abd", 3)));
    assert_false(fingerprint_equal(tulle__fingerprint("abc", 3), tulle__fingerprint("abc", 2)));
}

TEST_MAIN(TEST_OOM(a_new_part_is_zeroed_and_has_one_reference),
          cmocka_unit_test(a_part_lives_until_its_last_reference_goes),
          TEST_OOM(cleanups_run_once_and_the_newest_first),
          cmocka_unit_test(nothing_may_be_unreferenced),
          cmocka_unit_test(a_fingerprint_tells_contents_apart))
