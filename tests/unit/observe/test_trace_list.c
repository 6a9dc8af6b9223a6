/* SPDX-License-Identifier: Apache-2.0 */

#include "observe/trace_list.h"

#include "harness/test.h"
#include "seam/trace.h"

#include <stdio.h>

#define TIMES_8(x) x x x x x x x x
#define SIXTY_FOUR TIMES_8("abcdefgh")

static void state_becomes(const char *from, const char *to)
{
    struct buf list = { NULL };

    CHECK_OR_DONE(tulle__trace_list_add(&list, str_of(from)));
    assert_true(str_equal(tulle__tracestate_fit(&list), str_of(to)));
done:
    tulle__buf_fini(&list);
}

static void a_good_tracestate_goes_on_unchanged(void **state)
{
    static const char *const rows[] = {
        "a=1",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "fw529a3039@dt=FfAAAAB4AAAA",
        "3tenant@sys=v",
        "a_b-c*d/e=v",
        "a=1 , b=2,\tc=3",
        "a=1,,b=2,",
        "a=x y",
        "a=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~",
        SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "abcdefgh=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        state_becomes(rows[i], rows[i]);
    }
}

static void one_malformed_member_spoils_the_tracestate(void **state)
{
    static const char *const rows[] = {
        "",
        " , ,",
        "a",
        "a=",
        "=1",
        "A=1",
        "a=1,B=2",
        "@a=1",
        "a@=1",
        "a@b@c=1",
        "a b=1",
        "a=1=2",
        "a=\x7f",
        "a=\xc3\xa9",
        "a=1\r\nevil: 1",
        SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "x=1",
        "a=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "x",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        state_becomes(rows[i], NULL);
    }
}

static void lines_are_put_together(void **state)
{
    struct buf list = { NULL };

    (void)state;
    CHECK_OR_DONE(tulle__trace_list_add(&list, STR(" a=1 ")));
    CHECK_OR_DONE(tulle__trace_list_add(&list, STR("")));
    CHECK_OR_DONE(tulle__trace_list_add(&list, STR("b=2,c=3")));
    assert_true(str_equal(tulle__tracestate_fit(&list), STR("a=1,b=2,c=3")));
done:
    tulle__buf_fini(&list);
}

static void a_tracestate_has_at_most_32_members(void **state)
{
    struct buf list = { NULL };
    int i;

    (void)state;
    for (i = 0; i < 32; i++) {
        CHECK_OR_DONE(tulle__buf_addf(&list, "%sk%d=v", i > 0 ? "," : "", i));
    }
    assert_int_equal(tulle__tracestate_fit(&list).size, list.size);
    CHECK_OR_DONE(tulle__trace_list_add(&list, STR("one=more")));
    assert_null(tulle__tracestate_fit(&list).data);
done:
    tulle__buf_fini(&list);
}

/* Members over 128 bytes first, the last of them first; then from the end. */
static void what_is_over_512_bytes_loses_whole_members(void **state)
{
    (void)state;
    state_becomes("a=1,b=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR
                  ",c=3,d=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR ",e=5",
                  "a=1,b=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR ",c=3,e=5");
    state_becomes("a=" SIXTY_FOUR ",b=" SIXTY_FOUR ",c=" SIXTY_FOUR ",d=" SIXTY_FOUR
                  ",e=" SIXTY_FOUR ",f=" SIXTY_FOUR ",g=" SIXTY_FOUR ",h=" SIXTY_FOUR,
                  "a=" SIXTY_FOUR ",b=" SIXTY_FOUR ",c=" SIXTY_FOUR ",d=" SIXTY_FOUR
                  ",e=" SIXTY_FOUR ",f=" SIXTY_FOUR ",g=" SIXTY_FOUR);
    state_becomes("a=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR
                  ",b=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR,
                  "a=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR);
}

/* Nor do they cost more than a look each: 32,000 of them took seconds. */
static void members_that_are_empty_make_no_room_and_go_first(void **state)
{
    static char commas[32000];
    struct buf list = { NULL };

    (void)state;
    memset(commas, ',', sizeof(commas));
    memcpy(commas, "a=1", 3);
    memcpy(commas + sizeof(commas) - 3, "b=2", 3);
    CHECK_OR_DONE(tulle__trace_list_add(&list, (struct str){ commas, sizeof(commas) }));
    assert_true(str_equal(tulle__tracestate_fit(&list), STR("a=1,b=2")));
done:
    tulle__buf_fini(&list);
}

static void lists_are_bounded_while_they_are_put_together(void **state)
{
    static char large[20000];
    struct buf list = { NULL };

    (void)state;
    memset(large, 'a', sizeof(large));
    CHECK_OR_DONE(tulle__trace_list_add(&list, (struct str){ large, sizeof(large) }));
    CHECK_OR_DONE(tulle__trace_list_add(&list, (struct str){ large, sizeof(large) }));
    assert_int_equal(list.size, sizeof(large));
done:
    tulle__buf_fini(&list);
}

static void baggage_goes_on_up_to_8192_bytes_in_whole_members(void **state)
{
    struct buf list = { NULL };
    struct str fit;
    size_t before = 0;

    (void)state;
    CHECK_OR_DONE(tulle__trace_list_add(&list, STR("userId=alice;ttl=1, isProduction=false")));
    assert_true(
        str_equal(tulle__baggage_fit(&list), STR("userId=alice;ttl=1, isProduction=false")));
    while (list.size <= TRACE_BAGGAGE_MAX) {
        before = list.size;
        CHECK_OR_DONE(tulle__trace_list_add(&list, STR("key=" SIXTY_FOUR)));
    }
    fit = tulle__baggage_fit(&list);
    assert_int_equal(fit.size, before);
    list.data[100] = '\n';
    assert_null(tulle__baggage_fit(&list).data);
done:
    tulle__buf_fini(&list);
}

static void baggage_of_one_member_that_is_too_large_is_none(void **state)
{
    static char large[TRACE_BAGGAGE_MAX + 1];
    struct buf list = { NULL };

    (void)state;
    assert_int_equal(tulle__baggage_fit(&list).size, 0);
    memset(large, 'a', sizeof(large));
    CHECK_OR_DONE(tulle__trace_list_add(&list, (struct str){ large, sizeof(large) }));
    assert_int_equal(tulle__baggage_fit(&list).size, 0);
    list.size = TRACE_BAGGAGE_MAX;
    assert_int_equal(tulle__baggage_fit(&list).size, TRACE_BAGGAGE_MAX);
done:
    tulle__buf_fini(&list);
}

TEST_MAIN(TEST_OOM(a_good_tracestate_goes_on_unchanged),
          TEST_OOM(one_malformed_member_spoils_the_tracestate), TEST_OOM(lines_are_put_together),
          TEST_OOM(a_tracestate_has_at_most_32_members),
          TEST_OOM(what_is_over_512_bytes_loses_whole_members),
          TEST_OOM(members_that_are_empty_make_no_room_and_go_first),
          TEST_OOM(lists_are_bounded_while_they_are_put_together),
          TEST_OOM(baggage_goes_on_up_to_8192_bytes_in_whole_members),
          TEST_OOM(baggage_of_one_member_that_is_too_large_is_none))
