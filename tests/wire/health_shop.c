/* SPDX-License-Identifier: Apache-2.0 */

#include "wire/health_shop.h"

#include <stdio.h>
#include <stdlib.h>

struct hope {
    struct checked_shop *shop;
    const char *pattern;
    double value;
};

static void log_keep(void *user, int32_t level, const char *area, const char *text)
{
    struct checked_shop *shop = user;
    size_t room;

    (void)level;
    pthread_mutex_lock(&shop->lock);
    room = sizeof(shop->log) - shop->log_size;
    if (room > 512) {
        shop->log_size += (size_t)snprintf(shop->log + shop->log_size, 512, "%s: %s\n", area, text);
    }
    pthread_mutex_unlock(&shop->lock);
}

unsigned log_has(struct checked_shop *shop, const char *text)
{
    unsigned count = 0;

    pthread_mutex_lock(&shop->lock);
    for (const char *at = shop->log; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    pthread_mutex_unlock(&shop->lock);
    return count;
}

void checked_start(struct checked_shop *shop, size_t count, const char *flag)
{
    memset(shop, 0, sizeof(*shop));
    pthread_mutex_init(&shop->lock, NULL);
    shop->count = count;
    for (size_t i = 0; i < count; i++) {
        shop->servers[i] = flag ? server_start(SERVER_TLS, "127.0.0.2:0", flag, NULL)
                                : server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    }
}

void checked_open(struct checked_shop *shop, int32_t protocol, const char *yaml,
                  const struct tulle_options *more)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };

    if (more != NULL) {
        options = *more;
    }
    options.log = log_keep;
    options.log_user = shop;
    options.log_level = TULLE_LEVEL_INFO;
    shop->mesh = wire_open(shop->servers, shop->count, protocol, yaml, &options);
}

void checked_close(struct checked_shop *shop)
{
    wire_close(shop->mesh);
    for (size_t i = 0; i < shop->count; i++) {
        assert_true(server_wait_exactly(shop->servers[i], "open", 0));
        server_stop(shop->servers[i]);
    }
    pthread_mutex_destroy(&shop->lock);
}

static bool healthy_is(void *user)
{
    const struct hope *hope = user;

    return wire_metric(hope->shop->mesh, "tulle_health_check_healthy", "") == hope->value;
}

bool healthy_are(struct checked_shop *shop, double count)
{
    struct hope hope = { shop, NULL, count };

    return test_wait_until(healthy_is, &hope, PATIENCE_NS);
}

static bool first_log_has(void *user)
{
    const struct hope *hope = user;

    return server_log_count(hope->shop->servers[0], hope->pattern) >= hope->value;
}

bool journal_has(struct checked_shop *shop, const char *pattern, double count)
{
    struct hope hope = { shop, pattern, count };

    return test_wait_until(first_log_has, &hope, PATIENCE_NS);
}

size_t stamps(struct checked_shop *shop, const char *text, int64_t out[STAMPS_MAX])
{
    size_t count = 0;

    for (const char *line = server_log(shop->servers[0]); *line != '\0' && count < STAMPS_MAX;) {
        size_t size = strcspn(line, "\n");
        const char *found = strstr(line, text);

        if (found != NULL && found < line + size) {
            out[count++] = (int64_t)(strtod(line, NULL) * 1e9);
        }
        line += size + (line[size] == '\n');
    }
    return count;
}

void assert_apart(const int64_t *stamp, int64_t least)
{
    assert_true(stamp[1] - stamp[0] >= least - EARLY_NS);
}
