/* SPDX-License-Identifier: Apache-2.0 */

#include "health/grpc.h"

#include "base/rand.h"
#include "harness/test.h"

#define READ(text, out) read_all(text, sizeof(text) - 1, out)

static bool read_all(const char *bytes, size_t size, enum grpc_serving *out)
{
    struct grpc_reply reply = { .size = 0 };

    tulle__grpc_reply_add(&reply, bytes, size);
    return tulle__grpc_reply_read(&reply, out);
}

static void the_request_is_as_protobuf_writes_it(void **state)
{
    struct buf out = { 0 };

    (void)state;
    CHECK_OR_DONE(tulle__grpc_health_write(&out, STR("")));
    CHECK(out.size == 5 && memcmp(out.data, "\0\0\0\0\0", 5) == 0);
    tulle__buf_clear(&out);
    CHECK_OR_DONE(tulle__grpc_health_write(&out, STR("shop.Cart")));
    CHECK(out.size == 16 && memcmp(out.data, "\0\0\0\0\x0b\x0a\x09shop.Cart", 16) == 0);
done:
    tulle__buf_fini(&out);
}

static void a_long_service_has_a_length_of_two_bytes(void **state)
{
    static char name[300];
    struct buf out = { 0 };

    (void)state;
    memset(name, 'x', sizeof(name));
    CHECK_OR_DONE(tulle__grpc_health_write(&out, (struct str){ name, sizeof(name) }));
    CHECK(out.size == 308 && memcmp(out.data, "\0\0\0\x01\x2f\x0a\xac\x02xxx", 11) == 0);
done:
    tulle__buf_fini(&out);
}

static void a_reply_says_its_status(void **state)
{
    enum grpc_serving serving;

    (void)state;
    assert_true(READ("\0\0\0\0\2\x08\1", &serving));
    assert_int_equal(serving, GRPC_SERVING);
    assert_true(READ("\0\0\0\0\2\x08\2", &serving));
    assert_int_equal(serving, GRPC_NOT_SERVING);
    assert_true(READ("\0\0\0\0\2\x08\3", &serving));
    assert_int_equal(serving, GRPC_SERVICE_UNKNOWN);
    assert_true(READ("\0\0\0\0\0", &serving));
    assert_int_equal(serving, GRPC_UNKNOWN);
    assert_true(READ("\0\0\0\0\2\x08\x7f", &serving));
    assert_int_equal(serving, GRPC_UNKNOWN);
}

static void fields_that_nobody_knows_are_passed_over(void **state)
{
    enum grpc_serving serving;

    (void)state;
    assert_true(READ("\0\0\0\0\x0a\x12\2ab\x08\1\x1d\1\2\3", &serving) == false);
    assert_true(READ("\0\0\0\0\x0b\x12\2ab\x08\1\x1d\1\2\3\4", &serving));
    assert_int_equal(serving, GRPC_SERVING);
    assert_true(READ("\0\0\0\0\4\x08\2\x08\1", &serving)); /* the last one counts */
    assert_int_equal(serving, GRPC_SERVING);
}

static void it_may_come_in_pieces(void **state)
{
    static const char bytes[] = "\0\0\0\0\2\x08\1";
    struct grpc_reply reply = { .size = 0 };
    enum grpc_serving serving;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
        assert_false(tulle__grpc_reply_read(&reply, &serving));
        tulle__grpc_reply_add(&reply, bytes + i, 1);
    }
    assert_true(tulle__grpc_reply_read(&reply, &serving));
    assert_int_equal(serving, GRPC_SERVING);
}

static void what_is_no_such_message_is_refused(void **state)
{
    enum grpc_serving serving;

    (void)state;
    assert_false(READ("", &serving));
    assert_false(READ("\1\0\0\0\2\x08\1", &serving));  /* compressed */
    assert_false(READ("\0\0\0\0\3\x08\1", &serving));  /* cut off */
    assert_false(READ("\0\0\0\0\1\x08\1", &serving));  /* more than it says */
    assert_false(READ("\0\0\0\0\1\x08", &serving));    /* a field without its value */
    assert_false(READ("\0\0\0\0\3\x12\5a", &serving)); /* text beyond the end */
    assert_false(READ("\0\0\0\0\2\x0b\1", &serving));  /* a group */
    assert_false(READ("\0\xff\xff\xff\xff\x08\1", &serving));
}

static void a_megabyte_is_not_kept(void **state)
{
    static char zeros[4096];
    struct grpc_reply reply = { .size = 0 };
    enum grpc_serving serving;

    (void)state;
    for (int i = 0; i < 256; i++) {
        tulle__grpc_reply_add(&reply, zeros, sizeof(zeros));
    }
    assert_false(tulle__grpc_reply_read(&reply, &serving));
}

static void no_bytes_do_harm(void **state)
{
    struct rand rand;

    (void)state;
    tulle__rand_init(&rand, 3);
    for (int i = 0; i < 100000; i++) {
        char bytes[GRPC_REPLY_MAX];
        size_t size = rand_below(&rand, sizeof(bytes) + 1);
        enum grpc_serving serving = GRPC_SERVING;

        for (size_t k = 0; k < size; k++) {
            bytes[k] = (char)rand_next(&rand);
        }
        if (size >= 5) {
            memcpy(bytes, "\0\0\0\0", 4);
            bytes[4] = (char)(size - 5);
        }
        (void)read_all(bytes, size, &serving);
        assert_in_range(serving, GRPC_UNKNOWN, GRPC_SERVICE_UNKNOWN);
    }
}

TEST_MAIN(TEST_OOM(the_request_is_as_protobuf_writes_it),
          TEST_OOM(a_long_service_has_a_length_of_two_bytes),
          cmocka_unit_test(a_reply_says_its_status),
          cmocka_unit_test(fields_that_nobody_knows_are_passed_over),
          cmocka_unit_test(it_may_come_in_pieces),
          cmocka_unit_test(what_is_no_such_message_is_refused),
          cmocka_unit_test(a_megabyte_is_not_kept), cmocka_unit_test(no_bytes_do_harm))
