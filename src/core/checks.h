/* SPDX-License-Identifier: Apache-2.0 */

/* Active health checks (health/), as the control step runs them. */

#ifndef TULLE_CORE_CHECKS_H
#define TULLE_CORE_CHECKS_H

struct tulle;

void tulle__checks_open(struct tulle *mesh); /* the loop of the control step is there */
void tulle__checks_fit(struct tulle *mesh);  /* a snapshot was published */
/* What there was no memory for is tried again; who waits for the first checks is told.
 * After the pickers were brought up to date. */
void tulle__checks_step(struct tulle *mesh);

#endif
