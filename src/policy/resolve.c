/* SPDX-License-Identifier: Apache-2.0 */

/* Where the name is that this attempt goes to: a host outside the mesh, or an
 * endpoint that is a name. A name that nobody knows yet makes the call wait,
 * bounded by its deadline; one that has no address is a connection that did not
 * come about (Envoy's flag DF). */

#include <stdio.h>

#include "dns/address.h"
#include "dns/dns.h"
#include "policy/layers.h"
#include "stack/call.h"

struct resolve_slot {
    struct dns_wait wait;
    struct tulle_call *call;
    size_t at;
};

static enum tulle_error resolve_prepare(const struct prepare *prepare, const void **config,
                                        bool *absent)
{
    (void)config;
    *absent = prepare->cluster && prepare->cluster->discovery != DISCOVERY_LOGICAL_DNS;
    return TULLE_OK;
}

static struct str without_port(struct str address)
{
    while (address.size > 0 && address.data[--address.size] != ':') {
    }
    return address;
}

static struct str host_of(const struct tulle_call *call)
{
    return call->plan.kind == PLAN_TARGET ? without_port(peer_address(call->view->peer))
                                          : call->url.host;
}

static enum down resolve_refuse(struct tulle_call *call, size_t at, struct str host,
                                enum dns_fault fault)
{
    struct scratch *scratch = call->scratch;

    snprintf(scratch->text, sizeof(scratch->text), "%.*s: %s", STR_ARG(host),
             tulle__dns_fault_text(fault));
    if (fault == DNS_NO_MEMORY) {
        return tulle__call_refuse(call, at, TULLE_E_NOMEM, 503, 0, scratch->text);
    }
    tulle__call_refuse(call, at, TULLE_E_NETWORK, 503, FLAG_DF, scratch->text);
    call->outcome.connect_failure = true;
    return DOWN_ANSWER;
}

static enum down resolve_try(struct tulle_call *call, size_t at, struct resolve_slot *slot)
{
    struct dns_answer *answer = tulle__dns_ask(call->on->dns, &slot->wait, host_of(call));
    enum dns_fault fault;

    if (!answer) {
        return DOWN_HOLD;
    }
    if (answer->count > 0) {
        call->resolved = answer;
        return DOWN_PASS;
    }
    fault = answer->fault;
    tulle__dns_answer_unref(answer);
    return resolve_refuse(call, at, host_of(call), fault);
}

static void resolve_ready(struct dns_wait *wait)
{
    struct resolve_slot *slot = CONTAINER_OF(wait, struct resolve_slot, wait);

    switch (resolve_try(slot->call, slot->at, slot)) {
    case DOWN_HOLD: return;
    case DOWN_PASS: tulle__call_resume(slot->call, slot->at); return;
    case DOWN_ANSWER: tulle__call_answer_refusal(slot->call, slot->at); return;
    }
}

static enum down resolve_on_call(struct tulle_call *call, size_t at)
{
    struct resolve_slot *slot = call_slot(call, at);
    struct str host = host_of(call);
    struct dns_address address;
    enum down down;

    list_init(&slot->wait.node);
    slot->wait.ready = resolve_ready;
    slot->call = call;
    slot->at = at;
    if (tulle__dns_literal(host, &address)) {
        return DOWN_PASS;
    }
    if (host.size > DNS_NAME_MAX) {
        return resolve_refuse(call, at, host, DNS_NO_NAME);
    }
    down = resolve_try(call, at, slot);
    if (down == DOWN_HOLD) {
        tulle__call_tell(call, at, "waits: %.*s is being looked up", STR_ARG(host));
    }
    return down;
}

static void resolve_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    struct resolve_slot *slot = call_slot(call, at);

    (void)outcome;
    tulle__dns_leave(call->on->dns, &slot->wait);
    tulle__dns_answer_unref(call->resolved);
    call->resolved = NULL;
}

const struct layer_type tulle__resolve_layer = {
    .name = "resolve",
    .tier = TIER_ATTEMPT,
    .slot_size = sizeof(struct resolve_slot),
    .on_call = resolve_on_call,
    .on_end = resolve_on_end,
    .prepare = resolve_prepare,
};
