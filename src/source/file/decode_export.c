/* SPDX-License-Identifier: Apache-2.0 */

/* exportTo: "*" is everybody, "." the resource's own namespace, "~" nobody,
 * anything else a namespace; an empty list is everybody. */

#include "source/file/kinds.h"

static bool lets_us_see(const struct decoder *decoder, struct str to)
{
    struct str ours = str_of(decoder->options->name_space);

    if (str_equal(to, STR("."))) {
        return str_equal(decoder->name_space, ours);
    }
    return str_equal(to, STR("*")) || str_equal(to, ours);
}

void tulle__field_export(struct decoder *decoder, const struct node *value, void *out,
                         const struct field *field)
{
    bool is_exported = value->count == 0;
    struct str text;

    (void)field;
    if (value->kind != NODE_LIST) {
        tulle__mistake(decoder, value, "exportTo must be a list");
        return;
    }
    for (const struct node *item = value->first; item; item = item->next) {
        if (item->is_plain && str_equal(item->text, STR("~"))) {
            continue; /* YAML's null, and Istio's nobody */
        }
        if (tulle__decode_text(decoder, item, &text) && lets_us_see(decoder, text)) {
            is_exported = true;
        }
    }
    *(bool *)out = is_exported;
}
