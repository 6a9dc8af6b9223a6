/* SPDX-License-Identifier: Apache-2.0 */

/* Command line, start and end that all test servers share. */

#ifndef SERVERS_SETUP_H
#define SERVERS_SETUP_H

#include "host.h"

struct setup {
    const char *cert, *key; /* PEM files; TLS servers only */
    bool h2c;               /* HTTP/2 without TLS, with prior knowledge */
    bool no_h2, no_h1;      /* what ALPN does not offer */
};

/* Runs a server to its end; the value is main()'s. `begin` sets the host's
 * welcome; false ends the process. */
int setup_run(int argc, char **argv, bool (*begin)(struct host *host, const struct setup *setup));

#endif
