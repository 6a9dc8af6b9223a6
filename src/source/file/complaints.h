/* SPDX-License-Identifier: Apache-2.0 */

/* How complaints are kept and told; making one is tulle__complain() of
 * resource.h. */

#ifndef TULLE_SOURCE_FILE_COMPLAINTS_H
#define TULLE_SOURCE_FILE_COMPLAINTS_H

#include "base/log.h"
#include "source/file/resource.h"

void tulle__complaints_init(struct complaints *complaints);
void tulle__complaints_fini(struct complaints *complaints);
void tulle__complaints_add(struct complaints *complaints, const struct complaints *more);
/* "mesh/a.yaml:14:9: VirtualService default/reviews: ...", area "config", level error. */
void tulle__complaints_log(const struct complaints *complaints, const struct log *log);

#endif
