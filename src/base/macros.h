/* SPDX-License-Identifier: Apache-2.0 */

/* TRY and ENSURE are the only control flow in macros. */

#ifndef TULLE_BASE_MACROS_H
#define TULLE_BASE_MACROS_H

#include <tulle/error.h>

#define TRY(expression)                                                                            \
    do {                                                                                           \
        enum tulle_error try_error = (expression);                                                 \
        if (try_error != TULLE_OK) {                                                               \
            return try_error;                                                                      \
        }                                                                                          \
    } while (0)

#define ENSURE(condition, error)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return (error);                                                                        \
        }                                                                                          \
    } while (0)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
