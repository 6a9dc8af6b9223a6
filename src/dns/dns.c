/* SPDX-License-Identifier: Apache-2.0 */

/* The table of names, which every loop may look into, and the desks where calls
 * wait. A call that finds no answer enters the name and itself in one step
 * under the lock, so no answer can pass it by. */

#include "base/alloc.h"
#include "base/macros.h"
#include "dns/address.h"
#include "dns/internal.h"

/* Under the lock. NULL: no memory. */
static struct dns_name *name_new(struct dns *dns, struct str host)
{
    struct dns_name *name = tulle__alloc_zero(1, sizeof(*name) + host.size + 1);
    char *text;

    if (!name) {
        return NULL;
    }
    text = (char *)(name + 1);
    memcpy(text, host.data, host.size);
    name->dns = dns;
    name->host = (struct str){ text, host.size };
    list_init(&name->wanted);
    if (!tulle__table_put(&dns->names, name->host, name)) {
        tulle__free(name);
        return NULL;
    }
    return name;
}

/* --- calls --- */

/* Under the lock. True: the control step must be told. */
static bool name_enter_wanted(struct dns_name *name)
{
    if (!list_is_empty(&name->wanted)) {
        return false;
    }
    list_add_last(&name->dns->wanted, &name->wanted);
    return true;
}

/* Under the lock. `*tell`: the control step must look. NULL: wait. */
static struct dns_answer *name_find(struct dns *dns, struct str host, bool *tell)
{
    struct dns_name *name = tulle__table_find(&dns->names, host);

    if (!name && dns->names.count >= NAMES_MOST) {
        return tulle__dns_answer_ref(&dns->too_many);
    }
    name = name ? name : name_new(dns, host);
    if (!name) {
        return tulle__dns_answer_ref(&dns->no_memory);
    }
    name->used = true;
    if (name->answer && !name->asleep) {
        *tell = name->answer == &dns->no_memory && name_enter_wanted(name);
        return tulle__dns_answer_ref(name->answer);
    }
    *tell = name_enter_wanted(name);
    return NULL;
}

struct dns_answer *tulle__dns_ask(struct dns_desk *desk, struct dns_wait *wait, struct str host)
{
    struct dns *dns = desk->dns;
    struct dns_answer *answer;
    bool tell = false;

    tulle__mutex_lock(&dns->lock);
    answer = name_find(dns, host, &tell);
    if (!answer) {
        list_add_last(&desk->waiting, &wait->node);
        atomic_fetch_add(&desk->count, 1);
    }
    tulle__mutex_unlock(&dns->lock);
    if (tell) {
        tulle__loop_post(dns->loop, &dns->task);
    }
    return answer;
}

void tulle__dns_leave(struct dns_desk *desk, struct dns_wait *wait)
{
    if (!list_is_empty(&wait->node)) {
        list_remove(&wait->node);
        atomic_fetch_sub(&desk->count, 1);
    }
}

/* Each asks again, and waits again if it was not its name that was answered. Who
 * is told may make others leave, or come. */
static void desk_run(struct task *task)
{
    struct dns_desk *desk = CONTAINER_OF(task, struct dns_desk, task);
    struct list round, *node;

    list_init(&round);
    list_move_all(&round, &desk->waiting);
    while ((node = list_first(&round))) {
        struct dns_wait *wait = CONTAINER_OF(node, struct dns_wait, node);

        tulle__dns_leave(desk, wait);
        wait->ready(wait);
    }
}

void tulle__dns_desk_init(struct dns_desk *desk, struct dns *dns)
{
    desk->dns = dns;
    desk->task.run = desk_run;
    list_init(&desk->waiting);
    list_add_last(&dns->desks, &desk->node);
}

/* --- the control step --- */

static struct dns_name *wanted_take(struct dns *dns)
{
    struct dns_name *name = NULL;
    struct list *node;

    tulle__mutex_lock(&dns->lock);
    node = list_first(&dns->wanted);
    if (node) {
        name = CONTAINER_OF(node, struct dns_name, wanted);
        list_remove(node);
    }
    tulle__mutex_unlock(&dns->lock);
    return name;
}

