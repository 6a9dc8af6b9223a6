/* SPDX-License-Identifier: Apache-2.0 */

#include "peer/spread.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer/peers.h"

enum { BATCH = 25, BATCH_MAX = 100, LINES = 8, REPLIES_MAX = 1 << 16, STATS_MAX = 1 << 21 };

struct spread_envoy {
    struct peer *peer;
    struct spread_site site;
    int lines[LINES];
    char stats[STATS_MAX];
};

static int dial(unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void spread_envoy_tell(struct spread_envoy *envoy, const struct spread_case *test, size_t number)
{
    struct spread_text text = spread_text_new();
    char name[32];

    snprintf(name, sizeof(name), "c%zu.yaml", number);
    spread_endpoints(&text, test, number, envoy->site.back);
    test_folder_write(envoy->site.folder, name, text.data);
    spread_text_free(&text);
}

struct spread_envoy *spread_envoy_start(const struct spread_case *cases, size_t count)
{
    struct spread_envoy *envoy = calloc(1, sizeof(*envoy));
    struct spread_text text = spread_text_new();

    assert_non_null(envoy);
    envoy->peer = peer_new();
    envoy->site = (struct spread_site){ peer_folder(envoy->peer), peer_port(envoy->peer),
                                        peer_free_port(), peer_free_port() };
    spread_config(&text, cases, count, &envoy->site);
    for (size_t i = 0; i < count; i++) {
        if (cases[i].by_file) {
            spread_envoy_tell(envoy, &cases[i], i);
        }
    }
    peer_run_envoy(envoy->peer, text.data);
    spread_text_free(&text);
    for (size_t k = 0; k < LINES; k++) {
        envoy->lines[k] = dial(envoy->site.port);
    }
    return envoy;
}

void spread_envoy_stop(struct spread_envoy *envoy)
{
    for (size_t k = 0; k < LINES; k++) {
        close(envoy->lines[k]);
    }
    peer_free(envoy->peer);
    free(envoy);
}

/* --- calls --- */

/* HEAD: an answer is a head, and that is all there is to read. */
static void batch_send(int fd, size_t number, unsigned count)
{
    char text[BATCH_MAX * 64];
    size_t size = 0;

    assert_in_range(count, 1, BATCH_MAX);
    for (unsigned i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size,
                                 "HEAD /c%zu/ HTTP/1.1\r\nHost: shop\r\n\r\n", number);
    }
    assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), size);
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;

    for (; (text = strstr(text, what)); text++) {
        count++;
    }
    return count;
}

/* How many of the replies found nobody. */
static unsigned batch_read(int fd, unsigned count)
{
    char text[REPLIES_MAX];
    size_t size = 0;

    do {
        ssize_t got = recv(fd, text + size, sizeof(text) - 1 - size, 0);

        assert_true(got > 0);
        size += (size_t)got;
        text[size] = '\0';
    } while (count_of(text, "\r\n\r\n") < count);
    return count_of(text, "HTTP/1.1 503");
}

unsigned spread_envoy_call(struct spread_envoy *envoy, size_t number, unsigned count)
{
    batch_send(envoy->lines[0], number, count);
    return batch_read(envoy->lines[0], count);
}

static unsigned call_on_all(struct spread_envoy *envoy, size_t number, unsigned batch)
{
    unsigned none = 0;

    for (size_t k = 0; k < LINES; k++) {
        batch_send(envoy->lines[k], number, batch);
    }
    for (size_t k = 0; k < LINES; k++) {
        none += batch_read(envoy->lines[k], batch);
    }
    return none;
}

void spread_envoy_choose(struct spread_envoy *envoy, const struct spread_case *test, size_t number,
                         bool one_by_one, struct spread_choice *choice)
{
    unsigned batch = one_by_one ? 1 : BATCH;

    choice->none = 0;
    for (unsigned sent = 0; sent < SPREAD_PICKS; sent += batch * LINES) {
        choice->none += call_on_all(envoy, number, batch);
    }
    spread_envoy_chose(envoy, test, number, choice);
}

/* --- statistics --- */

static void stats_read(struct spread_envoy *envoy)
{
    static const char question[] = "GET /clusters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    int fd = dial(envoy->site.admin);
    size_t size = 0;
    ssize_t got;

    assert_int_equal(send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL), sizeof(question) - 1);
    while ((got = recv(fd, envoy->stats + size, STATS_MAX - 1 - size, 0)) > 0) {
        size += (size_t)got;
    }
    close(fd);
    envoy->stats[size] = '\0';
}

/* NULL: there is no such line. */
static const char *host_line(const struct spread_envoy *envoy, size_t number, size_t group,
                             uint32_t host)
{
    static const char what[] = "rq_total::";
    char key[64];

    snprintf(key, sizeof(key), "\nc%zu::127.1.%zu.%u:%u::", number, group, host + 1,
             envoy->site.back);
    for (const char *at = strstr(envoy->stats, key); at; at = strstr(at + 1, key)) {
        const char *field = at + strlen(key);

        if (strncmp(field, what, sizeof(what) - 1) == 0) {
            return field + sizeof(what) - 1;
        }
    }
    return NULL;
}

bool spread_envoy_knows(struct spread_envoy *envoy, size_t number, size_t group, uint32_t host)
{
    stats_read(envoy);
    return host_line(envoy, number, group, host) != NULL;
}

void spread_envoy_chose(struct spread_envoy *envoy, const struct spread_case *test, size_t number,
                        struct spread_choice *choice)
{
    stats_read(envoy);
    for (size_t g = 0; g < SPREAD_GROUPS; g++) {
        for (uint32_t i = 0; i < test->groups[g].count; i++) {
            const char *total = host_line(envoy, number, g, i);

            assert_non_null(total);
            choice->hosts[g][i] = (unsigned)strtoul(total, NULL, 10);
        }
    }
}
