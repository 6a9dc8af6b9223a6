/* SPDX-License-Identifier: Apache-2.0 */

#include "stats.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Guards all of it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct window current;
static struct totals totals;

static size_t bucket_of(int64_t latency_ns)
{
    uint64_t us = (uint64_t)latency_ns / 1000;
    unsigned power;
    size_t bucket;

    if (us < 8) {
        return (size_t)us;
    }
    power = 63u - (unsigned)__builtin_clzll(us);
    bucket = (size_t)(power - 2) * 8 + ((us >> (power - 3)) & 7);
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static int64_t bucket_ns(size_t bucket)
{
    size_t power = bucket / 8 + 2;

    if (bucket < 8) {
        return (int64_t)bucket * 1000;
    }
    return (int64_t)((8 + bucket % 8) << (power - 3)) * 1000;
}

void stats_add(const char *address, int64_t latency_ns, uint32_t attempts, const char *failure)
{
    size_t replica = shop_find(address);

    pthread_mutex_lock(&lock);
    totals.calls++;
    totals.retries += attempts > 1 ? attempts - 1 : 0;
    totals.retried += attempts > 1;
    if (latency_ns > totals.worst_ns) {
        totals.worst_ns = latency_ns;
    }
    if (failure != NULL && totals.failures++ == 0) {
        snprintf(totals.first_failure, sizeof(totals.first_failure), "%s", failure);
    }
    if (failure == NULL && replica < REPLICAS) {
        current.calls++;
        current.of[replica]++;
        current.latencies[replica][bucket_of(latency_ns)]++;
    }
    pthread_mutex_unlock(&lock);
}

void stats_window(struct window *out)
{
    pthread_mutex_lock(&lock);
    *out = current;
    memset(&current, 0, sizeof(current));
    pthread_mutex_unlock(&lock);
}

void stats_totals(struct totals *out)
{
    pthread_mutex_lock(&lock);
    *out = totals;
    pthread_mutex_unlock(&lock);
}

void window_add(struct window *window, const struct window *more)
{
    window->calls += more->calls;
    for (size_t i = 0; i < REPLICAS; i++) {
        window->of[i] += more->of[i];
        for (size_t j = 0; j < LATENCY_BUCKETS; j++) {
            window->latencies[i][j] += more->latencies[i][j];
        }
    }
}

int64_t window_latency(const struct window *window, size_t replica, unsigned permille)
{
    uint64_t left = window->of[replica] * permille / 1000;

    if (window->of[replica] == 0) {
        return 0;
    }
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        if (window->latencies[replica][i] > left) {
            return bucket_ns(i);
        }
        left -= window->latencies[replica][i];
    }
    return bucket_ns(LATENCY_BUCKETS - 1);
}

double window_share(const struct window *window, const char *version)
{
    uint64_t of_version = 0;
    uint64_t all = 0;

    for (size_t i = 0; i < REPLICAS; i++) {
        if (strcmp(shop[i].service, "reviews") == 0) {
            all += window->of[i];
            of_version += strcmp(shop[i].version, version) == 0 ? window->of[i] : 0;
        }
    }
    return all > 0 ? 100.0 * (double)of_version / (double)all : 0.0;
}
