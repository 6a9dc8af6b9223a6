/* SPDX-License-Identifier: Apache-2.0 */

/* The library and a live Envoy, told of the same endpoints: priorities, panic,
 * degraded endpoints, weights of localities, zones. Both are asked for as many
 * calls, and the shares of what they chose are held against each other by
 * chi-square. One Envoy has a cluster for each case, and answers for all
 * endpoints itself: each is an address of 127.0.0.0/8 at one port. */

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "balance/picker.h"
#include "model/defaults.h"
#include "model/seal.h"
#include "peer/peers.h"

enum {
    CALLS = 10000,
    BATCH = 25,
    LINES = 8,
    TEXT_MAX = 1 << 20,
    GROUPS = 4,
    HOSTS = 20,
    STATES = 3
};

struct group {
    uint32_t priority;
    const char *zone; /* NULL: none */
    uint32_t zone_weight;
    uint32_t count, degraded, unhealthy; /* the first ones are */
    uint32_t weight;                     /* of each; 0: 1 */
};

struct spread_case {
    const char *name;
    const char *policy; /* Envoy's; NULL: ROUND_ROBIN */
    enum balancer_kind kind;
    enum locality_mode mode;
    uint32_t panic;
    uint32_t routing;     /* percent routed by zones; 0: 100 */
    uint32_t min_cluster; /* 0: 6 */
    bool fail_on_panic;
    struct group groups[GROUPS];
};

#define ROUND  "ROUND_ROBIN", BALANCER_ROUND_ROBIN
#define LEAST  "LEAST_REQUEST", BALANCER_LEAST_REQUEST
#define RANDOM "RANDOM", BALANCER_RANDOM

static const struct spread_case cases[] = {
    { "half of the first", ROUND,
      .groups = { { 0, .count = 10, .unhealthy = 5 }, { 1, .count = 10 } } },
    { "71 of 100 parts", LEAST,
      .groups = { { 0, .count = 7, .unhealthy = 3 }, { 1, .count = 3 } } },
    { "three priorities", RANDOM,
      .groups = { { 0, .count = 20, .unhealthy = 15 },
                  { 1, .count = 20, .unhealthy = 15 },
                  { 2, .count = 20, .unhealthy = 16 } } },
    { "degraded", ROUND, .groups = { { 0, .count = 20, .degraded = 13, .unhealthy = 2 } } },
    { "degraded in two", LEAST,
      .groups = { { 0, .count = 20, .degraded = 2, .unhealthy = 15 },
                  { 1, .count = 20, .degraded = 4, .unhealthy = 12 } } },
    { "one in panic", ROUND, .panic = 50,
      .groups = { { 0, .count = 20, .unhealthy = 19 }, { 1, .count = 20, .unhealthy = 7 } } },
    { "all in panic", RANDOM, .panic = 50,
      .groups = { { 0, .count = 4, .unhealthy = 3 }, { 1, .count = 7, .unhealthy = 7 } } },
    { "no panic, no health", ROUND,
      .groups = { { 0, .count = 3, .unhealthy = 3 }, { 1, .count = 3, .unhealthy = 3 } } },
    { "localities 1 to 2", LEAST, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 1, .count = 10, .unhealthy = 5 }, { 0, "y", 2, .count = 2 } } },
    { "localities and endpoints weigh", ROUND, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 3, .count = 2, .weight = 5 },
                  { 0, "y", 2, .count = 4, .weight = 1 },
                  { 0, "z", 0, .count = 3 } } },
    { "localities of two priorities", ROUND, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 1, .count = 4, .unhealthy = 3 },
                  { 0, "y", 1, .count = 4, .unhealthy = 2 },
                  { 1, "x", 1, .count = 2 },
                  { 1, "y", 4, .count = 2 } } },
    { "localities, degraded", ROUND, LOCALITY_WEIGHTED,
      .groups = { { 0, "x", 1, .count = 10, .degraded = 4, .unhealthy = 4 },
                  { 0, "y", 2, .count = 10, .degraded = 2, .unhealthy = 6 } } },
    { "zones, some stay", ROUND, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 5 }, { 0, "b", .count = 10 }, { 0, "c", .count = 5 } } },
    { "zones, all stay", LEAST, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 4 }, { 0, "b", .count = 4 }, { 0, "c", .count = 2 } } },
    { "zones, nobody here", RANDOM, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 4, .unhealthy = 4 },
                  { 0, "b", .count = 4 },
                  { 0, "c", .count = 6 } } },
    { "zones, 40 percent of them", ROUND, LOCALITY_ZONE_AWARE, .routing = 40,
      .groups = { { 0, "a", .count = 5 }, { 0, "b", .count = 10 }, { 0, "c", .count = 5 } } },
    { "zones, too small", ROUND, LOCALITY_ZONE_AWARE, .min_cluster = 21,
      .groups = { { 0, "a", .count = 5 }, { 0, "b", .count = 10 }, { 0, "c", .count = 5 } } },
    { "zones, and a second priority", ROUND, LOCALITY_ZONE_AWARE,
      .groups = { { 0, "a", .count = 6, .unhealthy = 4 },
                  { 0, "b", .count = 12, .unhealthy = 5 },
                  { 1, "a", .count = 2 },
                  { 1, "b", .count = 4 } } },
    { "zones, panic", ROUND, LOCALITY_ZONE_AWARE, .panic = 50,
      .groups = { { 0, "a", .count = 5, .unhealthy = 4 },
                  { 0, "b", .count = 10, .unhealthy = 7 } } },
    { "zones, panic fails", ROUND, LOCALITY_ZONE_AWARE, .panic = 50, .fail_on_panic = true,
      .groups = { { 0, "a", .count = 5, .unhealthy = 4 },
                  { 0, "b", .count = 10, .unhealthy = 7 } } },
};

