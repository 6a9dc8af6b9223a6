/* SPDX-License-Identifier: Apache-2.0 */

#include "shop.h"

#include <stdio.h>

/* Nobody waits longer for stars. */
#define PATIENCE TULLE_MS(300)

static enum tulle_error reviews_get(struct shop *shop, const char *product, const char *user,
                                    struct tulle_reply **out)
{
    const struct tulle_header headers[] = { { "X-User", user } };
    char url[256];

    snprintf(url, sizeof(url), "http://reviews/stars/%s", product);
    return tulle_call(shop->mesh,
                      &(struct tulle_request){
                          TULLE_REQUEST_INIT,
                          .url = url,
                          .headers = headers,
                          .header_count = user ? 1 : 0,
                          .deadline_ns = PATIENCE,
                      },
                      out);
}

int shop_page(struct shop *shop, const char *product, const char *user, char *page, size_t size)
{
    struct tulle_reply *reply;
    enum tulle_error error = reviews_get(shop, product, user, &reply);

    shop->pages++;
    if (error == TULLE_OK && tulle_reply_status(reply) == 404) {
        snprintf(page, size, "no such product");
        tulle_reply_free(reply);
        return 404;
    }
    if (error == TULLE_OK && tulle_reply_status(reply) == 200) {
        snprintf(page, size, "%s: %s stars", product, tulle_reply_body(reply));
    } else {
        snprintf(page, size, "%s", product);
        shop->without_stars++;
    }
    tulle_reply_free(reply);
    return 200;
}
