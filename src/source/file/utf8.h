/* SPDX-License-Identifier: Apache-2.0 */

/* Whether a text is UTF-8 that YAML allows, and where it is not: libyaml knows
 * the offset of a bad byte, but no line. */

#ifndef TULLE_SOURCE_FILE_UTF8_H
#define TULLE_SOURCE_FILE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct utf8_fault {
    uint32_t line, column; /* from 1; columns are characters */
    const char *text;      /* static */
};

bool tulle__utf8_check(struct str text, struct utf8_fault *fault);

#endif
