/* SPDX-License-Identifier: Apache-2.0 */

/* The plain HTTP/1.1 server of the tests. */

#include "conn.h"
#include "h1.h"
#include "setup.h"

static void welcome(struct conn *conn)
{
    conn_speak(conn, &h1_protocol);
}

static bool begin(struct host *host, const struct setup *setup)
{
    host->welcome = welcome;
    return setup->cert == NULL && !setup->h2c;
}

int main(int argc, char **argv)
{
    return setup_run(argc, argv, begin);
}
