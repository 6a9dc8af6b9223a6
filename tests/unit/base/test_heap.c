/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "base/heap.h"
#include "base/rand.h"

enum { NODES = 500 };

static int64_t take_first(struct heap *heap)
{
    struct heap_node *node = tulle__heap_first(heap);

    assert_non_null(node);
    assert_int_equal(node->index, 1);
    tulle__heap_remove(heap, node);
    assert_int_equal(node->index, 0);
    return node->key;
}

static void the_heap_gives_the_least_key_first(void **state)
{
    static const int64_t keys[] = { 5, 3, 9, 1, 7, -2 };
    struct heap_node nodes[COUNT_OF(keys)] = { 0 };
    struct heap heap = { 0 };
    size_t i;

    (void)state;
    assert_null(tulle__heap_first(&heap));
    for (i = 0; i < COUNT_OF(keys); i++) {
        assert_true(tulle__heap_add(&heap, &nodes[i], keys[i]));
    }
    assert_int_equal(take_first(&heap), -2);
    assert_int_equal(take_first(&heap), 1);
    assert_int_equal(take_first(&heap), 3);
    assert_int_equal(take_first(&heap), 5);
    assert_int_equal(take_first(&heap), 7);
    assert_int_equal(take_first(&heap), 9);
    assert_null(tulle__heap_first(&heap));
    tulle__heap_fini(&heap);
}

static void equal_keys_leave_in_the_order_they_came(void **state)
{
    struct heap_node nodes[NODES] = { 0 };
    struct heap heap = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < NODES; i++) {
        assert_true(tulle__heap_add(&heap, &nodes[i], 7));
    }
    tulle__heap_move(&heap, &nodes[0], 7);
    for (i = 1; i < NODES; i++) {
        assert_ptr_equal(tulle__heap_first(&heap), &nodes[i]);
        tulle__heap_remove(&heap, &nodes[i]);
    }
    assert_ptr_equal(tulle__heap_first(&heap), &nodes[0]);
    tulle__heap_fini(&heap);
}

static void assert_order(const struct heap *heap)
{
    size_t i;

    for (i = 0; i < heap->count; i++) {
        assert_int_equal(heap->nodes[i]->index, i + 1);
        assert_true(i == 0 || heap->nodes[(i - 1) / 2]->key <= heap->nodes[i]->key);
    }
}

static void any_mix_of_add_move_and_remove_keeps_the_order(void **state)
{
    struct heap_node nodes[NODES] = { 0 };
    struct heap heap = { 0 };
    struct rand rand;
    int i;

    (void)state;
    tulle__rand_init(&rand, 42);
    for (i = 0; i < 20000; i++) {
        struct heap_node *node = &nodes[rand_below(&rand, NODES)];
        int64_t key = rand_below_i64(&rand, 1000);
        if (node->index == 0) {
            assert_true(tulle__heap_add(&heap, node, key));
        } else if (rand_below(&rand, 2) == 0) {
            tulle__heap_move(&heap, node, key);
        } else {
            tulle__heap_remove(&heap, node);
        }
        if (i % 100 == 0) {
            assert_order(&heap);
        }
    }
    assert_order(&heap);
    tulle__heap_fini(&heap);
}

static void removing_a_node_that_is_in_no_heap_does_nothing(void **state)
{
    struct heap_node node = { 0 };
    struct heap heap = { 0 };

    (void)state;
    tulle__heap_remove(&heap, &node);
    assert_int_equal(heap.count, 0);
}

static void adds_within_the_reserve_do_not_allocate(void **state)
{
    struct heap_node nodes[NODES] = { 0 };
    struct heap heap = { 0 };
    uint64_t before;
    size_t i;

    (void)state;
    assert_true(tulle__heap_reserve(&heap, NODES));
    before = test_allocations();
    for (i = 0; i < NODES; i++) {
        assert_true(tulle__heap_add(&heap, &nodes[i], (int64_t)(NODES - i)));
    }
    assert_int_equal(test_allocations(), before);
    assert_false(tulle__heap_reserve(&heap, SIZE_MAX));
    tulle__heap_fini(&heap);
}

static void a_heap_that_cannot_grow_keeps_what_it_has(void **state)
{
    struct heap_node nodes[100] = { 0 };
    struct heap heap = { 0 };
    size_t added = 0;

    (void)state;
    while (added < COUNT_OF(nodes) && tulle__heap_add(&heap, &nodes[added], 1)) {
        added++;
    }
    CHECK(added == COUNT_OF(nodes));
    assert_int_equal(heap.count, added);
    tulle__heap_fini(&heap);
}

TEST_MAIN(cmocka_unit_test(the_heap_gives_the_least_key_first),
          cmocka_unit_test(equal_keys_leave_in_the_order_they_came),
          cmocka_unit_test(any_mix_of_add_move_and_remove_keeps_the_order),
          cmocka_unit_test(removing_a_node_that_is_in_no_heap_does_nothing),
          cmocka_unit_test(adds_within_the_reserve_do_not_allocate),
          TEST_OOM(a_heap_that_cannot_grow_keeps_what_it_has))
