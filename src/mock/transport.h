/* SPDX-License-Identifier: Apache-2.0 */

/* seam/transport.h in memory, against the endpoints of a script. It keeps
 * connections, counts them against connectionPool limits and waits in order, as
 * a real one does.
 *
 * A script has its own copy of this record (struct script, `type`), and a
 * transport finds the script it belongs to as what that copy is a member of:
 * never open a transport with the record here. */

#ifndef TULLE_MOCK_TRANSPORT_H
#define TULLE_MOCK_TRANSPORT_H

#include "seam/transport.h"

extern const struct transport_type tulle__script_transport;

#endif
