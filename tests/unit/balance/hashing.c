/* SPDX-License-Identifier: Apache-2.0 */

#include "unit/balance/hashing.h"

#include "harness/test.h"

enum { ENDPOINTS = 20, KEYS = 10000, SHARES = 20000 };

uint64_t hashing_key(uint64_t key)
{
    struct rand rand;

    tulle__rand_init(&rand, key);
    return rand_next(&rand);
}

void hashing_is_steady(field_configure_fn *configure)
{
    size_t first[100];

    assert_true(field_fill_as(configure, ENDPOINTS, NULL));
    for (uint64_t key = 0; key < COUNT_OF(first); key++) {
        first[key] = field_pick_hash(hashing_key(key));
    }
    assert_true(field_rebuild());
    field.loop = 1;
    for (uint64_t key = 0; key < COUNT_OF(first); key++) {
        assert_int_equal(field_pick_hash(hashing_key(key)), first[key]);
    }
}

void hashing_follows_weights(field_configure_fn *configure, unsigned per_mille)
{
    const uint32_t weights[] = { 1, 2, 3, 4, 6 };
    unsigned counts[COUNT_OF(weights)] = { 0 };

    assert_true(field_fill_as(configure, COUNT_OF(weights), weights));
    for (uint64_t key = 0; key < SHARES; key++) {
        counts[field_pick_hash(hashing_key(key))]++;
    }
    for (size_t i = 0; i < COUNT_OF(weights); i++) {
        unsigned expected = SHARES / 16 * weights[i];

        assert_in_range(counts[i], expected - expected * per_mille / 1000,
                        expected + expected * per_mille / 1000);
    }
}

unsigned hashing_moved(field_configure_fn *configure)
{
    static size_t before[KEYS];
    unsigned moved = 0;

    assert_true(field_fill_as(configure, ENDPOINTS, NULL));
    for (uint64_t key = 0; key < KEYS; key++) {
        before[key] = field_pick_hash(hashing_key(key));
    }
    field_eject(7);
    assert_true(field_rebuild());
    for (uint64_t key = 0; key < KEYS; key++) {
        size_t after = field_pick_hash(hashing_key(key));

        assert_int_not_equal(after, 7);
        moved += before[key] != 7 && before[key] != after;
    }
    return moved;
}

/* Each time another one, and the same for the same hash. */
void hashing_passes_what_was_tried(field_configure_fn *configure)
{
    size_t seen[4];

    assert_true(field_fill_as(configure, ENDPOINTS, NULL));
    for (uint64_t key = 0; key < 100; key++) {
        field.tried_count = 0;
        for (size_t attempt = 0; attempt < COUNT_OF(seen); attempt++) {
            seen[attempt] = field_pick_hash(hashing_key(key));
            assert_int_equal(field_pick_hash(hashing_key(key)), seen[attempt]);
            for (size_t i = 0; i < attempt; i++) {
                assert_int_not_equal(seen[i], seen[attempt]);
            }
            field.tried[field.tried_count++] = field_view(seen[attempt]);
        }
    }
    field.tried_count = 0;
}

void hashing_without_a_hash(field_configure_fn *configure)
{
    assert_true(field_fill_as(configure, 5, NULL));
    field_pick_many(1000);
    for (size_t i = 0; i < 5; i++) {
        assert_true(field.counts[i] > 100);
    }
}

/* Also before the picker is built anew. */
void hashing_avoids_the_ejected(field_configure_fn *configure)
{
    assert_true(field_fill_as(configure, ENDPOINTS, NULL));
    for (size_t i = 0; i < ENDPOINTS; i++) {
        if (i != 3) {
            field_eject(i);
        }
    }
    for (uint64_t key = 0; key < 200; key++) {
        assert_int_equal(field_pick_hash(hashing_key(key)), 3);
    }
}

static size_t in_flight(size_t i)
{
    return atomic_load(&field_view(i)->peer->in_flight);
}

/* 100 requests of one key over 10 endpoints: nobody has more than his tenth and
 * one (Envoy lets the one in who reaches his share); the order is the hash's own. */
void hashing_bounds_load(field_configure_fn *configure)
{
    size_t first, second = SIZE_MAX;

    assert_true(field_fill_as(configure, 10, NULL));
    first = field_pick_hash(hashing_key(5));
    for (unsigned k = 1; k <= 100; k++) {
        size_t i;

        atomic_store(&field.live->requests, k);
        i = field_pick_hash(hashing_key(5));
        second = second == SIZE_MAX && i != first ? i : second;
        atomic_fetch_add(&field_view(i)->peer->in_flight, 1);
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(in_flight(i), 1, 11);
    }
    for (size_t i = 0; i < 10; i++) {
        atomic_store(&field_view(i)->peer->in_flight, i == first ? 20 : 0);
    }
    assert_int_equal(field_pick_hash(hashing_key(5)), second);
    assert_int_equal(field_pick_hash(hashing_key(5)), second);
    for (size_t i = 0; i < 10; i++) {
        atomic_store(&field_view(i)->peer->in_flight, i == 4 ? 50 : 60);
    }
    assert_int_equal(field_pick_hash(hashing_key(5)),
                     4); /* nobody has room: the least overloaded */
}

void hashing_survives_no_memory(field_configure_fn *configure)
{
    const uint32_t weights[] = { 1, 2, 3 };

    CHECK_OR_DONE(field_fill_as(configure, 3, weights));
    CHECK(field_rebuild());
    assert_true(field_pick_hash(hashing_key(1)) < 3);
done:
    return;
}
