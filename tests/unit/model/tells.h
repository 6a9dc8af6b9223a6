/* SPDX-License-Identifier: Apache-2.0 */

/* A field tells when its content is in the print. */

#ifndef TESTS_UNIT_MODEL_TELLS_H
#define TESTS_UNIT_MODEL_TELLS_H

#include "harness/test.h"

/* Changes one field, looks, changes it back. */
#define TELLS(object, print_of, field, other)                                                      \
    do {                                                                                           \
        struct fingerprint before = print_of(object);                                              \
        __typeof__((object)->field) kept = (object)->field;                                        \
        (object)->field = (other);                                                                 \
        assert_false(fingerprint_equal(before, print_of(object)));                                 \
        (object)->field = kept;                                                                    \
        assert_true(fingerprint_equal(before, print_of(object)));                                  \
    } while (0)

#endif
