/* SPDX-License-Identifier: Apache-2.0 */

/* A server in the test's own process, whose requests the test handles itself: one
 * a connection, one connection at a time. */

#ifndef TESTS_WIRE_INBOUND_H
#define TESTS_WIRE_INBOUND_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <tulle/tulle.h>

enum { INBOUND_TEXT = 4096, INBOUND_HEADERS = 16 };

struct inbound {
    int listening;
    char address[64]; /* "127.0.0.1:34567" */
    pthread_t thread;
    void (*handle)(void *user, int fd);
    void *user;
};

void inbound_start(struct inbound *inbound, void (*handle)(void *user, int fd), void *user);
void inbound_stop(struct inbound *inbound);

/* A connection to it. */
int inbound_connect(const struct inbound *inbound);

/* Reads until `end` has come (NULL: until the other end closes). False: it never came. */
bool inbound_read(int fd, char text[INBOUND_TEXT], const char *end);
void inbound_write(int fd, const char *text); /* less, when nobody wants it any more */
void inbound_answer(int fd, const char *body);

/* Cuts a request's head up in place; how many. */
size_t inbound_headers(char *head, struct tulle_header out[INBOUND_HEADERS]);

#endif
