/* SPDX-License-Identifier: Apache-2.0 */

/* The story of a call: what each layer said, and when. Forks tell theirs into it.
 * A call without memory for its story goes on without. */

#include "stack/call.h"

#include <stdarg.h>
#include <stdio.h>

enum { STORY_LINE_MAX = 512, STORY_MAX = 64 * 1024 };

void tulle__call_tell(struct tulle_call *call, size_t at, const char *format, ...)
{
    struct buf *story = call->parent ? &call->parent->story : &call->story;
    char line[STORY_LINE_MAX];
    va_list arguments;
    double ms;

    if (!call->explain || story->size > STORY_MAX) {
        return;
    }
    ms = (double)(call_now(call) - call->started_at) / (double)NS_PER_MS;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    tulle__buf_addf(story, "%+10.3f ms  %-9s  %s%s\n", ms, call->stack->layers[at].type->name,
                    call->parent ? "hedge: " : "", line);
}
