/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/bound.h"

#include <stdio.h>

static enum tulle_progress attempt_progress(const struct tulle_call *call)
{
    if (call->outcome.error != TULLE_OK) {
        return call->outcome.progress; /* it waits for its next attempt */
    }
    if (call->head_at > call->attempt_at) {
        return TULLE_ANSWERED;
    }
    return call->on_wire ? TULLE_PERHAPS_EXECUTED : TULLE_NOTHING_SENT;
}

/* What a hedge has sent is sent, wherever the first attempt is. */
enum tulle_progress tulle__bound_progress(const struct tulle_call *call)
{
    enum tulle_progress progress = attempt_progress(call);

    return progress == TULLE_NOTHING_SENT && call->fork_sent ? TULLE_PERHAPS_EXECUTED : progress;
}

void tulle__bound_over(struct tulle_call *call, size_t at, unsigned flags, int64_t limit_ns)
{
    struct outcome outcome = {
        .error = TULLE_E_TIMEOUT,
        .progress = tulle__bound_progress(call),
        .origin = ORIGIN_TIMEOUT,
        .status = 504,
        .flags = call->outcome.flags | flags,
        .layer = call->stack->layers[at].type->name,
        .text = call->scratch->text,
    };

    snprintf(call->scratch->text, sizeof(call->scratch->text), "the %s of %.3f s was over%s%s",
             outcome.layer, (double)limit_ns / (double)NS_PER_S,
             call->on_wire ? " while waiting for " : " before anything was sent",
             call->on_wire ? call->scratch->endpoint : "");
    tulle__call_tell(call, at, "%s", call->scratch->text);
    tulle__call_answer(call, at, &outcome, &outcome);
}
