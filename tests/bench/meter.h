/* SPDX-License-Identifier: Apache-2.0 */

/* What the clients of the library measure, and the one line they print of it. */

#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct meter {
    atomic_bool sampling;
    uint32_t *samples; /* ns; written where calls end */
    size_t sample_count;
    atomic_size_t done, failed;
};

struct mark {
    int64_t at, cpu;
    size_t done;
};

int64_t meter_now(void);
bool meter_init(struct meter *meter); /* false: no memory */
void meter_ended(struct meter *meter, int64_t started, bool good);
struct mark meter_mark(const struct meter *meter);
/* What was done between the two; frees the samples. The program's exit code. */
int meter_print(struct meter *meter, struct mark from, struct mark to);

#endif
