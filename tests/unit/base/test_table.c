/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include <stdio.h>

#include "base/rand.h"
#include "base/table.h"

enum { KEYS = 1000 };

static char names[KEYS][16];
static int values[KEYS];

static struct str name_of(size_t i)
{
    snprintf(names[i], sizeof(names[i]), "service-%zu", i);
    return str_of(names[i]);
}

static void what_was_put_is_found(void **state)
{
    struct table table = { 0 };
    size_t i;

    (void)state;
    assert_null(tulle__table_find(&table, STR("x")));
    for (i = 0; i < KEYS; i++) {
        assert_true(tulle__table_put(&table, name_of(i), &values[i]));
    }
    assert_int_equal(table.count, KEYS);
    for (i = 0; i < KEYS; i++) {
        assert_ptr_equal(tulle__table_find(&table, name_of(i)), &values[i]);
    }
    assert_null(tulle__table_find(&table, STR("service-")));
    tulle__table_fini(&table);
}

static void putting_again_replaces(void **state)
{
    struct table table = { 0 };

    (void)state;
    assert_true(tulle__table_put(&table, STR("a"), &values[0]));
    assert_true(tulle__table_put(&table, STR("a"), &values[1]));
    assert_int_equal(table.count, 1);
    assert_ptr_equal(tulle__table_find(&table, STR("a")), &values[1]);
    tulle__table_fini(&table);
}

static void any_mix_of_put_and_remove_finds_what_is_there(void **state)
{
    struct table table = { 0 };
    bool in[KEYS] = { 0 };
    struct rand rand;
    size_t count = 0;
    size_t i, j;

    (void)state;
    tulle__rand_init(&rand, 3);
    for (i = 0; i < 20000; i++) {
        j = rand_below(&rand, KEYS);
        if (in[j]) {
            assert_ptr_equal(tulle__table_remove(&table, name_of(j)), &values[j]);
            count--;
        } else {
            assert_null(tulle__table_remove(&table, name_of(j)));
            assert_true(tulle__table_put(&table, name_of(j), &values[j]));
            count++;
        }
        in[j] = !in[j];
        assert_int_equal(table.count, count);
    }
    for (j = 0; j < KEYS; j++) {
        assert_ptr_equal(tulle__table_find(&table, name_of(j)), in[j] ? &values[j] : NULL);
    }
    tulle__table_fini(&table);
}

static void a_walk_meets_each_value_once(void **state)
{
    struct table table = { 0 };
    bool met[KEYS] = { 0 };
    size_t at = 0;
    size_t i;
    int *value;

    (void)state;
    assert_null(tulle__table_next(&table, &at));
    assert_null(tulle__table_remove(&table, STR("x")));
    for (i = 0; i < KEYS; i++) {
        assert_true(tulle__table_put(&table, name_of(i), &values[i]));
    }
    for (i = 0, at = 0; (value = tulle__table_next(&table, &at)) != NULL; i++) {
        assert_false(met[value - values]);
        met[value - values] = true;
    }
    assert_int_equal(i, KEYS);
    tulle__table_fini(&table);
}

static void a_table_that_cannot_grow_keeps_what_it_has(void **state)
{
    struct table table = { 0 };
    size_t i, j;

    (void)state;
    for (i = 0; i < 100 && tulle__table_put(&table, name_of(i), &values[i]); i++) {
    }
    CHECK(i == 100);
    for (j = 0; j < i; j++) {
        assert_ptr_equal(tulle__table_find(&table, name_of(j)), &values[j]);
    }
    tulle__table_fini(&table);
}

/* How many of the first slots are taken, of keys that all belong into the first. */
static size_t slots_in_a_row(uint64_t seed)
{
    struct table table = { .seed = seed };
    size_t row = 0;

    for (size_t i = 0, put = 0; put < 8; i++) {
        struct str key = name_of(i % KEYS);

        assert_true(i < KEYS);
        if ((tulle__str_hash(key, 0) & 63) == 0) {
            assert_true(tulle__table_put(&table, key, &values[i]));
            put++;
        }
    }
    while (row < table.capacity && table.slots[row].value) {
        row++;
    }
    tulle__table_fini(&table);
    return row;
}

static void keys_that_were_made_to_meet_do_not_where_there_is_a_seed(void **state)
{
    (void)state;
    assert_int_equal(slots_in_a_row(0), 8);
    assert_true(slots_in_a_row(12345) < 8);
}

TEST_MAIN(cmocka_unit_test(what_was_put_is_found), cmocka_unit_test(putting_again_replaces),
          cmocka_unit_test(any_mix_of_put_and_remove_finds_what_is_there),
          cmocka_unit_test(a_walk_meets_each_value_once),
          cmocka_unit_test(keys_that_were_made_to_meet_do_not_where_there_is_a_seed),
          TEST_OOM(a_table_that_cannot_grow_keeps_what_it_has))
