/* SPDX-License-Identifier: Apache-2.0 */

/* Which leaves there are, in the order of the table: the healthy endpoints of all
 * priorities, then the degraded ones, each whole or by locality. A priority in
 * panic is one leaf of all it has. */

#include "balance/locality.h"
#include "balance/survey.h"

static struct lot *lot_add(struct survey *survey, uint32_t priority, bool degraded)
{
    struct lot *lot = &survey->lots[survey->lot_count++];

    *lot = (struct lot){ .priority = priority, .degraded = degraded, .share = SHARE_ALL };
    return lot;
}

static uint32_t lot_number(const struct survey *survey)
{
    return (uint32_t)survey->lot_count - 1;
}

/* One for all localities. */
static void group_whole(struct survey *survey, uint32_t priority, bool degraded)
{
    struct plot *plots = survey_plots(survey, priority);

    lot_add(survey, priority, degraded);
    for (size_t i = 0; i < survey->locality_count; i++) {
        plots[i].lots[degraded] = lot_number(survey);
    }
}

static void group_panic(struct survey *survey, uint32_t priority)
{
    struct lot *lot;

    group_whole(survey, priority, false);
    lot = &survey->lots[survey->lot_count - 1];
    lot->panic = true;
    lot->fails = survey->config->locality.mode == LOCALITY_ZONE_AWARE &&
                 survey->config->locality.fail_on_panic;
}

/* --- by weight --- */

static double plot_share(const struct survey *survey, const struct plot *plot, bool degraded)
{
    return tulle__locality_weight(plot->locality_weight, plot->hosts,
                                  degraded ? plot->degraded : plot->healthy,
                                  survey->config->locality.overprovisioning);
}

/* False: no locality weighs anything. */
static bool group_weighted(struct survey *survey, uint32_t priority, bool degraded)
{
    struct plot *plots = survey_plots(survey, priority);
    double total = 0, sum = 0;

    for (size_t i = 0; i < survey->locality_count; i++) {
        total += plot_share(survey, &plots[i], degraded);
    }
    if (!(total > 0)) {
        return false;
    }
    for (size_t i = 0; i < survey->locality_count; i++) {
        double share = plot_share(survey, &plots[i], degraded);
        struct lot *lot;

        if (!(share > 0)) {
            continue;
        }
        sum += share;
        lot = lot_add(survey, priority, degraded);
        lot->locality = survey->localities[i];
        lot->share = (uint64_t)(sum / total * (double)SHARE_ALL);
        plots[i].lots[degraded] = lot_number(survey);
    }
    return true;
}

/* --- by hash and weight --- */

static uint64_t plot_weight(const struct plot *plot, bool degraded)
{
    return degraded ? plot->degraded_weight : plot->weight;
}

/* One ring or table for all localities, in which the weights of a locality's
 * endpoints come to the locality's own, as in Envoy. */
static bool group_hashed(struct survey *survey, uint32_t priority, bool degraded)
{
    struct plot *plots = survey_plots(survey, priority);
    double total = 0;

    for (size_t i = 0; i < survey->locality_count; i++) {
        total += plot_weight(&plots[i], degraded) > 0 ? plots[i].locality_weight : 0;
    }
    if (!(total > 0)) {
        return false;
    }
    for (size_t i = 0; i < survey->count; i++) {
        struct candidate *each = &survey->candidates[i];
        const struct plot *plot = &plots[each->locality];
        double part;

        if (each->priority != priority ||
            each->state != (degraded ? CANDIDATE_DEGRADED : CANDIDATE_HEALTHY)) {
            continue;
        }
        part = (double)each->weight / (double)plot_weight(plot, degraded) * plot->locality_weight /
               total;
        each->weight = part > 0 ? (uint32_t)(part * 0x1p24) + 1 : 0;
        each->state = part > 0 ? each->state : CANDIDATE_OUT;
    }
    group_whole(survey, priority, degraded);
    return true;
}

/* --- by zones --- */

static uint32_t callers_in(const struct locality_config *config, struct str locality)
{
    uint32_t callers = 0;

    for (size_t i = 0; i < config->caller_count; i++) {
        callers += str_equal(config->callers[i].locality, locality) ? config->callers[i].count : 0;
    }
    return callers;
}

/* Localities of other priorities are nobody's here. */
static struct zone *zones_of(struct survey *survey, size_t *count)
{
    const struct locality_config *config = &survey->config->locality;
    const struct plot *plots = survey_plots(survey, 0);
    struct zone *zones = ARENA_ARRAY(&survey->arena, struct zone, survey->locality_count);

