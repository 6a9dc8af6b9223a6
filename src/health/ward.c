/* SPDX-License-Identifier: Apache-2.0 */

/* A ward follows its cluster from snapshot to snapshot: who is still there under the
 * same checks keeps what was found out, and his next exam is when it was to be. */

#include "health/ward.h"

#include "base/alloc.h"
#include "endpoint/outlier.h"
#include "endpoint/past.h"

/* --- what is told --- */

static void gauges_set(struct patient *patient, enum fitness fitness, bool is_there)
{
    struct cluster_live *live = patient->ward->live;
    bool is_healthy = is_there && fitness != FIT_NOT;
    bool is_degraded = is_there && fitness == FIT_DEGRADED;

    atomic_fetch_add_explicit(&live->checked_healthy,
                              (unsigned)is_healthy - (unsigned)patient->is_counted,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&live->checked_degraded,
                              (unsigned)is_degraded - (unsigned)patient->is_counted_degraded,
                              memory_order_relaxed);
    patient->is_counted = is_healthy;
    patient->is_counted_degraded = is_degraded;
}

static const char *fitness_name(enum fitness fitness)
{
    switch (fitness) {
    case FIT: return "healthy";
    case FIT_DEGRADED: return "degraded";
    case FIT_NOT: break;
    }
    return "unhealthy";
}

/* That a new endpoint is as it should be is nothing to tell everybody. */
static void fitness_tell(const struct patient *patient, enum fitness fitness, bool is_first,
                         const struct checkup_end *end)
{
    tulle__log(patient->ward->health->options.log,
               is_first && fitness == FIT ? LOG_DEBUG : LOG_INFO, "health", "%.*s: %.*s is %s: %s",
               STR_ARG(patient->ward->live->name), STR_ARG(peer_address(patient->view->peer)),
               fitness_name(fitness), end->why);
}

/* Once for each cluster: it is no endpoint's fault, and may be that of all. */
static void trouble_tell(struct patient *patient, const struct checkup_end *end)
{
    struct ward *ward = patient->ward;

    if (ward->was_told) {
        return;
    }
    ward->was_told = true;
    tulle__log(ward->health->options.log, LOG_WARNING, "health",
               "%.*s: %.*s could not be checked: %s; told once, checks_total counts",
               STR_ARG(ward->live->name), STR_ARG(peer_address(patient->view->peer)), end->why);
}

static void ward_changed(struct ward *ward)
{
    const struct health_options *options = &ward->health->options;

    atomic_store_explicit(&ward->live->gates_changed, true, memory_order_relaxed);
    options->changed(options->user);
}

/* --- what a result comes to --- */

static enum fitness patient_fitness(const struct patient *patient)
{
    enum fitness worst = FIT;

    for (size_t i = 0; i < patient->exam_count; i++) {
        enum fitness each = check_fitness(&patient->exams[i].state);

        worst = each > worst ? each : worst;
    }
    return worst;
}

static bool patient_is_complete(const struct patient *patient)
{
    for (size_t i = 0; i < patient->exam_count; i++) {
        if (!patient->exams[i].state.is_checked) {
            return false;
        }
    }
    return true;
}

/* True: that was its last first result. */
static bool patient_complete(struct patient *patient)
{
    if (patient->is_checked || !patient_is_complete(patient)) {
        return false;
    }
    patient->is_checked = true;
    patient->ward->unchecked--;
    return true;
}

/* True: it ends the time in which the cluster counts as having no endpoint. */
static bool ward_is_warm(struct ward *ward)
{
    if (!ward->live->warming || ward->unchecked > 0 || list_is_empty(&ward->patients)) {
        return false;
    }
    ward->live->warming = false;
    return true;
}

/* As Envoy: only an endpoint that is healthy by its checks. */
static bool ejection_end(struct patient *patient, const struct checkup_end *end, int64_t now)
{
    struct cluster_live *live = patient->ward->live;

    return check_is_good(end->result) && patient->view->checked != FIT_NOT &&
           tulle__outlier_checked(live, patient->view, &live->config->outlier,
                                  patient->ward->health->options.log, now);
}

void tulle__patient_heard(struct patient *patient, const struct checkup_end *end)
{
    struct ward *ward = patient->ward;
    struct view *view = patient->view;
    int64_t now = ward->health->options.loop->now;
    enum fitness fitness = patient_fitness(patient);
    bool is_first, changed = false;

    if (end->result == CHECK_NONE) {
        trouble_tell(patient, end);
        return;
    }
    is_first = patient_complete(patient);
    gauges_set(patient, fitness, true);
    if (fitness != view->checked || (is_first && fitness == FIT_NOT)) {
        fitness_tell(patient, fitness, is_first, end);
        view->checked = (uint8_t)fitness;
        changed = view_judge(view, now);
    }
    changed = ejection_end(patient, end, now) || changed;
    changed = ward_is_warm(ward) || changed;
    if (changed && !ward->live->warming) {
        ward_changed(ward);
    }
}

static void patient_declines(struct patient *patient)
{
    const struct checkup_end end = {
        .result = CHECK_FAILED,
        .why = "a reply to a call had x-envoy-immediate-health-check-fail",
    };

    for (size_t i = 0; i < patient->exam_count; i++) {
        (void)tulle__check_note(&patient->exams[i].state, &patient->ward->cluster->checks[i],
                                CHECK_FAILED);
    }
    tulle__patient_heard(patient, &end);
}

