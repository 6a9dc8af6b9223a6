/* SPDX-License-Identifier: Apache-2.0 */

/* A deadline as it travels: what is left of it, in the words of gRPC and of
 * Envoy. Pure. */

#ifndef TULLE_POLICY_DEADLINE_TEXT_H
#define TULLE_POLICY_DEADLINE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define GRPC_TIMEOUT     "grpc-timeout"
#define EXPECTED_TIMEOUT "x-envoy-expected-rq-timeout-ms"

/* Nanoseconds; NEVER: this is no such header, or it is malformed. */
int64_t tulle__deadline_read(struct str name, struct str value);

enum { DEADLINE_TEXT_MAX = 24 };

/* The value for `left_ns` > 0 into `out`, and its size; no NUL. What is told is
 * never more than what is left, and never nothing. */
size_t tulle__grpc_timeout_write(int64_t left_ns, char out[DEADLINE_TEXT_MAX]);
size_t tulle__expected_timeout_write(int64_t left_ns, char out[DEADLINE_TEXT_MAX]);

/* Decimal digits, no NUL. */
size_t tulle__digits_write(uint64_t number, char out[DEADLINE_TEXT_MAX]);

#endif
