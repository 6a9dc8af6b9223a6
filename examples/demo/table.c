/* SPDX-License-Identifier: Apache-2.0 */

#include "table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gates.h"

enum { LINE_MAX_SIZE = 512, BAR_MAX = 40, FRAME_LINES = REPLICAS + 3, EVENTS_MAX = 16 };

#define PLAIN_EVERY_S 2.0

static struct {
    bool terminal, colours;
    int width;
    int drawn; /* lines of the frame on the screen */
    double plain_at;
    char events[EVENTS_MAX][128];
    size_t event_count;
} table;

void table_open(void)
{
    const char *kind = getenv("TERM");

    table.terminal = isatty(STDOUT_FILENO) && kind != NULL && strcmp(kind, "dumb") != 0;
    table.colours = table.terminal && getenv("NO_COLOR") == NULL;
    table.plain_at = PLAIN_EVERY_S;
}

/* Some terminals break old lines anew when their width changes and some do
 * not, so that nobody knows where the frame begins: all is drawn again. */
static void start_anew(void)
{
    printf("\033[2J\033[H");
    table.drawn = 0;
    for (size_t i = 0; i < table.event_count; i++) {
        printf("%s\n", table.events[i]);
    }
}

/* False: the terminal is too low for a frame. */
static bool measure(void)
{
    struct winsize size = { 0 };
    int width;

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    width = size.ws_col > 0 ? size.ws_col : 80;
    if (table.width != 0 && width != table.width) {
        start_anew();
    }
    table.width = width;
    return size.ws_row == 0 || size.ws_row > FRAME_LINES;
}

/* A line that wraps would break the frame: it is cut one column before. */
static void put_line(const char *colour, char *line)
{
    int most = table.width - 1 < LINE_MAX_SIZE - 1 ? table.width - 1 : LINE_MAX_SIZE - 1;

    if (most > 0 && (int)strlen(line) > most) {
        line[most] = '\0';
    }
    if (table.colours && colour != NULL) {
        printf("\033[2K%s%s\033[0m\n", colour, line);
    } else {
        printf("\033[2K%s\n", line);
    }
    table.drawn++;
}

static void frame_erase(void)
{
    if (table.drawn > 0) {
        printf("\033[%dA\033[J", table.drawn);
    }
    table.drawn = 0;
}

static const char *state_text(const struct replica *replica)
{
    static const char *const texts[] = { "", "killed", "stopped" };

    return texts[replica->state];
}

static double service_share(const struct window *window, size_t replica)
{
    uint64_t all = 0;

    for (size_t i = 0; i < REPLICAS; i++) {
        all += strcmp(shop[i].service, shop[replica].service) == 0 ? window->of[i] : 0;
    }
    return all > 0 ? 100.0 * (double)window->of[replica] / (double)all : 0.0;
}

static const char *row_colour(size_t replica)
{
    if (gate_is_ejected(replica)) {
        return "\033[31m";
    }
    if (!gate_is_ready(replica) || shop[replica].state != REPLICA_RUNS) {
        return "\033[33m";
    }
    return NULL;
}

static void put_row(const struct view *view, size_t i)
{
    char line[LINE_MAX_SIZE];
    char bar[BAR_MAX + 1] = "";
    double share = service_share(view->window, i);
    int room = table.width - 80 < BAR_MAX ? table.width - 80 : BAR_MAX;

    if (room > 4) {
        int size = (int)(share * room / 100.0 + 0.5);

        memset(bar, '#', (size_t)size);
        bar[size] = '\0';
    }
    snprintf(line, sizeof(line), "%-8s %-3s %-17s %6.1f %% %8.1f ms %8.1f ms  %-8s %-8s %s",
             shop[i].service, shop[i].version, shop[i].address, share,
             (double)window_latency(view->window, i, 500) / 1e6,
             (double)window_latency(view->window, i, 990) / 1e6, gates[i].name,
             state_text(&shop[i]), bar);
    put_line(row_colour(i), line);
}

static void frame_draw(const struct view *view)
{
    char line[LINE_MAX_SIZE];
    struct totals totals;

    stats_totals(&totals);
    frame_erase();
    snprintf(line, sizeof(line), "%4.0f s  %6.0f calls/s  %lu calls  %lu failed  %lu retries",
             view->at_s, (double)view->window->calls / view->window_s, (unsigned long)totals.calls,
             (unsigned long)totals.failures, (unsigned long)totals.retries);
    put_line("\033[1m", line);
    snprintf(line, sizeof(line), "%-8s %-3s %-17s %8s %11s %11s  %-8s", "service", "", "endpoint",
             "share", "p50", "p99", "gate");
    put_line("\033[2m", line);
    for (size_t i = 0; i < REPLICAS; i++) {
        put_row(view, i);
    }
    fflush(stdout);
}

static void plain_draw(const struct view *view)
{
    struct totals totals;

    if (view->at_s < table.plain_at) {
        return;
    }
    table.plain_at += PLAIN_EVERY_S;
    stats_totals(&totals);
    printf("%5.1f s  %5.0f calls/s  %lu failed  %lu retries  reviews v1 %.0f %% v2 %.0f %%",
           view->at_s, (double)view->window->calls / view->window_s, (unsigned long)totals.failures,
           (unsigned long)totals.retries, window_share(view->window, "v1"),
           window_share(view->window, "v2"));
    for (size_t i = 0; i < REPLICAS; i++) {
        if (!gate_is_ready(i)) {
            printf("  %s %s", shop[i].address, gates[i].name);
        }
    }
    printf("\n");
    fflush(stdout);
}

void table_draw(const struct view *view)
{
    if (table.terminal && measure()) {
        frame_draw(view);
        return;
    }
    plain_draw(view);
}

void table_event(double at_s, const char *text)
{
    char *line = table.events[table.event_count];

    snprintf(line, sizeof(table.events[0]), "%5.1f s  * %s", at_s, text);
    table.event_count += table.event_count + 1 < EVENTS_MAX;
    frame_erase();
    printf("%s\n", line);
    fflush(stdout);
}
