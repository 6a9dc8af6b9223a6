/* SPDX-License-Identifier: Apache-2.0 */

/* How a picker comes to its leaves and entries. Control step. */

#ifndef TULLE_BALANCE_PICKER_FILL_H
#define TULLE_BALANCE_PICKER_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "balance/picker.h"

/* Views that are fetched before they are looked at. */
enum { VIEWS_AHEAD = 8 };

/* A picker that begins as a copy of `head`, of one leaf. NULL: no memory, or, if
 * `*is_plain` is false then, one leaf is not enough. */
struct picker *tulle__picker_plain(const struct picker *head, struct cluster_live *live,
                                   int64_t now, bool *is_plain);
/* The same, of as many leaves as there must be. NULL: no memory. */
struct picker *tulle__picker_survey(const struct picker *head, struct cluster_live *live,
                                    uint64_t seed, int64_t now);

#endif
