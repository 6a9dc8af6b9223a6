/* SPDX-License-Identifier: Apache-2.0 */

#include "model/endpoint.h"

#include <stdio.h>

#include "base/rand.h"
#include "harness/test.h"
#include "model/seal.h"

enum { MOST = 3000, TEXT = 40 };

static char texts[MOST][TEXT];

static struct str address(size_t i)
{
    snprintf(texts[i], TEXT, "10.0.%05zu:80", i);
    return str_of(texts[i]);
}

/* Those of the numbers that are there. */
static struct endpoint_set *set_of(const bool *there)
{
    static struct endpoint endpoints[MOST];
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    size_t count = 0;

    for (size_t i = 0; i < MOST; i++) {
        if (there[i]) {
            endpoints[count++] = (struct endpoint){ .address = address(i), .weight = 1 };
        }
    }
    if (set == NULL || !tulle__endpoint_set_fill(set, endpoints, count)) {
        tulle__part_unref(set);
        return NULL;
    }
    tulle__endpoint_set_seal(set);
    return set;
}

static size_t chunks_shared(const struct endpoint_set *a, const struct endpoint_set *b)
{
    size_t shared = 0;

    for (size_t i = 0; i < a->chunk_count; i++) {
        for (size_t k = 0; k < b->chunk_count; k++) {
            shared += a->chunks[i] == b->chunks[k];
        }
    }
    return shared;
}

static void a_set_gives_what_it_was_filled_with(void **state)
{
    static bool there[MOST];
    struct endpoint_set *set;
    struct endpoint_walk walk;
    const struct endpoint_record *record;
    size_t count = 0;

    (void)state;
    memset(there, 1, sizeof(there));
    set = set_of(there);
    CHECK_OR_DONE(set != NULL);
    CHECK(set->count == MOST);
    walk = (struct endpoint_walk){ .set = set };
    while ((record = endpoint_walk_next(&walk)) != NULL) {
        CHECK(str_equal(record_address(record), address(count)));
        count++;
    }
    CHECK(count == MOST);
    CHECK(set->chunk_count > 5);
    CHECK(str_equal(endpoint_at(set, MOST - 1).address, address(MOST - 1)));
done:
    tulle__part_unref(set);
}

static void what_is_said_of_an_endpoint_is_kept(void **state)
{
    const struct label labels[] = { { STR("app"), STR("shop") }, { STR("v"), STR("1") } };
    const struct endpoint endpoints[] = {
        { STR("a:1"), STR("r/z"), STR("key"), 7, 2, HEALTH_DEGRADED, labels, 2 },
        { STR("b:1"), STR("r/z"), STR("key"), 8, 2, HEALTH_HEALTHY, labels, 2 },
        { STR("c:1"), STR(""), STR(""), 1, 0, HEALTH_UNKNOWN, NULL, 0 },
    };
    struct endpoint_set *set = tulle__part_new(sizeof(*set));
    struct endpoint second;

    (void)state;
    assert_true(tulle__endpoint_set_fill(set, endpoints, 3));
    second = endpoint_at(set, 1);
    assert_true(str_equal(second.address, STR("b:1")));
    assert_true(str_equal(second.locality, STR("r/z")));
    assert_true(str_equal(second.hash_key, STR("key")));
    assert_int_equal(second.weight, 8);
    assert_int_equal(second.priority, 2);
    assert_int_equal(endpoint_at(set, 0).health, HEALTH_DEGRADED);
    assert_int_equal(second.label_count, 2);
    assert_true(str_equal(second.labels[1].name, STR("v")));
    assert_int_equal(endpoint_at(set, 2).label_count, 0);
    /* Who says the same is told apart no more. */
    assert_ptr_equal(set->chunks[0]->records[0].place, set->chunks[0]->records[1].place);
    tulle__part_unref(set);
}

