/* SPDX-License-Identifier: Apache-2.0 */

/* The order is the architecture: whoever changes it changes this list, on purpose. */

#include "policy/layers.h"

#include "harness/test.h"
#include "stack/call.h"

static void order_holds(const struct layer_type *const *order, const char *const *names)
{
    size_t slots = 0, i = 0;

    for (; names[i]; i++) {
        assert_non_null(order[i]);
        assert_string_equal(order[i]->name, names[i]);
        slots += (order[i]->slot_size + 15) / 16 * 16;
    }
    assert_null(order[i]);
    assert_true(i <= LAYERS_MAX);
    assert_true(slots <= SLOTS_SIZE);
}

static void a_call_into_the_mesh_passes_every_policy(void **state)
{
    static const char *const names[] = {
        "telemetry", "trace",     "deadline", "adaptive", "admission",       "timeout",
        "hash",      "retry",     "hedge",    "span",     "throttling",      "admit",
        "pick",      "endpoint",  "latency",  "report",   "per-try timeout", "per-try idle",
        "resolve",   "transport", NULL
    };

    (void)state;
    order_holds(tulle__order, names);
}

static void past_the_mesh_there_is_the_deadline(void **state)
{
    static const char *const names[] = { "telemetry", "trace",     "deadline", "span",
                                         "resolve",   "transport", NULL };

    (void)state;
    order_holds(tulle__order_outside, names);
}

static void a_refusal_is_counted_as_well(void **state)
{
    static const char *const names[] = { "telemetry", "route", NULL };

    (void)state;
    order_holds(tulle__order_refused, names);
}

static void the_call_tier_lies_above_the_attempt_tier(void **state)
{
    bool attempt = false;

    (void)state;
    for (size_t i = 0; tulle__order[i]; i++) {
        assert_false(attempt && tulle__order[i]->tier == TIER_CALL);
        attempt = tulle__order[i]->tier == TIER_ATTEMPT;
    }
}

/* A failure tells its name. */
static void every_layer_has_a_name_and_a_way_to_act(void **state)
{
    (void)state;
    for (size_t i = 0; tulle__order[i]; i++) {
        const struct layer_type *type = tulle__order[i];

        assert_true(strlen(type->name) < sizeof(((struct tulle_failure *)NULL)->layer));
        assert_true(type->on_call || type->on_reply || type->on_end);
    }
}

TEST_MAIN(cmocka_unit_test(a_call_into_the_mesh_passes_every_policy),
          cmocka_unit_test(past_the_mesh_there_is_the_deadline),
          cmocka_unit_test(a_refusal_is_counted_as_well),
          cmocka_unit_test(the_call_tier_lies_above_the_attempt_tier),
          cmocka_unit_test(every_layer_has_a_name_and_a_way_to_act))
