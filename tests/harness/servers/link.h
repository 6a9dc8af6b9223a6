/* SPDX-License-Identifier: Apache-2.0 */

/* A ring of links: the head is a link as well; a link that lies in no ring is
 * alone with itself or zero. */

#ifndef SERVERS_LINK_H
#define SERVERS_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next, *previous;
};

static inline void link_init(struct link *link)
{
    link->next = link->previous = link;
}

static inline void link_append(struct link *head, struct link *link)
{
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

static inline void link_remove(struct link *link)
{
    if (link->next != NULL) {
        link->previous->next = link->next;
        link->next->previous = link->previous;
        link_init(link);
    }
}

static inline bool link_is_empty(const struct link *head)
{
    return head->next == head;
}

#endif