enum { FIRST_LOCALITY = 8, FIRST_ZONE = 12 };

/* Who calls, by zone; this process is in "a". */
static const struct caller_share callers[] = { { { "a", 1 }, 4 },
                                               { { "b", 1 }, 4 },
                                               { { "c", 1 }, 2 } };

/* What was chosen of each host, and how often nothing could be. */
struct choice {
    double hosts[GROUPS][HOSTS];
    double none;
};

/* --- Envoy --- */

struct text {
    char *data;
    size_t size;
};

static void add(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text->size += (size_t)vsnprintf(text->data + text->size, TEXT_MAX - text->size, format, args);
    va_end(args);
    assert_true(text->size < TEXT_MAX);
}

static uint32_t state_of(const struct group *group, uint32_t host)
{
    return host < group->degraded ? 1 : host < group->degraded + group->unhealthy ? 2 : 0;
}

static void add_group(struct text *text, const struct spread_case *test, size_t g, unsigned port)
{
    static const char *const health[STATES] = { "HEALTHY", "DEGRADED", "UNHEALTHY" };
    const struct group *group = &test->groups[g];

    add(text, "     - priority: %u\n", group->priority);
    if (group->zone) {
        add(text, "       locality: {zone: '%s'}\n", group->zone);
    }
    if (group->zone_weight > 0) {
        add(text, "       load_balancing_weight: %u\n", group->zone_weight);
    }
    add(text, "       lb_endpoints:\n");
    for (uint32_t i = 0; i < group->count; i++) {
        add(text,
            "       - {health_status: %s, load_balancing_weight: %u, endpoint: {address: "
            "{socket_address: {address: 127.1.%zu.%u, port_value: %u}}}}\n",
            health[state_of(group, i)], group->weight > 0 ? group->weight : 1, g, i + 1, port);
    }
}

static void add_cluster(struct text *text, size_t number, unsigned port)
{
    const struct spread_case *test = &cases[number];

    add(text,
        "  - name: c%zu\n    type: STATIC\n    lb_policy: %s\n    common_lb_config:\n"
        "      healthy_panic_threshold: {value: %u}\n",
        number, test->policy, test->panic);
    if (test->mode == LOCALITY_WEIGHTED) {
        add(text, "      locality_weighted_lb_config: {}\n");
    }
    if (test->mode == LOCALITY_ZONE_AWARE) {
        add(text,
            "      zone_aware_lb_config: {routing_enabled: {value: %u}, min_cluster_size: %u, "
            "fail_traffic_on_panic: %s}\n",
            test->routing > 0 ? test->routing : 100, test->min_cluster > 0 ? test->min_cluster : 6,
            test->fail_on_panic ? "true" : "false");
    }
    add(text, "    load_assignment:\n     cluster_name: c%zu\n     endpoints:\n", number);
    for (size_t g = 0; g < GROUPS && test->groups[g].count > 0; g++) {
        add_group(text, test, g, port);
    }
}

