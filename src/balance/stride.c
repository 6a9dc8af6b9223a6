/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/stride.h"

#define RATIO_MOST  10.0
#define RATIO_LEAST 0.1

struct stride tulle__stride_of(const double *weights, size_t count)
{
    struct stride stride = { 0 };
    double sum = 0;
    size_t known = 0;

    for (size_t i = 0; i < count; i++) {
        sum += weights[i];
        known += weights[i] > 0;
        stride.most = weights[i] > stride.most ? weights[i] : stride.most;
    }
    stride.mean = sum / (double)known;
    stride.least = stride.mean * RATIO_LEAST;
    if (stride.most > stride.mean * RATIO_MOST) {
        stride.most = stride.mean * RATIO_MOST;
    }
    stride.scale = STRIDE_MAX / stride.most;
    return stride;
}

uint16_t tulle__stride_weight(const struct stride *stride, double weight)
{
    double kept = weight > 0 ? weight : stride->mean;

    kept = kept < stride->least ? stride->least : kept;
    kept = kept > stride->most ? stride->most : kept;
    kept = kept * stride->scale + 0.5;
    return kept < 1 ? 1 : kept >= STRIDE_MAX ? STRIDE_MAX : (uint16_t)kept;
}
