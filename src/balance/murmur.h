/* SPDX-License-Identifier: Apache-2.0 */

/* MurmurHash2 of 64 bits (Austin Appleby's MurmurHash64A, public domain) with
 * the tail as libstdc++ reads it and the seed of its std::hash: Envoy's ring
 * hash with MURMUR_HASH_2 is told to agree with that. */

#ifndef TULLE_BALANCE_MURMUR_H
#define TULLE_BALANCE_MURMUR_H

#include <stdint.h>

#include "base/str.h"

uint64_t tulle__murmur2(struct str text);

#endif
