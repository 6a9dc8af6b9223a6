/* SPDX-License-Identifier: Apache-2.0 */

/* Who is checked: the endpoints of one cluster, each with one exam for each check
 * that the cluster has. An endpoint is as fit as the worst of its exams says. */

#ifndef TULLE_HEALTH_WARD_H
#define TULLE_HEALTH_WARD_H

#include "health/checkup.h"
#include "health/health.h"
#include "health/state.h"

/* One check of one endpoint, over and over. */
struct exam {
    struct timer timer; /* it is due; of one under way: its time is over */
    struct list node;   /* in health->queue, while it waits for room */
    struct patient *patient;
    struct checkup *checkup; /* under way; NULL: none */
    struct cluster *asked;   /* the cluster that it was made for; a reference */
    struct pool *pool;       /* NULL: none, or not yet */
    char *addresses;         /* of an endpoint that is a name; NULL: none yet */
    struct check_state state;
    bool is_overdue;
    bool keeps; /* its connection; counted in health->kept */
};

struct patient {
    struct list node; /* ward->patients */
    struct ward *ward;
    struct view *view;                    /* used */
    uint64_t round;                       /* of the last fitting that saw it */
    bool is_checked;                      /* each of its exams had a result */
    bool is_counted, is_counted_degraded; /* in its cluster's gauges */
    size_t exam_count;
    struct exam exams[];
};

struct ward {
    struct list node; /* health->wards */
    struct health *health;
    struct cluster_live *live; /* a reference */
    struct cluster *cluster;   /* whose checks they are; a reference */
    struct list patients;
    size_t unchecked; /* of them */
    uint64_t round;
    bool in_use;   /* the cluster has had traffic */
    bool was_told; /* that something could not be checked at all */
};

/* --- exam.c --- */

/* Its timer is reserved. From now on it is made whenever it is due. */
void tulle__exam_begin(struct exam *exam, struct patient *patient, enum fitness known);
void tulle__exam_end(struct exam *exam);
/* As many of those that wait as there is room for. */
void tulle__health_pump(struct health *health);

/* --- ward.c --- */

/* The cluster is checked as its newest configuration says, or no more. False: there
 * was no memory for all of it. */
bool tulle__ward_fit(struct health *health, struct cluster_live *live);
void tulle__ward_free(struct ward *ward);
/* Endpoints of it may have declined calls. */
void tulle__ward_listen(struct ward *ward);
/* One of its exams has ended like this, and is noted. */
void tulle__patient_heard(struct patient *patient, const struct checkup_end *end);

#endif
