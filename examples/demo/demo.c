/* SPDX-License-Identifier: Apache-2.0 */

/* The demo: a shop whose replicas are killed, stopped and brought back while a
 * client calls it through the mesh. README.md of the examples tells the story. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <tulle/tulle.h>

#include "gates.h"
#include "load.h"
#include "mesh_copy.h"
#include "scenes.h"
#include "shop.h"
#include "stats.h"
#include "table.h"

enum { CALLS_PER_S = 3000, TICK_MS = 100, DRAW_TICKS = 5 };

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static double now_s(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void log_line(void *user, int32_t level, const char *area, const char *text)
{
    (void)user;
    if (level == TULLE_LEVEL_ERROR) {
        fprintf(stderr, "demo: %s: %s\n", area, text);
    }
}

/* Two half seconds make the second that the table shows. */
static void draw(double at_s, struct window *last)
{
    struct window now;
    struct window both;
    struct view view = { .at_s = at_s, .window = &both, .window_s = 1.0 };

    stats_window(&now);
    scenes_count(at_s, &now);
    both = *last;
    window_add(&both, &now);
    *last = now;
    table_draw(&view);
}

static bool play(struct tulle *mesh)
{
    const struct timespec tick = { .tv_nsec = TICK_MS * 1000000 };
    static struct window last;
    double start = now_s();
    unsigned ticks = 0;

    while (!interrupted && now_s() - start < SCENES_END_S) {
        nanosleep(&tick, NULL);
        gates_look(mesh);
        if (!scenes_play(now_s() - start)) {
            return false;
        }
        if (++ticks % DRAW_TICKS == 0) {
            draw(now_s() - start, &last);
        }
    }
    return !interrupted;
}

static bool check(bool fine, const char *text)
{
    printf("  %s  %s\n", fine ? "yes" : "NO ", text);
    return fine;
}

static bool is_near(double share, double wanted)
{
    return share > wanted - 4.0 && share < wanted + 4.0;
}

static bool came_back(size_t replica)
{
    return gates[replica].ejections > 0 && gates[replica].returned > 0 && gate_is_ready(replica);
}

static bool verdict(const struct totals *totals)
{
    double before = window_share(scenes_before(), "v1");
    double after = window_share(scenes_after(), "v1");
    bool fine = check(totals->calls > 0 && totals->failures == 0, "no call failed");

    fine = check(came_back(SCENES_KILLED), "the killed replica was ejected and came back") && fine;
    fine =
        check(came_back(SCENES_STOPPED), "the stopped replica was ejected and came back") && fine;
    fine = check(is_near(before, 90.0) && is_near(after, 50.0), "the shift was seen") && fine;
    return fine;
}

static bool summary(void)
{
    struct totals totals;
    unsigned ejected = 0;
    unsigned undone = 0;

    stats_totals(&totals);
    for (size_t i = 0; i < REPLICAS; i++) {
        ejected += gates[i].ejections;
        undone += gates[i].ejections - (gate_is_ejected(i) ? 1 : 0);
    }
    printf("\n%lu calls, %lu failed; %lu retries for %lu of them; the slowest took %.0f ms\n",
           (unsigned long)totals.calls, (unsigned long)totals.failures,
           (unsigned long)totals.retries, (unsigned long)totals.retried,
           (double)totals.worst_ns / 1e6);
    if (totals.failures > 0) {
        printf("the first failure: %s\n", totals.first_failure);
    }
    printf("%u ejections, %u undone; reviews v1/v2 %.0f/%.0f before the edit, %.0f/%.0f after\n",
           ejected, undone, window_share(scenes_before(), "v1"),
           window_share(scenes_before(), "v2"), window_share(scenes_after(), "v1"),
           window_share(scenes_after(), "v2"));
    if (load_story() != NULL) {
        printf("\nThe story of a call that was retried:\n%s\n", load_story());
    }
    return verdict(&totals);
}

static bool run(const char *folder)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = folder, .workload = "demo",
                                     .log = log_line };
    struct tulle *mesh;
    bool played;

    if (tulle_open(&options, &mesh) != TULLE_OK) {
        fprintf(stderr, "demo: the mesh does not open\n");
        return false;
    }
    played = load_start(mesh, CALLS_PER_S);
    if (played) {
        played = play(mesh);
        load_stop();
    }
    tulle_close(mesh);
    return summary() && played;
}

int main(void)
{
    struct sigaction action = { .sa_handler = interrupt };
    const char *folder;
    bool fine;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    table_open();
    folder = mesh_copy_open();
    fine = folder != NULL && shop_open() && run(folder);
    shop_close();
    mesh_copy_close();
    printf("%s\n", fine ? "the demo went well" : "the demo FAILED");
    return fine ? 0 : 1;
}
