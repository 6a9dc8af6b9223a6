/* SPDX-License-Identifier: Apache-2.0 */

/* TCP checks on a real loop, of sockets that this test holds. */

#include "health/checkup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fork.h"
#include "harness/test.h"

struct ask {
    struct loop loop;
    struct health_check check;
    struct cluster cluster;
    struct checkup *checkup;
    struct checkup_end end;
    unsigned ends;
};

static void ask_done(void *user, const struct checkup_end *end)
{
    struct ask *ask = user;

    ask->end = *end;
    ask->ends++;
}

static bool ask_open(struct ask *ask)
{
    *ask = (struct ask){ .check = { .kind = HEALTH_CHECK_TCP } };
    return tulle__fork_begin() && tulle__loop_init(&ask->loop, &tulle__world);
}

static enum tulle_error ask_start(struct ask *ask, const char *address, const char *addresses)
{
    const struct checkup_spec spec = {
        .loop = &ask->loop,
        .check = &ask->check,
        .cluster = &ask->cluster,
        .address = str_of(address),
        .addresses = addresses != NULL ? str_of(addresses) : STR_NONE,
        .done = ask_done,
        .user = ask,
    };

    ask->ends = 0;
    return tulle__checkup_tcp(&spec, &ask->checkup);
}

/* Starts it, and waits for its end. */
static enum tulle_error ask_for(struct ask *ask, const char *address, const char *addresses)
{
    int64_t end = test_now() + 20 * NS_PER_S;
    enum tulle_error error = ask_start(ask, address, addresses);

    while (error == TULLE_OK && ask->ends == 0) {
        assert_true(test_now() < end);
        tulle__loop_round(&ask->loop, end);
    }
    return error;
}

/* A listener at a port of its own, "127.0.0.1:34567". */
static int listen_at(int family, char address[64])
{
    struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr *wanted =
        family == AF_INET ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;
    socklen_t size = family == AF_INET ? sizeof(ipv4) : sizeof(ipv6);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (bind(fd, wanted, size) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, wanted, &size), 0);
    if (family == AF_INET) {
        snprintf(address, 64, "127.0.0.1:%d", ntohs(ipv4.sin_port));
    } else {
        snprintf(address, 64, "[::1]:%d", ntohs(ipv6.sin6_port));
    }
    return fd;
}

static void a_connection_is_enough(void **state)
{
    struct ask ask;
    char address[64];
    int fd = listen_at(AF_INET, address);

    (void)state;
    CHECK_OR_DONE(ask_open(&ask));
    CHECK_OK(ask_for(&ask, address, NULL));
    CHECK(ask.end.result == CHECK_PASSED);
    close(fd);
    fd = -1;
    CHECK_OK(ask_for(&ask, address, NULL));
    CHECK(ask.end.result == CHECK_UNREACHED);
    CHECK(strcmp(ask.end.why, "connecting: Connection refused") == 0);
done:
    tulle__loop_fini(&ask.loop);
    if (fd >= 0) {
        close(fd);
    }
}

static void ipv6_is_an_address_as_well(void **state)
{
    struct ask ask;
    char address[64];
    int fd = listen_at(AF_INET6, address);

    (void)state;
    assert_true(ask_open(&ask));
    if (fd >= 0) {
        assert_int_equal(ask_for(&ask, address, NULL), TULLE_OK);
        assert_int_equal(ask.end.result, CHECK_PASSED);
        close(fd);
    }
    tulle__loop_fini(&ask.loop);
}

static void of_a_name_the_first_address_that_takes_a_connection_is_asked(void **state)
{
    struct ask ask;
    char address[64], name[80];
    int fd = listen_at(AF_INET, address);

    (void)state;
    assert_true(ask_open(&ask));
    snprintf(name, sizeof(name), "shop.test%s", strchr(address, ':'));
    assert_int_equal(ask_for(&ask, name, "127.0.0.3,127.0.0.1"), TULLE_OK);
    assert_int_equal(ask.end.result, CHECK_PASSED);
    assert_int_equal(ask_for(&ask, name, "127.0.0.3,127.0.0.4"), TULLE_OK);
    assert_int_equal(ask.end.result, CHECK_UNREACHED);
    close(fd);
    tulle__loop_fini(&ask.loop);
}

static void what_is_no_address_cannot_be_reached(void **state)
{
    static const char *const addresses[] = { "shop.test:80",
                                             "127.0.0.1",
                                             "127.0.0.1:99999",
                                             "127.0.0.1:x",
                                             "",
                                             "[::1:80",
                                             "1111111111111111111111111111111111111111111111111"
                                             "11111111111111111111:80" };
    struct ask ask;

    (void)state;
    assert_true(ask_open(&ask));
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        assert_int_equal(ask_start(&ask, addresses[i], NULL), TULLE_E_NETWORK);
        assert_int_equal(ask.ends, 0);
    }
    tulle__loop_fini(&ask.loop);
}

static void who_is_cancelled_hears_nothing(void **state)
{
    struct ask ask;
    char address[64];
    int fd = listen_at(AF_INET, address), before = test_descriptors();

    (void)state;
    assert_true(ask_open(&ask));
    ask.check.receive = STR("never");
    assert_int_equal(ask_start(&ask, address, NULL), TULLE_OK);
    tulle__loop_round(&ask.loop, test_now() + 10 * NS_PER_MS);
    ask.checkup->cancel(ask.checkup);
    tulle__loop_round(&ask.loop, 0);
    assert_int_equal(ask.ends, 0);
    tulle__loop_fini(&ask.loop);
    assert_int_equal(test_descriptors(), before);
    close(fd);
}

/* What must come lies across two pieces, behind other bytes. */
static void bytes_are_found_wherever_they_are_cut(void **state)
{
    struct ask ask;
    char address[64];
    int fd = listen_at(AF_INET, address), peer;
    int64_t end = test_now() + 20 * NS_PER_S;

    (void)state;
    CHECK_OR_DONE(ask_open(&ask));
    ask.check.send = STR("PING");
    ask.check.receive = STR("+PONG");
    CHECK_OK(ask_start(&ask, address, NULL));
    peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; i < 9 && ask.ends == 0; i++) {
        assert_int_equal(send(peer, &"xxx++PONG"[i], 1, MSG_NOSIGNAL), 1);
        tulle__loop_round(&ask.loop, test_now() + 50 * NS_PER_MS);
    }
    while (ask.ends == 0) {
        assert_true(test_now() < end);
        tulle__loop_round(&ask.loop, end);
    }
    CHECK(ask.end.result == CHECK_PASSED);
    close(peer);
done:
    tulle__loop_fini(&ask.loop);
    close(fd);
}

TEST_MAIN(TEST_OOM(a_connection_is_enough), cmocka_unit_test(ipv6_is_an_address_as_well),
          cmocka_unit_test(of_a_name_the_first_address_that_takes_a_connection_is_asked),
          cmocka_unit_test(what_is_no_address_cannot_be_reached),
          cmocka_unit_test(who_is_cancelled_hears_nothing),
          TEST_OOM(bytes_are_found_wherever_they_are_cut))
