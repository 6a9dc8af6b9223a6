/* SPDX-License-Identifier: Apache-2.0 */

#include "peer/chi_square.h"

#include <math.h>

static double total(const unsigned *counts, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += counts[i];
    }
    return sum;
}

double chi_square_p(const unsigned *ours, const unsigned *theirs, size_t count)
{
    double ratio = sqrt(total(theirs, count) / total(ours, count));
    double square = 0, spread;
    size_t seen = 0;

    for (size_t i = 0; i < count; i++) {
        double apart = ratio * ours[i] - theirs[i] / ratio;

        if (ours[i] + theirs[i] > 0) {
            square += apart * apart / ((double)ours[i] + theirs[i]);
            seen++;
        }
    }
    if (seen < 2) {
        return 1;
    }
    spread = 2.0 / (9.0 * (double)(seen - 1));
    return 0.5 * erfc((cbrt(square / (double)(seen - 1)) - (1 - spread)) / sqrt(2 * spread));
}