static void add_callers(struct text *text)
{
    add(text, "  - name: callers\n    type: STATIC\n    load_assignment:\n"
              "     cluster_name: callers\n     endpoints:\n");
    for (size_t g = 0; g < COUNT_OF(callers); g++) {
        add(text, "     - locality: {zone: '%s'}\n       lb_endpoints:\n",
            callers[g].locality.data);
        for (uint32_t i = 0; i < callers[g].count; i++) {
            add(text,
                "       - endpoint: {address: {socket_address: {address: 127.2.%zu.%u, "
                "port_value: 1}}}\n",
                g, i + 1);
        }
    }
}

static void add_listener(struct text *text, const char *address, unsigned port)
{
    add(text,
        "  - address: {socket_address: {address: %s, port_value: %u}}\n"
        "    filter_chains:\n"
        "    - filters:\n"
        "      - name: http\n"
        "        typed_config:\n"
        "          '@type': type.googleapis.com/envoy.extensions.filters.network."
        "http_connection_manager.v3.HttpConnectionManager\n"
        "          stat_prefix: http\n"
        "          http_filters:\n"
        "          - name: envoy.filters.http.router\n"
        "            typed_config: {'@type': "
        "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"
        "          route_config:\n"
        "            virtual_hosts:\n"
        "            - name: all\n"
        "              domains: ['*']\n"
        "              routes:\n",
        address, port);
}

struct envoy {
    struct peer *peer;
    uint16_t admin;
};

static struct envoy envoy_start(void)
{
    struct envoy envoy = { .peer = peer_new(), .admin = peer_free_port() };
    struct text text = { malloc(TEXT_MAX), 0 };
    unsigned back = peer_free_port();
    char path[512];

    assert_non_null(text.data);
    add(&text,
        "node: {id: us, cluster: callers, locality: {zone: a}}\n"
        "cluster_manager: {local_cluster_name: callers}\n"
        "admin: {address: {socket_address: {address: 127.0.0.1, port_value: %u}}}\n"
        "static_resources:\n"
        "  listeners:\n",
        envoy.admin);
    add_listener(&text, "127.0.0.1", peer_port(envoy.peer));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        add(&text, "              - {match: {prefix: /c%zu/}, route: {cluster: c%zu}}\n", i, i);
    }
    add_listener(&text, "0.0.0.0", back);
    add(&text, "              - {match: {prefix: /}, direct_response: {status: 200}}\n");
    add(&text, "  clusters:\n");
    add_callers(&text);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        add_cluster(&text, i, back);
    }
    test_folder_write(peer_folder(envoy.peer), "envoy.yaml", text.data);
    free(text.data);
    snprintf(path, sizeof(path), "%s", peer_path(envoy.peer, "envoy.yaml"));
    peer_run(envoy.peer, peer_envoy(), "-c", path, "--concurrency", "1", "--disable-hot-restart",
             "-l", "error", NULL);
    return envoy;
}

/* --- as many calls as one likes, a batch at a time --- */

static int dial(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)); text++) {
        count++;
    }
    return count;
}

/* Reads until `replies` have come (0: to the end); their text. */
static char *read_replies(int fd, size_t replies)
{
    char *text = calloc(1, TEXT_MAX);
    size_t size = 0;

    assert_non_null(text);
    while (replies == 0 || count_of(text, "\r\n\r\n") < replies) {
        ssize_t got = recv(fd, text + size, TEXT_MAX - 1 - size, 0);

        if (got == 0 && replies == 0) {
            break;
        }
        assert_true(got > 0);
        size += (size_t)got;
    }
    return text;
}

static void batch_send(int fd, size_t number, int size)
{
    struct text batch = { malloc(TEXT_MAX), 0 };

    assert_non_null(batch.data);
    for (int i = 0; i < size; i++) {
        /* HEAD: an answer is a head, and that is all there is to read. */
        add(&batch, "HEAD /c%zu/ HTTP/1.1\r\nHost: shop\r\n\r\n", number);
    }
    assert_int_equal(send(fd, batch.data, batch.size, MSG_NOSIGNAL), batch.size);
    free(batch.data);
}

static size_t batch_read(int fd, int size)
{
    char *text = read_replies(fd, (size_t)size);
    size_t none = count_of(text, "HTTP/1.1 503");

    free(text);
    return none;
}

