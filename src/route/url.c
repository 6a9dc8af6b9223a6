/* SPDX-License-Identifier: Apache-2.0 */

/* One buffer from the arena holds the canonical text; all other parts point into
 * it, but for the lower-case host. */

#include "route/url.h"

#include <arpa/inet.h>

#include "base/macros.h"
#include "route/path.h"

enum { HOST_SIZE_MAX = 255, PORT_MAX = 65535, PORT_HTTP = 80, PORT_HTTPS = 443 };

/* A URL cut into what is between its separators. */
struct pieces {
    struct str authority, path, query;
    bool has_query;
};

static enum tulle_error refuse(const char **why, const char *text)
{
    *why = text;
    return TULLE_E_USAGE;
}

static enum tulle_error check_bytes(struct str text, const char **why)
{
    if (text.size > URL_SIZE_MAX) {
        return refuse(why, "the URL is longer than 64 KiB");
    }
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c > ' ' && c < 127) {
            continue;
        }
        if (c == ' ') {
            return refuse(why, "the URL holds a blank; write %20");
        }
        return refuse(why, c > 127 ? "the URL holds a byte above 127; write it as %XX"
                                   : "the URL holds a control byte");
    }
    return TULLE_OK;
}

static bool cut_scheme(struct str *text, struct str scheme)
{
    struct str head = { text->data, scheme.size };

    if (text->size < scheme.size || !tulle__str_equal_nocase(head, scheme)) {
        return false;
    }
    text->data += scheme.size;
    text->size -= scheme.size;
    return true;
}

static bool ends_path(char c)
{
    return c == '?' || c == '#';
}

static bool ends_authority(char c)
{
    return c == '/' || c == '\\' || ends_path(c);
}

static bool ends_query(char c)
{
    return c == '#';
}

static inline struct str cut_until(struct str *text, bool (*ends)(char c))
{
    struct str piece = { text->data, 0 };

    while (piece.size < text->size && !ends(text->data[piece.size])) {
        piece.size++;
    }
    text->data += piece.size;
    text->size -= piece.size;
    return piece;
}

static struct pieces cut_pieces(struct str text)
{
    struct pieces pieces = { .authority = cut_until(&text, ends_authority) };

    pieces.path = cut_until(&text, ends_path);
    if (text.size > 0 && text.data[0] == '?') {
        text.data++;
        text.size--;
        pieces.query = cut_until(&text, ends_query);
        pieces.has_query = true;
    }
    return pieces;
}

static enum tulle_error read_port(struct str text, uint16_t *out, const char **why)
{
    uint64_t port;

    if (!tulle__str_to_u64(text, PORT_MAX, &port) || port == 0) {
        return refuse(why, "the port of the URL is not a number from 1 to 65535");
    }
    *out = (uint16_t)port;
    return TULLE_OK;
}

