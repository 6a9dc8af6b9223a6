/* SPDX-License-Identifier: Apache-2.0 */

/* What the file source takes out of a configuration that was built in code
 * (include/tulle/config.h). All of it is borrowed until the configuration is
 * changed or freed: a source that lives longer keeps copies. */

#ifndef TULLE_SOURCE_FILE_BUILT_H
#define TULLE_SOURCE_FILE_BUILT_H

#include <tulle/config.h>

#include "source/file/built_policy.h"
#include "source/file/resource.h"

struct built_text {
    struct str name, text;
};

size_t tulle__built_texts(const struct tulle_config *config, const struct built_text **out);

/* What was set of TrafficPolicies, in its order. */
size_t tulle__built_settings(const struct tulle_config *config, const struct built_setting **out);

/* The services, as ServiceEntries in the order they were added. Their name_space
 * is empty, which means the client's. */
const struct resource *const *tulle__built_resources(const struct tulle_config *config,
                                                     size_t *count);

/* A deep copy, to be read alone, and freed by tulle_config_free() also when it is not whole.
 * Errors: TULLE_E_NOMEM */
enum tulle_error tulle__built_copy(const struct tulle_config *config, struct tulle_config **out);

/* A deep copy of one of them in `arena`. False: no memory. */
bool tulle__built_resource_fill(struct arena *arena, const struct resource *from,
                                struct resource *out);

/* A deep copy of one of them in a part of its own; `*out` lies in it. NULL: no
 * memory. */
struct part *tulle__built_resource_copy(const struct resource *resource,
                                        const struct resource **out);

#endif