/* How many of the calls found no endpoint. */
static double envoy_call(const struct envoy *envoy, size_t number, int size)
{
    int lines[LINES];
    size_t none = 0;

    for (size_t k = 0; k < LINES; k++) {
        lines[k] = dial(peer_port(envoy->peer));
    }
    for (int sent = 0; sent < CALLS; sent += size * LINES) {
        for (size_t k = 0; k < LINES; k++) {
            batch_send(lines[k], number, size);
        }
        for (size_t k = 0; k < LINES; k++) {
            none += batch_read(lines[k], size);
        }
    }
    for (size_t k = 0; k < LINES; k++) {
        close(lines[k]);
    }
    return (double)none;
}

static double host_total(const char *stats, size_t number, size_t g, uint32_t host)
{
    char key[64];
    const char *at, *total;

    snprintf(key, sizeof(key), "\nc%zu::127.1.%zu.%u:", number, g, host + 1);
    for (at = strstr(stats, key); at; at = strstr(at + 1, key)) {
        total = strstr(at, "::rq_total::");
        if (total && total < strchr(at + 1, '\n')) {
            return strtod(total + 12, NULL);
        }
    }
    fail_msg("Envoy tells nothing of %s", key + 1);
    return 0;
}

/* After a few replies of its own Envoy closes a connection on which more is asked
 * already: where some are expected, calls are made one by one. */
static void envoy_choose(const struct envoy *envoy, size_t number, bool one_by_one,
                         struct choice *choice)
{
    static const char question[] = "GET /clusters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const struct spread_case *test = &cases[number];
    char *stats;
    int fd;

    choice->none = envoy_call(envoy, number, one_by_one ? 1 : BATCH);
    fd = dial(envoy->admin);
    assert_int_equal(send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL), sizeof(question) - 1);
    stats = read_replies(fd, 0);
    close(fd);
    for (size_t g = 0; g < GROUPS; g++) {
        for (uint32_t i = 0; i < test->groups[g].count; i++) {
            choice->hosts[g][i] = host_total(stats, number, g, i);
        }
    }
    free(stats);
}

/* --- the library --- */

struct model {
    struct endpoint endpoints[GROUPS * HOSTS];
    char addresses[GROUPS * HOSTS][32];
    struct locality_weight weights[GROUPS];
};

static struct endpoint_set *model_set(struct model *model, const struct spread_case *test)
{
    static const enum endpoint_health health[STATES] = { HEALTH_HEALTHY, HEALTH_DEGRADED,
                                                         HEALTH_UNHEALTHY };
    struct endpoint_set *set = tulle__part_new(sizeof(*set));

    assert_non_null(set);
    for (size_t g = 0; g < GROUPS && test->groups[g].count > 0; g++) {
        const struct group *group = &test->groups[g];
        struct str zone = str_of(group->zone ? group->zone : "");

        model->weights[g] = (struct locality_weight){ zone, group->priority, group->zone_weight };
        set->locality_count += test->mode == LOCALITY_WEIGHTED;
        for (uint32_t i = 0; i < group->count; i++) {
            char *address = model->addresses[set->count];

            snprintf(address, sizeof(model->addresses[0]), "127.1.%zu.%03u:80", g, i + 1);
            model->endpoints[set->count++] =
                (struct endpoint){ .address = str_of(address),
                                   .locality = zone,
                                   .weight = group->weight > 0 ? group->weight : 1,
                                   .priority = group->priority,
                                   .health = health[state_of(group, i)] };
        }
    }
    set->endpoints = model->endpoints;
    set->localities = model->weights;
    return set;
}

static struct cluster *model_cluster(const struct spread_case *test, struct endpoint_set *set)
{
    struct cluster *cluster = tulle__part_new(sizeof(*cluster));
    struct locality_config *locality;

    assert_non_null(cluster);
    cluster->name = STR("shop");
    tulle__cluster_set_defaults(cluster);
    cluster->endpoints = set;
    cluster->balancer.kind = test->kind;
    locality = &cluster->balancer.locality;
    locality->mode = test->mode;
    locality->panic_percent = test->panic;
    locality->local = STR("a");
    locality->callers = callers;
    locality->caller_count = COUNT_OF(callers);
    locality->fail_on_panic = test->fail_on_panic;
    locality->routing_enabled = test->routing > 0 ? test->routing : 100;
    locality->min_cluster_size = test->min_cluster > 0 ? test->min_cluster : 6;
    return cluster;
}

static void host_count(const struct spread_case *test, const struct cluster_live *live,
                       const struct view *view, struct choice *choice)
{
    size_t at = 0;

    for (size_t g = 0; g < GROUPS; g++) {
        for (uint32_t i = 0; i < test->groups[g].count; i++) {
            if (live->views[at++] == view) {
                choice->hosts[g][i]++;
                return;
            }
        }
    }
    fail();
}

