/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/script.h"

#include <stdlib.h>

static void *libc_resize(void *ptr, size_t size)
{
    void *resized;

    if (size == 0) {
        free(ptr);
        return NULL;
    }
    resized = realloc(ptr, size);
    if (!resized) {
        abort();
    }
    return resized;
}

static const struct script_memory libc_memory = { libc_resize };

void script_init(struct script *script)
{
    if (!tulle__script_init(script, &libc_memory)) {
        abort();
    }
    script->body_max = SIZE_MAX;
}

void script_fini(struct script *script)
{
    script_names_fini(script);
    tulle__script_fini(script);
}

struct script_endpoint *script_endpoint(struct script *script, const char *address)
{
    return tulle__script_endpoint(script, address);
}

void script_say(struct script *script, struct script_endpoint *endpoint,
                const struct script_line *line)
{
    (void)tulle__script_say(script, endpoint, line);
}
