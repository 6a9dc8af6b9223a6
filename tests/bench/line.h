/* SPDX-License-Identifier: Apache-2.0 */

/* What a cache line takes from one core to another: two threads, each on a core of
 * its own, hand a number to and fro. Cores that share a cache take a fifth of the
 * time of cores that do not, and a virtual machine is moved from the one to the
 * other from minute to minute: whatever two loops share costs as much more. */

#ifndef BENCH_LINE_H
#define BENCH_LINE_H

/* One way, in ns. */
double line_ns(void);

#endif
