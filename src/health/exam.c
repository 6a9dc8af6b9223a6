/* SPDX-License-Identifier: Apache-2.0 */

/* One timer for each exam, on the loop's own heap: while the exam waits it says
 * when the next is due, else when its time is over.
 *
 * Time is over in two steps: a loop that nobody ran for a while finds the timer due
 * and the answer in the socket, and looks at timers first. So the timer comes once
 * more, behind the descriptors of that round. Who was stopped for a minute, or had
 * a large mesh to publish, finds nobody unhealthy for it. */

#include <stdio.h>

#include "base/alloc.h"
#include "health/ward.h"

static struct health *health_of(const struct exam *exam)
{
    return exam->patient->ward->health;
}

static size_t exam_index(const struct exam *exam)
{
    return (size_t)(exam - exam->patient->exams);
}

static const struct health_check *check_of(const struct exam *exam)
{
    return &exam->patient->ward->cluster->checks[exam_index(exam)];
}

static void exam_arm(struct exam *exam, int64_t wait)
{
    struct loop *loop = health_of(exam)->options.loop;

    tulle__timer_arm(loop, &exam->timer, time_add(loop->now, wait));
}

/* --- its connection --- */

static void pool_drained(void *user)
{
    (void)user; /* nothing of ours hangs on it */
}

static bool transport_ensure(struct health *health)
{
    struct transport_options options = {
        .type = health->options.transport,
        .loop = health->options.loop,
        .log = health->options.log,
        .ca_file = health->options.ca_file,
    };

    if (health->transport == NULL) {
        health->transport = options.type->open_transport(&options);
    }
    return health->transport != NULL;
}

/* gRPC is HTTP/2, whatever the calls of the cluster speak. */
static enum protocol protocol_of(const struct exam *exam)
{
    enum protocol protocol = exam->patient->ward->cluster->protocol;

    return check_of(exam)->kind == HEALTH_CHECK_GRPC && protocol == PROTOCOL_HTTP1 ? PROTOCOL_HTTP2
                                                                                   : protocol;
}

static bool pool_ensure(struct exam *exam)
{
    struct health *health = health_of(exam);
    struct pool_spec spec = {
        .address = peer_address(exam->patient->view->peer),
        .protocol = protocol_of(exam),
        .drained = pool_drained,
    };

    if (exam->pool == NULL && transport_ensure(health)) {
        exam->pool = health->options.transport->open(health->transport, &spec);
    }
    return exam->pool != NULL;
}

static void pool_drop(struct exam *exam)
{
    struct health *health = health_of(exam);

    if (exam->pool != NULL) {
        health->options.transport->drain(exam->pool);
    }
    exam->pool = NULL;
    health->kept -= exam->keeps;
    exam->keeps = false;
}

/* A connection that did not do is not asked again. */
static void pool_keep(struct exam *exam, enum check_result result)
{
    struct health *health = health_of(exam);

    if (exam->pool == NULL || exam->keeps) {
        if (result == CHECK_UNREACHED || result == CHECK_NONE) {
            pool_drop(exam);
        }
        return;
    }
    exam->keeps = exam->asked->checks[exam_index(exam)].reuse_connection &&
                  health->kept < CONNECTIONS_KEPT_MAX && result != CHECK_UNREACHED &&
                  result != CHECK_NONE;
    if (!exam->keeps) {
        pool_drop(exam);
        return;
    }
    health->kept++;
}

/* --- its end --- */

static void result_count(struct cluster_live *live, enum check_result result)
{
    switch (result) {
    case CHECK_PASSED:
    case CHECK_DEGRADED: live_count_control(live, COUNT_CHECKS_PASSED); return;
    case CHECK_UNREACHED: live_count_control(live, COUNT_CHECKS_UNREACHED); return;
    case CHECK_FAILED:
    case CHECK_RETRIABLE: live_count_control(live, COUNT_CHECKS_FAILED); return;
    case CHECK_NONE: live_count_control(live, COUNT_CHECKS_VOID); return;
    }
}

/* Envoy's upstream_cx_total; here connections are shared between clusters, so a call of
 * this one may have opened none. */
static bool is_in_use(const struct ward *ward, const struct view *view)
{
    return ward->in_use ||
           atomic_load_explicit(&ward->live->connections.opened, memory_order_relaxed) > 0 ||
           atomic_load_explicit(&view->requests, memory_order_relaxed) > 0;
}

static void exam_heard(struct exam *exam, const struct checkup_end *end)
{
    struct patient *patient = exam->patient;
    struct ward *ward = patient->ward;
    enum check_change change = CHANGE_NONE;

    result_count(ward->live, end->result);
    if (end->result != CHECK_NONE) {
        change = tulle__check_note(&exam->state, check_of(exam), end->result);
    }
    ward->in_use = is_in_use(ward, patient->view);
    exam_arm(exam, tulle__check_wait(check_of(exam), end->result, change, ward->in_use,
                                     &ward->health->rand));
    tulle__patient_heard(patient, end);
}

static void checkup_forget(struct exam *exam)
{
    exam->checkup = NULL;
    health_of(exam)->under_way--;
    tulle__part_unref(exam->asked);
    exam->asked = NULL;
}

static void exam_start(struct exam *exam);

/* A kept connection that ended says nothing of the endpoint: servers close what was
 * idle for so long, and many do after five seconds, which is our interval. It is asked
 * again, at once, over a new one. */
