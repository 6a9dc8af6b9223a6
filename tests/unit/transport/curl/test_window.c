/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"
#include "transport/curl/internal.h"

static void what_is_taken_is_given_back(void **state)
{
    struct window window;

    (void)state;
    tulle__window_init(&window);
    for (int i = 0; i < 1000; i++) {
        tulle__window_arrive(&window, 10000);
        assert_in_range(tulle__window_credit(&window), 0, WINDOW_SIZE);
        tulle__window_ask(&window, WINDOW_SIZE);
        tulle__window_take(&window, 10000);
        assert_in_range(tulle__window_credit(&window), WINDOW_SIZE / 2, WINDOW_SIZE);
    }
}

static void while_it_is_closed_nothing_is_given(void **state)
{
    struct window window;

    (void)state;
    tulle__window_init(&window);
    tulle__window_ask(&window, 0);
    assert_int_equal(tulle__window_credit(&window), WINDOW_SIZE);
    for (int i = 0; i < 4; i++) {
        tulle__window_arrive(&window, WINDOW_SIZE / 4);
        tulle__window_take(&window, WINDOW_SIZE / 4);
    }
    assert_int_equal(tulle__window_credit(&window), 0);
}

/* As much as there is room for, whatever was before; else it would grow with
 * each pause, or end in nothing. libcurl's own opening behind that is a window
 * more at the most. */
static void it_is_opened_by_what_there_is_room_for(void **state)
{
    uint32_t seed = 1;
    struct window window;

    (void)state;
    tulle__window_init(&window);
    for (int i = 0; i < 20000; i++) {
        int64_t credit = tulle__window_credit(&window);
        int64_t size, before;

        seed = seed * 1664525 + 1013904223;
        size = credit > 0 ? (int64_t)(seed >> 8) % credit + 1 : 0;
        tulle__window_arrive(&window, size);
        tulle__window_ask(&window, seed % 3 == 0 ? WINDOW_SIZE : 0);
        tulle__window_take(&window, size);
        if (window.asked != 0) {
            assert_true(tulle__window_credit(&window) > 0);
            assert_in_range(tulle__window_credit(&window), 1, 2 * WINDOW_SIZE);
            continue;
        }
        before = tulle__window_credit(&window);
        tulle__window_ask(&window, tulle__window_choose(&window, WINDOW_SIZE - before));
        if (before < WINDOW_SIZE) {
            assert_in_range(tulle__window_credit(&window), WINDOW_SIZE, WINDOW_SIZE + 1);
            continue;
        }
        assert_in_range(tulle__window_credit(&window), before, before + 1);
    }
}

/* Then whoever has sent all it might can send again. */
static void it_always_gives_something(void **state)
{
    struct window window;

    (void)state;
    tulle__window_init(&window);
    tulle__window_arrive(&window, WINDOW_SIZE);
    tulle__window_ask(&window, 0);
    tulle__window_take(&window, WINDOW_SIZE);
    assert_true(tulle__window_choose(&window, 0) > 0);
    tulle__window_ask(&window, tulle__window_choose(&window, -100));
    assert_true(tulle__window_credit(&window) > 0);
}

TEST_MAIN(cmocka_unit_test(what_is_taken_is_given_back),
          cmocka_unit_test(while_it_is_closed_nothing_is_given),
          cmocka_unit_test(it_is_opened_by_what_there_is_room_for),
          cmocka_unit_test(it_always_gives_something))
