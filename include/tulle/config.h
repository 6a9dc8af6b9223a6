/* SPDX-License-Identifier: Apache-2.0 */

/* A configuration built in code, for tests and small programs. It says what
 * the same resources say in YAML; whatever has no function here is said with
 * tulle_config_add_yaml(). */

#ifndef TULLE_CONFIG_H
#define TULLE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <tulle/error.h>
#include <tulle/mesh.h>
#include <tulle/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tulle_config;

/* An empty configuration.
 * Gives: `*out`, to be freed by tulle_config_free(). Thread: any.
 * Errors: TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_config_new(struct tulle_config **out);

/* Frees a configuration. A mesh opened with it has its own copy. NULL does nothing. */
TULLE_API void tulle_config_free(struct tulle_config *config);

enum tulle_protocol {
    TULLE_PROTOCOL_HTTP = 0,  /* HTTP/1.1 */
    TULLE_PROTOCOL_HTTP2 = 1, /* HTTP/2 with prior knowledge */
    TULLE_PROTOCOL_HTTPS = 2  /* TLS; HTTP/2 if ALPN agrees on it */
};

/* Adds a service: a ServiceEntry with resolution STATIC, one port and, so far,
 * no endpoint. `host` is a short name or a full one; `protocol` an enum tulle_protocol.
 * Thread: one at a time for each configuration.
 * Errors: TULLE_E_USAGE  host or port is wrong, or the service is there already
 *         TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_config_add_service(struct tulle_config *config,
                                                                   const char *host, uint16_t port,
                                                                   int32_t protocol);

/* Adds an endpoint to a service. `address` is "10.0.0.1:9080" or "[::1]:9080";
 * `labels` is "version=v1,zone=a" or NULL; `weight` 0 is 1.
 * Errors: TULLE_E_USAGE  no such service, or a bad address; TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error
tulle_config_add_endpoint(struct tulle_config *config, const char *host, const char *address,
                          const char *labels, uint32_t weight);

/* Sets one field of a TrafficPolicy, which is made by its first field:
 *
 *   tulle_config_set(config, "reviews", "balancer.peakEwma.decayTime", "5s");
 *   tulle_config_set(config, "reviews:80/v1", "hashPolicy.0.header.headerName", "x-user");
 *   tulle_config_set(config, "reviews", "retryBudget", "{percent: 10}");
 *
 * `target` is a host, a port of it ("reviews:80"), a subset ("reviews/v1"), or both.
 * `path` and `value` are as in YAML: an item of a list by its number from 0, a value
 * that is a whole map or list, or "{}". What is set again takes the place of what was
 * there; what one field wants of another (a window of slowStart) is set with it, as a map.
 * That the service is there is looked at by tulle_open().
 * Thread: one at a time for each configuration.
 * Errors: TULLE_E_USAGE  something is wrong with them, and nothing was set:
 *                        tulle_config_fault() says what
 *         TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_config_set(struct tulle_config *config,
                                                           const char *target, const char *path,
                                                           const char *value);

/* What was wrong with the last tulle_config_set(), in a sentence; "" after one that
 * set something. It lives until the next. Thread: as tulle_config_set(). Errors: none. */
TULLE_API const char *tulle_config_fault(const struct tulle_config *config);

/* Adds resources as YAML or JSON text, with the rules of a file in a folder;
 * `name` stands for the file's name in errors. They are read by tulle_open().
 * Errors: TULLE_E_NOMEM */
TULLE_API TULLE_MUST_USE enum tulle_error tulle_config_add_yaml(struct tulle_config *config,
                                                                const char *name, const char *text);

#ifdef __cplusplus
}
#endif

#endif
