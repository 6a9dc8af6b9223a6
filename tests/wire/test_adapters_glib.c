/* SPDX-License-Identifier: Apache-2.0 */

#include <tulle/glib.h>

#include "wire/own_loop.h"

struct rig {
    struct own_loop own;
    GMainLoop *loop;
};

static gboolean tick(gpointer user)
{
    struct rig *rig = user;

    if (!own_loop_tick(&rig->own)) {
        return G_SOURCE_CONTINUE;
    }
    g_main_loop_quit(rig->loop);
    return G_SOURCE_REMOVE;
}

static void glib_runs_a_mesh_without_threads(void **state)
{
    GMainContext *context = g_main_context_new();
    GSource *timer = g_timeout_source_new(5);
    struct tulle_glib *driver;
    struct rig rig = { .loop = g_main_loop_new(context, FALSE) };

    (void)state;
    own_loop_open(&rig.own);
    driver = tulle_glib_start(rig.own.mesh, context);
    assert_non_null(driver);
    g_source_set_callback(timer, tick, &rig, NULL);
    g_source_attach(timer, context);
    g_main_loop_run(rig.loop);
    assert_int_equal(rig.own.stage, OWN_OVER);
    tulle_glib_stop(driver);
    g_source_unref(timer);
    g_main_loop_unref(rig.loop);
    g_main_context_unref(context);
    own_loop_close(&rig.own);
}

static void a_mesh_with_threads_is_refused(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    assert_null(tulle_glib_start(mesh, NULL));
    tulle_glib_stop(NULL);
    wire_close(mesh);
}

TEST_MAIN(cmocka_unit_test(glib_runs_a_mesh_without_threads),
          cmocka_unit_test(a_mesh_with_threads_is_refused))
