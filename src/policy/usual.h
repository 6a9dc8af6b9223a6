/* SPDX-License-Identifier: Apache-2.0 */

/* What a try usually takes: a running median in one number, so that a try that
 * has less than an even chance to be in time is not made. It goes up a sixteenth
 * with each sample above it and down with each below (frugal streaming, Ma,
 * Muthukrishnan, Sandler 2013, with steps in proportion), which a few slow
 * answers do not move as they would an average. Pure. */

#ifndef TULLE_POLICY_USUAL_H
#define TULLE_POLICY_USUAL_H

#include <stdint.h>

/* `known` 0: nothing is. Gives what is known now, > 0. */
static inline int64_t usual_learn(int64_t known, int64_t sample)
{
    int64_t step = (known >> 4) + 1;
    int64_t heard = sample > 0 ? sample : 1;

    if (known == 0) {
        return heard;
    }
    if (heard >= known) {
        return heard - known < step ? heard : known + step;
    }
    return known - heard < step ? heard : known - step;
}

#endif
