/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/fork_shop.h"

#include "wire/child.h"

const char url_of_shop[] = "http://shop/?text=child";

static void count_openings(void *user, int32_t level, const char *area, const char *text)
{
    struct shop *shop = user;

    (void)level;
    if (strcmp(area, "config") == 0 && strstr(text, "in force")) {
        atomic_fetch_add(&shop->openings, 1);
    }
}

static void count_calls(void *user, const struct tulle_access *access)
{
    (void)access;
    atomic_fetch_add(&((struct shop *)user)->calls, 1);
}

void shop_init(struct shop *shop)
{
    *shop = (struct shop){
        .server = server_start(SERVER_HTTP, "127.0.0.2:0", "--quiet", NULL),
        .options = { TULLE_OPTIONS_INIT, .after_fork = TULLE_AFTER_FORK_REOPEN, .loops = 1,
                     .log = count_openings, .log_level = TULLE_LEVEL_INFO, .access = count_calls },
    };
    shop->options.log_user = shop->options.access_user = shop;
    child_prepare();
}

void shop_open(struct shop *shop)
{
    shop_init(shop);
    shop->mesh = wire_open(&shop->server, 1, TULLE_PROTOCOL_HTTP, NULL, &shop->options);
    assert_int_equal(wire_get(shop->mesh, url_of_shop).status, 200);
}

void shop_close(struct shop *shop, uint64_t of_children)
{
    assert_int_equal(wire_get(shop->mesh, url_of_shop).status, 200);
    assert_int_equal(server_count(shop->server, "opened"), 1 + of_children);
    assert_true(server_wait_exactly(shop->server, "open", 1));
    wire_close(shop->mesh);
    server_stop(shop->server);
}

bool is_served(struct tulle *mesh)
{
    struct tulle_reply *reply;
    bool served = tulle_get(mesh, url_of_shop, &reply) == TULLE_OK &&
                  strcmp(tulle_reply_body(reply), "child") == 0;

    tulle_reply_free(reply);
    return served;
}
