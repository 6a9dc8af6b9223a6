/* SPDX-License-Identifier: Apache-2.0 */

/* A mesh on a virtual clock whose transport keeps each exchange to be looked
 * at. One service, "shop" on port 80. Never closed: it is the process'. */

#ifndef TESTS_FUZZ_LOOKOUT_H
#define TESTS_FUZZ_LOOKOUT_H

#include "seam/transport.h"

struct tulle;

struct tulle *lookout_open(void);

/* The exchange that was started and is not over; NULL: there is none. */
struct exchange *lookout_take(void);

/* Ends it: 200, without a body. */
void lookout_answer(struct exchange *exchange);

#endif
