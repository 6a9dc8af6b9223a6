/* SPDX-License-Identifier: Apache-2.0 */

/* Envoy's response flags as text. Envoy tells them in the order in which they
 * were set: that retries are used up is known before what the last one failed
 * of, so a real sidecar says "URX,UT"; the others in the order of its table. */

#include "base/macros.h"
#include "seam/observer.h"

static const struct {
    unsigned flag;
    struct str name;
} flags_in_order[] = {
    { FLAG_URX, { "URX", 3 } }, { FLAG_UH, { "UH", 2 } },   { FLAG_UT, { "UT", 2 } },
    { FLAG_UR, { "UR", 2 } },   { FLAG_UF, { "UF", 2 } },   { FLAG_UC, { "UC", 2 } },
    { FLAG_UO, { "UO", 2 } },   { FLAG_NR, { "NR", 2 } },   { FLAG_DC, { "DC", 2 } },
    { FLAG_DT, { "DT", 2 } },   { FLAG_UPE, { "UPE", 3 } }, { FLAG_NC, { "NC", 2 } },
    { FLAG_DF, { "DF", 2 } },   { FLAG_DO, { "DO", 2 } },
};

/* Half a flag could be read as another one, so what does not fit is left out whole. */
static size_t flag_append(char *out, size_t size, size_t at, struct str name)
{
    size_t comma = at > 0 ? 1 : 0;

    if (at + comma + name.size + 1 > size) {
        return at;
    }
    if (comma) {
        out[at] = ',';
    }
    memcpy(out + at + comma, name.data, name.size);
    return at + comma + name.size;
}

void tulle__flags_text(unsigned flags, char *out, size_t size)
{
    size_t at = 0;

    if (size == 0) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(flags_in_order); i++) {
        if (flags & flags_in_order[i].flag) {
            at = flag_append(out, size, at, flags_in_order[i].name);
        }
    }
    if (flags == 0) {
        at = flag_append(out, size, at, STR("-"));
    }
    out[at] = '\0';
}
