/* SPDX-License-Identifier: Apache-2.0 */

/* The same endpoints and the same key: the library and a live Envoy choose the
 * same one, always. What Envoy chose is read from the server that answers. */

#include <stdio.h>
#include <stdlib.h>

#include "peer/many.h"
#include "peer/peers.h"

enum { KEYS = 10000, KEYS_CALLED = 480, YAML_MAX = 16 * 1024 };

#define RING   "lb_policy: RING_HASH"
#define MURMUR RING "\n    ring_hash_lb_config: {hash_function: MURMUR_HASH_2}"
#define SMALL  RING "\n    ring_hash_lb_config: {minimum_ring_size: 2, maximum_ring_size: 500}"
#define TABLE  "lb_policy: MAGLEV"
#define LITTLE TABLE "\n    maglev_lb_config: {table_size: 1009}"

/* What a request is hashed by, in each one's words. */
#define POLICIES                                                                                   \
    "{header: {header_name: x-many}}, {query_parameter: {name: q}}, {cookie: {name: sid}}, "       \
    "{header: {header_name: x-last}, terminal: true}, {header: {header_name: ':path'}}"
#define OUR_POLICIES                                                                               \
    "{header: {headerName: x-many}}, {queryParameter: {name: q}}, {cookie: {name: sid}}, "         \
    "{header: {headerName: x-last}, terminal: true}, {header: {headerName: ':path'}}"

static const struct {
    const char *name;
    size_t count;
    const char *envoy, *ours;
    bool reversed;
    const char *hash, *our_hash;
} cases[] = {
    { "maglev-3", 3, TABLE, "maglev: {}" },
    { "maglev-17", 17, TABLE, "maglev: {}" },
    { "maglev-1000", 1000, TABLE, "maglev: {}" },
    { "maglev-17-reversed", 17, TABLE, "maglev: {}", true },
    { "maglev-1000-little", 1000, LITTLE, "maglev: {tableSize: 1009}" },
    { "ring-3", 3, RING, "ringHash: {}" },
    { "ring-17", 17, RING, "ringHash: {}" },
    { "ring-1000", 1000, RING, "ringHash: {}" },
    { "ring-1000-small", 1000, SMALL, "ringHash: {minimumRingSize: 2, maximumRingSize: 500}" },
    { "murmur-3", 3, MURMUR, "ringHash: {hashFunction: MURMUR_HASH_2}" },
    { "murmur-17", 17, MURMUR, "ringHash: {hashFunction: MURMUR_HASH_2}" },
    { "murmur-1000", 1000, MURMUR, "ringHash: {hashFunction: MURMUR_HASH_2}" },
    { "policies", 1000, TABLE, "maglev: {}", false, POLICIES, OUR_POLICIES },
};

static struct many *many;
static struct many_envoy *envoy;
static struct tulle *mesh;
static uint32_t weights[MANY_MAX];

static void policy_write(FILE *out, size_t i)
{
    fprintf(out,
            "---\n"
            "apiVersion: tulle.dev/v1alpha1\n"
            "kind: TrafficPolicy\n"
            "metadata: {name: %s}\n"
            "spec:\n"
            "  host: %s\n"
            "  balancer: {%s}\n"
            "  hashPolicy: [%s]\n",
            cases[i].name, cases[i].name, cases[i].ours,
            cases[i].our_hash ? cases[i].our_hash : "{header: {headerName: x-key}}");
}

static void service_add(struct tulle_config *config, size_t i)
{
    char address[MANY_ADDRESS];

    assert_int_equal(tulle_config_add_service(config, cases[i].name, 80, TULLE_PROTOCOL_HTTP),
                     TULLE_OK);
    for (size_t k = 0; k < cases[i].count; k++) {
        many_address(many, k, address);
        assert_int_equal(
            tulle_config_add_endpoint(config, cases[i].name, address, NULL, weights[k]), TULLE_OK);
    }
}

static void mesh_open(void)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1 };
    static char yaml[YAML_MAX];
    FILE *out = fmemopen(yaml, sizeof(yaml), "w");

    assert_int_equal(tulle_config_new(&options.built), TULLE_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        service_add(options.built, i);
        policy_write(out, i);
    }
    fclose(out);
    assert_int_equal(tulle_config_add_yaml(options.built, "policies.yaml", yaml), TULLE_OK);
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    tulle_config_free(options.built);
}

static int both_open(void **state)
{
    struct many_cluster clusters[COUNT_OF(cases)];

    (void)state;
    for (size_t i = 0; i < MANY_MAX; i++) {
        weights[i] = (uint32_t)(1 + i * i % 7);
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        clusters[i] = (struct many_cluster){
            .name = cases[i].name,
            .policy = cases[i].envoy,
            .weights = weights,
            .count = cases[i].count,
            .reversed = cases[i].reversed,
            .hash = cases[i].hash,
        };
    }
    many = many_start();
    envoy = many_envoy_start(many, clusters, COUNT_OF(cases));
    mesh_open();
    return 0;
}

