/* SPDX-License-Identifier: Apache-2.0 */

#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "conn.h"
#include "exchange.h"
#include "listener.h"

struct command {
    const char *name;
    bool (*run)(struct host *host, char *args, struct buf *answer);
};

static bool run_set(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    plan_init(&host->plan);
    host->next_left = 0;
    return plan_parse(&host->plan, args);
}

static bool run_next(struct host *host, char *args, struct buf *answer)
{
    char *rest = args;

    (void)answer;
    host->next_left = strtoul(args, &rest, 10);
    plan_init(&host->next);
    return rest != args && plan_parse(&host->next, rest);
}

static bool run_raw(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    host->raw.size = 0;
    for (; args[0] != '\0' && args[1] != '\0'; args += 2) {
        char pair[3] = { args[0], args[1], '\0' };
        char *end;
        char byte = (char)strtoul(pair, &end, 16);

        if (*end != '\0') {
            return false;
        }
        buf_add(&host->raw, &byte, 1);
    }
    return args[0] == '\0';
}

static bool run_release(struct host *host, char *args, struct buf *answer)
{
    (void)args;
    (void)answer;
    exchange_release(host);
    return true;
}

/* Calls `act` for each connection that speaks; "idle": for the idle ones. */
static void each_conn(struct host *host, const char *which, const char *how)
{
    struct link *next;

    for (struct link *link = host->conns.next; link != &host->conns; link = next) {
        struct conn *conn = CONTAINER_OF(link, struct conn, link);
        bool idle = conn->protocol != NULL && conn->protocol->is_idle(conn);

        next = link->next;
        if (strcmp(which, "idle") == 0 && !idle) {
            continue;
        }
        if (strcmp(how, "reset") == 0) {
            conn_reset(conn);
            continue;
        }
        conn_close(conn);
    }
}

static bool run_close_idle(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    each_conn(host, "idle", args);
    return true;
}

static bool run_close_all(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    each_conn(host, "all", args);
    return true;
}

static bool run_goaway(struct host *host, char *args, struct buf *answer)
{
    long unprocessed = strtol(args, NULL, 10);
    struct link *next;

    (void)answer;
    for (struct link *link = host->conns.next; link != &host->conns; link = next) {
        struct conn *conn = CONTAINER_OF(link, struct conn, link);

        next = link->next;
        if (conn->protocol != NULL && conn->protocol->goaway != NULL) {
            conn->protocol->goaway(conn, unprocessed);
        }
    }
    return true;
}

static bool run_goaway_every(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    host->goaway_every = strtoul(args, NULL, 10);
    return true;
}

static bool run_accept(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    listeners_accept(host, strcmp(args, "off") != 0);
    return true;
}

static bool run_listen(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    if (strcmp(args, "off") == 0) {
        listeners_leave(host);
        return true;
    }
    return listeners_return(host);
}

/* What clients do not take. */
static size_t unsent(const struct host *host)
{
    size_t size = 0;

    for (struct link *link = host->conns.next; link != &host->conns; link = link->next) {
        const struct conn *conn = CONTAINER_OF(link, struct conn, link);

        size += conn->out.size;
        if (conn->protocol != NULL && conn->protocol->unsent != NULL) {
            size += conn->protocol->unsent(conn);
        }
    }
    return size;
}

static bool run_counts(struct host *host, char *args, struct buf *answer)
{
    const struct host_counts *counts = &host->counts;

    (void)args;
    buf_format(answer, "requests=%lu answers=%lu opened=%lu open=%lu open_max=%lu in_flight=%lu ",
               (unsigned long)counts->requests, (unsigned long)counts->answers,
               (unsigned long)counts->opened, (unsigned long)counts->open,
               (unsigned long)counts->open_max, (unsigned long)counts->in_flight);
    buf_format(answer, "in_flight_max=%lu handshakes=%lu handshakes_failed=%lu bad=%lu unsent=%zu",
               (unsigned long)counts->in_flight_max, (unsigned long)counts->handshakes,
               (unsigned long)counts->handshakes_failed, (unsigned long)counts->bad, unsent(host));
    return true;
}

static bool run_reset_counts(struct host *host, char *args, struct buf *answer)
{
    struct host_counts *counts = &host->counts;

    (void)args;
    (void)answer;
    *counts = (struct host_counts){ .opened = counts->opened,
                                    .open = counts->open,
                                    .open_max = counts->open,
                                    .in_flight = counts->in_flight,
                                    .in_flight_max = counts->in_flight };
    return true;
}

static bool run_quiet(struct host *host, char *args, struct buf *answer)
{
    (void)answer;
    host->quiet = strcmp(args, "off") != 0;
    return true;
}

static bool run_sync(struct host *host, char *args, struct buf *answer)
{
    (void)args;
    (void)answer;
    host_flush(host);
    return true;
}

static bool run_quit(struct host *host, char *args, struct buf *answer)
{
    (void)args;
    (void)answer;
    host->loop.stop = true;
    return true;
}

static const struct command commands[] = {
    { "set", run_set },
    { "next", run_next },
    { "raw", run_raw },
    { "release", run_release },
    { "close-idle", run_close_idle },
    { "close-all", run_close_all },
    { "goaway", run_goaway },
    { "goaway-every", run_goaway_every },
    { "accept", run_accept },
    { "listen", run_listen },
    { "counts", run_counts },
    { "reset-counts", run_reset_counts },
    { "quiet", run_quiet },
    { "sync", run_sync },
    { "quit", run_quit },
};

static void control_line(struct host *host, char *line)
{
    size_t name = strcspn(line, " ");
    char *args = line + name + strspn(line + name, " ");
    struct buf answer = { 0 };
    bool fine = false;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].name) == name && memcmp(commands[i].name, line, name) == 0) {
            fine = commands[i].run(host, args, &answer);
            break;
        }
    }
    /* Whoever has the answer may read the journal: all of it is to be there. */
    loop_drain(&host->loop);
    host_flush(host);
    printf("%s%s%s\n", fine ? "ok" : "error", answer.size > 0 ? " " : "",
           answer.size > 0 ? answer.data : "");
    fflush(stdout);
    buf_free(&answer);
}

static void control_ready(struct watch *watch, uint32_t events)
{
    struct control *control = CONTAINER_OF(watch, struct control, watch);
    ssize_t count = read(watch->fd, buf_reserve(&control->in, 4096), 4096);
    char *end;

    (void)events;
    if (count < 0 && errno == EAGAIN) {
        return;
    }
    if (count <= 0) {
        control->host->loop.stop = true;
        loop_remove(&control->host->loop, watch);
        return;
    }
    control->in.size += (size_t)count;
    control->in.data[control->in.size] = '\0';
    while (control->in.size > 0 && (end = strchr(control->in.data, '\n')) != NULL) {
        size_t size = (size_t)(end - control->in.data) + 1;
        char *line = strndup(control->in.data, size - 1);

        buf_drop(&control->in, size);
        control->in.data[control->in.size] = '\0';
        control_line(control->host, line);
        free(line);
    }
}

void control_start(struct control *control, struct host *host)
{
    *control = (struct control){ .host = host };
    control->watch = (struct watch){ .fd = STDIN_FILENO, .ready = control_ready };
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    /* Refused for files and /dev/null: then there are no commands. */
    loop_add(&host->loop, &control->watch, EPOLLIN);
}

void control_stop(struct control *control)
{
    buf_free(&control->in);
}