static bool is_ipv6(struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (text.size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/* `*rest` is what follows the host: nothing, or ":port". */
static enum tulle_error read_ipv6(struct str authority, struct str *host, struct str *rest,
                                  const char **why)
{
    struct str inner = { authority.data + 1, authority.size - 1 };

    *host = tulle__str_cut(inner, ']', rest);
    if (rest->data == NULL || !is_ipv6(*host)) {
        return refuse(why, "the brackets of the URL's host hold no IPv6 address");
    }
    return TULLE_OK;
}

static bool is_host_char(char c)
{
    char lower = (char)(c | 0x20);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

static enum tulle_error read_name(struct str authority, struct str *host, struct str *rest,
                                  const char **why)
{
    size_t size = 0;

    while (size < authority.size && is_host_char(authority.data[size])) {
        size++;
    }
    *rest = (struct str){ authority.data + size, authority.size - size };
    if (size > 0 && authority.data[size - 1] == '.') {
        size--; /* the dot of the root */
    }
    *host = (struct str){ authority.data, size };
    ENSURE(size > 0, refuse(why, "the URL has no host"));
    ENSURE(size <= HOST_SIZE_MAX, refuse(why, "the host of the URL is too long"));
    return TULLE_OK;
}

static enum tulle_error read_authority(struct str authority, struct str *host, struct url *out,
                                       const char **why)
{
    struct str rest;

    if (authority.size > 0 && memchr(authority.data, '@', authority.size) != NULL) {
        return refuse(why, "the URL holds a user name or password");
    }
    if (authority.size > 0 && authority.data[0] == '[') {
        TRY(read_ipv6(authority, host, &rest, why));
    } else {
        TRY(read_name(authority, host, &rest, why));
    }
    out->port = out->is_https ? PORT_HTTPS : PORT_HTTP;
    if (rest.size == 0) {
        return TULLE_OK;
    }
    if (rest.data[0] != ':') {
        return refuse(why, "the host of the URL holds a character that no host has");
    }
    return read_port((struct str){ rest.data + 1, rest.size - 1 }, &out->port, why);
}

static enum tulle_error lower_host(struct arena *arena, struct str host, struct url *out)
{
    char *text = tulle__arena_alloc(arena, host.size + 1);

    ENSURE(text != NULL, TULLE_E_NOMEM);
    for (size_t i = 0; i < host.size; i++) {
        text[i] = tulle__char_lower(host.data[i]);
    }
    text[host.size] = '\0';
    out->host = (struct str){ text, host.size };
    return TULLE_OK;
}

static struct str text_add(char **at, struct str text)
{
    struct str copy = { *at, text.size };

    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
    }
    *at += text.size;
    return copy;
}

static enum tulle_error write_text(struct arena *arena, const struct pieces *pieces,
                                   struct url *out, const char **why)
{
    struct str scheme = out->is_https ? STR("https://") : STR("http://");
    size_t most = scheme.size + pieces->authority.size + PATH_GROWTH * pieces->path.size +
                  pieces->query.size + sizeof("/?");
    char *text = tulle__arena_alloc(arena, most);
    char *at = text;
    size_t path_size;

    ENSURE(text != NULL, TULLE_E_NOMEM);
    text_add(&at, scheme);
    out->authority = text_add(&at, pieces->authority);
    path_size = tulle__path_normalise(pieces->path, at);
    ENSURE(path_size > 0, refuse(why, "the path of the URL holds %00"));
    out->path = (struct str){ at, path_size };
    at += path_size;
    if (pieces->has_query) {
        text_add(&at, STR("?"));
        out->query = text_add(&at, pieces->query);
    }
    *at = '\0';
    out->target = (struct str){ out->path.data, (size_t)(at - out->path.data) };
    out->text = (struct str){ text, (size_t)(at - text) };
    return TULLE_OK;
}

enum tulle_error tulle__url_parse(struct arena *arena, struct str text, struct url *out,
                                  const char **why)
{
    struct pieces pieces;
    struct str host;

    *out = (struct url){ 0 };
    *why = "there is no memory";
    TRY(check_bytes(text, why));
    out->is_https = cut_scheme(&text, STR("https://"));
    if (!out->is_https && !cut_scheme(&text, STR("http://"))) {
        return refuse(why, "the URL does not begin with http:// or https://");
    }
    pieces = cut_pieces(text);
    TRY(read_authority(pieces.authority, &host, out, why));
    TRY(lower_host(arena, host, out));
    TRY(write_text(arena, &pieces, out, why));
    *why = NULL;
    return TULLE_OK;
}

bool tulle__query_find(struct str query, struct str name, struct str *out)
{
    while (query.size > 0) {
        struct str pair = tulle__str_cut(query, '&', &query);
        struct str value;

        if (!str_equal(tulle__str_cut(pair, '=', &value), name)) {
            continue;
        }
        *out = value.data != NULL ? value : STR("");
        return true;
    }
    return false;
}
