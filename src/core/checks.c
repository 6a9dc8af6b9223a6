/* SPDX-License-Identifier: Apache-2.0 */

#include "core/checks.h"

#include "core/mesh.h"

static bool checks_resolve(void *user, struct str host, char out[HEALTH_ADDRESSES_SIZE])
{
    return tulle__names_where(&((struct tulle *)user)->names, host, out, HEALTH_ADDRESSES_SIZE);
}

static void checks_changed(void *user)
{
    tulle__control_poke(user);
}

void tulle__checks_open(struct tulle *mesh)
{
    struct rand rand = mesh->rand; /* a copy: the mesh's own draws are as they were */
    const struct health_options options = {
        .loop = &mesh->control,
        .transport = mesh->transport,
        .has_sockets = mesh->transport == &tulle__curl_transport,
        .log = &mesh->log,
        .ca_file = mesh->ca_file,
        .live = &mesh->live,
        .seed = ~rand_next(&rand),
        .resolve = checks_resolve,
        .changed = checks_changed,
        .user = mesh,
    };

    tulle__health_init(&mesh->health, &options);
}

void tulle__checks_fit(struct tulle *mesh)
{
    tulle__health_fit(&mesh->health);
    tulle__names_warming(&mesh->names, tulle__health_warming(&mesh->health));
}

/* While a draft could not be published it is not settled who is there. */
void tulle__checks_step(struct tulle *mesh)
{
    if (mesh->health.behind && !mesh->stale) {
        tulle__health_fit(&mesh->health);
    }
    tulle__health_listen(&mesh->health);
    tulle__names_warming(&mesh->names, tulle__health_warming(&mesh->health));
}
