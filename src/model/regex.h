/* SPDX-License-Identifier: Apache-2.0 */

/* RE2 behind C: Envoy's regex is RE2, and it is linear. Every exception is
 * caught: no match. Full matches only. As in Envoy a character is one of UTF-8:
 * a text that is not UTF-8 matches no `.`, which means no match, never an error. */

#ifndef TULLE_MODEL_REGEX_H
#define TULLE_MODEL_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REGEX_SIZE_MAX = 1024 };

struct regex;

/* NULL: `why` (64 bytes at least) says what is wrong with the pattern ("out of
 * memory" too). */
struct regex *tulle__regex_new(const char *pattern, size_t size, char *why, size_t why_size);
/* One more owner: a service shares the expressions of its resource. Each owner
 * calls tulle__regex_free(); the count is the control step's, like a part's. */
struct regex *tulle__regex_ref(const struct regex *regex);
void tulle__regex_free(struct regex *regex);                /* NULL does nothing */
struct str tulle__regex_pattern(const struct regex *regex); /* lives as long as the regex */
bool tulle__regex_matches(const struct regex *regex, const char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
