/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TULLE_VERSION_H
#define TULLE_VERSION_H

#include <stdint.h>

/* Marks what the shared library exports. */
#if defined(__GNUC__)
#define TULLE_API      __attribute__((visibility("default")))
#define TULLE_MUST_USE __attribute__((warn_unused_result))
#else
#define TULLE_API
#define TULLE_MUST_USE
#endif

#define TULLE_VERSION_MAJOR 0
#define TULLE_VERSION_MINOR 1
#define TULLE_VERSION_PATCH 0

/* The version of the headers: major * 10000 + minor * 100 + patch. */
#define TULLE_VERSION                                                                              \
    (TULLE_VERSION_MAJOR * 10000 + TULLE_VERSION_MINOR * 100 + TULLE_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, as "0.1.0". Static text.
 * Thread: any. Errors: none. */
TULLE_API const char *tulle_version(void);

/* The number that changes when a program built against an older library can
 * no longer run against this one; it is the SOVERSION.
 * Thread: any. Errors: none. */
TULLE_API uint32_t tulle_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif
