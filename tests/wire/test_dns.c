/* SPDX-License-Identifier: Apache-2.0 */

/* The real resolver against a name server that lies: rows 34 to 36 of what goes
 * wrong with names. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/dns_server.h"
#include "wire.h"

static struct dns_server *dns;
static struct server *server;
static struct tulle *mesh;
static uint32_t threads; /* of the meshes that are opened */
static int64_t stale_ns;

static struct tulle *open_with(const char *yaml, const char *servers)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .dns_servers = servers, .threads = threads,
                                     .dns_stale_ns = stale_ns };
    struct tulle_config *config = NULL;
    struct tulle *opened;

    if (yaml) {
        assert_int_equal(tulle_config_new(&config), TULLE_OK);
        assert_int_equal(tulle_config_add_yaml(config, "test.yaml", yaml), TULLE_OK);
        options.built = config;
    }
    assert_int_equal(tulle_open(&options, &opened), TULLE_OK);
    tulle_config_free(config);
    return opened;
}

static int setup(void **state)
{
    (void)state;
    dns = dns_server_start();
    server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    mesh = open_with(NULL, dns_server_address(dns));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wire_close(mesh);
    server_stop(server);
    dns_server_stop(dns);
    return 0;
}

static void count_endpoint(const struct tulle_endpoint_state *endpoint, void *count)
{
    (void)endpoint;
    ++*(size_t *)count;
}

static struct outcome get(const char *host)
{
    char url[512];

    snprintf(url, sizeof(url), "http://%s:%u/", host, server_port(server));
    return wire_get(mesh, url);
}

/* The service "shop" on port 80, whose endpoints are a name's. */
static struct tulle *open_shop(const char *resolution, const char *name)
{
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
             "metadata: {name: shop, namespace: default}\nspec:\n  hosts: [shop]\n"
             "  ports: [{number: 80, targetPort: %u, name: http, protocol: HTTP}]\n"
             "  resolution: %s\n  endpoints: [{address: %s}]\n",
             server_port(server), resolution, name);
    return open_with(yaml, dns_server_address(dns));
}

static void a_name_outside_the_mesh_is_looked_up_once_for_many_calls(void **state)
{
    (void)state;
    dns_server_say(dns, "shop.test", DNS_TRUTH, 300, "127.0.0.2", NULL);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(get(i % 2 ? "shop.test" : "SHOP.test").status, 200);
    }
    assert_int_equal(dns_server_asked(dns, "shop.test"), 2);
    assert_true(server_count(server, "opened") <= 2);
}

static void a_dot_at_the_end_is_no_other_name(void **state)
{
    (void)state;
    dns_server_say(dns, "shop.test", DNS_TRUTH, 300, "127.0.0.2", NULL);
    assert_int_equal(get("shop.test.").status, 200);
}

static void addresses_and_localhost_are_never_looked_up(void **state)
{
    char url[64];

    (void)state;
    snprintf(url, sizeof(url), "http://%s/", server_address(server));
    assert_int_equal(wire_get(mesh, url).status, 200);
    assert_int_equal(get("localhost").error, TULLE_E_NETWORK); /* it listens on 127.0.0.2 */
    assert_true(wire_metric(mesh, "tulle_dns_names", "good") == 1);
    assert_int_equal(dns_server_asked(dns, "localhost"), 0);
}

