/* SPDX-License-Identifier: Apache-2.0 */

#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { SAMPLES_MAX = 1 << 21 };

int64_t meter_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
}

bool meter_init(struct meter *meter)
{
    meter->samples = malloc(SAMPLES_MAX * sizeof(*meter->samples));
    return meter->samples != NULL;
}

void meter_ended(struct meter *meter, int64_t started, bool good)
{
    if (atomic_load_explicit(&meter->sampling, memory_order_relaxed) &&
        meter->sample_count < SAMPLES_MAX) {
        int64_t took = meter_now() - started;

        meter->samples[meter->sample_count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    }
    atomic_fetch_add_explicit(&meter->done, 1, memory_order_relaxed);
    if (!good) {
        atomic_fetch_add_explicit(&meter->failed, 1, memory_order_relaxed);
    }
}

struct mark meter_mark(const struct meter *meter)
{
    return (struct mark){ meter_now(), cpu_ns(), atomic_load(&meter->done) };
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static double percentile_us(const struct meter *meter, double share)
{
    size_t at = (size_t)((double)meter->sample_count * share);

    if (meter->sample_count == 0) {
        return 0;
    }
    return meter->samples[at < meter->sample_count ? at : meter->sample_count - 1] / 1e3;
}

int meter_print(struct meter *meter, struct mark from, struct mark to)
{
    size_t done = to.done - from.done, failed = atomic_load(&meter->failed);

    qsort(meter->samples, meter->sample_count, sizeof(*meter->samples), by_value);
    printf("{\"requests\": %zu, \"failed\": %zu, \"all\": %zu, \"rps\": %.1f, "
           "\"cpu_us\": %.3f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n",
           done, failed, atomic_load(&meter->done), (double)done * 1e9 / (double)(to.at - from.at),
           (double)(to.cpu - from.cpu) / 1e3 / (double)(done ? done : 1),
           percentile_us(meter, 0.50), percentile_us(meter, 0.99));
    free(meter->samples);
    return failed ? 1 : 0;
}
