/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/grpc.h"

#include "stack/lines.h"

static int status_in(const struct tulle_call *call, const struct buf *lines, size_t count)
{
    const char *value = call->is_grpc ? tulle__lines_find(lines, count, "grpc-status") : NULL;
    uint64_t number;

    return value && tulle__str_to_u64(str_of(value), 1000, &number) ? (int)number : -1;
}

int tulle__grpc_head_status(const struct tulle_call *call)
{
    return status_in(call, &call->reply.headers, call->reply.header_count);
}

int tulle__grpc_status(const struct tulle_call *call)
{
    const struct buf *trailers = &call->reply.trailers;

    return tulle__lines_find(trailers, call->reply.trailer_count, "grpc-status")
               ? status_in(call, trailers, call->reply.trailer_count)
               : tulle__grpc_head_status(call);
}
