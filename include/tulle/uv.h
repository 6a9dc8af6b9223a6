/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh without threads on a libuv loop: one poll handle, one timer.
 *
 *     options.threads = TULLE_NONE_COUNT;
 *     tulle_open(&options, &mesh);
 *     driver = tulle_uv_start(mesh, uv_default_loop());
 *     ...                            uv_run(); completions come from inside it
 *     tulle_uv_stop(driver);
 *     tulle_close(mesh);
 *
 * All here is compiled into the program; tulle.h does not include it. */

#ifndef TULLE_UV_H
#define TULLE_UV_H

#include <stdint.h>
#include <stdlib.h>
#include <uv.h>

#include <tulle/mesh.h>

struct tulle_uv {
    struct tulle *mesh;
    uv_poll_t poll;
    uv_timer_t timer;
    int handles; /* not yet closed */
};

static inline void tulle_uv_turn(struct tulle_uv *driver);

static inline void tulle_uv_on_timer(uv_timer_t *timer)
{
    tulle_uv_turn((struct tulle_uv *)timer->data);
}

static inline void tulle_uv_on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    tulle_uv_turn((struct tulle_uv *)poll->data);
}

/* libuv counts from the time its round began. */
static inline void tulle_uv_arm(struct tulle_uv *driver)
{
    int64_t due = tulle_due(driver->mesh);

    if (due == TULLE_NONE) {
        uv_timer_stop(&driver->timer);
        return;
    }
    uv_update_time(driver->timer.loop);
    uv_timer_start(&driver->timer, tulle_uv_on_timer,
                   (uint64_t)(due / 1000000 + (due % 1000000 != 0)), 0);
}

static inline void tulle_uv_turn(struct tulle_uv *driver)
{
    enum tulle_error ignored = tulle_run(driver->mesh);

    (void)ignored;
    tulle_uv_arm(driver);
}

static inline void tulle_uv_on_close(uv_handle_t *handle)
{
    struct tulle_uv *driver = (struct tulle_uv *)handle->data;

    if (--driver->handles == 0) {
        free(driver);
    }
}

/* From now on `loop` runs `mesh`, and does not end by itself. NULL: the mesh has
 * threads, or libuv refused. Thread: the loop's. */
static inline struct tulle_uv *tulle_uv_start(struct tulle *mesh, uv_loop_t *loop)
{
    struct tulle_uv *driver = (struct tulle_uv *)calloc(1, sizeof(*driver));

    if (!driver || tulle_fd(mesh) < 0 || uv_poll_init(loop, &driver->poll, tulle_fd(mesh)) != 0) {
        free(driver);
        return NULL;
    }
    driver->mesh = mesh;
    driver->handles = 2;
    uv_timer_init(loop, &driver->timer);
    driver->poll.data = driver->timer.data = driver;
    uv_poll_start(&driver->poll, UV_READABLE, tulle_uv_on_poll);
    tulle_uv_arm(driver);
    return driver;
}

/* Before tulle_close(). libuv gives its handles back in its next round, and the
 * memory goes then. NULL does nothing. Thread: the loop's; not from a callback
 * of the library's. */
static inline void tulle_uv_stop(struct tulle_uv *driver)
{
    if (driver) {
        uv_poll_stop(&driver->poll);
        uv_close((uv_handle_t *)&driver->poll, tulle_uv_on_close);
        uv_close((uv_handle_t *)&driver->timer, tulle_uv_on_close);
    }
}

#endif
