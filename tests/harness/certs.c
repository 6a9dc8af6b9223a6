/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/test.h"

enum { PATHS_MAX = 64, DAY_S = 24 * 60 * 60 };

struct issuer {
    EVP_PKEY *key;
    X509 *cert;
};

struct certs {
    char *folder;
    char ca_path[512];
    struct issuer ours, unknown;
    long serial;
    char *paths[PATHS_MAX];
    size_t path_count;
};

struct request {
    const char *name; /* the subject's */
    const char *names;
    long from_s, to_s; /* from now */
    bool is_ca;
    long serial;
};

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void set_name(X509 *cert, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
}

/* `issuer` NULL: signs itself. */
static struct issuer make(const struct issuer *issuer, const struct request *request)
{
    struct issuer made = { .key = EVP_EC_gen("P-256"), .cert = X509_new() };
    X509 *by;

    assert_non_null(made.key);
    assert_non_null(made.cert);
    by = issuer != NULL ? issuer->cert : made.cert;
    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), request->serial);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), request->from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), request->to_s);
    X509_set_pubkey(made.cert, made.key);
    set_name(made.cert, request->name);
    X509_set_issuer_name(made.cert, X509_get_subject_name(by));
    add_extension(made.cert, by, NID_subject_key_identifier, "hash");
    if (request->is_ca) {
        add_extension(made.cert, by, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(made.cert, by, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        add_extension(made.cert, by, NID_subject_alt_name, request->names);
    }
    assert_true(X509_sign(made.cert, issuer != NULL ? issuer->key : made.key, EVP_sha256()) > 0);
    return made;
}

static void issuer_free(struct issuer *issuer)
{
    EVP_PKEY_free(issuer->key);
    X509_free(issuer->cert);
}

static void write_cert(const char *path, X509 *cert)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    fclose(file);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static const char *new_path(struct certs *certs, const char *ending)
{
    char *path = NULL;

    assert_true(certs->path_count < PATHS_MAX);
    assert_true(asprintf(&path, "%s/%ld.%s", certs->folder, certs->serial, ending) > 0);
    certs->paths[certs->path_count++] = path;
    return path;
}

struct certs *certs_new(void)
{
    struct certs *certs = calloc(1, sizeof(*certs));
    struct request request = { .name = "ours", .to_s = DAY_S, .from_s = -3 * DAY_S, .is_ca = true };

    assert_non_null(certs);
    certs->folder = test_folder_new();
    request.serial = ++certs->serial;
    certs->ours = make(NULL, &request);
    request.name = "unknown";
    request.serial = ++certs->serial;
    certs->unknown = make(NULL, &request);
    snprintf(certs->ca_path, sizeof(certs->ca_path), "%s/ca.pem", certs->folder);
    write_cert(certs->ca_path, certs->ours.cert);
    return certs;
}

void certs_free(struct certs *certs)
{
    if (certs == NULL) {
        return;
    }
    issuer_free(&certs->ours);
    issuer_free(&certs->unknown);
    for (size_t i = 0; i < certs->path_count; i++) {
        free(certs->paths[i]);
    }
    test_folder_free(certs->folder);
    free(certs);
}

const char *certs_ca(const struct certs *certs)
{
    return certs->ca_path;
}

static const struct issuer *issuer_for(const struct certs *certs, enum certs_kind kind)
{
    if (kind == CERTS_SELF_SIGNED) {
        return NULL;
    }
    return kind == CERTS_UNKNOWN_CA ? &certs->unknown : &certs->ours;
}

void certs_issue(struct certs *certs, enum certs_kind kind, const char *names, const char **cert,
                 const char **key)
{
    struct request request = { .name = "server", .names = names, .from_s = -DAY_S, .to_s = DAY_S };
    struct issuer made;

    request.serial = ++certs->serial;
    if (kind == CERTS_EXPIRED) {
        request.from_s = -2 * DAY_S;
        request.to_s = -DAY_S;
    } else if (kind == CERTS_NOT_YET_VALID) {
        request.from_s = DAY_S / 2;
    }
    made = make(issuer_for(certs, kind), &request);
    *cert = new_path(certs, "cert.pem");
    *key = new_path(certs, "key.pem");
    write_cert(*cert, made.cert);
    write_key(*key, made.key);
    issuer_free(&made);
}
