/* SPDX-License-Identifier: Apache-2.0 */

/* A few servers whose mesh checks them, its log, and their journals. */

#ifndef TESTS_WIRE_HEALTH_SHOP_H
#define TESTS_WIRE_HEALTH_SHOP_H

#include "wire/wire.h"

/* How long a test waits for anything. */
#define PATIENCE_NS TULLE_S(20)

#define CHECKS(fields)                                                                             \
    "apiVersion: tulle.dev/v1alpha1\n"                                                             \
    "kind: TrafficPolicy\n"                                                                        \
    "metadata: {name: shop}\n"                                                                     \
    "spec:\n"                                                                                      \
    "  host: shop\n"                                                                               \
    "  healthChecks: [{" fields "}]\n"
/* In use or not. */
#define EVERY(ms) "interval: " ms ", noTrafficInterval: " ms ", "
#define HTTP      "httpHealthCheck: {path: /healthz, retriableStatuses: [{start: 503, end: 504}]}"

enum { SERVERS = 2, STAMPS_MAX = 256 };

/* A server sees a request a little later than it was sent, the first of two more
 * so than the second. */
#define EARLY_NS TULLE_MS(20)

struct checked_shop {
    struct server *servers[SERVERS];
    size_t count;
    struct tulle *mesh;
    pthread_mutex_t lock; /* guards the log */
    char log[16384];
    size_t log_size;
};

/* Of servers of HTTP/1.1, or of others with a flag of theirs. */
void checked_start(struct checked_shop *shop, size_t count, const char *flag);
void checked_open(struct checked_shop *shop, int32_t protocol, const char *yaml,
                  const struct tulle_options *more);
/* With its mesh go its connections, and nobody is asked again. */
void checked_close(struct checked_shop *shop);

/* Times that the log has this. */
unsigned log_has(struct checked_shop *shop, const char *text);
/* Wait until so many endpoints are healthy; until the first server's journal has so
 * many such lines. False: it took too long. */
bool healthy_are(struct checked_shop *shop, double count);
bool journal_has(struct checked_shop *shop, const char *pattern, double count);
/* When the lines of the first server's journal came that have this text. */
size_t stamps(struct checked_shop *shop, const char *text, int64_t out[STAMPS_MAX]);
/* From this one to the next. */
void assert_apart(const int64_t *stamp, int64_t least);

#endif
