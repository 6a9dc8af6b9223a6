/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh without threads on a libev loop: one watcher for the descriptor, one
 * for the time.
 *
 *     options.threads = TULLE_NONE_COUNT;
 *     tulle_open(&options, &mesh);
 *     driver = tulle_ev_start(mesh, EV_DEFAULT);
 *     ...                            ev_run(); completions come from inside it
 *     tulle_ev_stop(driver);
 *     tulle_close(mesh);
 *
 * All here is compiled into the program; tulle.h does not include it. */

#ifndef TULLE_EV_H
#define TULLE_EV_H

#include <ev.h>
#include <stdint.h>
#include <stdlib.h>

#include <tulle/mesh.h>

struct tulle_ev {
    struct tulle *mesh;
    struct ev_loop *loop;
    ev_io io;
    ev_timer timer;
};

static inline void tulle_ev_turn(struct tulle_ev *driver);

static inline void tulle_ev_on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    tulle_ev_turn((struct tulle_ev *)io->data);
}

static inline void tulle_ev_on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    tulle_ev_turn((struct tulle_ev *)timer->data);
}

/* libev counts from the time its round began. */
static inline void tulle_ev_arm(struct tulle_ev *driver)
{
    int64_t due = tulle_due(driver->mesh);

    ev_timer_stop(driver->loop, &driver->timer);
    if (due == TULLE_NONE) {
        return;
    }
    ev_now_update(driver->loop);
    ev_timer_set(&driver->timer, (ev_tstamp)due * 1e-9, 0.);
    ev_timer_start(driver->loop, &driver->timer);
}

static inline void tulle_ev_turn(struct tulle_ev *driver)
{
    enum tulle_error ignored = tulle_run(driver->mesh);

    (void)ignored;
    tulle_ev_arm(driver);
}

/* From now on `loop` runs `mesh`, and does not end by itself. NULL: the mesh has
 * threads, or there is no memory. Thread: the loop's. */
static inline struct tulle_ev *tulle_ev_start(struct tulle *mesh, struct ev_loop *loop)
{
    struct tulle_ev *driver = (struct tulle_ev *)calloc(1, sizeof(*driver));

    if (!driver || tulle_fd(mesh) < 0) {
        free(driver);
        return NULL;
    }
    driver->mesh = mesh;
    driver->loop = loop;
    ev_io_init(&driver->io, tulle_ev_on_io, tulle_fd(mesh), EV_READ);
    ev_init(&driver->timer, tulle_ev_on_timer);
    driver->io.data = driver->timer.data = driver;
    ev_io_start(loop, &driver->io);
    tulle_ev_arm(driver);
    return driver;
}

/* Before tulle_close(). NULL does nothing. Thread: the loop's; not from a
 * callback of the library's. */
static inline void tulle_ev_stop(struct tulle_ev *driver)
{
    if (driver) {
        ev_io_stop(driver->loop, &driver->io);
        ev_timer_stop(driver->loop, &driver->timer);
        free(driver);
    }
}

#endif
