/* SPDX-License-Identifier: Apache-2.0 */

/* Picks from many threads, on real loops; the endpoints are never spoken to. */

#include <stdatomic.h>
#include <stdio.h>

#include "wire/wire.h"

enum { THREADS = 4, PICKS = 2500, EACH = 100, ENDPOINTS = 4 };

#define CLUSTER    "cluster=\"outbound|80||cache.default.svc.cluster.local\""
#define IN_FLIGHT  "tulle_requests_in_flight"
#define UNREPORTED "tulle_picks_unreported_total"

/* What is forgotten weighs on its endpoint for a while, as it should; in turn
 * every endpoint has its share all the same. */
static const char in_turn[] = "apiVersion: networking.istio.io/v1\n"
                              "kind: DestinationRule\n"
                              "metadata: {name: cache}\n"
                              "spec:\n"
                              "  host: cache\n"
                              "  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}\n";

struct crowd {
    struct tulle *mesh;
    struct tulle_pick *forgotten[THREADS][PICKS / EACH];
    atomic_uint shares[ENDPOINTS], failed, told;
};

struct member {
    struct crowd *crowd;
    unsigned number;
    pthread_t thread;
};

static void crowd_hear(void *user, int32_t level, const char *area, const char *text)
{
    struct crowd *crowd = user;

    (void)level, (void)area;
    if (strstr(text, "test_picks.c:")) {
        atomic_fetch_add(&crowd->told, 1);
    }
}

static struct tulle *crowd_open(struct crowd *crowd)
{
    struct tulle_config *config;
    struct tulle *mesh;
    char address[32];

    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "cache", 80, TULLE_PROTOCOL_HTTP), TULLE_OK);
    for (int i = 1; i <= ENDPOINTS; i++) {
        snprintf(address, sizeof(address), "10.0.0.%d:6379", i);
        assert_int_equal(tulle_config_add_endpoint(config, "cache", address, NULL, 0), TULLE_OK);
    }
    assert_int_equal(tulle_config_add_yaml(config, "rule.yaml", in_turn), TULLE_OK);
    assert_int_equal(tulle_open(&(struct tulle_options){ TULLE_OPTIONS_INIT, .built = config,
                                                         .log = crowd_hear, .log_user = crowd },
                                &mesh),
                     TULLE_OK);
    tulle_config_free(config);
    return mesh;
}

static void *member_run(void *user)
{
    struct member *member = user;
    struct crowd *crowd = member->crowd;

    for (int i = 0; i < PICKS; i++) {
        struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://cache/",
                                              .deadline_ns = TULLE_S(2) };
        struct tulle_pick *pick;

        if (tulle_pick(crowd->mesh, &request, &pick) != TULLE_OK) {
            atomic_fetch_add(&crowd->failed, 1);
            continue;
        }
        atomic_fetch_add(&crowd->shares[tulle_pick_address(pick)[7] - '1'], 1);
        if (i % EACH == 0) {
            crowd->forgotten[member->number][i / EACH] = pick;
        } else {
            tulle_pick_done(pick, NULL);
        }
    }
    return NULL;
}

static bool nothing_is_in_flight(void *user)
{
    return wire_metric(((struct crowd *)user)->mesh, IN_FLIGHT, CLUSTER) == 0;
}

