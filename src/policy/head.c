/* SPDX-License-Identifier: Apache-2.0 */

/* What an attempt tells its peer about itself: which attempt it is, and how much
 * time is left. The lines lie behind the call's own; a header that the app has
 * set itself stands. What is told is the least of the per-try timeout, what is
 * left of the route's (as Envoy's router has it, FilterUtility::setTimeoutHeaders)
 * and what is left of the deadline, where somebody asked for one: the mesh's
 * default is nobody's wish. Strangers, who are past the mesh, hear only what gRPC
 * itself says.
 *
 * It is no layer, since it decides nothing, and the transport's layer is entered
 * anyway. The first attempt of nearly every call has the same lines, made once. */

#include "policy/head.h"

#include "base/macros.h"
#include "policy/deadline_text.h"
#include "stack/call.h"

#define ATTEMPT_COUNT "x-envoy-attempt-count"
#define COUNT_LINE(number)                                                                         \
    {                                                                                              \
        { ATTEMPT_COUNT ": " number, sizeof(ATTEMPT_COUNT ": " number) - 1 },                      \
            sizeof(ATTEMPT_COUNT) - 1                                                              \
    }

enum own { OWN_COUNT = 1, OWN_EXPECTED = 2, OWN_GRPC = 4 };

/* Lines on their way behind those of the call. */
struct head {
    struct header_line lines[HEAD_LINES];
    size_t count;
};

struct head_config {
    bool counts;    /* x-envoy-attempt-count */
    bool is_inside; /* a peer of the mesh */
    int64_t timeout_ns, per_try_ns;
    int64_t first_left; /* of the first attempt, with which `first` was made; NEVER: none */
    struct head first;  /* of one that is no gRPC */
};

static bool line_make(struct arena *arena, struct head *head, struct str name, const char *value,
                      size_t size)
{
    char *text = tulle__arena_alloc(arena, name.size + size + 3);

    if (!text) {
        return false;
    }
    memcpy(text, name.data, name.size);
    memcpy(text + name.size, ": ", 2);
    memcpy(text + name.size + 2, value, size);
    text[name.size + 2 + size] = '\0';
    head->lines[head->count++] = (struct header_line){ { text, name.size + 2 + size }, name.size };
    return true;
}

static bool count_add(struct arena *arena, uint32_t attempt, struct head *head)
{
    static const struct header_line usual[] = { COUNT_LINE("1"), COUNT_LINE("2"), COUNT_LINE("3") };
    char value[DEADLINE_TEXT_MAX];

    if (attempt <= COUNT_OF(usual)) {
        head->lines[head->count++] = usual[attempt - 1];
        return true;
    }
    return line_make(arena, head, STR(ATTEMPT_COUNT), value, tulle__digits_write(attempt, value));
}

static bool expected_add(struct arena *arena, int64_t left, struct head *head)
{
    char value[DEADLINE_TEXT_MAX];

    return line_make(arena, head, STR(EXPECTED_TIMEOUT), value,
                     tulle__expected_timeout_write(left, value));
}

