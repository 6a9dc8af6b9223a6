/* SPDX-License-Identifier: Apache-2.0 */

#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

static int64_t rig_now(void *user)
{
    return ((struct dns_rig *)user)->now;
}

static void rig_log(void *user, int32_t level, const char *area, const char *text)
{
    struct dns_rig *rig = user;
    size_t size = strlen(rig->told);

    (void)level;
    snprintf(rig->told + size, sizeof(rig->told) - size, "%s: %s\n", area, text);
}

static void rig_changed(void *user)
{
    ((struct dns_rig *)user)->changes++;
}

static bool rig_post(void *on, struct task *task)
{
    return tulle__loop_post(&((struct dns_rig *)on)->loop, task);
}

static void rig_run(struct dns_rig *rig)
{
    while (tulle__loop_due(&rig->loop) <= rig->now) {
        tulle__loop_round(&rig->loop, rig->now);
    }
}

void rig_advance(struct dns_rig *rig, int64_t ns)
{
    int64_t end = rig->now + ns;

    rig_run(rig);
    while (tulle__loop_due(&rig->loop) <= end) {
        rig->now = tulle__loop_due(&rig->loop);
        rig_run(rig);
    }
    rig->now = end;
    rig_run(rig);
}

struct dns_rig *dns_rig_new(void)
{
    struct dns_rig *rig = calloc(1, sizeof(*rig));
    struct dns_options options;

    assert_non_null(rig);
    script_init(&rig->script);
    rig->now = 1000 * NS_PER_S;
    rig->world = (struct world){ .now = rig_now, .user = rig, .is_virtual = true };
    rig->log = (struct log){ .write = rig_log, .user = rig, .level = LOG_WARNING };
    options = (struct dns_options){ .loop = &rig->loop,
                                    .log = &rig->log,
                                    .resolver = &script_resolver,
                                    .stale_ns = NEVER,
                                    .changed = rig_changed,
                                    .user = rig };
    if (!tulle__loop_init(&rig->loop, &rig->world) ||
        tulle__dns_open(&options, &rig->dns) != TULLE_OK) {
        assert_true(test_oom_hit());
        dns_rig_free(rig);
        return NULL;
    }
    tulle__dns_desk_init(&rig->desk, rig->dns);
    rig->desk.post = rig_post;
    rig->desk.on = rig;
    return rig;
}

void dns_rig_free(struct dns_rig *rig)
{
    if (rig) {
        tulle__dns_close(rig->dns);
        tulle__loop_fini(&rig->loop);
        script_fini(&rig->script);
        free(rig);
    }
}

unsigned rig_asked(struct dns_rig *rig, const char *host)
{
    return script_name(&rig->script, host)->asked;
}

static void asker_ready(struct dns_wait *wait)
{
    struct asker *asker = CONTAINER_OF(wait, struct asker, wait);

    asker->answer = tulle__dns_ask(&asker->rig->desk, wait, str_of(asker->host));
}

void asker_ask(struct dns_rig *rig, struct asker *asker, const char *host)
{
    *asker = (struct asker){ .rig = rig, .host = host, .wait.ready = asker_ready };
    list_init(&asker->wait.node);
    asker_ready(&asker->wait);
}

void asker_leave(struct asker *asker)
{
    tulle__dns_leave(&asker->rig->desk, &asker->wait);
    tulle__dns_answer_unref(asker->answer);
    asker->answer = NULL;
}

const char *rig_text(struct dns_rig *rig, const char *host)
{
    static char text[1024];
    struct asker asker;

    asker_ask(rig, &asker, host);
    rig_run(rig);
    snprintf(text, sizeof(text), "%s", asker.answer ? asker.answer->text.data : "waits");
    asker_leave(&asker);
    return text;
}
