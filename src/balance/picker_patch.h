/* SPDX-License-Identifier: Apache-2.0 */

/* A picker that differs from the one before by a few endpoints is a copy of it. */

#ifndef TULLE_BALANCE_PICKER_PATCH_H
#define TULLE_BALANCE_PICKER_PATCH_H

#include <stdint.h>

#include "balance/picker.h"

/* As tulle__picker_plain(). NULL: no memory, or it must be built from all views. */
struct picker *tulle__picker_patched(const struct picker *head, struct cluster_live *live,
                                     int64_t now);

#endif
