/* SPDX-License-Identifier: Apache-2.0 */

/* The app's own loop: `options.threads` is TULLE_NONE_COUNT. */

#ifndef TULLE_CORE_APP_H
#define TULLE_CORE_APP_H

#include "core/mesh.h"

/* After the control step and the loop are set up. False: no descriptor. */
bool tulle__app_open(struct tulle *mesh);

/* By who owns the loop: runs it and the control step until `is_done`, or `due`
 * (then false). Waits on tulle_fd(), as the app does. */
bool tulle__app_run_until(struct tulle *mesh, bool (*is_done)(void *user), void *user, int64_t due);

/* For closing: runs the mesh until no call and no caller is left, or `due`. */
bool tulle__app_run_idle(struct tulle *mesh, int64_t due);

/* For waiting: runs the mesh (or waits while another thread does) until
 * `is_ready` of it, or `due`. */
bool tulle__app_run_ready(struct tulle *mesh, bool (*is_ready)(void *user), int64_t due);

#endif
