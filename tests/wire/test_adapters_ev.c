/* SPDX-License-Identifier: Apache-2.0 */

#include <tulle/ev.h>

#include "wire/own_loop.h"

struct rig {
    struct own_loop own;
    ev_timer timer;
};

static void tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct rig *rig = timer->data;

    (void)events;
    if (own_loop_tick(&rig->own)) {
        ev_break(loop, EVBREAK_ALL);
    }
}

static void libev_runs_a_mesh_without_threads(void **state)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    struct tulle_ev *driver;
    struct rig rig;

    (void)state;
    own_loop_open(&rig.own);
    driver = tulle_ev_start(rig.own.mesh, loop);
    assert_non_null(driver);
    ev_timer_init(&rig.timer, tick, 0., 0.005);
    rig.timer.data = &rig;
    ev_timer_start(loop, &rig.timer);
    ev_run(loop, 0);
    assert_int_equal(rig.own.stage, OWN_OVER);
    tulle_ev_stop(driver);
    ev_timer_stop(loop, &rig.timer);
    ev_loop_destroy(loop);
    own_loop_close(&rig.own);
}

static void a_mesh_with_threads_is_refused(void **state)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    assert_null(tulle_ev_start(mesh, loop));
    tulle_ev_stop(NULL);
    ev_loop_destroy(loop);
    wire_close(mesh);
}

TEST_MAIN(cmocka_unit_test(libev_runs_a_mesh_without_threads),
          cmocka_unit_test(a_mesh_with_threads_is_refused))
