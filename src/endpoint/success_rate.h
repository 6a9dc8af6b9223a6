/* SPDX-License-Identifier: Apache-2.0 */

/* Which success rate is too low beside those of the peers? Envoy's rule
 * (successRateEjectionThreshold() of outlier_detection_impl.cc): below the mean by
 * a multiple of the standard deviation, that of the whole population. */

#ifndef TULLE_ENDPOINT_SUCCESS_RATE_H
#define TULLE_ENDPOINT_SUCCESS_RATE_H

#include <stddef.h>
#include <stdint.h>

/* What an interval counts of one endpoint: requests in the upper half of one word,
 * those that went well in the lower, so that a sweep takes both at once. */
#define MONITOR_REQUEST (UINT64_C(1) << 32)
#define MONITOR_SUCCESS (MONITOR_REQUEST + 1)

static inline uint32_t monitor_requests(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static inline uint32_t monitor_successes(uint64_t word)
{
    return (uint32_t)word;
}

/* In percent; of a word with requests. */
static inline double monitor_rate(uint64_t word)
{
    return monitor_successes(word) * 100.0 / monitor_requests(word);
}

/* Rates are shown twice: first all of them for the mean, then all of them again
 * for the deviation from it. */
struct success_rates {
    size_t count;
    double sum, squares;
};

static inline double success_rates_mean(const struct success_rates *rates)
{
    return rates->sum / (double)rates->count;
}

static inline void success_rates_add(struct success_rates *rates, double rate)
{
    rates->count++;
    rates->sum += rate;
}

static inline void success_rates_deviate(struct success_rates *rates, double rate)
{
    double off = rate - success_rates_mean(rates);

    rates->squares += off * off;
}

/* A rate below this one is an outlier; `factor` in permille of the deviation. */
double tulle__success_rates_threshold(const struct success_rates *rates, uint32_t factor);

#endif
