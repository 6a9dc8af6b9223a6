/* SPDX-License-Identifier: Apache-2.0 */

/* Who watches a mesh from outside: the mock, which remembers what it sees. A
 * real mesh has none. It is a member of what it belongs to, told on the thread
 * where the thing happens, and calls nothing of the mesh from inside. */

#ifndef TULLE_SEAM_WATCHER_H
#define TULLE_SEAM_WATCHER_H

#include <stdint.h>

struct cluster_live;
struct tulle_call;
struct view;

struct watcher {
    /* A balancer was asked for this call; `result` is an enum pick_result. Nothing
     * of it is counted yet. */
    void (*picked)(const struct watcher *watcher, const struct tulle_call *call, int result);
    /* The gate of an endpoint changed to `gate`, an enum gate. */
    void (*gate_changed)(const struct watcher *watcher, const struct cluster_live *live,
                         const struct view *view, int gate, int64_t now);
    void (*published)(const struct watcher *watcher, uint64_t generation);
    /* A call was made, and the last reference to it is gone: also after `closed`. */
    void (*call_made)(const struct watcher *watcher);
    void (*call_gone)(const struct watcher *watcher);
    /* The mesh is closed and freed; or it was never opened. */
    void (*closed)(const struct watcher *watcher);
};

#endif
