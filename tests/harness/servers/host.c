/* SPDX-License-Identifier: Apache-2.0 */

#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { JOURNAL_PIECE = 64 * 1024 };

void host_init(struct host *host)
{
    *host = (struct host){ .journal_fd = -1, .started = now_ns(), .streams_max = 4000 };
    loop_init(&host->loop);
    plan_init(&host->plan);
    plan_init(&host->next);
    link_init(&host->conns);
    link_init(&host->held);
    link_init(&host->listeners);
}

void host_fini(struct host *host)
{
    host_flush(host);
    buf_free(&host->raw);
    buf_free(&host->journal);
    loop_fini(&host->loop);
}

void host_note(struct host *host, const char *format, ...)
{
    char line[1024];
    va_list args;

    if (host->journal_fd < 0) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    buf_format(&host->journal, "%.6f %s\n", (double)(now_ns() - host->started) / 1e9, line);
    if (host->journal.size > JOURNAL_PIECE) {
        host_flush(host);
    }
}

void host_flush(struct host *host)
{
    size_t done = 0;

    while (done < host->journal.size) {
        ssize_t count =
            write(host->journal_fd, host->journal.data + done, host->journal.size - done);

        if (count <= 0) {
            break;
        }
        done += (size_t)count;
    }
    host->journal.size = 0;
}

void host_plan(struct host *host, const char *target, struct plan *plan)
{
    *plan = host->plan;
    if (host->next_left > 0) {
        host->next_left--;
        *plan = host->next;
    }
    plan_parse_target(plan, target);
}
