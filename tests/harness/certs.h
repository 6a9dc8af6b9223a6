/* SPDX-License-Identifier: Apache-2.0 */

/* A certificate authority made for one test run, and leaves with each of the
 * faults that a client has to refuse. */

#ifndef TESTS_HARNESS_CERTS_H
#define TESTS_HARNESS_CERTS_H

#include <stdint.h>

enum certs_kind {
    CERTS_GOOD,
    CERTS_EXPIRED,       /* since yesterday */
    CERTS_NOT_YET_VALID, /* from tomorrow */
    CERTS_SELF_SIGNED,
    CERTS_UNKNOWN_CA /* signed by an authority that is not in the file of ours */
};

struct certs;

/* A new authority, in a new folder. */
struct certs *certs_new(void);
void certs_free(struct certs *certs);            /* and all files; NULL does nothing */
const char *certs_ca(const struct certs *certs); /* the PEM file of the roots */

/* Makes a certificate with these names, "DNS:shop.test,IP:127.0.0.2", and its
 * key; `cert` and `key` get the paths of the PEM files, which live in `certs`. */
void certs_issue(struct certs *certs, enum certs_kind kind, const char *names, const char **cert,
                 const char **key);

#endif