static void wanted_run(struct task *task)
{
    struct dns *dns = CONTAINER_OF(task, struct dns, task);
    struct dns_name *name;

    while ((name = wanted_take(dns))) {
        tulle__dns_name_want(name);
    }
}

struct dns_name *tulle__dns_hold(struct dns *dns, struct str host)
{
    struct dns_name *name;

    tulle__mutex_lock(&dns->lock);
    name = tulle__table_find(&dns->names, host);
    name = name ? name : name_new(dns, host);
    tulle__mutex_unlock(&dns->lock);
    if (!name) {
        return NULL;
    }
    if (!tulle__dns_name_reserve(name)) {
        tulle__mutex_lock(&dns->lock);
        name_enter_wanted(name); /* or nobody would ever look at it */
        tulle__mutex_unlock(&dns->lock);
        tulle__loop_post(dns->loop, &dns->task);
        return NULL;
    }
    name->holds++;
    tulle__dns_name_want(name);
    return name;
}

/* Its timer decides what becomes of it. */
void tulle__dns_release(struct dns_name *name)
{
    name->holds--;
}

struct dns_answer *tulle__dns_name_answer(struct dns_name *name)
{
    return name->answer ? tulle__dns_answer_ref(name->answer) : NULL;
}

/* --- metrics --- */

static void name_census(const struct dns_name *name, struct dns_stats *out)
{
    if (!name->answer) {
        out->pending++;
    } else if (name->answer->fault == DNS_OK) {
        out->good++;
    } else if (name->answer->count > 0) {
        out->stale++;
    } else {
        out->failed++;
    }
}

void tulle__dns_stats(struct dns *dns, struct dns_stats *out)
{
    const struct dns_name *name;
    size_t at = 0;

    tulle__mutex_lock(&dns->lock);
    *out = dns->stats;
    while ((name = tulle__table_next(&dns->names, &at))) {
        name_census(name, out);
    }
    tulle__mutex_unlock(&dns->lock);
}

/* --- birth and death --- */

static void answer_init(struct dns_answer *answer, enum dns_fault fault)
{
    *answer = (struct dns_answer){ .fault = fault, .text = STR("") };
    atomic_init(&answer->refs, 1);
}

enum tulle_error tulle__dns_open(const struct dns_options *options, struct dns **out)
{
    const struct resolver_options resolver = { options->loop, options->log, options->servers };
    struct dns *dns = ALLOC_ZERO(struct dns);

    *out = NULL;
    ENSURE(dns, TULLE_E_NOMEM);
    dns->loop = options->loop;
    dns->log = options->log;
    dns->type = options->resolver;
    dns->changed = options->changed;
    dns->user = options->user;
    dns->stale_ns = options->stale_ns;
    dns->task.run = wanted_run;
    tulle__rand_init(&dns->rand, options->seed);
    dns->names.seed = rand_next(&dns->rand);
    list_init(&dns->desks);
    list_init(&dns->wanted);
    answer_init(&dns->no_memory, DNS_NO_MEMORY);
    answer_init(&dns->too_many, DNS_TOO_MANY);
    if (!tulle__mutex_init(&dns->lock)) {
        tulle__free(dns);
        return TULLE_E_INTERNAL;
    }
    dns->resolver = dns->type->open(&resolver);
    if (!dns->resolver) {
        tulle__mutex_fini(&dns->lock);
        tulle__free(dns);
        return options->servers ? TULLE_E_USAGE : TULLE_E_NOMEM;
    }
    *out = dns;
    return TULLE_OK;
}

void tulle__dns_close(struct dns *dns)
{
    struct dns_name *name;

    if (!dns) {
        return;
    }
    dns->type->close(dns->resolver);
    for (size_t at = 0; (name = tulle__table_next(&dns->names, &at));) {
        tulle__dns_name_free(name);
    }
    tulle__table_fini(&dns->names);
    tulle__mutex_fini(&dns->lock);
    tulle__free(dns);
}
