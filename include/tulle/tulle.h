/* SPDX-License-Identifier: Apache-2.0 */

/* libtulle: a service mesh that is linked in. This is the header to include.
 *
 *     struct tulle *mesh;
 *     struct tulle_reply *reply;
 *
 *     tulle_open(&(struct tulle_options){ TULLE_OPTIONS_INIT, .config = "mesh/" }, &mesh);
 *     if (tulle_get(mesh, "http://reviews/ratings/7", &reply) == TULLE_OK) ...
 *     tulle_reply_free(reply);
 *     tulle_close(mesh);
 *
 * Conventions, for every function:
 * - Results come through the last parameter, which is NULL (or zero) on failure.
 * - Times are nanoseconds, instants are monotonic; sizes are bytes.
 * - Zero in an options field is its default, TULLE_NONE means "none"; each
 *   field's comment says both. Structs start with their size and only grow.
 * - Any function may be called from any thread unless it says otherwise.
 * - "free" takes NULL. */

#ifndef TULLE_TULLE_H
#define TULLE_TULLE_H

#include <tulle/call.h>
#include <tulle/config.h>
#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/observe.h>
#include <tulle/pick.h>
#include <tulle/queue.h>
#include <tulle/stream.h>
#include <tulle/trace.h>
#include <tulle/version.h>

#endif
