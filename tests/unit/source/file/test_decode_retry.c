/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#define RETRIES(text)                                                                              \
    "hosts: [a]\nhttp:\n- route: [{destination: {host: a}}]\n  retries: {" text "}"

static void assert_retries(const char *spec, const struct retry_config *expected)
{
    struct readout out;

    readout_read_spec(&out, "VirtualService", spec);
    const struct rule_route *route = &readout_resource(&out)->spec.virtual_service.routes[0];
    assert_true(route->has_retries);
    assert_int_equal(route->retry.retries, expected->retries);
    assert_int_equal(route->retry.on, expected->on);
    assert_int_equal(route->retry.per_try_timeout_ns, expected->per_try_timeout_ns);
    assert_int_equal(route->retry.backoff_base_ns, expected->backoff_base_ns);
    assert_int_equal(route->retry.backoff_max_ns, 10 * expected->backoff_base_ns);
    assert_int_equal(route->retry.status_count, expected->status_count);
    for (size_t i = 0; i < expected->status_count; i++) {
        assert_int_equal(route->retry.statuses[i], expected->statuses[i]);
    }
    readout_fini(&out);
}

static void what_is_not_said_is_the_default(void **state)
{
    (void)state;
    assert_retries(RETRIES("attempts: 3"),
                   &(struct retry_config){ .retries = 3,
                                           .per_try_timeout_ns = NEVER,
                                           .backoff_base_ns = 25 * NS_PER_MS });
    assert_retries(RETRIES("attempts: 1, retryOn: ''"),
                   &(struct retry_config){ .retries = 1,
                                           .per_try_timeout_ns = NEVER,
                                           .backoff_base_ns = 25 * NS_PER_MS });
}

static void retries_go_elsewhere_or_not(void **state)
{
    static const struct {
        const char *spec;
        uint32_t priority_update;
        bool any_host;
    } cases[] = {
        { RETRIES("attempts: 1"), 0, false },
        { RETRIES("attempts: 1, retryRemoteLocalities: true"), 2, false },
        { RETRIES("attempts: 1, retryRemoteLocalities: false"), 0, false },
        { RETRIES("attempts: 1, retryIgnorePreviousHosts: true"), 0, false },
        { RETRIES("attempts: 1, retryIgnorePreviousHosts: false"), 0, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct retry_config *retry;
        struct readout out;

        readout_read_spec(&out, "VirtualService", cases[i].spec);
        retry = &readout_resource(&out)->spec.virtual_service.routes[0].retry;
        assert_int_equal(retry->priority_update, cases[i].priority_update);
        assert_int_equal(retry->any_host, cases[i].any_host);
        readout_fini(&out);
    }
}

static void conditions_are_read_by_name_and_numbers_as_status_codes(void **state)
{
    (void)state;
    assert_retries(RETRIES("attempts: 2, perTryTimeout: 0.25s, backoff: 10ms, "
                           "retryOn: \"connect-failure, refused-stream,reset\""),
                   &(struct retry_config){ .retries = 2,
                                           .on = RETRY_ON_CONNECT_FAILURE |
                                                 RETRY_ON_REFUSED_STREAM | RETRY_ON_RESET,
                                           .per_try_timeout_ns = 250 * NS_PER_MS,
                                           .backoff_base_ns = 10 * NS_PER_MS });
    assert_retries(RETRIES("attempts: 2, retryOn: 'gateway-error,418,503'"),
                   &(struct retry_config){ .retries = 2,
                                           .on = RETRY_ON_GATEWAY_ERROR | RETRY_ON_STATUS_CODES,
                                           .statuses = (const uint16_t[]){ 418, 503 },
                                           .status_count = 2,
                                           .per_try_timeout_ns = NEVER,
                                           .backoff_base_ns = 25 * NS_PER_MS });
    assert_retries(RETRIES("attempts: 2, retryOn: 503"),
                   &(struct retry_config){ .retries = 2,
                                           .on = RETRY_ON_STATUS_CODES,
                                           .statuses = (const uint16_t[]){ 503 },
                                           .status_count = 1,
                                           .per_try_timeout_ns = NEVER,
                                           .backoff_base_ns = 25 * NS_PER_MS });
}

static void attempts_of_nothing_turn_retries_off(void **state)
{
    const struct retry_config off = { .per_try_timeout_ns = NEVER,
                                      .backoff_base_ns = 25 * NS_PER_MS };

    (void)state;
    assert_retries(RETRIES("attempts: 0"), &off);
    assert_retries(RETRIES(""), &off);
    assert_mistake("VirtualService", RETRIES("attempts: 0, retryOn: 5xx"),
                   "8:14: attempts is 0 or left out, which turns retries off, beside other fields");
    assert_mistake("VirtualService", RETRIES("perTryTimeout: 1s"),
                   "8:14: attempts is 0 or left out, which turns retries off, beside other fields");
}

static void unknown_conditions_are_told(void **state)
{
    (void)state;
    assert_mistake("VirtualService", RETRIES("attempts: 1, retryOn: 'reset,conect-failure'"),
                   "8:37: unknown retryOn condition \"conect-failure\"; did you mean "
                   "\"connect-failure\"?");
    assert_mistake("VirtualService", RETRIES("attempts: 1, retryOn: 99"),
                   "8:37: retryOn: 99 is no status code, or one too many");
    assert_mistake("VirtualService", RETRIES("attempts: 1, retryOn: [reset]"),
                   "8:37: retryOn must be a text, its conditions split by commas");
    assert_mistake("VirtualService", RETRIES("attempts: 1, perTryTimeout: 0s"),
                   "8:43: perTryTimeout must be at least 1ms, not \"0s\"");
    assert_mistake("VirtualService", RETRIES("attempts: 0, retryRemoteLocalities: true"),
                   "8:14: attempts is 0 or left out, which turns retries off, beside other fields");
}

static void retries_survive_running_out_of_memory(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "VirtualService", RETRIES("attempts: 2, retryOn: '503,reset'"));
    CHECK_OK(out.error);
    assert_int_equal(readout_resource(&out)->spec.virtual_service.routes[0].retry.statuses[0], 503);
done:
    readout_fini(&out);
}

TEST_MAIN(cmocka_unit_test(what_is_not_said_is_the_default),
          cmocka_unit_test(retries_go_elsewhere_or_not),
          cmocka_unit_test(conditions_are_read_by_name_and_numbers_as_status_codes),
          cmocka_unit_test(attempts_of_nothing_turn_retries_off),
          cmocka_unit_test(unknown_conditions_are_told),
          TEST_OOM(retries_survive_running_out_of_memory))
