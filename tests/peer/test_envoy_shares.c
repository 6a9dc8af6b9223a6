/* SPDX-License-Identifier: Apache-2.0 */

/* The shares of weighted round robin and of least request are a live Envoy's. The
 * servers keep their answers until all requests of a round have come, so that
 * both sides choose with the same numbers in flight. */

#include <stdio.h>
#include <stdlib.h>

#include "peer/chi_square.h"
#include "peer/many.h"
#include "peer/peers.h"

enum { HOSTS = 17, CALLS = 100000, COMPARISONS = 4, YAML_MAX = 4096 };

/* Of all comparisons of this file together. */
static const double p_least = 0.001 / COMPARISONS;

static struct many *many;
static struct many_envoy *envoy;
static struct tulle *mesh;
static uint32_t weights[HOSTS];

static void mesh_open(const char *balancer)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1 };
    char yaml[YAML_MAX], address[MANY_ADDRESS];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: tulle.dev/v1alpha1\n"
             "kind: TrafficPolicy\n"
             "metadata: {name: many}\n"
             "spec: {host: many, balancer: {%s}}\n",
             balancer);
    assert_int_equal(tulle_config_new(&options.built), TULLE_OK);
    assert_int_equal(tulle_config_add_service(options.built, "many", 80, TULLE_PROTOCOL_HTTP),
                     TULLE_OK);
    for (size_t i = 0; i < HOSTS; i++) {
        many_address(many, i, address);
        assert_int_equal(
            tulle_config_add_endpoint(options.built, "many", address, NULL, weights[i]), TULLE_OK);
    }
    assert_int_equal(tulle_config_add_yaml(options.built, "policy.yaml", yaml), TULLE_OK);
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    tulle_config_free(options.built);
}

static void both_open(const char *theirs, const char *ours, bool weighted)
{
    struct many_cluster cluster = {
        .name = "many", .policy = theirs, .weights = weights, .count = HOSTS
    };

    for (size_t i = 0; i < HOSTS; i++) {
        weights[i] = weighted ? (uint32_t)(1 + i * i % 7) : 1;
    }
    many = many_start();
    envoy = many_envoy_start(many, &cluster, 1);
    mesh_open(ours);
}

static void both_close(void)
{
    wire_close(mesh);
    many_envoy_stop(envoy);
    many_stop(many);
}

static void ask_us(size_t at_once, unsigned *counts)
{
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://many/" };
    struct tulle_pick *picks[MANY_AT_ONCE];

    for (size_t i = 0; i < at_once; i++) {
        assert_int_equal(tulle_pick(mesh, &request, &picks[i]), TULLE_OK);
        counts[many_index(many, tulle_pick_address(picks[i]))]++;
    }
    for (size_t i = 0; i < at_once; i++) {
        tulle_pick_done(picks[i], NULL);
    }
}

static void ask_envoy(size_t at_once, unsigned *counts)
{
    size_t reached[MANY_AT_ONCE];

    many_envoy_ask(envoy, "many", 0, at_once, reached);
    for (size_t i = 0; i < at_once; i++) {
        counts[reached[i]]++;
    }
}

static void check_shares(const char *what, size_t at_once)
{
    unsigned ours[HOSTS] = { 0 }, theirs[HOSTS] = { 0 };
    double p;

    many_hold(many, (unsigned)at_once);
    for (size_t calls = 0; calls < CALLS; calls += at_once) {
        ask_us(at_once, ours);
        ask_envoy(at_once, theirs);
    }
    p = chi_square_p(ours, theirs, HOSTS);
    if (p < p_least) {
        for (size_t i = 0; i < HOSTS; i++) {
            print_error("weight %u: %u, Envoy %u\n", weights[i], ours[i], theirs[i]);
        }
        fail_msg("%s: p is %g", what, p);
    }
}

static void weighted_round_robin_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    both_open("lb_policy: ROUND_ROBIN", "roundRobin: {}", true);
    check_shares("round robin", MANY_AT_ONCE);
    both_close();
}

static void weighted_least_request_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    both_open("lb_policy: LEAST_REQUEST", "leastRequest: {}", true);
    check_shares("least request, weighted", MANY_AT_ONCE);
    both_close();
}

static void a_bias_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    both_open("lb_policy: LEAST_REQUEST\n"
              "    least_request_lb_config: {active_request_bias: {default_value: 0.5, "
              "runtime_key: bias}}",
              "leastRequest: {activeRequestBias: 0.5}", true);
    check_shares("least request, weighted, bias 0.5", MANY_AT_ONCE);
    both_close();
}

static void least_request_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    both_open("lb_policy: LEAST_REQUEST", "leastRequest: {}", false);
    check_shares("least request", MANY_AT_ONCE);
    both_close();
}

TEST_MAIN(cmocka_unit_test(weighted_round_robin_gives_the_shares_of_envoy),
          cmocka_unit_test(weighted_least_request_gives_the_shares_of_envoy),
          cmocka_unit_test(a_bias_gives_the_shares_of_envoy),
          cmocka_unit_test(least_request_gives_the_shares_of_envoy))