void tulle__ward_listen(struct ward *ward)
{
    if (!atomic_exchange_explicit(&ward->live->declined, false, memory_order_acquire)) {
        return;
    }
    for (struct list *node = ward->patients.next; node != &ward->patients; node = node->next) {
        struct patient *patient = CONTAINER_OF(node, struct patient, node);

        if (atomic_exchange_explicit(&view_past(patient->view)->declined, false,
                                     memory_order_relaxed)) {
            patient_declines(patient);
        }
    }
}

/* --- who comes, who goes --- */

static void patient_free(struct patient *patient)
{
    struct ward *ward = patient->ward;

    for (size_t i = 0; i < patient->exam_count; i++) {
        tulle__exam_end(&patient->exams[i]);
    }
    tulle__loop_release_timers(ward->health->options.loop, patient->exam_count);
    gauges_set(patient, FIT_NOT, false);
    ward->unchecked -= !patient->is_checked;
    list_remove(&patient->node);
    view_past(patient->view)->patient = NULL;
    view_release(patient->view);
    tulle__free(patient);
}

static bool patient_new(struct ward *ward, struct view *view)
{
    size_t count = ward->cluster->check_count;
    struct patient *patient = tulle__alloc_zero(1, sizeof(*patient) + count * sizeof(struct exam));

    if (patient == NULL) {
        return false;
    }
    if (!tulle__loop_reserve_timers(ward->health->options.loop, count)) {
        tulle__free(patient);
        return false;
    }
    patient->ward = ward;
    patient->view = view;
    patient->exam_count = count;
    view_use(view);
    view_past(view)->patient = patient;
    list_add_last(&ward->patients, &patient->node);
    ward->unchecked++;
    for (size_t i = 0; i < count; i++) {
        tulle__exam_begin(&patient->exams[i], patient, (enum fitness)view->checked);
    }
    gauges_set(patient, (enum fitness)view->checked, true);
    return true;
}

static void patients_leave(struct ward *ward, bool all)
{
    struct list *next;

    for (struct list *node = ward->patients.next; node != &ward->patients; node = next) {
        struct patient *patient = CONTAINER_OF(node, struct patient, node);

        next = node->next;
        if (all || patient->round != ward->round) {
            patient_free(patient);
        }
    }
}

static bool patients_come(struct ward *ward)
{
    const struct cluster_live *live = ward->live;
    bool all = true;

    ward->round++;
    for (size_t i = 0; i < live->view_count; i++) {
        struct view *view = live->views[i];

        if (!atomic_load_explicit(&view->named, memory_order_relaxed)) {
            continue;
        }
        if (view_past(view)->patient == NULL && !patient_new(ward, view)) {
            all = false;
            continue;
        }
        view_past(view)->patient->round = ward->round;
    }
    return all;
}

/* --- the ward --- */

static struct ward *ward_new(struct health *health, struct cluster_live *live)
{
    struct ward *ward = ALLOC_ZERO(struct ward);

    if (ward == NULL) {
        return NULL;
    }
    ward->health = health;
    ward->live = tulle__live_ref(live);
    ward->cluster = tulle__part_ref(live->config);
    list_init(&ward->patients);
    list_add_last(&health->wards, &ward->node);
    live->ward = ward;
    return ward;
}

void tulle__ward_free(struct ward *ward)
{
    patients_leave(ward, true);
    list_remove(&ward->node);
    ward->live->ward = NULL;
    tulle__live_unref(ward->live);
    tulle__part_unref(ward->cluster);
    tulle__free(ward);
}

/* Nobody is asked any more: nothing is known against anybody. */
static void ward_close(struct ward *ward, int64_t now)
{
    struct cluster_live *live = ward->live;
    bool changed = live->warming;

    live->warming = false;
    for (size_t i = 0; i < live->view_count; i++) {
        live->views[i]->checked = FIT;
        changed |= view_judge(live->views[i], now);
    }
    if (changed) {
        ward_changed(ward);
    }
    tulle__ward_free(ward);
}

/* Other checks start anew; what the old ones found holds until these know better. */
static void ward_configure(struct ward *ward, struct cluster *cluster)
{
    if (!fingerprint_equal(ward->cluster->checks_print, cluster->checks_print)) {
        patients_leave(ward, true);
    }
    tulle__part_ref(cluster);
    tulle__part_unref(ward->cluster);
    ward->cluster = cluster;
}

bool tulle__ward_fit(struct health *health, struct cluster_live *live)
{
    bool wanted = live->adopted && live->config != NULL && live->config->check_count > 0;
    struct ward *ward = live->ward;
    bool all;

    if (!wanted) {
        if (ward != NULL) {
            ward_close(ward, health->options.loop->now);
        }
        return true;
    }
    if (ward != NULL && ward->cluster == live->config && !health->behind) {
        return true;
    }
    if (ward == NULL && (ward = ward_new(health, live)) == NULL) {
        return false;
    }
    ward_configure(ward, live->config);
    all = patients_come(ward);
    patients_leave(ward, false);
    if (ward_is_warm(ward)) {
        ward_changed(ward);
    }
    return all;
}
