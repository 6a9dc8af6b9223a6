/* SPDX-License-Identifier: Apache-2.0 */

/* A small service as it might be anyone's: the front of a shop. It shows a
 * product with its stars; when the reviews are away it shows it without. */

#ifndef EXAMPLES_MOCK_SHOP_H
#define EXAMPLES_MOCK_SHOP_H

#include <stddef.h>
#include <tulle/tulle.h>

struct shop {
    struct tulle *mesh;
    unsigned pages, without_stars;
};

/* Writes the page of a product, for a user who is logged in (NULL: nobody is),
 * and gives its HTTP status. */
int shop_page(struct shop *shop, const char *product, const char *user, char *page, size_t size);

#endif
