/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/list.h"

struct item {
    char name;
    struct list node;
};

static void assert_names(const struct list *list, const char *names)
{
    struct list *at;

    for (at = list->next; at != list; at = at->next) {
        assert_int_equal(CONTAINER_OF(at, struct item, node)->name, *names);
        assert_ptr_equal(at->next->prev, at);
        names++;
    }
    assert_int_equal(*names, '\0');
}

static void nodes_stand_where_they_were_added(void **state)
{
    struct item a = { 'a', { 0 } }, b = { 'b', { 0 } }, c = { 'c', { 0 } };
    struct list list;

    (void)state;
    list_init(&list);
    assert_null(list_first(&list));
    list_add_last(&list, &b.node);
    list_add_last(&list, &c.node);
    list_add_first(&list, &a.node);
    assert_names(&list, "abc");
    assert_ptr_equal(list_first(&list), &a.node);
}

static void removing_twice_is_harmless(void **state)
{
    struct item a = { 'a', { 0 } }, b = { 'b', { 0 } };
    struct list list;

    (void)state;
    list_init(&list);
    list_add_last(&list, &a.node);
    list_add_last(&list, &b.node);
    list_remove(&a.node);
    list_remove(&a.node);
    assert_true(list_is_empty(&a.node));
    assert_names(&list, "b");
}

static void moving_all_appends_and_empties(void **state)
{
    struct item a = { 'a', { 0 } }, b = { 'b', { 0 } }, c = { 'c', { 0 } };
    struct list from, to;

    (void)state;
    list_init(&from);
    list_init(&to);
    list_add_last(&to, &a.node);
    list_move_all(&to, &from);
    assert_names(&to, "a");
    list_add_last(&from, &b.node);
    list_add_last(&from, &c.node);
    list_move_all(&to, &from);
    assert_names(&to, "abc");
    assert_true(list_is_empty(&from));
}

TEST_MAIN(cmocka_unit_test(nodes_stand_where_they_were_added),
          cmocka_unit_test(removing_twice_is_harmless),
          cmocka_unit_test(moving_all_appends_and_empties))
