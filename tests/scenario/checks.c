/* SPDX-License-Identifier: Apache-2.0 */

#include "scenario/checks.h"

const char *const check_addresses[] = { FIRST, SECOND, THIRD };

void share(struct test_world *world, unsigned calls, unsigned counts[3])
{
    memset(counts, 0, 3 * sizeof(unsigned));
    for (; calls > 0; calls--) {
        SEND(world, .method = "GET", .retry = TULLE_RETRY_OFF);
        for (size_t k = 0; k < 3 && world->last.error == TULLE_OK; k++) {
            counts[k] += strcmp(world->last.endpoint, check_addresses[k]) == 0;
        }
    }
}
