/* SPDX-License-Identifier: Apache-2.0 */

#include "scenario/streamed.h"

void streamed_event(struct tulle_call *call, int32_t kind, void *user)
{
    struct streamed *streamed = user;

    assert_ptr_equal(call, streamed->call.call);
    assert_false(streamed->call.result.done);
    streamed->heads += kind == TULLE_EVENT_HEAD;
    streamed->readables += kind == TULLE_EVENT_READABLE;
    streamed->writables += kind == TULLE_EVENT_WRITABLE;
    assert_int_equal(streamed->heads, 1 - (kind == TULLE_EVENT_WRITABLE && streamed->heads == 0));
}

static char byte_at(size_t offset)
{
    return (char)('a' + offset * 31 % 26);
}

enum tulle_error streamed_write(struct streamed *streamed, size_t size)
{
    enum tulle_error error = TULLE_OK;
    size_t taken;
    char piece[1000];

    while (size > 0 && error == TULLE_OK) {
        size_t wanted = size < sizeof(piece) ? size : sizeof(piece);

        for (size_t i = 0; i < wanted; i++) {
            piece[i] = byte_at(streamed->wrote + i);
        }
        error = tulle_call_write(streamed->call.call, piece, wanted, &taken);
        assert_true(error == TULLE_OK || taken == 0);
        streamed->wrote += taken;
        size -= taken;
    }
    return error;
}

enum tulle_error streamed_read(struct streamed *streamed)
{
    enum tulle_error error;
    size_t got;

    do {
        error = tulle_call_read(streamed->call.call, streamed->body + streamed->got,
                                LONG - streamed->got + 1, &got);
        assert_true(error == TULLE_OK || got == 0);
        streamed->got += got;
    } while (got > 0);
    return error;
}

bool is_what_was_written(const char *body, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (body[i] != byte_at(i)) {
            return false;
        }
    }
    return true;
}

enum tulle_error streamed_end(struct streamed *streamed)
{
    return tulle_call_write_end(streamed->call.call, NULL, 0);
}