static void a_change_makes_one_chunk_or_two_anew(void **state)
{
    static bool there[MOST];
    struct endpoint_set *set, *next = tulle__part_new(sizeof(*next));
    struct endpoint_edit edits[] = {
        { .endpoint = { .address = address(700) }, .gone = true },
        { .endpoint = { .address = address(701), .weight = 9 } },
    };

    (void)state;
    memset(there, 1, sizeof(there));
    there[701] = false;
    set = set_of(there);
    assert_true(tulle__endpoint_set_fill_from(next, set, edits, 2));
    assert_int_equal(next->count, set->count);
    assert_true(chunks_shared(set, next) + 2 >= set->chunk_count);
    assert_true(chunks_shared(set, next) < set->chunk_count);
    assert_int_equal(endpoint_at(next, 700).weight, 9);
    tulle__part_unref(set);
    assert_true(str_equal(endpoint_at(next, 0).address, address(0)));
    tulle__part_unref(next);
}

static void edits_may_touch_the_ends_and_what_is_not_there(void **state)
{
    static bool there[MOST];
    struct endpoint_set *set, *next = tulle__part_new(sizeof(*next)), *none;
    struct endpoint_edit edits[] = {
        { .endpoint = { .address = address(0), .weight = 2 } },
        { .endpoint = { .address = address(5) }, .gone = true },
        { .endpoint = { .address = address(9), .weight = 3 } },
    };

    (void)state;
    memset(there, 0, sizeof(there));
    there[4] = there[6] = true;
    set = set_of(there);
    assert_true(tulle__endpoint_set_fill_from(next, set, edits, 3));
    assert_int_equal(next->count, 4);
    assert_int_equal(endpoint_at(next, 0).weight, 2);
    assert_true(str_equal(endpoint_at(next, 1).address, address(4)));
    assert_int_equal(endpoint_at(next, 3).weight, 3);
    none = tulle__part_new(sizeof(*none));
    edits[0].endpoint.address = address(4);
    edits[1].endpoint.address = address(6);
    edits[0].gone = true;
    assert_true(tulle__endpoint_set_fill_from(none, set, edits, 2));
    assert_int_equal(none->count, 0);
    tulle__part_unref(none);
    tulle__part_unref(next);
    tulle__part_unref(set);
}

/* Whatever way a set came about, it has the chunks and the print of one made anew. */
static void equal_contents_have_equal_chunks(void **state)
{
    static bool there[MOST];
    struct endpoint_set *set, *fresh, *next;
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 5);
    memset(there, 0, sizeof(there));
    set = set_of(there);
    for (int round = 0; round < 300; round++) {
        struct endpoint_edit edits[64] = { 0 };
        size_t count = 0, i = rand_below(&rand, MOST / 2);

        for (; i < MOST && count < 64; i += 1 + rand_below(&rand, round % 2 ? 3 : 400)) {
            there[i] = rand_below(&rand, 5) > 0;
            edits[count].endpoint = (struct endpoint){ .address = address(i), .weight = 1 };
            edits[count++].gone = !there[i];
        }
        next = tulle__part_new(sizeof(*next));
        assert_true(tulle__endpoint_set_fill_from(next, set, edits, count));
        tulle__endpoint_set_seal(next);
        tulle__part_unref(set);
        set = next;
        fresh = set_of(there);
        assert_int_equal(fresh->count, set->count);
        assert_int_equal(fresh->chunk_count, set->chunk_count);
        assert_true(fingerprint_equal(fresh->part.print, set->part.print));
        tulle__endpoint_set_share(fresh, set);
        assert_int_equal(chunks_shared(fresh, set), set->chunk_count);
        tulle__part_unref(fresh);
    }
    tulle__part_unref(set);
}

TEST_MAIN(TEST_OOM(a_set_gives_what_it_was_filled_with),
          cmocka_unit_test(what_is_said_of_an_endpoint_is_kept),
          cmocka_unit_test(a_change_makes_one_chunk_or_two_anew),
          cmocka_unit_test(edits_may_touch_the_ends_and_what_is_not_there),
          cmocka_unit_test(equal_contents_have_equal_chunks))
