/* SPDX-License-Identifier: Apache-2.0 */

/* What Prequal needs besides picks where endpoints are asked (PREQUAL_PROBE): who
 * is to be asked, and what they said. Whoever asks is policy/probe.c. */

#ifndef TULLE_BALANCE_PREQUAL_H
#define TULLE_BALANCE_PREQUAL_H

#include "balance/picker.h"

enum { PREQUAL_TARGETS_MAX = 8 };

/* On the loop, in the round of the pick that gave `picked`: endpoints drawn at
 * random, with return, from those that `picked` was chosen from. */
size_t tulle__prequal_targets(const struct cluster_live *live, const struct pick *pick,
                              const struct view *picked, struct view *out[PREQUAL_TARGETS_MAX]);

/* On the loop: what tulle__peer_report() has noted for `view` is an answer to a
 * question of this loop. Does nothing where a new picker knows no such endpoint. */
void tulle__prequal_hear(const struct cluster_live *live, const struct pick *pick,
                         const struct view *view);

#endif
