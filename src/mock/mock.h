/* SPDX-License-Identifier: Apache-2.0 */

/* The mock (include/tulle/mock.h), as its own files know it. */

#ifndef TULLE_MOCK_MOCK_H
#define TULLE_MOCK_MOCK_H

#include <tulle/mock.h>
#include <tulle/tulle.h>

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/table.h"
#include "core/mesh.h"
#include "mock/records.h"
#include "mock/script.h"
#include "source/file/resource.h"

/* A mesh of a mock. Calls of it that the app still holds keep it. */
struct mock_mesh {
    struct watcher watcher; /* first: the mesh tells it, and it is found by it */
    struct list node;       /* mock->meshes, while it is open */
    atomic_size_t refs;
    struct tulle_mock *mock;
    struct tulle *mesh;
    tulle_access_fn *access; /* the app's own; NULL: none */
    void *access_user;
};

struct mock_service {
    struct list node;
    const char *host; /* as it was written */
    uint16_t port;
    int32_t protocol;
    struct list endpoints;
};

struct mock_endpoint_entry {
    struct list node;
    const char *address, *labels; /* labels NULL: none */
    uint32_t weight;
};

struct mock_text {
    struct list node;
    const char *name, *text;
};

/* A MockEndpoint whose answers were said. */
struct mock_said {
    struct list node;
    struct fingerprint print;
    struct script_endpoint *endpoint;
    const struct source *owner; /* whose resource it is; NULL: of one that is gone */
    bool is_named;              /* by the draft that is looked at */
};

struct tulle_mock {
    struct script script;
    struct source_type source_type; /* this mock's own: a mesh's source finds the mock by it */
    struct world world;
    atomic_size_t refs;
    atomic_size_t calls; /* that live */
    struct list meshes;
    bool is_virtual; /* false: runs a program's "mock:FILE" */

    int64_t now, wall_offset;
    uint64_t seed;
    bool turning; /* the clock: whoever asks is in a callback */

    /* Discovery. */
    struct list services, texts;
    struct tulle_config *config; /* made of them; what sources apply */
    int32_t discovery;           /* enum tulle_mock_discovery */
    uint64_t generation;         /* of `config` */
    size_t errors;               /* of its last application */

    struct list said;
    struct arena arena; /* texts of answers: they stay */
    struct records records;
};

void tulle__mock_ref(struct tulle_mock *mock);
void tulle__mock_unref(struct tulle_mock *mock);

/* A mock on the real clock, for a mesh with threads; it records nothing. */
enum tulle_error tulle__mock_new_real(struct tulle_mock **out);
/* `options` as the app gave them, known in full. */
enum tulle_error tulle__mock_open_mesh(struct tulle_mock *mock, const struct tulle_options *options,
                                       struct tulle **out);

/* --- discovery.c --- */

void tulle__mock_discovery_fini(struct tulle_mock *mock);
/* --- source.c --- */

extern const struct source_type tulle__mock_source;

/* --- answers.c --- */

/* What the MockEndpoints of a source say now is said; what they said before and
 * do not say any more is unsaid. Errors: TULLE_E_NOMEM */
enum tulle_error tulle__mock_say_resources(struct tulle_mock *mock, const struct source *source);
void tulle__mock_said_fini(struct tulle_mock *mock);
void tulle__mock_said_disown(struct tulle_mock *mock, const struct source *source);
/* Lines with `times` that are left, one text line each. The count. */
size_t tulle__mock_leftovers(struct tulle_mock *mock, struct buf *text);

/* --- watch.c --- */

void tulle__mock_watch(struct mock_mesh *watching);
void tulle__mock_hear_access(void *user, const struct tulle_access *access);

#endif
