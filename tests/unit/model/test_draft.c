/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "parts.h"

enum { MANY = 40 };

static void a_draft_owns_what_was_added(void **state)
{
    struct draft draft = { 0 };

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        struct service *service = part_service("a", "b", "a", "");
        struct cluster *cluster = part_cluster("outbound|80||a", "a", "", NULL);
        bool both = service != NULL && cluster != NULL;

        if (!both) {
            tulle__part_unref(service);
            tulle__part_unref(cluster);
        }
        CHECK_OR_DONE(both);
        both = tulle__draft_add_service(&draft, service);
        CHECK_OR_DONE(tulle__draft_add_cluster(&draft, cluster) && both);
    }
    assert_int_equal(draft.service_count, MANY);
    assert_int_equal(draft.cluster_count, MANY);
done:
    tulle__draft_fini(&draft);
    assert_int_equal(draft.service_count, 0);
    tulle__draft_fini(&draft);
}

TEST_MAIN(TEST_OOM(a_draft_owns_what_was_added))
