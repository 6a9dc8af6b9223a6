/* SPDX-License-Identifier: Apache-2.0 */

/* Whether the end of an attempt is one that its route wants retried. Pure. */

#ifndef TULLE_POLICY_RETRY_CONDITION_H
#define TULLE_POLICY_RETRY_CONDITION_H

#include "model/route.h"
#include "stack/call.h"

/* What a condition looks at. */
struct attempt_end {
    const struct outcome *outcome;
    int grpc_status;     /* from the head; -1: none */
    bool is_ratelimited; /* x-envoy-ratelimited came: nothing but that counts (Envoy) */
    bool has_header;     /* one that its cluster names for RETRY_ON_HEADERS */
    bool is_idempotent;  /* by method (RFC 9110 9.2.2) or by key */
};

bool tulle__retry_wanted(const struct retry_config *config, const struct attempt_end *end);
bool tulle__method_is_idempotent(struct str method);

#endif
