/* SPDX-License-Identifier: Apache-2.0 */

/* DNS replies for tests, right and wrong. */

#ifndef TESTS_HARNESS_DNS_MESSAGE_H
#define TESTS_HARNESS_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_MESSAGE_MAX = 65535 };

struct dns_message {
    uint8_t data[DNS_MESSAGE_MAX];
    size_t size;
};

/* A reply with this question; `type` 1: A, 28: AAAA. */
void dns_message_init(struct dns_message *message, unsigned id, unsigned code, const char *name,
                      unsigned type);
/* Answers. A name of NULL is the question's, by a pointer. */
void dns_message_a(struct dns_message *message, const char *name, uint32_t ttl,
                   const char *address);
void dns_message_aaaa(struct dns_message *message, const char *name, uint32_t ttl,
                      const char *address);
void dns_message_cname(struct dns_message *message, const char *name, uint32_t ttl, const char *to);
/* Behind the answers. */
void dns_message_soa(struct dns_message *message, uint32_t ttl, uint32_t minimum);
void dns_message_truncate(struct dns_message *message); /* sets TC, drops the answers */

/* Of a question: its name as text, and its type. False: it is none. */
bool dns_question_read(const uint8_t *data, size_t size, char name[256], unsigned *type);

#endif