static bool grpc_add(struct arena *arena, int64_t left, struct head *head)
{
    char value[DEADLINE_TEXT_MAX];

    return line_make(arena, head, STR(GRPC_TIMEOUT), value, tulle__grpc_timeout_write(left, value));
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool first_make(struct arena *arena, struct head_config *config)
{
    config->first_left = earlier(config->timeout_ns, config->per_try_ns);
    return (!config->counts || count_add(arena, 1, &config->first)) &&
           (config->first_left == NEVER || expected_add(arena, config->first_left, &config->first));
}

enum tulle_error tulle__head_prepare(const struct prepare *prepare, const void **config,
                                     bool *absent)
{
    static const struct head_config outside = { .timeout_ns = NEVER,
                                                .per_try_ns = NEVER,
                                                .first_left = NEVER };
    struct head_config *made;

    (void)absent;
    *config = &outside;
    if (!prepare->cluster) {
        return TULLE_OK;
    }
    made = ARENA_NEW(prepare->arena, struct head_config);
    ENSURE(made, TULLE_E_NOMEM);
    made->is_inside = true;
    made->counts = prepare->cluster->retry.attempt_count;
    made->timeout_ns = prepare->route->timeout_ns;
    made->per_try_ns = prepare->route->retry.per_try_timeout_ns;
    *config = made;
    return first_make(prepare->arena, made) ? TULLE_OK : TULLE_E_NOMEM;
}

static unsigned own_of(struct str name)
{
    switch (name.size) {
    case sizeof(ATTEMPT_COUNT) - 1:
        return tulle__str_equal_nocase(name, STR(ATTEMPT_COUNT)) ? OWN_COUNT : 0;
    case sizeof(EXPECTED_TIMEOUT) - 1:
        return tulle__str_equal_nocase(name, STR(EXPECTED_TIMEOUT)) ? OWN_EXPECTED : 0;
    case sizeof(GRPC_TIMEOUT) - 1: /* and of x-request-id, which every call has */
        return (name.data[0] | 0x20) == 'g' && tulle__str_equal_nocase(name, STR(GRPC_TIMEOUT))
                   ? OWN_GRPC
                   : 0;
    default: return 0;
    }
}

static unsigned headers_of_app(const struct tulle_call *call)
{
    unsigned own = 0;

    for (size_t i = 0; i < call->header_count; i++) {
        own |= own_of((struct str){ call->headers[i].line.data, call->headers[i].name_size });
    }
    return own;
}

/* NEVER: there is nothing to tell. */
static int64_t time_left(const struct tulle_call *call, const struct head_config *config)
{
    int64_t now = call_now(call);
    int64_t end = call_is_uploading(call) ? time_add(now, config->timeout_ns) : call->timeout_at;

    if (call->deadline_asked) {
        end = earlier(end, call->deadline);
    }
    end = earlier(end, time_add(now, config->per_try_ns));
    if (end == NEVER) {
        return NEVER;
    }
    return end > now ? end - now : 1;
}

static bool head_fill(struct tulle_call *call, const struct head_config *config, unsigned own,
                      int64_t left, struct head *head)
{
    struct arena *arena = &call->arena;

    if (config->counts && !(own & OWN_COUNT) && !count_add(arena, call_next_attempt(call), head)) {
        return false;
    }
    if (left == NEVER) {
        return true;
    }
    if (config->is_inside && !(own & OWN_EXPECTED) && !expected_add(arena, left, head)) {
        return false;
    }
    return !call->is_grpc || (own & OWN_GRPC) || grpc_add(arena, left, head);
}

/* An attempt that is not the first may run beside another, whose lines stay as
 * they are. */
static bool head_lay(struct tulle_call *call, const struct head *head)
{
    size_t count = call->header_count + head->count;
    struct header_line *lines;

    call->sent_header_count = count;
    if (call->header_room && call_next_attempt(call) == 1) {
        for (size_t i = 0; i < head->count; i++) {
            call->header_room[i] = head->lines[i];
        }
        call->sent_headers = call->headers;
        return true;
    }
    lines = tulle__arena_alloc(&call->arena, count * sizeof(*lines));
    if (!lines) {
        return false;
    }
    if (call->header_count > 0) {
        memcpy(lines, call->headers, call->header_count * sizeof(*lines));
    }
    memcpy(lines + call->header_count, head->lines, head->count * sizeof(*lines));
    call->sent_headers = lines;
    return true;
}

bool tulle__head_write(struct tulle_call *call, size_t at)
{
    const struct head_config *config = call_config(call, at);
    unsigned own = headers_of_app(call);
    int64_t left = time_left(call, config);
    struct head head;

    if (call->explain && left != NEVER) {
        tulle__call_tell(call, at, "%.3f ms are left", (double)left / (double)NS_PER_MS);
    }
    if (own == 0 && left == config->first_left && !call->is_grpc && call_next_attempt(call) == 1) {
        return head_lay(call, &config->first);
    }
    head.count = 0; /* the rest stays unwritten */
    return head_fill(call, config, own, left, &head) && head_lay(call, &head);
}
