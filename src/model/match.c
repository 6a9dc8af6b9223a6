/* SPDX-License-Identifier: Apache-2.0 */

/* One text against one matcher, byte by byte and with case, as Envoy does. */

#include "model/match.h"

#include "model/regex.h"

bool tulle__text_match(const struct text_match *match, struct str text)
{
    switch (match->kind) {
    case MATCH_EXACT: return str_equal(match->text, text);
    case MATCH_PREFIX: return tulle__str_starts(text, match->text);
    case MATCH_REGEX: return tulle__regex_matches(match->regex, text.data, text.size);
    case MATCH_PRESENT: return true;
    }
    return false;
}
