/* SPDX-License-Identifier: Apache-2.0 */

/* Test servers as processes of their own: started, told what to do, asked what
 * they saw, killed, stopped, brought back. What commands and directives there
 * are says servers/README.md. Every wait has a deadline; what does not come in
 * time, or a command that is refused, fails the test. */

#ifndef TESTS_HARNESS_SERVER_H
#define TESTS_HARNESS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

enum server_kind {
    SERVER_HTTP, /* HTTP/1.1 */
    SERVER_TLS   /* HTTP/2 and HTTP/1.1 over TLS ("--cert", "--key"), or "--h2c" */
};

/* Starts a server at "127.0.0.2:0" (port 0: a free one); more arguments of the
 * program follow, the last one NULL. It listens when this returns. */
struct server *server_start(enum server_kind kind, const char *address, ...)
    __attribute__((sentinel));

/* Ends it and frees `server`; NULL does nothing. Fails if it crashed. */
void server_stop(struct server *server);

const char *server_address(const struct server *server); /* "127.0.0.2:34567" */
uint16_t server_port(const struct server *server);

/* Gives a command; the answer's words live until the next one. */
const char *server_command(struct server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One of the `counts`: "requests", "open_max"... */
uint64_t server_count(struct server *server, const char *name);

/* Waits until that count is `least` or more. False: 10 s went by. */
bool server_wait_count(struct server *server, const char *name, uint64_t least);

/* Waits until that count is exactly `value`. False: 10 s went by. */
bool server_wait_exactly(struct server *server, const char *name, uint64_t value);

/* The journal so far, of all the process' lives; lives until the next call. */
const char *server_log(struct server *server);

/* How many lines of it match an fnmatch() pattern, without their times: "request * POST *". */
size_t server_log_count(struct server *server, const char *pattern);

/* SIGKILL (waits until it is gone), SIGSTOP (until it stands), SIGCONT. */
void server_kill(struct server *server, int signal);

/* Starts one that was killed again, at the same address and port. */
void server_restart(struct server *server);

#endif
