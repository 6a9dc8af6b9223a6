/* SPDX-License-Identifier: Apache-2.0 */

#include "stack/stream.h"

enum { TRAILERS_ARENA_SIZE = 512 };

struct stream *tulle__stream_new(struct tulle_call *call, struct arena *arena)
{
    struct stream *stream = ARENA_NEW(arena, struct stream);

    if (!stream || !tulle__mutex_init(&stream->lock)) {
        return NULL;
    }
    if (!tulle__cond_init(&stream->changed)) {
        tulle__mutex_fini(&stream->lock);
        return NULL;
    }
    tulle__body_init(&stream->request, &stream->lock, BODY_WINDOW_DEFAULT);
    tulle__body_init(&stream->reply, &stream->lock, BODY_WINDOW_DEFAULT);
    (void)tulle__body_attach(&stream->reply, &stream->app);
    tulle__arena_init(&stream->arena, TRAILERS_ARENA_SIZE);
    stream->call = call;
    stream->size = -1;
    return stream;
}

void tulle__stream_fini(struct stream *stream)
{
    if (!stream) {
        return;
    }
    tulle__body_fini(&stream->request);
    tulle__body_fini(&stream->reply);
    tulle__arena_fini(&stream->arena);
    tulle__cond_fini(&stream->changed);
    tulle__mutex_fini(&stream->lock);
}
