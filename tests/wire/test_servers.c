/* SPDX-License-Identifier: Apache-2.0 */

/* What other tests take for granted of the servers they judge by. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/server.h"
#include "harness/test.h"

static int connect_to(const struct server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(server_port(server)) };
    struct timeval limit = { .tv_sec = 5 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, "127.0.0.2", &address.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void say(int fd, const char *target)
{
    char text[256];
    int size = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);

    assert_int_equal(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
}

/* The first bytes of an answer; -1 and 0 as recv(). */
static ssize_t hear(int fd, char *text, size_t size)
{
    ssize_t count = recv(fd, text, size - 1, 0);

    text[count > 0 ? count : 0] = '\0';
    return count;
}

static void a_close_before_a_connect_is_never_two_at_once(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);

    (void)state;
    for (int i = 0; i < 2000; i++) {
        int fd = connect_to(server);

        assert_true(fd >= 0);
        close(fd);
    }
    assert_true(server_wait_exactly(server, "opened", 2000));
    assert_int_equal(server_count(server, "open_max"), 1);
    server_stop(server);
}

static void the_next_requests_are_answered_as_told_and_counted(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    int fd = connect_to(server);
    char text[1024];

    (void)state;
    server_command(server, "next 1 status=503 text=busy");
    say(fd, "/a");
    assert_true(hear(fd, text, sizeof(text)) > 0);
    assert_memory_equal(text, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(text, "\r\n\r\nbusy"));
    say(fd, "/b");
    assert_true(hear(fd, text, sizeof(text)) > 0);
    assert_memory_equal(text, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(text, server_address(server)));
    say(fd, "/drop");
    assert_int_equal(hear(fd, text, sizeof(text)), 0);
    close(fd);
    assert_int_equal(server_log_count(server, "request 1 GET *"), 3);
    assert_int_equal(server_count(server, "requests"), 3);
    server_stop(server);
}

static void held_answers_come_when_released(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    int fd = connect_to(server);
    char text[1024];

    (void)state;
    say(fd, "/hold");
    assert_true(server_wait_count(server, "in_flight", 1));
    server_command(server, "release");
    assert_true(hear(fd, text, sizeof(text)) > 0);
    assert_int_equal(server_count(server, "in_flight"), 0);
    close(fd);
    server_stop(server);
}

static void a_killed_server_leaves_its_journal_and_comes_back_where_it_was(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    int fd = connect_to(server);
    char text[1024];

    (void)state;
    say(fd, "/first");
    assert_true(hear(fd, text, sizeof(text)) > 0);
    server_kill(server, SIGKILL);
    assert_int_equal(server_log_count(server, "request * GET /first *"), 1);
    assert_int_equal(connect_to(server), -1);
    close(fd);
    server_restart(server);
    fd = connect_to(server);
    say(fd, "/second");
    assert_true(hear(fd, text, sizeof(text)) > 0);
    close(fd);
    assert_int_equal(server_log_count(server, "request *"), 2);
    server_stop(server);
}

static void a_stopped_server_answers_when_it_goes_on(void **state)
{
    struct server *server = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    int fd = connect_to(server);
    char text[1024];

    (void)state;
    server_kill(server, SIGSTOP);
    say(fd, "/late");
    assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
    server_kill(server, SIGCONT);
    assert_true(hear(fd, text, sizeof(text)) > 0);
    close(fd);
    server_stop(server);
}

TEST_MAIN(cmocka_unit_test(a_close_before_a_connect_is_never_two_at_once),
          cmocka_unit_test(the_next_requests_are_answered_as_told_and_counted),
          cmocka_unit_test(held_answers_come_when_released),
          cmocka_unit_test(a_killed_server_leaves_its_journal_and_comes_back_where_it_was),
          cmocka_unit_test(a_stopped_server_answers_when_it_goes_on))
