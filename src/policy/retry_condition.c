/* SPDX-License-Identifier: Apache-2.0 */

/* As Envoy's router decides it (router/retry_state_impl.cc): an answer is
 * judged by its status, an attempt without one by how it was lost. `reset`,
 * `5xx` and `gateway-error` take every lost attempt, a timed out one too. */

#include "policy/retry_condition.h"

#include "base/macros.h"

bool tulle__method_is_idempotent(struct str method)
{
    static const char *const names[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE" };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_equal(method, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static bool status_is_listed(const struct retry_config *config, int status)
{
    for (size_t i = 0; i < config->status_count; i++) {
        if (config->statuses[i] == status) {
            return true;
        }
    }
    return false;
}

static bool grpc_is_wanted(unsigned on, int grpc_status)
{
    switch (grpc_status) {
    case 1: return on & RETRY_ON_CANCELLED;
    case 4: return on & RETRY_ON_DEADLINE_EXCEEDED;
    case 8: return on & RETRY_ON_RESOURCE_EXHAUSTED;
    case 13: return on & RETRY_ON_INTERNAL;
    case 14: return on & RETRY_ON_UNAVAILABLE;
    default: return false;
    }
}

static bool answer_is_wanted(const struct retry_config *config, const struct attempt_end *end)
{
    int status = end->outcome->status;

    if (end->is_ratelimited) {
        return config->on & RETRY_ON_RATELIMITED;
    }
    if ((config->on & RETRY_ON_5XX) && status >= 500) {
        return true;
    }
    if ((config->on & RETRY_ON_GATEWAY_ERROR) && status >= 502 && status <= 504) {
        return true;
    }
    if ((config->on & RETRY_ON_RETRIABLE_4XX) && status == 409) {
        return true;
    }
    if ((config->on & RETRY_ON_STATUS_CODES) && status_is_listed(config, status)) {
        return true;
    }
    if ((config->on & RETRY_ON_HEADERS) && end->has_header) {
        return true;
    }
    return grpc_is_wanted(config->on, end->grpc_status);
}

static bool loss_is_wanted(unsigned on, const struct attempt_end *end)
{
    const struct outcome *outcome = end->outcome;
    bool nothing_sent = outcome->progress == TULLE_NOTHING_SENT;

    if (on & (RETRY_ON_RESET | RETRY_ON_5XX | RETRY_ON_GATEWAY_ERROR)) {
        return true;
    }
    if ((on & RETRY_ON_CONNECT_FAILURE) && outcome->connect_failure) {
        return true;
    }
    if ((on & RETRY_ON_REFUSED_STREAM) && outcome->refused_stream) {
        return true;
    }
    if ((on & (RETRY_ON_NOTHING_SENT | RETRY_ON_RESET_BEFORE_REQUEST)) && nothing_sent) {
        return true;
    }
    return (on & RETRY_ON_IDEMPOTENT_RESET) && end->is_idempotent;
}

bool tulle__retry_wanted(const struct retry_config *config, const struct attempt_end *end)
{
    switch (end->outcome->origin) {
    case ORIGIN_HERE:
    case ORIGIN_CANCELLED: return false;
    case ORIGIN_NONE: return answer_is_wanted(config, end);
    default: break;
    }
    /* Who a peer is, is no matter of luck; a broken protocol or an oversized head is. */
    if (end->outcome->error == TULLE_E_TLS || end->outcome->error == TULLE_E_TOO_LARGE) {
        return false;
    }
    return loss_is_wanted(config->on, end);
}
