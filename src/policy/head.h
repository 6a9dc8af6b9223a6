/* SPDX-License-Identifier: Apache-2.0 */

/* The transport layer's: the head of an attempt, over that of its call. */

#ifndef TULLE_POLICY_HEAD_H
#define TULLE_POLICY_HEAD_H

#include "stack/layer.h"

/* A prepare function: `*config` is for tulle__head_write(). Never absent. */
enum tulle_error tulle__head_prepare(const struct prepare *prepare, const void **config,
                                     bool *absent);

/* Sets call->sent_headers. False: no memory. */
bool tulle__head_write(struct tulle_call *call, size_t at);

#endif
