/* SPDX-License-Identifier: Apache-2.0 */

/* The endpoints of a cluster, as configured. */

#ifndef TULLE_MODEL_ENDPOINT_H
#define TULLE_MODEL_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/part.h"

struct label {
    struct str name;
    struct str value;
};

struct endpoint {
    struct str address;  /* "10.0.0.1:9080" or "[::1]:9080", canonical; "name:9080" */
    struct str locality; /* "region/zone/subzone" or "" */
    uint32_t weight;     /* at least 1 */
    const struct label *labels;
    size_t label_count;
};

struct endpoint_set {
    struct part part;
    const struct endpoint *endpoints; /* sorted by address, no address twice */
    size_t count;
};

#endif
