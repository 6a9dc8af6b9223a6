/* SPDX-License-Identifier: Apache-2.0 */

#include "core/failure.h"

#include <stdio.h>
#include <string.h>

static struct str failure_cluster(const struct tulle_call *call)
{
    return call->plan.destination ? call->plan.destination->cluster_name : STR("");
}

/* Without memory for the record the call has failed all the same. */
static const struct tulle_failure no_memory = {
    .size = sizeof(no_memory),
    .error = TULLE_E_NOMEM,
    .progress = TULLE_PERHAPS_EXECUTED,
    .status = 503,
    .flags = "-",
    .layer = "call",
    .text = "it failed, and there was no memory to say of what",
};

void tulle__failure_fill(struct tulle_call *call)
{
    const struct outcome *outcome = &call->outcome;
    struct tulle_failure *failure = ARENA_NEW(&call->arena, struct tulle_failure);

    call->failure = failure ? failure : &no_memory;
    if (!failure) {
        return;
    }
    *failure = (struct tulle_failure){
        .size = sizeof(*failure),
        .error = outcome->error,
        .progress = outcome->progress,
        .status = outcome->status,
        .attempts = call->attempts,
    };
    tulle__flags_text(outcome->flags, failure->flags, sizeof(failure->flags));
    snprintf(failure->layer, sizeof(failure->layer), "%s", outcome->layer ? outcome->layer : "");
    snprintf(failure->cluster, sizeof(failure->cluster), "%.*s", STR_ARG(failure_cluster(call)));
    snprintf(failure->endpoint, sizeof(failure->endpoint), "%s", call->scratch->endpoint);
    snprintf(failure->text, sizeof(failure->text), "%s",
             outcome->text ? outcome->text : tulle_error_text(outcome->error));
}

void tulle__failure_copy(struct tulle_failure *to, const struct tulle_failure *from)
{
    size_t size = to->size < sizeof(*from) ? to->size : sizeof(*from);

    if (size >= sizeof(size_t)) {
        size_t kept = to->size;

        memcpy(to, from, size);
        to->size = kept;
    }
}

enum tulle_error tulle__failure_of_child(const struct tulle_request *request,
                                         enum tulle_error error)
{
    struct tulle_failure failure = {
        .size = sizeof(failure), .error = error, .status = 503, .flags = "-", .layer = "fork"
    };

    if (request && request->size > offsetof(struct tulle_request, failure) && request->failure) {
        snprintf(failure.text, sizeof(failure.text), "%s", tulle_error_text(error));
        tulle__failure_copy(request->failure, &failure);
    }
    return error;
}
