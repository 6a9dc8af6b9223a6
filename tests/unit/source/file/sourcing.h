/* SPDX-License-Identifier: Apache-2.0 */

/* A file source over a folder of the test's own, its clock in the test's hands. */

#ifndef TESTS_UNIT_SOURCE_FILE_SOURCING_H
#define TESTS_UNIT_SOURCE_FILE_SOURCING_H

#include "harness/test.h"

#include "base/clock.h"
#include "seam/source.h"

/* Resources, of the host "a" where they have one. */
#define HEAD(kind, name)                                                                           \
    "apiVersion: networking.istio.io/v1\nkind: " kind "\nmetadata: {name: " name "}\nspec:\n"
#define ROUTE_TO(subset)                                                                           \
    HEAD("VirtualService", "a")                                                                    \
    "  hosts: [a]\n  http:\n  - route: [{destination: {host: a, subset: " subset "}}]\n"
#define RULE(subsets) HEAD("DestinationRule", "a") "  host: a\n  subsets: [" subsets "]\n"

enum { SOURCING_LOG_SIZE = 16384 };

struct sourcing {
    char *folder;
    struct source *source;
    struct source_options options;
    struct log log;
    char told[SOURCING_LOG_SIZE]; /* the log, a line each, without the folder's path */
    int64_t now;
};

void sourcing_init(struct sourcing *sourcing);
void sourcing_fini(struct sourcing *sourcing);
enum tulle_error sourcing_open(struct sourcing *sourcing);

/* "a" is a ServiceEntry with one endpoint at that address. */
void sourcing_write_entry(struct sourcing *sourcing, const char *file, const char *name,
                          const char *address);
void sourcing_write(struct sourcing *sourcing, const char *file, const char *text);
void sourcing_remove(struct sourcing *sourcing, const char *file);
const char *sourcing_path(const struct sourcing *sourcing, const char *file, char *out,
                          size_t size);

/* Steps until the source has looked at what there is now. */
enum source_step sourcing_settle(struct sourcing *sourcing);

/* The address of the first endpoint of NAME.default.svc.cluster.local; "" when
 * it is not in the mesh. */
const char *sourcing_address(const struct sourcing *sourcing, const char *name, char *out,
                             size_t size);
bool sourcing_has(const struct sourcing *sourcing, const char *name, const char *address);
struct source_stats sourcing_stats(const struct sourcing *sourcing);
bool sourcing_told(const struct sourcing *sourcing, const char *text);

#endif
