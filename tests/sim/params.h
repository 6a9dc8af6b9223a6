/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TESTS_SIM_PARAMS_H
#define TESTS_SIM_PARAMS_H

#include <stddef.h>
#include <stdint.h>

enum { POLICIES_MAX = 8 };

struct params;

struct params *params_read(const char *path); /* or the program ends */
void params_free(struct params *params);
const char *params_model(const struct params *params);
/* A policy that is there for comparison may say how many seeds are enough. */
uint64_t params_seeds(const struct params *params, const char *policy);
size_t params_policies(const struct params *params, const char *policies[POLICIES_MAX]);

#endif
