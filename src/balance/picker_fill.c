/* SPDX-License-Identifier: Apache-2.0 */

/* Most clusters have one priority, no localities that matter and nobody degraded:
 * one pass over the views makes their picker. Whatever else there is takes the
 * long way, over a survey. */

#include "balance/picker_fill.h"

#include "balance/survey.h"
#include "balance/usable.h"
#include "endpoint/lines.h"

static const struct balancer_type *balancer_of(enum balancer_kind kind)
{
    switch (kind) {
    case BALANCER_ROUND_ROBIN: return &tulle__round_robin;
    case BALANCER_RANDOM: return &tulle__random;
    case BALANCER_PEAK_EWMA: return &tulle__peak_ewma;
    case BALANCER_RING_HASH: return &tulle__ring_hash;
    case BALANCER_MAGLEV: return &tulle__maglev;
    case BALANCER_WEIGHTED: return &tulle__weighted;
    case BALANCER_PREQUAL: return &tulle__prequal;
    case BALANCER_PICK_FIRST: return &tulle__pick_first;
    case BALANCER_LEAST_REQUEST:
    default: break;
    }
    return &tulle__least_request;
}

/* --- entries --- */

/* Notes when the last of them ends its slow start. */
static void entry_add(struct picker *picker, struct pick_entry *entry, struct view *view,
                      uint32_t weight, int64_t now)
{
    const struct balancer_config *config = &picker->config;
    int64_t window = config->slow_start.window_ns, end;

    picker->count++;
    *entry = (struct pick_entry){ .view = view, .peer = view->peer, .weight = weight };
    if (window != 0 || config->kind == BALANCER_PEAK_EWMA) {
        entry->joined_ms = entry_joined_ms(view, now);
    }
    if (window == 0) {
        return;
    }
    end = time_add(view->joined_at, window);
    picker->young_until = end > picker->young_until ? end : picker->young_until;
}

static void leaf_begin(struct picker *picker, struct leaf *leaf, struct cluster_live *live,
                       int64_t now)
{
    *leaf = (struct leaf){
        .type = balancer_of(picker->config.kind),
        .config = &picker->config,
        .live = live,
        .entries = picker->entries,
        .built_at = now,
    };
}

static void *picker_room(struct picker *picker, size_t at)
{
    return (char *)picker + at;
}

/* --- one leaf --- */

/* What a picker of one leaf saw of the views. */
struct tally {
    struct priority priority;
    uint32_t weight;
    bool weighted;
    bool is_plain; /* there is nothing that one leaf cannot express */
};

/* The picker is written in one go, while the views that come next are fetched. */
static void views_enter(struct picker *picker, const struct cluster_live *live, struct tally *tally,
                        int64_t now)
{
    for (size_t i = 0; i < live_views_to_pick(live); i++) {
        struct view *view = live->views[i];
        unsigned fitness = atomic_load_explicit(&view->fitness, memory_order_relaxed);

        if (i + VIEWS_AHEAD < live->view_count) {
            __builtin_prefetch(live->views[i + VIEWS_AHEAD], 1);
        }
        if (!atomic_load_explicit(&view->named, memory_order_relaxed)) {
            continue;
        }
        if (view_priority(view) != 0 || fitness == FIT_DEGRADED) {
            tally->is_plain = false;
            return;
        }
        tally->priority.hosts++;
        tally->weighted |= tally->priority.hosts > 1 && view_weight(view) != tally->weight;
        tally->weight = view_weight(view);
        if (fitness == FIT_NOT ||
            atomic_load_explicit(&view->gate, memory_order_relaxed) == GATE_EJECTED) {
            continue;
        }
        entry_add(picker, &picker->entries[picker->count], view, tally->weight, now);
    }
}

static bool picker_enter_plain(struct picker *picker, struct cluster_live *live, int64_t now)
{
    struct tally tally = { .is_plain = true };

    views_enter(picker, live, &tally, now);
    tally.priority.healthy = (uint32_t)picker->count;
    tulle__priority_loads(&tally.priority, 1, &picker->config.locality);
    if (!tally.is_plain || tally.priority.panic) {
        picker->count = 0;
        picker->young_until = 0;
        return false;
    }
    picker->known = tally.priority.hosts;
    picker->leaf_count = picker->count > 0;
    leaf_begin(picker, picker->leaves, live, now);
    picker->leaves->count = picker->count;
    picker->leaves->weighted = tally.weighted;
    return true;
}

struct picker *tulle__picker_plain(const struct picker *head, struct cluster_live *live,
                                   int64_t now, bool *is_plain)
{
    size_t leaf_at = lines_round(sizeof(*head) + live->view_count * sizeof(struct pick_entry));
    struct picker *picker = tulle__lines_alloc(leaf_at + sizeof(struct leaf));

    *is_plain = true;
    if (picker == NULL) {
        return NULL;
    }
    *picker = *head;
    picker->leaves = picker_room(picker, leaf_at);
    if (!picker_enter_plain(picker, live, now)) {
        tulle__lines_free(picker);
        *is_plain = false;
        return NULL;
    }
    return picker;
}

/* --- many leaves --- */

/* Room in the picker's block, on a line of its own. */
static size_t room_take(size_t *at, size_t size)
{
    size_t here = *at;

    *at += lines_round(size);
    return here;
}

static void lots_enter(struct picker *picker, const struct survey *survey,
                       struct cluster_live *live, int64_t now)
{
    struct pick_entry *next = picker->entries;

    for (size_t i = 0; i < survey->lot_count; i++) {
        const struct lot *lot = &survey->lots[i];
        struct leaf *leaf = &picker->leaves[i];

        leaf_begin(picker, leaf, live, now);
        leaf->entries = next;
        leaf->weighted = lot->weighted;
        leaf->panic = lot->panic;
        leaf->locality = lot->locality;
        leaf->priority = lot->priority;
        leaf->degraded = lot->degraded;
        leaf->is_part = survey->lot_count > 1 || survey->priority_count > 1;
        next += lot->count;
    }
}

static void lot_enter(struct picker *picker, const struct survey *survey, uint32_t number,
                      const struct candidate *candidate, int64_t now)
{
    struct leaf *leaf;

    if (number == NO_LOT || survey->lots[number].fails) {
        return;
    }
    leaf = &picker->leaves[number];
    entry_add(picker, &leaf->entries[leaf->count++], candidate->view, candidate->weight, now);
}

static void candidates_enter(struct picker *picker, const struct survey *survey, int64_t now)
{
    for (size_t i = 0; i < survey->count; i++) {
        const struct candidate *each = &survey->candidates[i];
        bool is_common = each->priority == 0 && each->state == CANDIDATE_HEALTHY;

        lot_enter(picker, survey, tulle__survey_lot(survey, each), each, now);
        lot_enter(picker, survey, is_common ? survey->lot_all : NO_LOT, each, now);
    }
}

/* Where the parts of a spread lie in the picker's block. */
struct spread_rooms {
    size_t spread, bounds, shares, groups, priorities, turns;
};

static void spread_init(struct picker *picker, const struct survey *survey,
                        const struct spread_rooms *rooms, uint64_t seed)
{
    struct spread *spread = picker_room(picker, rooms->spread);
    size_t priorities = survey->priority_count;
    struct priority *copy = picker_room(picker, rooms->priorities);

    memcpy(copy, survey->priorities, priorities * sizeof(*copy));
    *spread = (struct spread){
        .leaf_count = survey->lot_count,
        .bounds = picker_room(picker, rooms->bounds),
        .shares = picker_room(picker, rooms->shares),
        .groups = picker_room(picker, rooms->groups),
        .priorities = copy,
        .priority_count = priorities,
        .by_hash = survey_hashes(&picker->config),
        .turns = picker_room(picker, rooms->turns),
    };
    memcpy(spread->groups, survey->groups, 2 * priorities * sizeof(*spread->groups));
    for (size_t i = 0; i < survey->lot_count; i++) {
        spread->shares[i] = survey->lots[i].share;
    }
    tulle__spread_bound(spread);
    tulle__spread_turn(spread, picker->loop_count, seed);
    picker->spread = spread;
}

/* A copy of `head` with room for what the survey found. NULL: no memory. */
static struct picker *picker_grow(const struct picker *head, const struct survey *survey,
                                  uint64_t seed)
{
    size_t entries = 0, at, leaves, lots = survey->lot_count, loops = head->loop_count;
    struct spread_rooms rooms;
    struct picker *picker;

    for (size_t i = 0; i < lots; i++) {
        entries += survey->lots[i].count;
    }
    at = lines_round(sizeof(*picker) + entries * sizeof(struct pick_entry));
    leaves = room_take(&at, (lots + 1) * sizeof(struct leaf));
    rooms.spread = room_take(&at, sizeof(struct spread));
    rooms.bounds = room_take(&at, lots * sizeof(uint64_t));
    rooms.shares = room_take(&at, lots * sizeof(uint64_t));
    rooms.groups = room_take(&at, 2 * survey->priority_count * sizeof(struct leaf_group));
    rooms.priorities = room_take(&at, survey->priority_count * sizeof(struct priority));
    rooms.turns = room_take(&at, loops * sizeof(struct spread_turn));
    picker = tulle__lines_alloc(at);
    if (picker == NULL) {
        return NULL;
    }
    *picker = *head;
    picker->leaves = picker_room(picker, leaves);
    picker->leaf_count = lots;
    if (lots > 1) {
        spread_init(picker, survey, &rooms, seed);
    }
    return picker;
}

static struct picker *picker_of_survey(const struct picker *head, const struct survey *survey,
                                       struct cluster_live *live, uint64_t seed, int64_t now)
{
    struct picker *picker = picker_grow(head, survey, seed);

    if (picker == NULL) {
        return NULL;
    }
    picker->known = survey->known;
    lots_enter(picker, survey, live, now);
    candidates_enter(picker, survey, now);
    return picker;
}

struct picker *tulle__picker_survey(const struct picker *head, struct cluster_live *live,
                                    uint64_t seed, int64_t now)
{
    struct survey survey;
    struct picker *picker = NULL;

    if (tulle__survey_make(&survey, live, &head->config)) {
        picker = picker_of_survey(head, &survey, live, seed, now);
    }
    tulle__survey_fini(&survey);
    return picker;
}
