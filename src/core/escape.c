/* SPDX-License-Identifier: Apache-2.0 */

/* setjmp() without the signal mask costs a few nanoseconds a blocking call. */

#include "core/escape.h"

#include <tulle/trace.h>

#include <setjmp.h>

#include "base/thread.h"

struct way_out {
    jmp_buf jump;
    struct way_out *outer;
    struct tulle_context *scope;
    int cancelable;
};

static _Thread_local struct way_out *innermost;

static void way_out_begin(struct way_out *way)
{
    way->outer = innermost;
    way->scope = tulle_scope_enter(NULL);
    tulle_scope_enter(way->scope);
    way->cancelable = tulle__thread_shield();
    innermost = way;
}

static void way_out_end(const struct way_out *way)
{
    innermost = way->outer;
    tulle__thread_unshield(way->cancelable);
}

enum tulle_error tulle__escape_guard(enum tulle_error (*work)(void *user), void *user)
{
    struct way_out way;
    enum tulle_error error;

    way_out_begin(&way);
    if (_setjmp(way.jump) != 0) {
        tulle_scope_enter(way.scope);
        way_out_end(&way);
        return TULLE_E_FORKED;
    }
    error = work(user);
    way_out_end(&way);
    return error;
}

void tulle__escape(void)
{
    if (innermost) {
        _longjmp(innermost->jump, 1);
    }
}
