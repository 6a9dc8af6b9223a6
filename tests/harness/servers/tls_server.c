/* SPDX-License-Identifier: Apache-2.0 */

/* The test server that speaks HTTP/2 and HTTP/1.1 over TLS, as ALPN says, or
 * HTTP/2 with prior knowledge (--h2c). */

#include "conn.h"
#include "h2.h"
#include "setup.h"
#include "tls.h"

static void welcome_h2c(struct conn *conn)
{
    conn_speak(conn, &h2_protocol);
}

static bool begin(struct host *host, const struct setup *setup)
{
    host->welcome = setup->h2c ? welcome_h2c : tls_welcome;
    return setup->h2c || (setup->cert != NULL && setup->key != NULL && tls_init(setup));
}

int main(int argc, char **argv)
{
    int status = setup_run(argc, argv, begin);

    tls_fini();
    return status;
}
