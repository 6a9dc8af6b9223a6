/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/script_resolver.h"

#include <stdio.h>
#include <stdlib.h>

#include "dns/address.h"
#include "harness/test.h"

enum { ADDRESSES_MAX = 2048 };

struct resolver {
    struct loop *loop;
    struct script *script;
    struct list questions;
};

struct question {
    struct list node;
    struct timer timer;
    struct resolver *resolver;
    struct resolver_query *query;
    struct script_name *name;
    bool is_ipv6;
};

/* In the script, which knows nothing of names. */
static struct list *names_of(struct script *script)
{
    struct list *names = script->user;

    if (!names) {
        names = calloc(1, sizeof(*names));
        assert_non_null(names);
        list_init(names);
        script->user = names;
    }
    return names;
}

struct script_name *script_name(struct script *script, const char *host)
{
    struct list *names = names_of(script);
    struct script_name *name;

    for (struct list *node = names->next; node != names; node = node->next) {
        name = CONTAINER_OF(node, struct script_name, node);
        if (strcmp(name->host, host) == 0) {
            return name;
        }
    }
    name = calloc(1, sizeof(*name));
    assert_non_null(name);
    snprintf(name->host, sizeof(name->host), "%s", host);
    list_add_last(names, &name->node);
    script_name_say(script, host, &(struct script_says){ .ipv4 = "192.0.2.1" });
    return name;
}

void script_name_say(struct script *script, const char *host, const struct script_says *says)
{
    struct script_name *name;

    name = script_name(script, host);
    name->says = *says;
    snprintf(name->ipv4, sizeof(name->ipv4), "%s", says->ipv4 ? says->ipv4 : "");
    snprintf(name->ipv6, sizeof(name->ipv6), "%s", says->ipv6 ? says->ipv6 : "");
}

void script_names_fini(struct script *script)
{
    struct list *names = script->user, *node;

    while (names && (node = list_first(names))) {
        list_remove(node);
        free(CONTAINER_OF(node, struct script_name, node));
    }
    free(names);
}

static size_t addresses_read(const char *text, struct dns_address *out)
{
    struct str rest = str_of(text);
    size_t count = 0;

    while (rest.size > 0 && count < ADDRESSES_MAX) {
        assert_true(tulle__dns_literal(tulle__str_cut(rest, ',', &rest), &out[count++]));
    }
    return count;
}

static void question_answer(struct question *question)
{
    const struct script_says *says = &question->name->says;
    static struct dns_address addresses[ADDRESSES_MAX];
    struct resolver_result result = {
        .fault = question->is_ipv6 && says->fault6 != DNS_OK ? says->fault6 : says->fault,
        .addresses = addresses,
        .ttl_ns = says->ttl_ns != 0 ? says->ttl_ns : 60 * NS_PER_S,
    };
    struct resolver_query *query = question->query;

    if (result.fault == DNS_OK) {
        result.count = addresses_read(
            question->is_ipv6 ? question->name->ipv6 : question->name->ipv4, addresses);
        result.fault = result.count > 0 ? DNS_OK : DNS_NO_DATA;
    }
    list_remove(&question->node);
    tulle__loop_release_timers(question->resolver->loop, 1);
    free(question);
    query->done(query, &result);
}

static void question_fire(struct timer *timer, int64_t now)
{
    (void)now;
    question_answer(CONTAINER_OF(timer, struct question, timer));
}

static struct resolver *script_open(const struct resolver_options *options)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));

    assert_non_null(resolver);
    resolver->loop = options->loop;
    resolver->script = options->loop->world->user;
    list_init(&resolver->questions);
    return resolver;
}

static void script_close(struct resolver *resolver)
{
    struct list *node;

    while ((node = list_first(&resolver->questions))) {
        struct question *question = CONTAINER_OF(node, struct question, node);

        tulle__timer_disarm(resolver->loop, &question->timer);
        tulle__loop_release_timers(resolver->loop, 1);
        list_remove(node);
        free(question);
    }
    free(resolver);
}

static int64_t delay_of(const struct question *question)
{
    const struct script_says *says = &question->name->says;

    return question->is_ipv6 && says->delay6_ns != 0 ? says->delay6_ns : says->delay_ns;
}

static void script_start(struct resolver *resolver, struct resolver_query *query, struct str host,
                         bool is_ipv6)
{
    struct question *question;

    if (!tulle__loop_reserve_timers(resolver->loop, 1)) {
        query->done(query, &(struct resolver_result){ .fault = DNS_NO_MEMORY, .ttl_ns = NEVER });
        return;
    }
    question = calloc(1, sizeof(*question));
    assert_non_null(question);
    *question = (struct question){ .timer.fire = question_fire,
                                   .resolver = resolver,
                                   .query = query,
                                   .name = script_name(resolver->script, host.data),
                                   .is_ipv6 = is_ipv6 };
    question->name->asked += !is_ipv6;
    question->name->asked6 += is_ipv6;
    list_add_last(&resolver->questions, &question->node);
    if (delay_of(question) == 0) {
        question_answer(question);
        return;
    }
    tulle__timer_arm(resolver->loop, &question->timer,
                     time_add(world_now(resolver->loop->world), delay_of(question)));
}

const struct resolver_type script_resolver = {
    .name = "script",
    .open = script_open,
    .close = script_close,
    .start = script_start,
};
