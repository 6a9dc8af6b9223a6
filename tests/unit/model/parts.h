/* SPDX-License-Identifier: Apache-2.0 */

/* Small parts to build snapshots from. */

#ifndef TESTS_UNIT_MODEL_PARTS_H
#define TESTS_UNIT_MODEL_PARTS_H

#include "model/snapshot.h"

/* Port 80, weight 1 to `address` (NULL: no endpoint), sealed. NULL: no memory. */
struct cluster *part_cluster(const char *name, const char *host, const char *subset,
                             const char *address);
/* Answers to `host` and `name`; one route to the subset of `to`, sealed. */
struct service *part_service(const char *host, const char *name, const char *to,
                             const char *subset);
/* Not sealed yet, for tests that change it first. */
struct service *part_service_open(const char *host, const char *name, const char *to,
                                  const char *subset);

#endif
