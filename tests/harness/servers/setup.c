/* SPDX-License-Identifier: Apache-2.0 */

#include "setup.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "conn.h"
#include "control.h"
#include "listener.h"

static const struct option options[] = {
    { "listen", required_argument, NULL, 'l' },  { "journal-fd", required_argument, NULL, 'j' },
    { "journal", required_argument, NULL, 'J' }, { "set", required_argument, NULL, 's' },
    { "quiet", no_argument, NULL, 'q' },         { "cert", required_argument, NULL, 'c' },
    { "key", required_argument, NULL, 'k' },     { "h2c", no_argument, NULL, '2' },
    { "no-h2", no_argument, NULL, 'n' },         { "no-h1", no_argument, NULL, 'N' },
    { "streams", required_argument, NULL, 'm' }, { NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: %s --listen ADDRESS:PORT ... [--journal FILE | --journal-fd N] [--quiet]\n"
    "       [--set DIRECTIVES] [--cert FILE --key FILE [--no-h2 | --no-h1]] [--h2c]\n"
    "       [--streams N]\n"
    "Commands come on stdin. tests/harness/servers/README.md tells them.\n";

static bool setup_option(struct host *host, struct setup *setup, int option)
{
    switch (option) {
    case 'l': return listener_open(host, optarg);
    case 'j': host->journal_fd = (int)strtol(optarg, NULL, 10); return true;
    case 'J':
        host->journal_fd = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        return host->journal_fd >= 0;
    case 's': return plan_parse(&host->plan, optarg);
    case 'q': host->quiet = true; return true;
    case 'c': setup->cert = optarg; return true;
    case 'k': setup->key = optarg; return true;
    case '2': setup->h2c = true; return true;
    case 'n': setup->no_h2 = true; return true;
    case 'N': setup->no_h1 = true; return true;
    case 'm': host->streams_max = (uint32_t)strtoul(optarg, NULL, 10); return true;
    default: return false;
    }
}

static bool setup_options(struct host *host, struct setup *setup, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!setup_option(host, setup, option)) {
            return false;
        }
    }
    return !link_is_empty(&host->listeners) && optind == argc;
}

/* A server goes when its test goes, whatever ended it. */
static void setup_process(void)
{
    struct rlimit files;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void setup_flush(void *user)
{
    struct host *host = user;

    if (host->journal.size > 0) {
        host_flush(host);
    }
}

static void setup_close_all(struct host *host)
{
    while (!link_is_empty(&host->conns)) {
        conn_close(CONTAINER_OF(host->conns.next, struct conn, link));
    }
    listeners_free(host);
}

int setup_run(int argc, char **argv, bool (*begin)(struct host *host, const struct setup *setup))
{
    struct host host;
    struct setup setup = { 0 };
    struct control control;

    setup_process();
    host_init(&host);
    if (!setup_options(&host, &setup, argc, argv) || !begin(&host, &setup)) {
        fprintf(stderr, usage, argv[0]);
        return 2;
    }
    control_start(&control, &host);
    printf("ready\n");
    fflush(stdout);
    loop_run(&host.loop, setup_flush, &host);
    setup_close_all(&host);
    control_stop(&control);
    host_fini(&host);
    return 0;
}
