/* SPDX-License-Identifier: Apache-2.0 */

/* The mesh chooses, the program speaks: PING to a Redis, in Redis' own words.
 *
 *     pick mesh/ http://cache:6379/ */

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tulle/tulle.h>

static int dial(const char *address)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *found;
    char host[64];
    char *port;
    int fd;

    snprintf(host, sizeof(host), "%s", address);
    port = strrchr(host, ':');
    if (!port) {
        return -1;
    }
    *port++ = '\0';
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return -1;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int ping(const char *address)
{
    static const char question[] = "PING\r\n";
    char answer[64] = "";
    int fd = dial(address);
    int error = TULLE_E_NETWORK;

    if (fd < 0) {
        return error;
    }
    if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) > 0 &&
        recv(fd, answer, sizeof(answer) - 1, 0) > 0) {
        printf("%s: %s", address, answer);
        error = strncmp(answer, "+PONG", 5) == 0 ? TULLE_OK : TULLE_E_PEER;
    }
    close(fd);
    return error;
}

int main(int argc, char **argv)
{
    struct tulle_failure failure = { TULLE_FAILURE_INIT };
    struct tulle_pick_result result = { TULLE_PICK_RESULT_INIT };
    struct tulle_pick *pick;
    struct tulle *mesh;

    if (argc != 3) {
        fprintf(stderr, "usage: pick MESH-FOLDER URL\n");
        return 2;
    }
    if (tulle_open(&(struct tulle_options){ TULLE_OPTIONS_INIT, .config = argv[1] }, &mesh)) {
        return 1;
    }
    if (tulle_pick(
            mesh,
            &(struct tulle_pick_request){ TULLE_PICK_INIT, .url = argv[2], .failure = &failure },
            &pick)) {
        fprintf(stderr, "%s: %s\n", failure.layer, failure.text);
        tulle_close(mesh);
        return 1;
    }
    result.error = ping(tulle_pick_address(pick));
    tulle_pick_done(pick, &result);
    tulle_close(mesh);
    return result.error != TULLE_OK;
}
