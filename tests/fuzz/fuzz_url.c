/* SPDX-License-Identifier: Apache-2.0 */

/* Whatever is read as a URL is canonical: it reads as itself, its parts lie in
 * it, and it holds nothing that a request line may not. */

#include <stdint.h>
#include <stdlib.h>

#include "route/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_part(struct str part, struct str whole)
{
    must(part.size == 0 ||
         (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void check_url(const struct url *url)
{
    must(url->text.data[url->text.size] == '\0');
    must(url->port > 0 && url->host.size > 0);
    must(url->path.size > 0 && url->path.data[0] == '/' && url->path.data == url->target.data);
    check_part(url->authority, url->text);
    check_part(url->target, url->text);
    check_part(url->path, url->target);
    check_part(url->query, url->target);
    for (size_t i = 0; i < url->text.size; i++) {
        must(url->text.data[i] > ' ' && url->text.data[i] != 127 && url->text.data[i] != '#');
    }
    for (size_t i = 0; i < url->path.size; i++) {
        must(url->path.data[i] != '\\' && url->path.data[i] != '?');
    }
}

static void check_again(struct arena *arena, const struct url *url)
{
    struct url again;
    const char *why;

    if (url->text.size > URL_SIZE_MAX) {
        return; /* encoding made it longer than we read */
    }
    must(tulle__url_parse(arena, url->text, &again, &why) == TULLE_OK);
    must(str_equal(again.text, url->text) && str_equal(again.host, url->host));
    must(again.port == url->port && again.is_https == url->is_https);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct arena arena;
    struct url url;
    struct str value;
    const char *why;

    tulle__arena_init(&arena, 4096);
    if (tulle__url_parse(&arena, text, &url, &why) == TULLE_OK) {
        check_url(&url);
        check_again(&arena, &url);
        if (tulle__query_find(url.query, STR("a"), &value)) {
            check_part(value, url.query);
        }
    } else {
        must(why != NULL);
    }
    tulle__arena_fini(&arena);
    return 0;
}
