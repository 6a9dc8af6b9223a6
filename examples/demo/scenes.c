/* SPDX-License-Identifier: Apache-2.0 */

#include "scenes.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "load.h"
#include "mesh_copy.h"
#include "table.h"

#define SHIFT_S  28.0
#define SETTLE_S 1.5

struct scene {
    double at_s;
    const char *text;
    bool (*act)(void);
};

static bool kill_one(void)
{
    load_want_story();
    shop_signal(SCENES_KILLED, SIGKILL);
    return true;
}

static bool restart_one(void)
{
    return shop_start(SCENES_KILLED);
}

static bool stop_one(void)
{
    load_want_story();
    shop_signal(SCENES_STOPPED, SIGSTOP);
    return true;
}

static bool continue_one(void)
{
    shop_signal(SCENES_STOPPED, SIGCONT);
    return true;
}

/* An ejection lasts 3 s, and 6 s when the replica fails again after it: each
 * scene leaves time for both. */
static const struct scene scenes[] = {
    { 4.0, "reviews v1 at 127.77.4.2 is killed (SIGKILL)", kill_one },
    { 10.0, "127.77.4.2 is started again", restart_one },
    { 16.0, "reviews v1 at 127.77.4.3 is stopped (SIGSTOP)", stop_one },
    { 20.0, "127.77.4.3 goes on (SIGCONT)", continue_one },
    { SHIFT_S, "reviews.yaml: v1 and v2 from 90/10 to 50/50", mesh_copy_shift },
};

static size_t next;
static struct window before;
static struct window after;

bool scenes_play(double at_s)
{
    while (next < sizeof(scenes) / sizeof(scenes[0]) && scenes[next].at_s <= at_s) {
        const struct scene *scene = &scenes[next++];

        table_event(at_s, scene->text);
        if (!scene->act()) {
            fprintf(stderr, "demo: this could not be done\n");
            return false;
        }
    }
    return true;
}

void scenes_count(double at_s, const struct window *window)
{
    if (at_s < SHIFT_S) {
        window_add(&before, window);
    } else if (at_s > SHIFT_S + SETTLE_S) {
        window_add(&after, window);
    }
}

const struct window *scenes_before(void)
{
    return &before;
}

const struct window *scenes_after(void)
{
    return &after;
}
