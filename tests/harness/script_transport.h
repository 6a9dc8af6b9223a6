/* SPDX-License-Identifier: Apache-2.0 */

/* The transport of scenario tests: seam/transport.h in memory, against the
 * endpoints of a script. It finds the script as `user` of its loop's world
 * (whose first member it is). It keeps connections, counts them against
 * connectionPool limits and waits in order, as a real one does. */

#ifndef TESTS_HARNESS_SCRIPT_TRANSPORT_H
#define TESTS_HARNESS_SCRIPT_TRANSPORT_H

#include "seam/transport.h"

extern const struct transport_type script_transport;

#endif
