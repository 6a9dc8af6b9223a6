/* SPDX-License-Identifier: Apache-2.0 */

/* The tree is at most 64 deep (yaml.c sees to it), so walking it by recursion
 * is safe. */

#include "source/file/tree.h"

#include "base/buf.h"
#include "base/macros.h"

const struct node *tulle__node_find(const struct node *map, struct str key)
{
    if (map->kind != NODE_MAP) {
        return NULL;
    }
    for (const struct node *child = map->first; child; child = child->next) {
        if (str_equal(child->key, key)) {
            return child;
        }
    }
    return NULL;
}

static bool is_word(const struct node *node, const char *const *words, size_t count)
{
    if (node->kind != NODE_SCALAR || !node->is_plain) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_equal(node->text, str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

bool tulle__node_is_null(const struct node *node)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };

    return is_word(node, words, COUNT_OF(words));
}

bool tulle__node_is_bool(const struct node *node, bool *value)
{
    static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES",
                                       "on",   "On",   "ON",   "y",   "Y" };
    static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO",
                                      "off",   "Off",   "OFF",   "n",  "N" };

    *value = is_word(node, yes, COUNT_OF(yes));
    return *value || is_word(node, no, COUNT_OF(no));
}

static void print_text(struct buf *buf, struct str text)
{
    tulle__buf_add(buf, &text.size, sizeof(text.size));
    tulle__buf_add_str(buf, text);
}

static void print_node(struct buf *buf, const struct node *node)
{
    unsigned char head[2] = { (unsigned char)node->kind, node->is_plain };

    tulle__buf_add(buf, head, sizeof(head));
    print_text(buf, node->key);
    print_text(buf, node->text);
    tulle__buf_add(buf, &node->count, sizeof(node->count));
    for (const struct node *child = node->first; child; child = child->next) {
        print_node(buf, child);
    }
}

bool tulle__node_fingerprint(const struct node *node, struct fingerprint *out)
{
    struct buf buf = { 0 };

    print_node(&buf, node);
    bool ok = tulle__buf_ok(&buf);
    if (ok) {
        *out = tulle__fingerprint(buf.data, buf.size);
    }
    tulle__buf_fini(&buf);
    return ok;
}
