/* SPDX-License-Identifier: Apache-2.0 */

/* A document as a typed tree. Scalars keep their text and whether they were
 * quoted: what they mean is decided by the field that takes them, so that
 * `version: 1.10` is a text in a label and a mistake in a port. */

#ifndef TULLE_SOURCE_FILE_TREE_H
#define TULLE_SOURCE_FILE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/part.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    struct node *next;  /* in the list or map that it is in */
    struct node *first; /* of a list or map */
    struct str key;     /* in a map; else size 0 */
    struct str text;    /* of a scalar */
    uint32_t line, column;
    uint32_t key_line, key_column;
    uint32_t count; /* of a list or map */
    enum node_kind kind;
    bool is_plain; /* a scalar without quotes */
};

const struct node *tulle__node_find(const struct node *map, struct str key); /* NULL: not there */
bool tulle__node_is_null(const struct node *node);
/* YAML 1.1's booleans, as Kubernetes reads them: plain yes, no, on, off, y, n, true, false. */
bool tulle__node_is_bool(const struct node *node, bool *value);
/* Of all that the tree says; where it stands does not count. False: no memory. */
bool tulle__node_fingerprint(const struct node *node, struct fingerprint *out);

#endif