static void what_a_server_says_is_what_the_call_says(void **state)
{
    static const struct {
        enum dns_lie lie;
        const char *text;
    } cases[] = {
        { DNS_NXDOMAIN, "a.test: no such name (NXDOMAIN)" },
        { DNS_FAILS, "a.test: the name server failed (SERVFAIL)" },
        { DNS_EMPTY, "a.test: the name has no address" },
        { DNS_OTHERS, "a.test: the name has no address" },
        { DNS_LOOP, "a.test: the name has no address" },
        { DNS_REFUSES, "a.test: the name server" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct outcome outcome;

        dns_server_say(dns, "a.test", cases[i].lie, 1, "127.0.0.2", NULL);
        wire_close(mesh);
        mesh = open_with(NULL, dns_server_address(dns));
        outcome = get("a.test");
        assert_int_equal(outcome.error, TULLE_E_NETWORK);
        assert_string_equal(outcome.failure.flags, "DF");
        assert_memory_equal(outcome.failure.text, cases[i].text, strlen(cases[i].text));
        assert_int_equal(outcome.failure.progress, TULLE_NOTHING_SENT);
    }
    assert_int_equal(server_count(server, "opened"), 0);
}

static void addresses_that_are_none_are_not_tried(void **state)
{
    struct outcome outcome;

    (void)state;
    dns_server_say(dns, "a.test", DNS_TRUTH, 0, "0.0.0.0,224.0.0.1", NULL);
    outcome = get("a.test");
    assert_int_equal(outcome.error, TULLE_E_NETWORK);
    assert_string_equal(outcome.failure.text,
                        "a.test: the name's addresses cannot be connected to");
    dns_server_say(dns, "b.test", DNS_TRUTH, 0, "0.0.0.0,127.0.0.2", NULL);
    assert_int_equal(get("b.test").status, 200);
}

/* c-ares waits on for the right answer; who lies is not believed. */
static void answers_to_other_questions_are_not_believed(void **state)
{
    static const enum dns_lie lies[] = { DNS_WRONG_ID, DNS_WRONG_NAME, DNS_GARBAGE, DNS_SILENT };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        struct tulle_request request = { TULLE_REQUEST_INIT, .deadline_ns = TULLE_S(1) };
        char url[64], name[32];
        struct outcome outcome;

        snprintf(name, sizeof(name), "liar%zu.test", i);
        snprintf(url, sizeof(url), "http://%s:%u/", name, server_port(server));
        request.url = url;
        dns_server_say(dns, name, lies[i], 1, "127.0.0.2", NULL);
        outcome = wire_call(mesh, &request);
        assert_true(outcome.error == TULLE_E_TIMEOUT || outcome.error == TULLE_E_NETWORK);
    }
    assert_int_equal(server_count(server, "opened"), 0);
}

static void a_thousand_addresses_come_over_tcp(void **state)
{
    struct tulle *shop = NULL;
    size_t endpoints = 0;

    (void)state;
    dns_server_say(dns, "big.test", DNS_TRUTH, 300, "*1500", NULL);
    shop = open_shop("DNS", "big.test");
    assert_int_equal(tulle_wait_ready(shop, TULLE_S(30)), TULLE_OK);
    assert_int_equal(tulle_endpoints(shop, count_endpoint, &endpoints), TULLE_OK);
    assert_int_equal(endpoints, 1500);
    assert_true(dns_server_tcp(dns) >= 1);
    wire_close(shop);
}

static void truncated_and_no_tcp_is_a_failure(void **state)
{
    (void)state;
    dns_server_say(dns, "cut.test", DNS_CUT, 300, "127.0.0.2", NULL);
    assert_int_equal(get("cut.test").error, TULLE_E_NETWORK);
}

static bool address_changed(void *user)
{
    struct outcome outcome = wire_get(user, "http://shop/");

    assert_int_equal(outcome.status, 200);
    return strncmp(outcome.endpoint, "127.0.0.3:", 10) == 0;
}

static void a_record_that_changes_is_seen_and_calls_never_fail(void **state)
{
    char address[32];
    struct server *other;
    struct tulle *shop;

    (void)state;
    snprintf(address, sizeof(address), "127.0.0.3:%u", server_port(server));
    other = server_start(SERVER_HTTP, address, NULL);
    dns_server_say(dns, "db.test", DNS_TRUTH, 1, "127.0.0.2", NULL);
    shop = open_shop("DNS", "db.test");
    assert_int_equal(wire_get(shop, "http://shop/").status, 200);
    dns_server_say(dns, "db.test", DNS_TRUTH, 1, "127.0.0.3", NULL);
    assert_true(test_wait_until(address_changed, shop, TULLE_S(30)));
    assert_true(server_wait_exactly(server, "open", 0)); /* the old endpoint is drained */
    wire_close(shop);
    server_stop(other);
}

struct failures {
    struct tulle *mesh;
    const char *reason;
};

static bool failure_counted(void *user)
{
    struct failures *failures = user;

    assert_int_equal(wire_get(failures->mesh, "http://shop/").status, 200);
    return wire_metric(failures->mesh, "tulle_dns_failures_total", failures->reason) >= 2;
}

