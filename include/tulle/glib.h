/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh without threads on a GLib main context: one source.
 *
 *     options.threads = TULLE_NONE_COUNT;
 *     tulle_open(&options, &mesh);
 *     driver = tulle_glib_start(mesh, NULL);
 *     ...                            g_main_loop_run(); completions come from inside it
 *     tulle_glib_stop(driver);
 *     tulle_close(mesh);
 *
 * All here is compiled into the program; tulle.h does not include it. */

#ifndef TULLE_GLIB_H
#define TULLE_GLIB_H

#include <glib.h>
#include <stdint.h>

#include <tulle/mesh.h>

struct tulle_glib {
    GSource source; /* first: GLib allocates it with what follows */
    struct tulle *mesh;
    gpointer tag;
};

static inline gboolean tulle_glib_prepare(GSource *source, gint *timeout_ms)
{
    int64_t due = tulle_due(((struct tulle_glib *)source)->mesh);
    int64_t ms = due / 1000000 + (due % 1000000 != 0);

    *timeout_ms = due == TULLE_NONE ? -1 : ms > G_MAXINT ? G_MAXINT : (gint)ms;
    return due == 0;
}

static inline gboolean tulle_glib_check(GSource *source)
{
    struct tulle_glib *driver = (struct tulle_glib *)source;

    return g_source_query_unix_fd(source, driver->tag) != 0 || tulle_due(driver->mesh) == 0;
}

static inline gboolean tulle_glib_dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    enum tulle_error ignored = tulle_run(((struct tulle_glib *)source)->mesh);

    (void)ignored;
    (void)callback;
    (void)user;
    return G_SOURCE_CONTINUE;
}

/* From now on `context` (NULL: the default one) runs `mesh`. NULL: the mesh has
 * threads. Thread: the context's. */
static inline struct tulle_glib *tulle_glib_start(struct tulle *mesh, GMainContext *context)
{
    static GSourceFuncs functions; /* as GLib wants them: not const, and there for ever */
    struct tulle_glib *driver;

    if (tulle_fd(mesh) < 0) {
        return NULL;
    }
    functions.prepare = tulle_glib_prepare;
    functions.check = tulle_glib_check;
    functions.dispatch = tulle_glib_dispatch;
    driver = (struct tulle_glib *)g_source_new(&functions, sizeof(*driver));
    driver->mesh = mesh;
    driver->tag = g_source_add_unix_fd(&driver->source, tulle_fd(mesh), G_IO_IN);
    g_source_attach(&driver->source, context);
    return driver;
}

/* Before tulle_close(). NULL does nothing. Thread: the context's. */
static inline void tulle_glib_stop(struct tulle_glib *driver)
{
    if (driver) {
        g_source_destroy(&driver->source);
        g_source_unref(&driver->source);
    }
}

#endif
