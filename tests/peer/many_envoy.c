/* SPDX-License-Identifier: Apache-2.0 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer/many.h"
#include "peer/many_net.h"
#include "peer/peers.h"

enum { TEXT_MAX = 4096 };

struct many_envoy {
    const struct many *many;
    struct peer *peer;
    int fds[MANY_AT_ONCE];
};

static void write_endpoints(FILE *out, const struct many *many, const struct many_cluster *cluster)
{
    char address[MANY_ADDRESS], *port;

    for (size_t i = 0; i < cluster->count; i++) {
        size_t at = cluster->reversed ? cluster->count - 1 - i : i;

        many_address(many, at, address);
        port = strchr(address, ':');
        fprintf(out,
                "        - endpoint: {address: {socket_address: {address: %.*s, port_value: %s}}}\n"
                "          load_balancing_weight: %u\n",
                (int)(port - address), address, port + 1, cluster->weights[at]);
    }
}

static void write_clusters(FILE *out, const struct many *many, const struct many_cluster *clusters,
                           size_t count)
{
    fprintf(out, "  clusters:\n");
    for (size_t i = 0; i < count; i++) {
        fprintf(out,
                "  - name: %s\n"
                "    type: STATIC\n"
                "    connect_timeout: 5s\n"
                "    circuit_breakers: {thresholds: [{max_connections: 100000, "
                "max_pending_requests: 100000, max_requests: 100000}]}\n"
                "    %s\n"
                "    load_assignment:\n"
                "      cluster_name: %s\n"
                "      endpoints:\n"
                "      - lb_endpoints:\n",
                clusters[i].name, clusters[i].policy, clusters[i].name);
        write_endpoints(out, many, &clusters[i]);
    }
}

static void write_hosts(FILE *out, const struct many_cluster *clusters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(out,
                "%s{name: %s, domains: [%s], routes: [{match: {prefix: /}, route: {cluster: %s, "
                "timeout: 60s, hash_policy: [%s]}}]}",
                i > 0 ? ", " : "", clusters[i].name, clusters[i].name, clusters[i].name,
                clusters[i].hash ? clusters[i].hash : "{header: {header_name: x-key}}");
    }
}

static char *bootstrap(const struct many *many, uint16_t port, const struct many_cluster *clusters,
                       size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    fprintf(out,
            "static_resources:\n"
            "  listeners:\n"
            "  - address: {socket_address: {address: 127.0.0.1, port_value: %u}}\n" PEER_ENVOY_HTTP
            "            {virtual_hosts: [",
            port);
    write_hosts(out, clusters, count);
    fprintf(out, "]}\n");
    write_clusters(out, many, clusters, count);
    fclose(out);
    return text;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    many_no_delay(fd);
    return fd;
}

struct many_envoy *many_envoy_start(const struct many *many, const struct many_cluster *clusters,
                                    size_t count)
{
    struct many_envoy *envoy = calloc(1, sizeof(*envoy));
    char *text;

    assert_non_null(envoy);
    envoy->many = many;
    envoy->peer = peer_new();
    text = bootstrap(many, peer_port(envoy->peer), clusters, count);
    peer_run_envoy(envoy->peer, text);
    free(text);
    for (size_t i = 0; i < MANY_AT_ONCE; i++) {
        envoy->fds[i] = connect_to(peer_port(envoy->peer));
    }
    return envoy;
}

void many_envoy_stop(struct many_envoy *envoy)
{
    for (size_t i = 0; i < MANY_AT_ONCE; i++) {
        close(envoy->fds[i]);
    }
    peer_free(envoy->peer);
    free(envoy);
}

static void ask(int fd, const char *cluster, const char *target, const char *lines)
{
    char text[1024];
    int size = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target,
                        cluster, lines);

    many_send(fd, text, (size_t)size);
}

/* The whole answer is a head and an address. */
static void hear(int fd, char address[MANY_ADDRESS])
{
    char text[TEXT_MAX];
    const char *length, *body = NULL;
    size_t size = 0, expected = 0;

    while (body == NULL || strlen(body) < expected) {
        ssize_t got = recv(fd, text + size, sizeof(text) - size - 1, 0);

        assert_true(got > 0);
        size += (size_t)got;
        text[size] = '\0';
        body = strstr(text, "\r\n\r\n");
        if (body != NULL) {
            body += 4;
            length = strstr(text, "content-length: ");
            assert_non_null(length);
            expected = strtoul(length + strlen("content-length: "), NULL, 10);
        }
    }
    if (strncmp(text, "HTTP/1.1 200", strlen("HTTP/1.1 200")) != 0) {
        fail_msg("Envoy says: %s", text);
    }
    snprintf(address, MANY_ADDRESS, "%s", body);
}

void many_envoy_ask(struct many_envoy *envoy, const char *cluster, size_t from, size_t count,
                    size_t *reached)
{
    char address[MANY_ADDRESS], line[64];

    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "x-key: key-%zu\r\n", from + i);
        ask(envoy->fds[i], cluster, "/", line);
    }
    for (size_t i = 0; i < count; i++) {
        hear(envoy->fds[i], address);
        reached[i] = many_index(envoy->many, address);
    }
}

size_t many_envoy_ask_one(struct many_envoy *envoy, const char *cluster, const char *target,
                          const char *lines)
{
    char address[MANY_ADDRESS];

    ask(envoy->fds[0], cluster, target, lines);
    hear(envoy->fds[0], address);
    return many_index(envoy->many, address);
}
