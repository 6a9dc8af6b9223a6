/* SPDX-License-Identifier: Apache-2.0 */

#include "base/group.h"

#include <sys/epoll.h>

#include "base/fork.h"

enum { WAIT_MAX_MS = 3600000 };

static bool group_add(struct group *group, struct loop *loop)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)group->count };

    group->loops[group->count++] = loop;
    return epoll_ctl(group->fd, EPOLL_CTL_ADD, loop->epoll_fd, &event) == 0;
}

bool tulle__group_init(struct group *group, struct loop *first, struct loop *second)
{
    *group = (struct group){ .fd = tulle__fork_own(epoll_create1(EPOLL_CLOEXEC)) };
    if (group->fd < 0 || !group_add(group, first) || !group_add(group, second)) {
        tulle__group_fini(group);
        return false;
    }
    tulle__group_doze(group);
    return true;
}

void tulle__group_fini(struct group *group)
{
    if (group->fd >= 0) {
        tulle__fork_close(group->fd);
    }
    group->fd = -1;
}

int64_t tulle__group_due(const struct group *group)
{
    int64_t due = NEVER;

    for (size_t i = 0; i < group->count; i++) {
        int64_t each = tulle__loop_due(group->loops[i]);

        due = each < due ? each : due;
    }
    return due;
}

static int wait_ms(const struct group *group, int64_t due)
{
    int64_t wanted = tulle__group_due(group), now, left;

    due = wanted < due ? wanted : due;
    if (due == NEVER) {
        return -1;
    }
    now = world_now(group->loops[0]->world);
    left = due <= now ? 0 : (due - now - 1) / NS_PER_MS + 1;
    return left > WAIT_MAX_MS ? WAIT_MAX_MS : (int)left;
}

unsigned tulle__group_wait(struct group *group, int64_t due)
{
    struct epoll_event events[GROUP_MAX];
    int count = epoll_wait(group->fd, events, GROUP_MAX, wait_ms(group, due));
    int64_t now = world_now(group->loops[0]->world);
    unsigned ready = 0;

    for (int i = 0; i < count; i++) {
        ready |= 1u << events[i].data.u32;
    }
    for (size_t i = 0; i < group->count; i++) {
        ready |= (unsigned)(tulle__loop_due(group->loops[i]) <= now) << i;
    }
    return ready;
}

void tulle__group_doze(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        tulle__loop_doze(group->loops[i]);
    }
}
