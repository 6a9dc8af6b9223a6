/* SPDX-License-Identifier: Apache-2.0 */

#include "policy/shedding.h"

#include <math.h>

#include "base/clock.h"

enum { PERMILLE = 1000 };

double tulle__admission_odds(const struct admission_config *config, struct recent_sum sum)
{
    double all = (double)sum.all, good = (double)sum.good * PERMILLE / config->threshold;
    double most = (double)config->max_rejection / PERMILLE;
    double odds = (all - good) / (all + 1);

    if (odds <= 0) {
        return 0;
    }
    if (config->aggression > PERMILLE) {
        odds = pow(odds, (double)PERMILLE / config->aggression);
    }
    return odds < most ? odds : most;
}

bool tulle__admission_is_idle(const struct admission_config *config, struct recent_sum sum,
                              int64_t tick_ns)
{
    int64_t seconds = sum.ticks * tick_ns / NS_PER_S;

    return config->rps_threshold > 0 &&
           sum.all < config->rps_threshold * (uint64_t)(seconds > 0 ? seconds : 1);
}

/* 7, permission denied, is none of Envoy's successes. */
#define GRPC_SUCCESSES                                                                             \
    (1U << 0 | 1U << 1 | 1U << 2 | 1U << 3 | 1U << 5 | 1U << 6 | 1U << 9 | 1U << 11 | 1U << 12 |   \
     1U << 16)

bool tulle__admission_is_success(int status, bool is_grpc, int grpc_status)
{
    if (!is_grpc || status != 200) {
        return status < 500;
    }
    return grpc_status >= 0 && grpc_status <= 16 && (GRPC_SUCCESSES & 1U << grpc_status) != 0;
}

double tulle__throttling_odds(const struct throttling_config *config, struct recent_sum sum)
{
    double all = (double)sum.all, good = (double)sum.good * config->factor / PERMILLE;

    return all > good ? (all - good) / (all + 1) : 0;
}

bool tulle__throttling_is_accepted(int status, int grpc_status)
{
    enum { RESOURCE_EXHAUSTED = 8, UNAVAILABLE = 14 };

    return status != 429 && status != 503 && grpc_status != RESOURCE_EXHAUSTED &&
           grpc_status != UNAVAILABLE;
}