static void the_last_good_addresses_stay_whatever_fails(void **state)
{
    static const struct {
        enum dns_lie lie;
        const char *reason;
    } cases[] = { { DNS_FAILS, "servfail" },
                  { DNS_NXDOMAIN, "nxdomain" },
                  { DNS_TRUTH, "nodata" } };
    struct failures failures;

    (void)state;
    dns_server_say(dns, "db.test", DNS_TRUTH, 1, "127.0.0.2", NULL);
    failures.mesh = open_shop("DNS", "db.test");
    assert_int_equal(tulle_wait_ready(failures.mesh, TULLE_S(30)), TULLE_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        dns_server_say(dns, "db.test", cases[i].lie, 1, NULL, NULL);
        failures.reason = cases[i].reason;
        assert_true(test_wait_until(failure_counted, &failures, TULLE_S(60)));
    }
    assert_true(wire_metric(failures.mesh, "tulle_dns_names", "stale") == 1);
    wire_close(failures.mesh);
}

struct hope {
    struct tulle *mesh;
    struct outcome outcome;
};

static bool call_fails(void *user)
{
    struct hope *hope = user;

    hope->outcome = wire_get(hope->mesh, "http://shop/");
    return hope->outcome.error != TULLE_OK;
}

static void or_as_long_as_an_option_says(void **state)
{
    struct hope hope;

    (void)state;
    dns_server_say(dns, "db.test", DNS_TRUTH, 1, "127.0.0.2", NULL);
    stale_ns = TULLE_S(3);
    hope.mesh = open_shop("DNS", "db.test");
    stale_ns = 0;
    assert_false(call_fails(&hope));
    dns_server_say(dns, "db.test", DNS_NXDOMAIN, 1, NULL, NULL);
    assert_true(test_wait_until(call_fails, &hope, TULLE_S(30)));
    assert_int_equal(hope.outcome.failure.progress, TULLE_NOTHING_SENT);
    assert_non_null(strstr(hope.outcome.failure.text, "NXDOMAIN"));
    assert_true(wire_metric(hope.mesh, "tulle_dns_names", "failed") == 1);
    wire_close(hope.mesh);
}

static void a_server_that_swallows_aaaa_does_not_hold_up_calls(void **state)
{
    struct outcome outcome;

    (void)state;
    dns_server_say(dns, "v4.test", DNS_SILENT_6, 300, "127.0.0.2", NULL);
    outcome = get("v4.test");
    assert_int_equal(outcome.status, 200);
    assert_true(outcome.took_ns < TULLE_S(2)); /* c-ares' first patience */
}

/* Nobody takes connections from its queue, which is full: the next SYN is dropped. */
static int black_hole(uint16_t port, int fillers[4])
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6,
                                    .sin6_port = htons(port),
                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
    return fd;
}

static void ipv6_that_leads_nowhere_costs_a_moment(void **state)
{
    int fillers[4], hole = black_hole(server_port(server), fillers);
    struct outcome outcome;

    (void)state;
    dns_server_say(dns, "both.test", DNS_TRUTH, 300, "127.0.0.2", "::1");
    outcome = get("both.test");
    assert_int_equal(outcome.status, 200);
    assert_in_range(outcome.took_ns, TULLE_MS(150), TULLE_S(3)); /* libcurl waits 200 ms */
    for (int i = 0; i < 4; i++) {
        close(fillers[i]);
    }
    close(hole);
}

static void the_next_address_is_tried_where_one_refuses(void **state)
{
    (void)state;
    dns_server_say(dns, "two.test", DNS_TRUTH, 300, "127.0.0.9,127.0.0.2", NULL);
    assert_int_equal(get("two.test").status, 200);
}

static void round_robin_has_one_endpoint_and_goes_where_the_name_leads(void **state)
{
    struct tulle *shop;
    struct outcome outcome;
    size_t endpoints = 0;

    (void)state;
    dns_server_say(dns, "lb.test", DNS_TRUTH, 300, "127.0.0.9,127.0.0.2", NULL);
    shop = open_shop("DNS_ROUND_ROBIN", "lb.test");
    outcome = wire_get(shop, "http://shop/");
    assert_int_equal(outcome.status, 200);
    assert_memory_equal(outcome.endpoint, "lb.test:", 8);
    assert_int_equal(tulle_endpoints(shop, count_endpoint, &endpoints), TULLE_OK);
    assert_int_equal(endpoints, 1);
    assert_int_equal(server_count(server, "requests"), 1);
    wire_close(shop);
}