    *count = 0;
    for (size_t i = 0; zones != NULL && i < survey->locality_count; i++) {
        if (plots[i].hosts > 0) {
            zones[(*count)++] = (struct zone){
                .callers = callers_in(config, survey->localities[i]),
                .healthy = plots[i].healthy,
                .local = config->local.size > 0 && str_equal(survey->localities[i], config->local),
            };
        }
    }
    return zones;
}

/* What is not routed by zones goes to any healthy endpoint: one more leaf of all. */
static void zones_plan(struct survey *survey, const struct zone *zones)
{
    uint32_t enabled = survey->config->locality.routing_enabled;
    double routed = enabled < 100 ? enabled / 100.0 : 1, sum = 0;
    struct plot *plots = survey_plots(survey, 0);
    const struct zone *zone = zones;

    for (size_t i = 0; i < survey->locality_count; i++) {
        struct lot *lot;

        if (plots[i].hosts == 0) {
            continue;
        }
        sum += zone->share * routed;
        zone++;
        if (plots[i].healthy == 0) {
            continue;
        }
        lot = lot_add(survey, 0, false);
        lot->locality = survey->localities[i];
        lot->share = (uint64_t)(sum * (double)SHARE_ALL);
        plots[i].lots[0] = lot_number(survey);
    }
    if (routed < 1) {
        lot_add(survey, 0, false);
        survey->lot_all = lot_number(survey);
    }
}

/* Of the first priority, as in Envoy. False: no memory. */
static bool group_zones(struct survey *survey)
{
    size_t count;
    struct zone *zones = zones_of(survey, &count);

    if (zones == NULL) {
        return false;
    }
    if (!tulle__zone_shares(zones, count, &survey->config->locality)) {
        group_whole(survey, 0, false);
        return true;
    }
    zones_plan(survey, zones);
    return true;
}

/* --- all --- */

/* False: no memory. */
static bool group_plan(struct survey *survey, uint32_t priority, bool degraded)
{
    const struct priority *at = &survey->priorities[priority];
    enum locality_mode mode = survey->config->locality.mode;
    bool done = false;

    if (at->panic && at->hosts > 0 && !degraded) {
        group_panic(survey, priority);
        return true;
    }
    if (at->panic || (degraded ? at->degraded : at->healthy) == 0) {
        return true;
    }
    if (mode == LOCALITY_ZONE_AWARE && survey->locality_count > 1 && priority == 0 && !degraded) {
        return group_zones(survey);
    }
    if (mode == LOCALITY_WEIGHTED && survey->set != NULL && survey->set->locality_count > 0) {
        done = survey_hashes(survey->config) ? group_hashed(survey, priority, degraded)
                                             : group_weighted(survey, priority, degraded);
    }
    if (!done) {
        group_whole(survey, priority, degraded);
    }
    return true;
}

static void lot_count(struct survey *survey, uint32_t number, const struct candidate *candidate)
{
    struct lot *lot;

    if (number == NO_LOT || survey->lots[number].fails) {
        return;
    }
    lot = &survey->lots[number];
    lot->weighted |= lot->count > 0 && candidate->weight != lot->weight;
    lot->weight = candidate->weight;
    lot->count++;
}

bool tulle__survey_plan(struct survey *survey)
{
    size_t priorities = survey->priority_count;
    size_t lots = 2 * priorities * (survey->locality_count + 1);

    tulle__priority_loads(survey->priorities, priorities, &survey->config->locality);
    survey->lots = ARENA_ARRAY(&survey->arena, struct lot, lots + 1);
    survey->groups = ARENA_ARRAY(&survey->arena, struct leaf_group, 2 * priorities + 1);
    if (survey->lots == NULL || survey->groups == NULL) {
        return false;
    }
    for (size_t g = 0; g < 2 * priorities; g++) {
        bool degraded = g >= priorities;

        survey->groups[g].first = survey->lot_count;
        if (!group_plan(survey, (uint32_t)(degraded ? g - priorities : g), degraded)) {
            return false;
        }
        survey->groups[g].count = survey->lot_count - survey->groups[g].first;
    }
    for (size_t i = 0; i < survey->count; i++) {
        const struct candidate *each = &survey->candidates[i];
        bool is_common = each->priority == 0 && each->state == CANDIDATE_HEALTHY;

        lot_count(survey, tulle__survey_lot(survey, each), each);
        lot_count(survey, is_common ? survey->lot_all : NO_LOT, each);
    }
    return true;
}
