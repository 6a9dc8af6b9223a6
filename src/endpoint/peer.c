/* SPDX-License-Identifier: Apache-2.0 */

/* One allocation holds a peer, its pools and its key; the address is the tail
 * of the key. */

#include "endpoint/peer.h"

#include "endpoint/lines.h"

/* What a key starts with. Protocols do not share connections, nor do names
 * that a certificate must prove. */
static struct str key_scheme(enum protocol protocol)
{
    switch (protocol) {
    case PROTOCOL_HTTP2: return STR("h2|");
    case PROTOCOL_HTTPS: return STR("https|");
    case PROTOCOL_HTTP1: break;
    }
    return STR("http|");
}

static struct str key_host(enum protocol protocol, struct str host)
{
    return protocol == PROTOCOL_HTTPS ? host : STR_NONE;
}

static size_t key_head_size(enum protocol protocol, struct str host)
{
    size_t host_size = key_host(protocol, host).size;

    return key_scheme(protocol).size + host_size + (protocol == PROTOCOL_HTTPS ? 1 : 0);
}

static void text_add(char **at, struct str text)
{
    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
        *at += text.size;
    }
}

static void key_write(char *key, struct str address, enum protocol protocol, struct str host)
{
    text_add(&key, key_scheme(protocol));
    text_add(&key, key_host(protocol, host));
    if (protocol == PROTOCOL_HTTPS) {
        text_add(&key, STR("|"));
    }
    text_add(&key, address);
    *key = '\0';
}

static struct peer *peer_new(size_t loop_count, struct str address, enum protocol protocol,
                             struct str host)
{
    size_t head_size = key_head_size(protocol, host);
    size_t pools_size = sizeof(struct peer) + loop_count * sizeof(struct pool *);
    struct peer *peer = tulle__lines_alloc(pools_size + head_size + address.size + 1);
    char *key;

    if (peer == NULL) {
        return NULL;
    }
    key = (char *)peer + pools_size;
    key_write(key, address, protocol, host);
    peer->key = (struct str){ key, head_size + address.size };
    peer->address = (struct str){ key + head_size, address.size };
    peer->protocol = protocol;
    peer->loop_count = loop_count;
    return peer;
}

void tulle__peers_init(struct peers *peers, size_t loop_count)
{
    *peers = (struct peers){ .loop_count = loop_count };
}

void tulle__peers_fini(struct peers *peers)
{
    tulle__table_fini(&peers->by_key);
}

bool tulle__peer_is(const struct peer *peer, struct str address, enum protocol protocol,
                    struct str host)
{
    size_t scheme_size = key_scheme(protocol).size;
    struct str name = key_host(protocol, host);

    if (peer->protocol != protocol || !str_equal(peer->address, address)) {
        return false;
    }
    return peer->key.size == key_head_size(protocol, host) + address.size &&
           str_equal((struct str){ peer->key.data + scheme_size, name.size }, name);
}

struct peer *tulle__peers_get(struct peers *peers, struct str address, enum protocol protocol,
                              struct str host)
{
    struct peer *fresh = peer_new(peers->loop_count, address, protocol, host);
    struct peer *peer;

    if (fresh == NULL) {
        return NULL;
    }
    peer = tulle__table_find(&peers->by_key, fresh->key);
    if (peer != NULL) {
        tulle__lines_free(fresh);
        return tulle__peer_ref(peer);
    }
    if (!tulle__table_put(&peers->by_key, fresh->key, fresh)) {
        tulle__lines_free(fresh);
        return NULL;
    }
    return tulle__peer_ref(fresh);
}

struct peer *tulle__peer_ref(struct peer *peer)
{
    atomic_fetch_add_explicit(&peer->refs, 1, memory_order_relaxed);
    return peer;
}

void tulle__peer_unref(struct peer *peer)
{
    atomic_fetch_sub_explicit(&peer->refs, 1, memory_order_release);
}

void tulle__peers_sweep(struct peers *peers)
{
    struct peer *dead = NULL;
    struct peer *peer;
    size_t at = 0;

    while ((peer = tulle__table_next(&peers->by_key, &at)) != NULL) {
        if (atomic_load_explicit(&peer->refs, memory_order_acquire) == 0) {
            peer->next_dead = dead;
            dead = peer;
        }
    }
    while (dead != NULL) {
        peer = dead;
        dead = peer->next_dead;
        tulle__table_remove(&peers->by_key, peer->key);
        tulle__lines_free(atomic_load_explicit(&peer->report, memory_order_relaxed));
        tulle__lines_free(peer);
    }
}
