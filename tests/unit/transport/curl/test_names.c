/* SPDX-License-Identifier: Apache-2.0 */

#include "base/alloc.h"
#include "harness/test.h"
#include "transport/curl/internal.h"

enum { COUNT = 1000 };

static void a_name_is_found_until_it_is_removed(void **state)
{
    struct curl_transport transport = { 0 };
    static struct connection connections[COUNT];

    (void)state;
    assert_null(tulle__names_find(&transport, 7));
    for (int i = 0; i < COUNT; i++) {
        connections[i].key = -1;
        CHECK_OR_DONE(tulle__names_add(&transport, &connections[i], i * 64));
    }
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(tulle__names_find(&transport, i * 64), &connections[i]);
    }
    assert_null(tulle__names_find(&transport, 1));
    for (int i = 0; i < COUNT; i += 2) {
        tulle__names_remove(&transport, &connections[i]);
        tulle__names_remove(&transport, &connections[i]);
        assert_null(tulle__names_find(&transport, i * 64));
        assert_non_null(tulle__names_find(&transport, (i + 1) * 64));
    }
    assert_int_equal(transport.named, COUNT / 2);
done:
    tulle__free(transport.buckets);
}

TEST_MAIN(TEST_OOM(a_name_is_found_until_it_is_removed))