static void exam_done(void *user, const struct checkup_end *end)
{
    struct exam *exam = user;
    bool is_again = end->was_kept && exam->keeps;

    pool_keep(exam, end->result);
    checkup_forget(exam);
    if (is_again) {
        exam_start(exam);
    } else {
        exam_heard(exam, end);
    }
    tulle__health_pump(health_of(exam));
}

static void exam_time_over(struct exam *exam)
{
    struct checkup_end end = { .result = CHECK_UNREACHED };
    int64_t timeout = exam->asked->checks[exam_index(exam)].timeout_ns;

    snprintf(end.why, sizeof(end.why), "no answer within %lld ms",
             (long long)(timeout / NS_PER_MS));
    exam->checkup->cancel(exam->checkup);
    exam_done(exam, &end);
}

/* --- its start --- */

/* Errors: TULLE_E_NOMEM; of a name TULLE_E_AGAIN (nobody knows yet), TULLE_E_NETWORK (it
 * has none) */
static enum tulle_error addresses_find(struct exam *exam, struct checkup_spec *spec)
{
    const struct health_options *options = &health_of(exam)->options;
    struct str host = spec->address;

    if (spec->cluster->discovery != DISCOVERY_LOGICAL_DNS) {
        return TULLE_OK;
    }
    if (exam->addresses == NULL) {
        exam->addresses = tulle__alloc(HEALTH_ADDRESSES_SIZE);
    }
    if (exam->addresses == NULL) {
        return TULLE_E_NOMEM;
    }
    while (host.size > 0 && host.data[--host.size] != ':') {
    }
    if (!options->resolve(options->user, host, exam->addresses)) {
        return TULLE_E_AGAIN;
    }
    spec->addresses = str_of(exam->addresses);
    return spec->addresses.size > 0 ? TULLE_OK : TULLE_E_NETWORK;
}

static enum tulle_error exam_ask(struct exam *exam)
{
    const struct health *health = health_of(exam);
    struct checkup_spec spec = {
        .loop = health->options.loop,
        .transport = health->options.transport,
        .check = check_of(exam),
        .cluster = exam->patient->ward->cluster,
        .address = peer_address(exam->patient->view->peer),
        .done = exam_done,
        .user = exam,
    };
    enum tulle_error error;

    error = addresses_find(exam, &spec);
    if (error != TULLE_OK) {
        return error;
    }
    if (spec.check->kind == HEALTH_CHECK_TCP && health->options.has_sockets) {
        return tulle__checkup_tcp(&spec, &exam->checkup);
    }
    if (!pool_ensure(exam)) {
        return TULLE_E_NOMEM;
    }
    spec.pool = exam->pool;
    return tulle__checkup_http(&spec, &exam->checkup);
}

static void exam_ask_in_vain(struct exam *exam, enum tulle_error error)
{
    struct checkup_end end = {
        .result = error == TULLE_E_NETWORK ? CHECK_UNREACHED : CHECK_NONE,
    };

    snprintf(end.why, sizeof(end.why), "%s",
             error == TULLE_E_NETWORK    ? "there is no way to its address"
             : error == TULLE_E_AGAIN    ? "its name has no address yet"
             : error == TULLE_E_INTERNAL ? "no descriptor is left"
                                         : "out of memory");
    exam->checkup = NULL;
    exam_heard(exam, &end);
}

static void exam_start(struct exam *exam)
{
    struct health *health = health_of(exam);
    enum tulle_error error;

    live_count_control(exam->patient->ward->live, COUNT_CHECKS);
    error = exam_ask(exam);
    if (error != TULLE_OK) {
        exam_ask_in_vain(exam, error);
        return;
    }
    exam->asked = tulle__part_ref(exam->patient->ward->cluster);
    exam->is_overdue = false;
    health->under_way++;
    exam_arm(exam, check_of(exam)->timeout_ns);
}

/* What ends at once makes room at once: one loop, whoever asks. */
void tulle__health_pump(struct health *health)
{
    struct list *node;

    if (health->pumping) {
        return;
    }
    health->pumping = true;
    while (health->under_way < CHECKUPS_MAX && (node = list_first(&health->queue)) != NULL) {
        list_remove(node);
        exam_start(CONTAINER_OF(node, struct exam, node));
    }
    health->pumping = false;
}

static void exam_fire(struct timer *timer, int64_t now)
{
    struct exam *exam = CONTAINER_OF(timer, struct exam, timer);

    (void)now;
    if (exam->checkup == NULL) {
        list_add_last(&health_of(exam)->queue, &exam->node);
        tulle__health_pump(health_of(exam));
        return;
    }
    if (exam->is_overdue) {
        exam_time_over(exam);
        return;
    }
    exam->is_overdue = true;
    exam_arm(exam, 1);
}

void tulle__exam_begin(struct exam *exam, struct patient *patient, enum fitness known)
{
    exam->patient = patient;
    exam->timer.fire = exam_fire;
    exam->state.is_healthy = known != FIT_NOT;
    exam->state.is_degraded = known == FIT_DEGRADED;
    list_init(&exam->node);
    exam_arm(exam, tulle__check_wait_first(check_of(exam), &health_of(exam)->rand));
}

void tulle__exam_end(struct exam *exam)
{
    list_remove(&exam->node);
    tulle__timer_disarm(health_of(exam)->options.loop, &exam->timer);
    if (exam->checkup != NULL) {
        exam->checkup->cancel(exam->checkup);
        checkup_forget(exam);
    }
    pool_drop(exam);
    tulle__free(exam->addresses);
}
