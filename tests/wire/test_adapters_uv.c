/* SPDX-License-Identifier: Apache-2.0 */

#include <tulle/uv.h>

#include "wire/own_loop.h"

struct rig {
    struct own_loop own;
    struct tulle_uv *driver;
    uv_timer_t timer;
};

static void tick(uv_timer_t *timer)
{
    struct rig *rig = timer->data;

    if (own_loop_tick(&rig->own)) {
        tulle_uv_stop(rig->driver);
        uv_close((uv_handle_t *)timer, NULL);
    }
}

static void libuv_runs_a_mesh_without_threads(void **state)
{
    struct rig rig;
    uv_loop_t loop;

    (void)state;
    test_allow_descriptors(); /* libuv keeps a pipe for signals */
    own_loop_open(&rig.own);
    assert_int_equal(uv_loop_init(&loop), 0);
    rig.driver = tulle_uv_start(rig.own.mesh, &loop);
    assert_non_null(rig.driver);
    uv_timer_init(&loop, &rig.timer);
    rig.timer.data = &rig;
    uv_timer_start(&rig.timer, tick, 0, 5);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(rig.own.stage, OWN_OVER);
    assert_int_equal(uv_loop_close(&loop), 0);
    own_loop_close(&rig.own);
}

static void a_mesh_with_threads_is_refused(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle *mesh;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_null(tulle_uv_start(mesh, &loop));
    tulle_uv_stop(NULL);
    assert_int_equal(uv_loop_close(&loop), 0);
    wire_close(mesh);
}

TEST_MAIN(cmocka_unit_test(libuv_runs_a_mesh_without_threads),
          cmocka_unit_test(a_mesh_with_threads_is_refused))
