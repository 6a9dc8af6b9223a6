/* SPDX-License-Identifier: Apache-2.0 */

/* What all resources have: apiVersion, kind, metadata; and which kinds there
 * are. */

#ifndef TULLE_SOURCE_FILE_DOCUMENT_H
#define TULLE_SOURCE_FILE_DOCUMENT_H

#include "source/file/kinds.h"

/* The envelope of a resource. Texts are in the tree. */
struct envelope {
    struct str api_version, group, version, kind;
    struct str name, name_space;
    int64_t created;
    const struct node *spec;                                 /* NULL: none */
    const struct node *kind_node, *version_node, *name_node; /* NULL: none */
};

/* Takes what there is and tells nothing: kinds that are not ours may look as
 * they like. Texts of size 0 are missing. */
void tulle__envelope_peek(const struct node *root, struct envelope *out);
/* Reads the envelope of one of our kinds, after a peek; what is wrong with it
 * counts as the decoder's mistakes, and name is then of size 0. */
void tulle__envelope_read(struct decoder *decoder, const struct node *root, struct envelope *out);

enum kind_rule {
    KIND_READ,    /* ours */
    KIND_PASSED,  /* no business of a client */
    KIND_REFUSED, /* carries a promise that is not kept yet */
    KIND_UNKNOWN  /* of a group that we know whole: a misspelling */
};

struct kind_verdict {
    enum kind_rule rule;
    enum resource_kind kind; /* of KIND_READ */
    spec_fn *decode;
    char text[128]; /* "", or what is wrong with kind or apiVersion */
};

void tulle__kind_judge(const struct envelope *envelope, struct kind_verdict *out);
const char *tulle__kind_text(enum resource_kind kind);

/* "2026-11-22T10:00:00Z" as seconds since 1970. False: no such time. */
bool tulle__timestamp_parse(struct str text, int64_t *out);

#endif
