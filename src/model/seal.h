/* SPDX-License-Identifier: Apache-2.0 */

/* Fingerprints: a part is sealed by whoever made it, once it is complete. The
 * print covers content alone, never places or addresses in memory, so that
 * equal parts have equal prints whatever file or source they came from. */

#ifndef TULLE_MODEL_SEAL_H
#define TULLE_MODEL_SEAL_H

#include "model/cluster.h"
#include "model/endpoint.h"
#include "model/route.h"

void tulle__endpoint_chunk_seal(struct endpoint_chunk *chunk);
void tulle__endpoint_set_seal(struct endpoint_set *set); /* its chunks are sealed already */
/* Gives the configuration its own print; part of tulle__cluster_seal(). */
void tulle__balancer_seal(struct balancer_config *balancer);
void tulle__cluster_seal(struct cluster *cluster); /* its endpoint set is sealed already */
void tulle__service_seal(struct service *service);

#endif