static void library_choose(size_t number, struct choice *choice)
{
    const struct spread_case *test = &cases[number];
    struct model model = { 0 };
    struct endpoint_set *endpoints = model_set(&model, test);
    struct cluster *cluster = model_cluster(test, endpoints);
    struct live_set set;
    struct cluster_live *live;
    struct rand rand;
    bool changed;

    tulle__rand_init(&rand, number);
    tulle__live_set_init(&set, 1, NULL);
    live = tulle__live_adopt(&set, cluster, &changed);
    assert_non_null(live);
    live->picker = tulle__picker_new(live, &cluster->balancer, 1, number, 1);
    assert_non_null(live->picker);
    for (int i = 0; i < CALLS; i++) {
        struct pick pick = { .rand = &rand, .now = 1 };
        struct view *view;

        if (tulle__pick(live, &pick, &view) == PICK_ENDPOINT) {
            host_count(test, live, view, choice);
            continue;
        }
        choice->none++;
    }
    tulle__live_set_fini(&set);
    tulle__part_unref(cluster);
    tulle__part_unref(endpoints);
}

/* --- the comparison --- */

struct chi {
    double square;
    double cells;
};

static void chi_add(struct chi *chi, double a, double b)
{
    if (a + b > 0) {
        chi->square += (a - b) * (a - b) / (a + b);
        chi->cells++;
    }
}

/* Wilson and Hilferty: the cube root of chi-square is nearly normal. 4.1 deviations
 * are p = 0.001 over two comparisons for each of the cases. */
static void chi_expect(const struct chi *chi, const char *name, const char *what)
{
    double freedom = chi->cells > 1 ? chi->cells - 1 : 1;
    double spread = 2 / (9 * freedom);
    double deviations = (cbrt(chi->square / freedom) - (1 - spread)) / sqrt(spread);

    if (deviations > 4.1) {
        fail_msg("%s, %s: chi-square %.1f of %.0f degrees", name, what, chi->square, freedom);
    }
}

static void compare(const struct spread_case *test, const struct choice *ours,
                    const struct choice *envoys)
{
    struct chi hosts = { 0 }, places = { 0 };

    for (size_t g = 0; g < GROUPS; g++) {
        double mine[STATES] = { 0 }, its[STATES] = { 0 };

        for (uint32_t i = 0; i < test->groups[g].count; i++) {
            uint32_t state = state_of(&test->groups[g], i);

            mine[state] += ours->hosts[g][i];
            its[state] += envoys->hosts[g][i];
            chi_add(&hosts, ours->hosts[g][i], envoys->hosts[g][i]);
        }
        for (size_t state = 0; state < STATES; state++) {
            chi_add(&places, mine[state], its[state]);
        }
    }
    chi_add(&places, ours->none, envoys->none);
    chi_expect(&hosts, test->name, "hosts");
    chi_expect(&places, test->name, "places");
}

static double total(const struct choice *choice)
{
    double sum = choice->none;

    for (size_t g = 0; g < GROUPS; g++) {
        for (size_t i = 0; i < HOSTS; i++) {
            sum += choice->hosts[g][i];
        }
    }
    return sum;
}

static void compare_all(size_t first, size_t end)
{
    struct envoy envoy = envoy_start();

    for (size_t i = first; i < end; i++) {
        struct choice ours = { 0 }, envoys = { 0 };

        library_choose(i, &ours);
        envoy_choose(&envoy, i, ours.none > 0, &envoys);
        assert_int_equal(total(&ours), CALLS);
        assert_int_equal(total(&envoys), CALLS);
        compare(&cases[i], &ours, &envoys);
    }
    peer_free(envoy.peer);
}

static void priorities_and_panic_have_envoys_shares(void **state)
{
    (void)state;
    compare_all(0, FIRST_LOCALITY);
}

static void weighted_localities_have_envoys_shares(void **state)
{
    (void)state;
    compare_all(FIRST_LOCALITY, FIRST_ZONE);
}

static void zones_have_envoys_shares(void **state)
{
    (void)state;
    compare_all(FIRST_ZONE, COUNT_OF(cases));
}

TEST_MAIN(cmocka_unit_test(priorities_and_panic_have_envoys_shares),
          cmocka_unit_test(weighted_localities_have_envoys_shares),
          cmocka_unit_test(zones_have_envoys_shares))