static void ten_thousand_picks_of_which_a_hundred_are_forgotten(void **state)
{
    static struct crowd crowd;
    struct member members[THREADS];

    (void)state;
    crowd.mesh = crowd_open(&crowd);
    for (unsigned i = 0; i < THREADS; i++) {
        members[i] = (struct member){ .crowd = &crowd, .number = i };
        assert_int_equal(pthread_create(&members[i].thread, NULL, member_run, &members[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(members[i].thread, NULL);
    }
    assert_int_equal(crowd.failed, 0);
    assert_true(test_wait_until(nothing_is_in_flight, &crowd, TULLE_S(20)));
    assert_true(wire_metric(crowd.mesh, UNREPORTED, CLUSTER) == THREADS * PICKS / EACH);
    assert_int_equal(crowd.told, 1);
    for (int i = 0; i < ENDPOINTS; i++) {
        assert_in_range(crowd.shares[i], THREADS * PICKS / ENDPOINTS * 95 / 100,
                        THREADS * PICKS / ENDPOINTS * 105 / 100);
    }
    assert_int_equal(tulle_close(crowd.mesh), TULLE_OK);
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < PICKS / EACH; j++) {
            tulle_pick_done(crowd.forgotten[i][j], NULL);
        }
    }
}

static void who_runs_the_mesh_himself_may_wait_for_a_pick(void **state)
{
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://cache/" };
    struct tulle_config *config;
    struct tulle_pick *pick;
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "cache", 80, TULLE_PROTOCOL_HTTP), TULLE_OK);
    assert_int_equal(tulle_config_add_endpoint(config, "cache", "10.0.0.1:6379", NULL, 0),
                     TULLE_OK);
    assert_int_equal(tulle_open(&(struct tulle_options){ TULLE_OPTIONS_INIT, .built = config,
                                                         .threads = TULLE_NONE_COUNT },
                                &mesh),
                     TULLE_OK);
    tulle_config_free(config);
    assert_int_equal(tulle_pick(mesh, &request, &pick), TULLE_OK);
    assert_string_equal(tulle_pick_address(pick), "10.0.0.1:6379");
    tulle_pick_done(pick, NULL);
    assert_int_equal(tulle_close(mesh), TULLE_OK);
}

static const char one_at_a_time[] =
    "apiVersion: networking.istio.io/v1\n"
    "kind: DestinationRule\n"
    "metadata: {name: cache}\n"
    "spec:\n"
    "  host: cache\n"
    "  trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}\n";

static struct tulle *narrow_open(void)
{
    struct tulle_config *config;
    struct tulle *mesh;

    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_service(config, "cache", 80, TULLE_PROTOCOL_HTTP), TULLE_OK);
    assert_int_equal(tulle_config_add_endpoint(config, "cache", "10.0.0.1:6379", NULL, 0),
                     TULLE_OK);
    assert_int_equal(tulle_config_add_yaml(config, "rule.yaml", one_at_a_time), TULLE_OK);
    assert_int_equal(tulle_open(&(struct tulle_options){ TULLE_OPTIONS_INIT, .built = config,
                                                         .close_timeout_ns = TULLE_MS(1) },
                                &mesh),
                     TULLE_OK);
    tulle_config_free(config);
    return mesh;
}

/* It may be handed the place of one that was cancelled before it. */
static void *pick_and_wait(void *user)
{
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://cache/" };
    struct tulle_pick *pick;
    enum tulle_error error = tulle_pick(user, &request, &pick);

    assert_true(error == TULLE_E_CANCELLED || error == TULLE_OK);
    tulle_pick_done(pick, NULL);
    return NULL;
}

static bool both_wait(void *user)
{
    return wire_metric(user, "tulle_pending", CLUSTER) == 2;
}

static void closing_waits_for_those_who_wait_for_a_pick(void **state)
{
    (void)state;
    for (int round = 0; round < 25; round++) {
        struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://cache/" };
        struct tulle *mesh = narrow_open();
        struct tulle_pick *pick;
        pthread_t threads[2];

        assert_int_equal(tulle_pick(mesh, &request, &pick), TULLE_OK);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, pick_and_wait, mesh), 0);
        }
        assert_true(test_wait_until(both_wait, mesh, TULLE_S(20)));
        assert_int_equal(tulle_close(mesh), TULLE_OK);
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
        }
        tulle_pick_done(pick, NULL);
    }
}

TEST_MAIN(cmocka_unit_test(ten_thousand_picks_of_which_a_hundred_are_forgotten),
          cmocka_unit_test(who_runs_the_mesh_himself_may_wait_for_a_pick),
          cmocka_unit_test(closing_waits_for_those_who_wait_for_a_pick))
