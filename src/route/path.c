/* SPDX-License-Identifier: Apache-2.0 */

/* Two passes over one buffer. The first reads: it decodes %XX of unreserved
 * characters, turns \ into / and marks every % that begins no escape. The second
 * writes: it encodes what a path may not hold, and resolves each segment as its
 * end is reached. A marked % goes out bare, unless decoding has put two digits
 * behind it (%%341 became %41): then it goes out as %25, so that nobody, we
 * included, reads an escape that was never written (Envoy,
 * chromium_url/url_canon_path.cc). Hence normalising twice is normalising once.
 *
 * The first pass only ever shrinks; its result lies at the end of the buffer, so
 * that the second, which grows at most threefold, cannot overtake it. */

#include "route/path.h"

/* Stands for a % that begins no escape: control bytes do not come in. */
enum { BARE_PERCENT = 1 };

static const char hex_digits[] = "0123456789ABCDEF";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = tulle__char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "XX" stands for, or -1. */
static int escape_value(struct str text, size_t at)
{
    int high, low;

    if (at + 2 > text.size) {
        return -1;
    }
    high = hex_value(text.data[at]);
    low = hex_value(text.data[at + 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool is_unreserved(int c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static bool is_forbidden(char c)
{
    switch (c) {
    case '"':
    case '<':
    case '>':
    case '^':
    case '`':
    case '{':
    case '|':
    case '}': return true;
    default: return false;
    }
}

/* Gives how much was written; SIZE_MAX: there is a %00. */
static size_t path_decode(struct str path, char *out)
{
    size_t size = 0;

    for (size_t i = 0; i < path.size; i++) {
        char c = path.data[i];
        int value = c == '%' ? escape_value(path, i + 1) : -1;

        if (value == 0) {
            return SIZE_MAX;
        }
        if (c == '%' && value < 0) {
            out[size++] = BARE_PERCENT;
            continue;
        }
        if (value > 0 && is_unreserved(value)) {
            out[size++] = (char)value;
            i += 2;
            continue;
        }
        out[size++] = c == '\\' ? '/' : c;
    }
    return size;
}

struct writer {
    char *out;
    size_t size;
    size_t segment; /* where the present one begins, behind its slash */
};

static void write_escape(struct writer *writer, unsigned char c)
{
    writer->out[writer->size++] = '%';
    writer->out[writer->size++] = hex_digits[c >> 4];
    writer->out[writer->size++] = hex_digits[c & 15];
}

static void write_char(struct writer *writer, struct str text, size_t at)
{
    char c = text.data[at];

    if (c == BARE_PERCENT && escape_value(text, at + 1) < 0) {
        writer->out[writer->size++] = '%';
        return;
    }
    if (c == BARE_PERCENT) {
        write_escape(writer, '%');
        return;
    }
    if (is_forbidden(c)) {
        write_escape(writer, (unsigned char)c);
        return;
    }
    writer->out[writer->size++] = c;
}

/* `..;` too: servers that cut parameters off see `..` there. */
static bool is_dot_dot(struct str segment)
{
    return str_equal(segment, STR("..")) || tulle__str_starts(segment, STR("..;"));
}

/* Takes a dot segment back, and with `..` the one before it. */
static void resolve_segment(struct writer *writer)
{
    struct str segment = { writer->out + writer->segment, writer->size - writer->segment };
    bool is_up = is_dot_dot(segment);

    if (!is_up && !str_equal(segment, STR("."))) {
        return;
    }
    writer->size = writer->segment;
    if (is_up && writer->size > 1) {
        writer->size--;
        while (writer->out[writer->size - 1] != '/') {
            writer->size--;
        }
        writer->segment = writer->size;
    }
}

static bool segment_was_dots(struct writer *writer)
{
    size_t before = writer->size;

    resolve_segment(writer);
    return writer->size < before;
}

static size_t path_write(struct str text, char *out)
{
    struct writer writer = { .out = out };

    out[writer.size++] = '/';
    writer.segment = writer.size;
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] != '/') {
            write_char(&writer, text, i);
            continue;
        }
        if (segment_was_dots(&writer)) {
            continue;
        }
        out[writer.size++] = '/';
        writer.segment = writer.size;
    }
    resolve_segment(&writer);
    out[writer.size] = '\0';
    return writer.size;
}

size_t tulle__path_normalise(struct str path, char *out)
{
    char *decoded = out + (PATH_GROWTH - 1) * path.size + 1;
    size_t size = path_decode(path, decoded);

    if (size == SIZE_MAX) {
        return 0;
    }
    return path_write((struct str){ decoded, size }, out);
}