static void a_mesh_without_threads_looks_names_up_while_it_is_waited_for(void **state)
{
    struct tulle *shop;

    (void)state;
    dns_server_say(dns, "db.test", DNS_TRUTH, 300, "127.0.0.2", NULL);
    dns_server_say(dns, "gone.test", DNS_SILENT, 300, NULL, NULL);
    threads = TULLE_NONE_COUNT;
    shop = open_shop("DNS", "db.test");
    assert_int_equal(tulle_wait_ready(shop, TULLE_S(30)), TULLE_OK);
    assert_int_equal(wire_get(shop, "http://shop/").status, 200);
    wire_close(shop);
    shop = open_shop("DNS", "gone.test");
    assert_int_equal(tulle_wait_ready(shop, TULLE_MS(50)), TULLE_E_TIMEOUT);
    wire_close(shop);
    threads = 0;
}

struct patient {
    struct tulle *mesh;
    atomic_int tid;
    enum tulle_error error;
};

static void *wait_for_ever(void *user)
{
    struct patient *patient = user;

    atomic_store(&patient->tid, gettid());
    patient->error = tulle_wait_ready(patient->mesh, TULLE_NONE);
    return NULL;
}

static bool it_sleeps(void *user)
{
    int tid = atomic_load(&((struct patient *)user)->tid);
    char path[64], state = '?';
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    file = tid != 0 && dns_server_asked(dns, "gone.test") > 0 ? fopen(path, "r") : NULL;
    if (file) {
        assert_int_equal(fscanf(file, "%*d %*[^)]) %c", &state), 1);
        fclose(file);
    }
    return state == 'S';
}

static void who_waits_for_names_is_let_go_when_the_mesh_is_closed(void **state)
{
    (void)state;
    dns_server_say(dns, "gone.test", DNS_SILENT, 300, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        struct patient patient = { .tid = 0 };
        pthread_t thread;

        threads = i == 0 ? 0 : TULLE_NONE_COUNT;
        patient.mesh = open_shop("DNS", "gone.test");
        assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &patient), 0);
        assert_true(test_wait_until(it_sleeps, &patient, TULLE_S(20)));
        wire_close(patient.mesh);
        pthread_join(thread, NULL);
        assert_int_equal(patient.error, TULLE_E_CLOSED);
    }
    threads = 0;
}

static void servers_that_are_none_are_refused_when_the_mesh_is_opened(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .dns_servers = "not a server" };
    struct tulle *none;

    (void)state;
    assert_int_equal(tulle_open(&options, &none), TULLE_E_USAGE);
    assert_null(none);
}

#define DNS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(DNS_TEST(a_name_outside_the_mesh_is_looked_up_once_for_many_calls),
          DNS_TEST(a_dot_at_the_end_is_no_other_name),
          DNS_TEST(addresses_and_localhost_are_never_looked_up),
          DNS_TEST(what_a_server_says_is_what_the_call_says),
          DNS_TEST(addresses_that_are_none_are_not_tried),
          DNS_TEST(answers_to_other_questions_are_not_believed),
          DNS_TEST(a_thousand_addresses_come_over_tcp), DNS_TEST(truncated_and_no_tcp_is_a_failure),
          DNS_TEST(a_record_that_changes_is_seen_and_calls_never_fail),
          DNS_TEST(the_last_good_addresses_stay_whatever_fails),
          DNS_TEST(or_as_long_as_an_option_says),
          DNS_TEST(a_server_that_swallows_aaaa_does_not_hold_up_calls),
          DNS_TEST(ipv6_that_leads_nowhere_costs_a_moment),
          DNS_TEST(the_next_address_is_tried_where_one_refuses),
          DNS_TEST(round_robin_has_one_endpoint_and_goes_where_the_name_leads),
          DNS_TEST(a_mesh_without_threads_looks_names_up_while_it_is_waited_for),
          DNS_TEST(who_waits_for_names_is_let_go_when_the_mesh_is_closed),
          DNS_TEST(servers_that_are_none_are_refused_when_the_mesh_is_opened))
