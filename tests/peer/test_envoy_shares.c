/* SPDX-License-Identifier: Apache-2.0 */

/* The shares of weighted round robin and of least request are a live Envoy's. The
 * servers keep their answers until all requests of a round have come, so that
 * both sides choose with the same numbers in flight.
 *
 * A schedule that looks at what is in flight falls into a cycle with the rounds, and
 * into which depends on where it began: both sides begin there by chance, so they
 * are compared over many beginnings (on Envoy's side each is a cluster of its own). */

#include <stdio.h>
#include <stdlib.h>

#include "peer/chi_square.h"
#include "peer/many.h"
#include "peer/peers.h"

enum { HOSTS = 17, BEGINNINGS = 40, CALLS = 100000 / BEGINNINGS, COMPARISONS = 4, YAML_MAX = 4096 };

/* Of all comparisons of this file together. */
static const double p_least = 0.001 / COMPARISONS;

static struct many *many;
static struct many_envoy *envoy;
static struct tulle *mesh;
static uint32_t weights[HOSTS];
static char names[BEGINNINGS][16];

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

static void envoy_open(const char *theirs, bool weighted)
{
    struct many_cluster clusters[BEGINNINGS];

    for (size_t i = 0; i < HOSTS; i++) {
        weights[i] = weighted ? (uint32_t)(1 + i * i % 7) : 1;
    }
    for (size_t i = 0; i < BEGINNINGS; i++) {
        snprintf(names[i], sizeof(names[i]), "many%zu", i);
        clusters[i] = (struct many_cluster){
            .name = names[i], .policy = theirs, .weights = weights, .count = HOSTS
        };
    }
    many = many_start();
    many_hold(many, MANY_AT_ONCE);
    envoy = many_envoy_start(many, clusters, BEGINNINGS);
}

static void envoy_close(void)
{
    many_envoy_stop(envoy);
    many_stop(many);
}

static void ask_us(unsigned *counts)
{
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = "http://many/" };
    struct tulle_pick *picks[MANY_AT_ONCE];

    for (size_t i = 0; i < MANY_AT_ONCE; i++) {
        assert_int_equal(tulle_pick(mesh, &request, &picks[i]), TULLE_OK);
        counts[many_index(many, tulle_pick_address(picks[i]))]++;
    }
    for (size_t i = 0; i < MANY_AT_ONCE; i++) {
        tulle_pick_done(picks[i], NULL);
    }
}

static void ask_envoy(const char *cluster, unsigned *counts)
{
    size_t reached[MANY_AT_ONCE];

    many_envoy_ask(envoy, cluster, 0, MANY_AT_ONCE, reached);
    for (size_t i = 0; i < MANY_AT_ONCE; i++) {
        counts[reached[i]]++;
    }
}

static void check_shares(const char *what, const char *theirs, const char *policy, bool weighted)
{
    unsigned ours[HOSTS] = { 0 }, envoys[HOSTS] = { 0 };
    double p;

    envoy_open(theirs, weighted);
    for (size_t begin = 0; begin < BEGINNINGS; begin++) {
        mesh_open(policy);
        for (size_t calls = 0; calls < CALLS; calls += MANY_AT_ONCE) {
            ask_us(ours);
            ask_envoy(names[begin], envoys);
        }
        wire_close(mesh);
    }
    envoy_close();
    p = chi_square_p(ours, envoys, HOSTS);
    if (p < p_least) {
        for (size_t i = 0; i < HOSTS; i++) {
            print_error("weight %u: %u, Envoy %u\n", weights[i], ours[i], envoys[i]);
        }
        fail_msg("%s: p is %g", what, p);
    }
}

static void weighted_round_robin_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    check_shares("round robin", "lb_policy: ROUND_ROBIN", "roundRobin: {}", true);
}

static void weighted_least_request_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    check_shares("least request, weighted", "lb_policy: LEAST_REQUEST", "leastRequest: {}", true);
}

static void a_bias_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    check_shares("least request, weighted, bias 0.5",
                 "lb_policy: LEAST_REQUEST\n"
                 "    least_request_lb_config: {active_request_bias: {default_value: 0.5, "
                 "runtime_key: bias}}",
                 "leastRequest: {activeRequestBias: 0.5}", true);
}

static void least_request_gives_the_shares_of_envoy(void **state)
{
    (void)state;
    check_shares("least request", "lb_policy: LEAST_REQUEST", "leastRequest: {}", false);
}

TEST_MAIN(cmocka_unit_test(weighted_round_robin_gives_the_shares_of_envoy),
          cmocka_unit_test(weighted_least_request_gives_the_shares_of_envoy),
          cmocka_unit_test(a_bias_gives_the_shares_of_envoy),
          cmocka_unit_test(least_request_gives_the_shares_of_envoy))
