/* SPDX-License-Identifier: Apache-2.0 */

/* What must hold for ring hash and Maglev alike. */

#ifndef TESTS_UNIT_BALANCE_HASHING_H
#define TESTS_UNIT_BALANCE_HASHING_H

#include "unit/balance/field.h"

/* The hash of key number `key`. */
uint64_t hashing_key(uint64_t key);

void hashing_is_steady(field_configure_fn *configure);
/* Over 20,000 keys, each share within `per_mille` of itself. */
void hashing_follows_weights(field_configure_fn *configure, unsigned per_mille);
/* Of 10,000 keys of others, how many move when one of 20 endpoints leaves. */
unsigned hashing_moved(field_configure_fn *configure);
void hashing_passes_what_was_tried(field_configure_fn *configure);
void hashing_without_a_hash(field_configure_fn *configure);
void hashing_avoids_the_ejected(field_configure_fn *configure);
/* With a balance of 100. */
void hashing_bounds_load(field_configure_fn *configure);
void hashing_survives_no_memory(field_configure_fn *configure);

#endif
