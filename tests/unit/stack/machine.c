/* SPDX-License-Identifier: Apache-2.0 */

#include "machine.h"

static int64_t bench_now(void *user)
{
    return ((struct bench *)user)->now;
}

static uint64_t bench_seed(void *user)
{
    (void)user;
    return 1;
}

void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    bench->now = 1000;
    bench->world = (struct world){
        .now = bench_now, .wall = bench_now, .seed = bench_seed, .user = bench, .is_virtual = true
    };
    assert_true(tulle__loop_init(&bench->loop, &bench->world));
    bench->loop.now = bench->now;
    bench->on.loop = &bench->loop;
}

void bench_layer(struct bench *bench, const struct layer_type *type, const void *config)
{
    size_t at = bench->stack.count++;

    bench->stack.layers[at] = (struct layer){ type, config, at * 64 };
    assert_true(type->slot_size <= 64);
}

static struct bench *bench_of(struct tulle_call *call)
{
    return CONTAINER_OF(call->on, struct bench, on);
}

static void bench_ended(struct tulle_call *call)
{
    bench_of(call)->ended++;
}

bool bench_start(struct bench *bench)
{
    struct tulle_call *call = tulle__call_alloc();

    if (!call) {
        return false;
    }
    if (!tulle__loop_reserve_timers(&bench->loop, 1)) {
        tulle__call_unref(call);
        return false;
    }
    call->stack = &bench->stack;
    call->on = &bench->on;
    call->ended = bench_ended;
    call->started_at = bench->now;
    call->deadline = call->timeout_at = NEVER;
    call->method = STR("GET");
    bench->call = call;
    tulle__call_run(call);
    return true;
}

void bench_run(struct bench *bench, int64_t until)
{
    int64_t due;

    while ((due = tulle__loop_due(&bench->loop)) < until) {
        bench->now = due > bench->now ? due : bench->now;
        tulle__loop_round(&bench->loop, bench->now);
    }
    if (until != NEVER) {
        bench->now = until;
        bench->loop.now = until;
    }
}

static void cancel(struct tulle_call *call)
{
    tulle__call_cancel_here(
        call, &(struct outcome){ .error = TULLE_E_CANCELLED, .origin = ORIGIN_CANCELLED });
}

void bench_cancel(struct bench *bench)
{
    cancel(bench->call);
}

void bench_close(struct bench *bench)
{
    if (bench->call) {
        tulle__call_unref(bench->call);
    }
    tulle__loop_fini(&bench->loop);
}

/* --- layers --- */

static enum down bound_on_call(struct tulle_call *call, size_t at)
{
    tulle__call_wake_at(call, at, call_now(call) + *(const int64_t *)call_config(call, at));
    return DOWN_PASS;
}

static void bound_on_wake(struct tulle_call *call, size_t at)
{
    struct outcome outcome = { .error = TULLE_E_TIMEOUT, .origin = ORIGIN_TIMEOUT };

    tulle__call_answer(call, at, &outcome, &outcome);
}

const struct layer_type bench_bound = { .name = "bound",
                                        .on_call = bound_on_call,
                                        .on_wake = bound_on_wake };

static bool is_bad(const struct outcome *outcome)
{
    return outcome->error != TULLE_OK || outcome->status >= 500;
}

static enum up again_on_reply(struct tulle_call *call, size_t at)
{
    const struct again *again = call_config(call, at);
    int *tries = call_slot(call, at);

    if (!is_bad(&call->outcome) || ++*tries >= again->max) {
        return UP_PASS;
    }
    if (again->backoff == 0) {
        return UP_AGAIN;
    }
    tulle__call_wake_at(call, at, call_now(call) + again->backoff * *tries);
    return UP_HOLD;
}

const struct layer_type bench_again = { .name = "again",
                                        .slot_size = sizeof(int),
                                        .on_reply = again_on_reply,
                                        .on_wake = tulle__call_resume };

static enum down stats_on_call(struct tulle_call *call, size_t at)
{
    ((struct stats *)(uintptr_t)call_config(call, at))->in_flight++;
    return DOWN_PASS;
}

static void stats_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    struct stats *stats = (struct stats *)(uintptr_t)call_config(call, at);

    stats->in_flight--;
    stats->ends++;
    stats->timeouts += outcome->origin == ORIGIN_TIMEOUT;
    stats->cancelled += outcome->origin == ORIGIN_CANCELLED;
    stats->bad += outcome->origin == ORIGIN_TRANSPORT ||
                  (outcome->error == TULLE_OK && outcome->status >= 500);
    stats->good += outcome->error == TULLE_OK && outcome->status < 500;
}

const struct layer_type bench_stats = { .name = "stats",
                                        .on_call = stats_on_call,
                                        .on_end = stats_on_end };

struct script_slot {
    const struct script_reply *reply;
    bool streaming;
};

static void script_answer(struct tulle_call *call, size_t at, const struct script_reply *reply)
{
    struct outcome outcome = { .status = reply->status, .open = reply->body > 0 };

    tulle__call_answer(call, at, &outcome, &outcome);
}

static enum down script_on_call(struct tulle_call *call, size_t at)
{
    struct script *script = (struct script *)(uintptr_t)call_config(call, at);
    struct script_slot *slot = call_slot(call, at);

    slot->reply = &script->replies[script->next++];
    if (slot->reply->status == 0) {
        return DOWN_HOLD;
    }
    if (slot->reply->after > 0) {
        tulle__call_wake_at(call, at, call_now(call) + slot->reply->after);
        return DOWN_HOLD;
    }
    script_answer(call, at, slot->reply); /* the same verb, from inside */
    return DOWN_HOLD;
}

static void script_on_wake(struct tulle_call *call, size_t at)
{
    struct script_slot *slot = call_slot(call, at);
    const struct script_reply *reply = slot->reply;
    struct outcome end = { .status = reply->status };

    if (slot->streaming) {
        end.error = reply->breaks ? TULLE_E_NETWORK : TULLE_OK;
        end.origin = reply->breaks ? ORIGIN_TRANSPORT : ORIGIN_NONE;
        tulle__call_finish(call, at, &end);
        return;
    }
    if (reply->body > 0) {
        slot->streaming = true;
        tulle__call_wake_at(call, at, call_now(call) + reply->body);
    }
    script_answer(call, at, reply);
}

static void script_on_end(struct tulle_call *call, size_t at, const struct outcome *outcome)
{
    struct script *script = (struct script *)(uintptr_t)call_config(call, at);

    script->cut += outcome->origin == ORIGIN_TIMEOUT || outcome->origin == ORIGIN_CANCELLED;
}

const struct layer_type bench_script = { .name = "script",
                                         .slot_size = sizeof(struct script_slot),
                                         .on_call = script_on_call,
                                         .on_end = script_on_end,
                                         .on_wake = script_on_wake };

static enum down naughty_on_call(struct tulle_call *call, size_t at)
{
    (void)at;
    cancel(call);
    return DOWN_PASS;
}

const struct layer_type bench_naughty = { .name = "naughty", .on_call = naughty_on_call };