static int both_close(void **state)
{
    (void)state;
    wire_close(mesh);
    many_envoy_stop(envoy);
    many_stop(many);
    return 0;
}

static size_t our_pick(const char *name, size_t key)
{
    char url[64], value[32];
    struct tulle_header header = { "x-key", value };
    struct tulle_pick_request request = { TULLE_PICK_INIT, .url = url, .headers = &header,
                                          .header_count = 1 };
    struct tulle_pick *pick;
    size_t index;

    snprintf(url, sizeof(url), "http://%s/", name);
    snprintf(value, sizeof(value), "key-%zu", key);
    assert_int_equal(tulle_pick(mesh, &request, &pick), TULLE_OK);
    index = many_index(many, tulle_pick_address(pick));
    tulle_pick_done(pick, NULL);
    return index;
}

static void check_same(size_t i)
{
    size_t reached[MANY_AT_ONCE], different = 0;

    for (size_t key = 0; key < KEYS; key += MANY_AT_ONCE) {
        many_envoy_ask(envoy, cases[i].name, key, MANY_AT_ONCE, reached);
        for (size_t k = 0; k < MANY_AT_ONCE; k++) {
            different += our_pick(cases[i].name, key + k) != reached[k];
        }
    }
    if (different > 0) {
        fail_msg("%s: %zu of %d keys go elsewhere", cases[i].name, different, KEYS);
    }
}

static void maglev_chooses_as_envoy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (strncmp(cases[i].name, "maglev", 6) == 0) {
            check_same(i);
        }
    }
}

static void ring_hash_chooses_as_envoy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (strncmp(cases[i].name, "ring", 4) == 0) {
            check_same(i);
        }
    }
}

static void ring_hash_with_murmur_chooses_as_envoy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (strncmp(cases[i].name, "murmur", 6) == 0) {
            check_same(i);
        }
    }
}

static size_t our_call(const char *name, size_t key)
{
    char url[64], value[32];
    struct tulle_header header = { "x-key", value };
    struct outcome outcome;

    snprintf(url, sizeof(url), "http://%s/", name);
    snprintf(value, sizeof(value), "key-%zu", key);
    outcome = wire_call(mesh, &(struct tulle_request){ TULLE_REQUEST_INIT, .url = url,
                                                       .headers = &header, .header_count = 1 });
    assert_int_equal(outcome.error, TULLE_OK);
    return many_index(many, outcome.body);
}

static void calls_reach_the_servers_that_envoy_reaches(void **state)
{
    static const char *const names[] = { "maglev-17", "ring-17", "murmur-17" };
    size_t reached[MANY_AT_ONCE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        for (size_t key = 0; key < KEYS_CALLED; key += MANY_AT_ONCE) {
            many_envoy_ask(envoy, names[i], key, MANY_AT_ONCE, reached);
            for (size_t k = 0; k < MANY_AT_ONCE; k++) {
                assert_int_equal(our_call(names[i], key + k), reached[k]);
            }
        }
    }
}

/* Each part is there or not, and some are there twice. */
static void policies_combine_as_in_envoy(void **state)
{
    static const struct tulle_header headers[] = {
        { "x-many", "b" }, { "X-Many", "a" },         { "cookie", "a=1; sid=\"s 7\"; b=2" },
        { "x-last", "" },  { "cookie", "sid=other" }, { "x-many", "" },
    };

    (void)state;
    for (unsigned bits = 0; bits < 4U << COUNT_OF(headers); bits++) {
        struct tulle_header sent[COUNT_OF(headers)];
        struct tulle_pick_request request = { TULLE_PICK_INIT, .headers = sent };
        const char *target = (const char *[]){ "/", "/?q=1&q=2", "/p?q", "/p?r=1&q=%41" }[bits & 3];
        char url[64], lines[512] = "";
        struct tulle_pick *pick;

        for (size_t i = 0; i < COUNT_OF(headers); i++) {
            if (bits >> (i + 2) & 1) {
                sent[request.header_count++] = headers[i];
                snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s: %s\r\n",
                         headers[i].name, headers[i].value);
            }
        }
        snprintf(url, sizeof(url), "http://policies%s", target);
        request.url = url;
        assert_int_equal(tulle_pick(mesh, &request, &pick), TULLE_OK);
        if (many_index(many, tulle_pick_address(pick)) !=
            many_envoy_ask_one(envoy, "policies", target, lines)) {
            fail_msg("GET %s with %s goes elsewhere", target, lines);
        }
        tulle_pick_done(pick, NULL);
    }
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, both_open, both_close)

TEST_MAIN(BOTH(maglev_chooses_as_envoy), BOTH(ring_hash_chooses_as_envoy),
          BOTH(ring_hash_with_murmur_chooses_as_envoy), BOTH(policies_combine_as_in_envoy),
          BOTH(calls_reach_the_servers_that_envoy_reaches))
