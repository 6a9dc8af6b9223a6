/* SPDX-License-Identifier: Apache-2.0 */

#include "health/health.h"

#include "health/ward.h"

void tulle__health_init(struct health *health, const struct health_options *options)
{
    *health = (struct health){ .options = *options };
    list_init(&health->wards);
    list_init(&health->queue);
    tulle__rand_init(&health->rand, options->seed);
}

static struct ward *ward_at(struct list *node)
{
    return CONTAINER_OF(node, struct ward, node);
}

void tulle__health_fini(struct health *health)
{
    struct list *node;

    if (health->options.loop == NULL) {
        return;
    }
    while ((node = list_first(&health->wards)) != NULL) {
        tulle__ward_free(ward_at(node));
    }
    if (health->transport != NULL) {
        health->options.transport->close_transport(health->transport);
    }
    health->transport = NULL;
}

void tulle__health_fit(struct health *health)
{
    struct cluster_live *live;
    bool all = true;
    size_t at = 0;

    while ((live = tulle__table_next(&health->options.live->by_name, &at)) != NULL) {
        all = tulle__ward_fit(health, live) && all;
    }
    health->behind = !all;
}

void tulle__health_listen(struct health *health)
{
    for (struct list *node = health->wards.next; node != &health->wards; node = node->next) {
        tulle__ward_listen(ward_at(node));
    }
}

size_t tulle__health_warming(const struct health *health)
{
    size_t count = health->behind;

    for (struct list *node = health->wards.next; node != &health->wards; node = node->next) {
        const struct ward *ward = ward_at(node);

        count += ward->live->warming && ward->unchecked > 0;
    }
    return count;
}
