/* SPDX-License-Identifier: Apache-2.0 */

#include "scenario/hedged.h"

bool hedged_warm_up(struct test_world *world)
{
    for (int i = 0; i < WARM; i++) {
        world_answer(world, FIRST, .delay_ns = 10 * NS_PER_MS);
        world_answer(world, SECOND, .delay_ns = 10 * NS_PER_MS);
        world_get(world, URL);
        if (world->last.error != TULLE_OK) {
            return false;
        }
    }
    return true;
}

bool hedged_goes_first(struct test_world *world, const struct tulle_request *request)
{
    unsigned before = world_requests(world, FIRST);
    size_t index = world->script.request_count;

    world_send(world, request);
    return world_requests(world, FIRST) > before &&
           strcmp(world_request(world, index)->address, FIRST) == 0;
}
