/* SPDX-License-Identifier: Apache-2.0 */

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; and of
 * the control characters what YAML's c-printable has. */

#include "source/file/utf8.h"

/* Bytes of the character at `at`; 0: it is none. */
static size_t character_size(const unsigned char *at, size_t left, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = at[0] < 0x80       ? 1
                  : at[0] >> 5 == 6  ? 2
                  : at[0] >> 4 == 14 ? 3
                  : at[0] >> 3 == 30 ? 4
                                     : 0;

    if (size == 0 || size > left) {
        return 0;
    }
    *code = size == 1 ? at[0] : at[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (at[i] & 0x3f);
    }
    bool is_surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[size] || is_surrogate || *code > 0x10ffff ? 0 : size;
}

static bool is_printable(uint32_t code)
{
    if (code < 0x20) {
        return code == '\t' || code == '\n' || code == '\r';
    }
    return code != 0x7f && !(code > 0x7f && code < 0xa0 && code != 0x85) && code != 0xfffe &&
           code != 0xffff;
}

bool tulle__utf8_check(struct str text, struct utf8_fault *fault)
{
    const unsigned char *data = (const unsigned char *)text.data;
    uint32_t line = 1, column = 1, code = 0;

    for (size_t at = 0; at < text.size;) {
        size_t size = character_size(data + at, text.size - at, &code);
        if (size == 0 || !is_printable(code)) {
            *fault =
                (struct utf8_fault){ line, column, size ? "a control character" : "not UTF-8" };
            return false;
        }
        at += size;
        column++;
        if (code == '\n') {
            line++;
            column = 1;
        }
    }
    return true;
}
