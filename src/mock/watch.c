/* SPDX-License-Identifier: Apache-2.0 */

/* What a mesh of the mock tells: picks with all that stood for choice, events,
 * calls, and its own end. */

#include "balance/picker.h"
#include "base/alloc.h"
#include "mock/mock.h"
#include "stack/call.h"

static struct mock_mesh *mesh_of(const struct watcher *watcher)
{
    return (struct mock_mesh *)(uintptr_t)watcher;
}

static struct tulle_mock *mock_of(const struct watcher *watcher)
{
    return mesh_of(watcher)->mock;
}

/* --- picks --- */

static const char *gate_text(unsigned gate)
{
    return gate == GATE_READY ? "ready" : gate == GATE_TRIAL ? "trial" : "ejected";
}

static bool was_tried(const struct tulle_call *call, const struct view *view)
{
    for (size_t i = 0; i < call->tried_count; i++) {
        if (call->tried[i] == view) {
            return true;
        }
    }
    return false;
}

static const char *why(const struct tulle_call *call, const struct view *view, bool is_picked)
{
    if (is_picked) {
        return "picked";
    }
    if (atomic_load(&view->gate) == GATE_EJECTED) {
        return "ejected";
    }
    return was_tried(call, view) ? "tried already" : "";
}

/* The views of the cluster are the control step's, which this thread runs as well. */
static void candidates_note(struct records *records, const struct tulle_call *call, int result,
                            struct pick_record *record)
{
    const struct cluster_live *live = call_target(call)->live;
    struct tulle_mock_candidate *list =
        ARENA_ARRAY(&records->arena, struct tulle_mock_candidate, live->view_count + 1);
    size_t count = 0;

    for (size_t i = 0; list && i < live->view_count; i++) {
        const struct view *view = live->views[i];
        if (!atomic_load(&view->named)) {
            continue;
        }
        list[count++] = (struct tulle_mock_candidate){
            .size = sizeof(*list),
            .address = tulle__record_name(records, peer_address(view->peer)),
            .gate = gate_text(atomic_load(&view->gate)),
            .why = why(call, view, result == PICK_ENDPOINT && view == call->view),
            .weight = view_weight(view),
            .in_flight = atomic_load(&view->peer->in_flight),
        };
    }
    record->candidates = list;
    record->pick.candidate_count = count;
}

static void hear_pick(const struct watcher *watcher, const struct tulle_call *call, int result)
{
    struct records *records = &mock_of(watcher)->records;
    struct pick_record *record = tulle__record_add(records, &records->picks);

    if (!record) {
        return;
    }
    record->pick = (struct tulle_mock_pick){
        .size = sizeof(record->pick),
        .cluster = tulle__record_name(records, call_target(call)->live->name),
        .endpoint = result == PICK_ENDPOINT
                        ? tulle__record_name(records, peer_address(call->view->peer))
                        : "",
        .result = result == PICK_ENDPOINT ? TULLE_MOCK_PICKED
                  : result == PICK_HOLD   ? TULLE_MOCK_WAITS
                                          : TULLE_MOCK_NONE,
        .attempt = call->attempts + 1,
        .at_ns = call_now(call),
    };
    candidates_note(records, call, result, record);
}

/* --- events --- */

static struct tulle_mock_event *event_new(struct tulle_mock *mock, int32_t kind, int64_t at)
{
    struct tulle_mock_event *event = tulle__record_add(&mock->records, &mock->records.events);

    if (event) {
        *event = (struct tulle_mock_event){
            .size = sizeof(*event),
            .kind = kind,
            .at_ns = at,
            .cluster = "",
            .endpoint = "",
            .text = "",
            .method = "",
            .path = "",
            .authority = "",
            .flags = "",
        };
    }
    return event;
}

static const char *text_or_empty(struct str text)
{
    return text.data ? text.data : "";
}

