/* SPDX-License-Identifier: Apache-2.0 */

#include "endpoint/success_rate.h"

#include <math.h>

double tulle__success_rates_threshold(const struct success_rates *rates, uint32_t factor)
{
    double deviation = sqrt(rates->squares / (double)rates->count);

    return success_rates_mean(rates) - deviation * ((double)factor / 1000.0);
}
