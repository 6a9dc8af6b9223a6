/* SPDX-License-Identifier: Apache-2.0 */

/* A URL, read and normalised once: the same text feeds routing, metrics and
 * the wire. Paths are normalised as a real sidecar does it: `.` and `..` are
 * resolved, %XX of unreserved characters is decoded, `\` is `/`, `..;` counts
 * as `..`, other bytes that a path may not hold are encoded; `//`, %2f and %5c
 * stay; the fragment is dropped. %00, a control byte, a blank, a byte above
 * 127, userinfo, a port of 0 or above 65535 are refused. */

#ifndef TULLE_ROUTE_URL_H
#define TULLE_ROUTE_URL_H

#include <tulle/error.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum { URL_SIZE_MAX = 64 * 1024 };

struct url {
    bool is_https;
    struct str text;      /* all of it, canonical, NUL-terminated: "http://Reviews:9080/a?b" */
    struct str authority; /* as written, inside text: "Reviews:9080" */
    struct str host;      /* lower case, no port, no trailing dot, no brackets */
    uint16_t port;        /* written, or 80 or 443 */
    struct str target;    /* path and query, inside text: "/a?b" */
    struct str path;      /* inside text: "/a" */
    struct str query;     /* inside text, without "?": "b"; size 0: none */
};

/* Errors: TULLE_E_USAGE (`*why`: static text, what is wrong), TULLE_E_NOMEM */
enum tulle_error tulle__url_parse(struct arena *arena, struct str text, struct url *out,
                                  const char **why);

/* The first value of a query parameter, undecoded. False: it is not there. `?a` is `a=""`. */
bool tulle__query_find(struct str query, struct str name, struct str *out);

#endif