static void hear_gate(const struct watcher *watcher, const struct cluster_live *live,
                      const struct view *view, int gate, int64_t now)
{
    struct tulle_mock *mock = mock_of(watcher);
    struct records *records = &mock->records;
    bool is_ejected = gate == GATE_EJECTED;
    struct tulle_mock_event *event =
        event_new(mock, is_ejected ? TULLE_MOCK_EVENT_EJECTED : TULLE_MOCK_EVENT_BACK, now);

    if (!event) {
        return;
    }
    event->cluster = tulle__record_name(records, live->name);
    event->endpoint = tulle__record_name(records, peer_address(view->peer));
    event->text =
        text_or_empty(tulle__arena_format(&records->arena, "%s: %s %s", event->cluster,
                                          event->endpoint, is_ejected ? "is ejected" : "is back"));
}

static void hear_published(const struct watcher *watcher, uint64_t generation)
{
    struct tulle_mock *mock = mock_of(watcher);
    struct tulle_mock_event *event =
        event_new(mock, TULLE_MOCK_EVENT_PUBLISHED, world_now(&mock->world));

    if (event) {
        event->generation = generation;
        event->text = text_or_empty(tulle__arena_format(&mock->records.arena,
                                                        "configuration %llu is in force",
                                                        (unsigned long long)generation));
    }
}

static void access_note(struct tulle_mock *mock, const struct tulle_access *access)
{
    struct records *records = &mock->records;
    struct tulle_mock_event *event =
        event_new(mock, TULLE_MOCK_EVENT_CALL, world_now(&mock->world));

    if (!event) {
        return;
    }
    event->cluster = tulle__record_name(records, str_of(access->cluster));
    event->endpoint = tulle__record_name(records, str_of(access->endpoint));
    event->method = tulle__record_name(records, str_of(access->method));
    event->authority = tulle__record_name(records, str_of(access->authority));
    event->flags = tulle__record_name(records, str_of(access->flags));
    event->path = text_or_empty(tulle__arena_str(&records->arena, str_of(access->path)));
    event->status = access->status;
    event->error = access->error;
    event->attempts = access->attempts;
    event->duration_ns = access->duration_ns;
    event->text = text_or_empty(tulle__arena_format(
        &records->arena, "%s %s%s: %d %s by %s", access->method, access->authority, access->path,
        access->status, access->flags, access->endpoint[0] ? access->endpoint : "nobody"));
}

void tulle__mock_hear_access(void *user, const struct tulle_access *access)
{
    struct mock_mesh *watching = user;

    access_note(watching->mock, access);
    if (watching->access) {
        watching->access(watching->access_user, access);
    }
}

/* --- lives --- */

static void mesh_unref(struct mock_mesh *watching)
{
    struct tulle_mock *mock = watching->mock;

    if (atomic_fetch_sub(&watching->refs, 1) == 1) {
        tulle__free(watching);
        tulle__mock_unref(mock);
    }
}

static void hear_call_made(const struct watcher *watcher)
{
    atomic_fetch_add(&mesh_of(watcher)->refs, 1);
    atomic_fetch_add(&mock_of(watcher)->calls, 1);
}

static void hear_call_gone(const struct watcher *watcher)
{
    atomic_fetch_sub(&mock_of(watcher)->calls, 1);
    mesh_unref(mesh_of(watcher));
}

static void hear_closed(const struct watcher *watcher)
{
    struct mock_mesh *watching = mesh_of(watcher);

    watching->mesh = NULL;
    list_remove(&watching->node);
    mesh_unref(watching);
}

/* On the real clock many threads tell, and nobody will ask. */
static void ignore_pick(const struct watcher *watcher, const struct tulle_call *call, int result)
{
    (void)watcher, (void)call, (void)result;
}

static void ignore_gate(const struct watcher *watcher, const struct cluster_live *live,
                        const struct view *view, int gate, int64_t now)
{
    (void)watcher, (void)live, (void)view, (void)gate, (void)now;
}

static void ignore_published(const struct watcher *watcher, uint64_t generation)
{
    (void)watcher, (void)generation;
}

void tulle__mock_watch(struct mock_mesh *watching)
{
    bool records = watching->mock->is_virtual;

    watching->watcher = (struct watcher){
        .picked = records ? hear_pick : ignore_pick,
        .gate_changed = records ? hear_gate : ignore_gate,
        .published = records ? hear_published : ignore_published,
        .call_made = hear_call_made,
        .call_gone = hear_call_gone,
        .closed = hear_closed,
    };
}
