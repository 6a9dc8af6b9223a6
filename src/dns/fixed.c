/* SPDX-License-Identifier: Apache-2.0 */

/* Where there is no network there are no names: a mock's endpoints are told
 * apart by what the URL says, so that one address does for all. */

#include "base/alloc.h"
#include "seam/resolver.h"

struct resolver {
    const struct log *log;
};

static struct resolver *fixed_open(const struct resolver_options *options)
{
    struct resolver *resolver = ALLOC_ZERO(struct resolver);

    if (resolver) {
        resolver->log = options->log;
    }
    return resolver;
}

static void fixed_close(struct resolver *resolver)
{
    tulle__free(resolver);
}

static void fixed_start(struct resolver *resolver, struct resolver_query *query, struct str host,
                        bool is_ipv6)
{
    static const struct dns_address documentation = { .bytes = { 192, 0, 2, 1 } };
    struct resolver_result result = {
        .fault = is_ipv6 ? DNS_NO_DATA : DNS_OK,
        .addresses = is_ipv6 ? NULL : &documentation,
        .count = is_ipv6 ? 0 : 1,
        .ttl_ns = NEVER,
    };

    (void)host;
    tulle__log(resolver->log, LOG_DEBUG, "dns", "%.*s: no network, 192.0.2.1", STR_ARG(host));
    query->done(query, &result);
}

const struct resolver_type tulle__fixed_resolver = {
    .name = "fixed",
    .open = fixed_open,
    .close = fixed_close,
    .start = fixed_start,
};
