/* SPDX-License-Identifier: Apache-2.0 */

/* Names from a real resolver: dnsmasq. What it does not know of fail.test it
 * asks of a server of ours, which fails. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/dns_server.h"
#include "peers.h"

/* TSan has a thread of its own. */
#ifdef __SANITIZE_THREAD__
enum { THREADS = 2 };
#else
enum { THREADS = 1 };
#endif

enum { TTL_S = 3, MANY = 1200 };

#define CLIENT_URL "TULLE_TEST_DNS_URL"
#define CLIENT_DNS "TULLE_TEST_DNS_SERVERS"

static struct peer *dnsmasq;
static struct dns_server *upstream;
static struct server *one, *two;

/* Replaced in place, and read again. */
static void hosts_write(const char *text)
{
    FILE *file = fopen(peer_path(dnsmasq, "hosts"), "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void hosts_change(const char *text)
{
    hosts_write(text);
    peer_signal(dnsmasq, SIGHUP);
}

/* --no-daemon: it keeps its user, and with that dies with this process. */
static void dnsmasq_run(void)
{
    char port[32], ttl[32], hosts[512], forward[64];

    snprintf(port, sizeof(port), "--port=%u", peer_port(dnsmasq));
    snprintf(ttl, sizeof(ttl), "--local-ttl=%d", TTL_S);
    snprintf(hosts, sizeof(hosts), "--addn-hosts=%s", peer_path(dnsmasq, "hosts"));
    snprintf(forward, sizeof(forward), "--server=/fail.test/127.0.0.1#%u",
             dns_server_port(upstream));
    peer_run(dnsmasq, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
             "--no-hosts", "--no-poll", "--no-negcache", "--cache-size=10000",
             "--pid-file=", "--listen-address=127.0.0.1", "--bind-interfaces",
             "--local=/shop.test/", "--log-facility=-", port, ttl, hosts, forward, NULL);
}

static int setup(void **state)
{
    char address[32];

    (void)state;
    dnsmasq = peer_new();
    upstream = dns_server_start();
    one = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    snprintf(address, sizeof(address), "127.0.0.3:%u", server_port(one));
    two = server_start(SERVER_HTTP, address, NULL);
    dns_server_say(upstream, "db.fail.test", DNS_FAILS, 1, NULL, NULL);
    hosts_write("127.0.0.2 db.shop.test\n127.0.0.2 db.fail.test\n");
    dnsmasq_run();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_stop(one);
    server_stop(two);
    dns_server_stop(upstream);
    peer_free(dnsmasq);
    return 0;
}

/* The service "shop" on port 80, by a name. */
static struct tulle *shop_open(const char *name)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .dns_servers = peer_at(dnsmasq) };
    struct tulle_config *config;
    struct tulle *mesh;
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
             "metadata: {name: shop, namespace: default}\nspec:\n  hosts: [shop]\n"
             "  ports: [{number: 80, targetPort: %u, name: http, protocol: HTTP}]\n"
             "  resolution: DNS\n  endpoints: [{address: %s}]\n",
             server_port(one), name);
    assert_int_equal(tulle_config_new(&config), TULLE_OK);
    assert_int_equal(tulle_config_add_yaml(config, "test.yaml", yaml), TULLE_OK);
    options.built = config;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    tulle_config_free(config);
    return mesh;
}

static bool second_is_called(void *user)
{
    struct outcome outcome = wire_get(user, "http://shop/");

    assert_int_equal(outcome.status, 200);
    return strncmp(outcome.endpoint, "127.0.0.3:", 10) == 0;
}

static void a_change_is_seen_when_the_ttl_is_over_and_not_before(void **state)
{
    int64_t began = test_now(), seen;
    struct tulle *mesh = shop_open("db.shop.test");

    (void)state;
    test_allow_output();
    assert_int_equal(wire_get(mesh, "http://shop/").status, 200);
    hosts_change("127.0.0.3 db.shop.test\n");
    assert_true(test_wait_until(second_is_called, mesh, TULLE_S(60)));
    seen = test_now() - began;
    print_message("a TTL of %d s: the change was seen %.1f s after the first look-up began\n",
                  TTL_S, (double)seen / 1e9);
    assert_true(seen >= TULLE_S(TTL_S));
    wire_close(mesh);
}

static void endpoint_count(const struct tulle_endpoint_state *endpoint, void *count)
{
    (void)endpoint;
    ++*(size_t *)count;
}

static void over_a_thousand_addresses_are_endpoints(void **state)
{
    size_t count = 0, size = 0;
    char *text = calloc(MANY, 64);
    struct tulle *mesh;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < MANY; i++) {
        size +=
            (size_t)snprintf(text + size, 64, "127.1.%d.%d many.shop.test\n", i / 200, i % 200 + 1);
    }
    hosts_change(text);
    free(text);
    mesh = shop_open("many.shop.test");
    assert_int_equal(tulle_wait_ready(mesh, TULLE_S(60)), TULLE_OK);
    assert_int_equal(tulle_endpoints(mesh, endpoint_count, &count), TULLE_OK);
    assert_int_equal(count, MANY);
    wire_close(mesh);
}

