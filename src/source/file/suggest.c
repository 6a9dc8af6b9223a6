/* SPDX-License-Identifier: Apache-2.0 */

/* "Did you mean": at most a third of the letters may be wrong, and case and
 * underscores (per_try_timeout) cost nothing. */

#include <stdio.h>

#include "source/file/decode.h"

enum { DISTANCE_MAX = 4 };

static struct str squeeze(struct str text, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < text.size && used < size; i++) {
        if (text.data[i] != '_' && text.data[i] != '-') {
            out[used++] = tulle__char_lower(text.data[i]);
        }
    }
    return (struct str){ out, used };
}

struct suggestion tulle__suggest_start(struct str wrong)
{
    size_t third = wrong.size / 3 > 0 ? wrong.size / 3 : 1;

    return (struct suggestion){
        .wrong = wrong,
        .distance = (third < DISTANCE_MAX ? third : DISTANCE_MAX) + 1,
    };
}

void tulle__suggest_offer(struct suggestion *suggestion, struct str name)
{
    char wrong[64], right[64];

    if (suggestion->wrong.size > sizeof(wrong) || suggestion->distance == 0) {
        return;
    }
    size_t distance = tulle__str_distance(squeeze(suggestion->wrong, wrong, sizeof(wrong)),
                                          squeeze(name, right, sizeof(right)), DISTANCE_MAX);
    if (distance < suggestion->distance) {
        suggestion->distance = distance;
        suggestion->best = name;
    }
}

const char *tulle__suggest_text(const struct suggestion *suggestion, char *out, size_t size)
{
    out[0] = '\0';
    if (suggestion->best.size > 0) {
        snprintf(out, size, "; did you mean \"%.*s\"?", STR_ARG(suggestion->best));
    }
    return out;
}