struct failing {
    struct tulle *mesh;
    const char *reason;
};

static bool failed_twice(void *user)
{
    struct failing *failing = user;

    assert_int_equal(wire_get(failing->mesh, "http://shop/").status, 200);
    return wire_metric(failing->mesh, "tulle_dns_failures_total", failing->reason) >= 2;
}

static void the_last_good_stay(const char *name, const char *reason)
{
    struct failing failing = { shop_open(name), reason };

    assert_int_equal(tulle_wait_ready(failing.mesh, TULLE_S(60)), TULLE_OK);
    hosts_change("");
    assert_true(test_wait_until(failed_twice, &failing, TULLE_S(120)));
    assert_true(wire_metric(failing.mesh, "tulle_dns_names", "stale") == 1);
    wire_close(failing.mesh);
}

static void nxdomain_after_success_keeps_the_last_good(void **state)
{
    (void)state;
    the_last_good_stay("db.shop.test", "nxdomain");
}

static void servfail_after_success_keeps_the_last_good(void **state)
{
    (void)state;
    the_last_good_stay("db.fail.test", "servfail");
}

/* --- who looks names up, seen from the system --- */

/* Run again under strace, this test is the client: a service by a name, and a
 * name outside the mesh. */
static void client_run(const char *url)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .dns_servers = getenv(CLIENT_DNS) };
    struct tulle *mesh;

    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wire_get(mesh, url).status, 200);
    }
    wire_close(mesh);
}

static void client_trace(const char *output, const char *url)
{
    char self[512];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int status;
    pid_t pid;

    assert_true(size > 0);
    self[size] = '\0';
    pid = fork();

    if (pid == 0) {
        setenv(CLIENT_URL, url, 1);
        setenv(CLIENT_DNS, peer_at(dnsmasq), 1);
        setenv("TULLE_TEST_ONLY", "nothing_but_our_resolver", 1);
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot be traced itself */
        execlp("strace", "strace", "-f", "-qq", "-o", output, "-e",
               "trace=socket,connect,sendto,sendmsg,sendmmsg,clone,clone3,openat", self, NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct trace_count {
    unsigned threads, ours, others, nscd;
};

static void trace_line(const char *line, const char *port, struct trace_count *count)
{
    bool connects = strstr(line, "connect(") || strstr(line, "sendto(") || strstr(line, "sendm");

    count->threads += strstr(line, "CLONE_THREAD") && !strstr(line, "resumed");
    count->ours += strstr(line, "connect(") && strstr(line, port) != NULL;
    count->others += connects && strstr(line, "htons(53)") != NULL;
    count->nscd += strstr(line, "nscd") != NULL; /* the first thing getaddrinfo() asks */
}

static struct trace_count trace_read(const char *path)
{
    struct trace_count count = { 0 };
    char line[4096], port[32];
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    snprintf(port, sizeof(port), "htons(%u)", peer_port(dnsmasq));
    while (fgets(line, sizeof(line), file)) {
        trace_line(line, port, &count);
    }
    fclose(file);
    return count;
}

static void nothing_but_our_resolver_looks_names_up(void **state)
{
    const char *client = getenv(CLIENT_URL);
    struct trace_count count;
    char url[64], output[512];

    (void)state;
    test_allow_output();
    if (client) {
        client_run(client);
        return;
    }
    setup(NULL);
    snprintf(url, sizeof(url), "http://db.shop.test:%u/", server_port(one));
    snprintf(output, sizeof(output), "%s", peer_path(dnsmasq, "trace"));
    client_trace(output, url);
    count = trace_read(output);
    print_message("%u thread, %u sockets to our resolver, %u to port 53, %u to nscd\n",
                  count.threads, count.ours, count.others, count.nscd);
    assert_in_range(count.ours, 1, 4);
    assert_int_equal(count.others, 0);
    assert_int_equal(count.nscd, 0);
    assert_int_equal(count.threads, THREADS); /* the control step's */
    assert_int_equal(server_count(one, "requests"), 3);
    teardown(NULL);
}

#define DNS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

TEST_MAIN(DNS_TEST(a_change_is_seen_when_the_ttl_is_over_and_not_before),
          DNS_TEST(over_a_thousand_addresses_are_endpoints),
          DNS_TEST(nxdomain_after_success_keeps_the_last_good),
          DNS_TEST(servfail_after_success_keeps_the_last_good),
          cmocka_unit_test(nothing_but_our_resolver_looks_names_up))
