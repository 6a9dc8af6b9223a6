/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/survey.h"

#include "base/table.h"

/* --- who there is --- */

/* Zones mean nothing to who hashes, in Envoy neither. */
static bool localities_matter(const struct survey *survey)
{
    const struct balancer_config *config = survey->config;

    if (config->locality.mode == LOCALITY_WEIGHTED) {
        return survey->set != NULL && survey->set->locality_count > 0;
    }
    return config->locality.mode == LOCALITY_ZONE_AWARE && !survey_hashes(config);
}

static uint8_t state_of(const struct view *view)
{
    unsigned fitness = atomic_load_explicit(&view->fitness, memory_order_relaxed);

    if (atomic_load_explicit(&view->gate, memory_order_relaxed) == GATE_EJECTED ||
        fitness == FIT_NOT) {
        return CANDIDATE_OUT;
    }
    return fitness == FIT_DEGRADED ? CANDIDATE_DEGRADED : CANDIDATE_HEALTHY;
}

/* Numbers in a table are from 1 on: NULL is nobody. */
static bool locality_number(struct survey *survey, struct table *table, struct str locality,
                            uint32_t *out)
{
    void *known = tulle__table_find(table, locality);

    if (known == NULL) {
        known = (void *)(uintptr_t)(survey->locality_count + 1);
        if (!tulle__table_put(table, locality, known)) {
            return false;
        }
        survey->locality_count++;
    }
    *out = (uint32_t)((uintptr_t)known - 1);
    return true;
}

static bool localities_list(struct survey *survey, const struct table *table)
{
    struct str *list = ARENA_ARRAY(&survey->arena, struct str, survey->locality_count + 1);

    if (list == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].value != NULL) {
            list[(uintptr_t)table->slots[i].value - 1] = table->slots[i].key;
        }
    }
    survey->localities = list;
    return true;
}

/* Neighbours by address are often neighbours by place: asked first. */
static bool localities_number(struct survey *survey)
{
    struct table table = { 0 };
    struct str last = STR_NONE;
    uint32_t number = 0;
    bool done = true;

    for (size_t i = 0; i < survey->count && done; i++) {
        struct str locality = survey->candidates[i].view->endpoint->place->locality;

        if (i == 0 || !str_equal(locality, last)) {
            done = locality_number(survey, &table, locality, &number);
            last = locality;
        }
        survey->candidates[i].locality = number;
    }
    done = done && localities_list(survey, &table);
    tulle__table_fini(&table);
    return done;
}

static void candidates_enter(struct survey *survey, const struct cluster_live *live)
{
    for (size_t i = 0; i < live_views_to_pick(live); i++) {
        struct view *view = live->views[i];
        uint32_t priority = view_priority(view);

        priority = priority < PRIORITIES_MAX ? priority : PRIORITIES_MAX - 1;
        survey->candidates[survey->count++] = (struct candidate){
            .view = view,
            .weight = view_weight(view),
            .priority = (uint16_t)priority,
            .state = state_of(view),
        };
        if (priority >= survey->priority_count) {
            survey->priority_count = priority + 1;
        }
    }
    survey->known = survey->count;
}

/* --- how many of them where --- */

static void candidate_count(struct survey *survey, const struct candidate *candidate)
{
    struct priority *priority = &survey->priorities[candidate->priority];
    struct plot *plot = survey_plots(survey, candidate->priority) + candidate->locality;

    priority->hosts++;
    plot->hosts++;
    if (candidate->state == CANDIDATE_HEALTHY) {
        priority->healthy++;
        plot->healthy++;
        plot->weight += candidate->weight;
    } else if (candidate->state == CANDIDATE_DEGRADED) {
        priority->degraded++;
        plot->degraded++;
        plot->degraded_weight += candidate->weight;
    }
}

static void plot_weigh(struct survey *survey, const struct locality_weight *weight)
{
    for (size_t i = 0; i < survey->locality_count; i++) {
        if (weight->priority < survey->priority_count &&
            str_equal(survey->localities[i], weight->locality)) {
            survey_plots(survey, weight->priority)[i].locality_weight = weight->weight;
        }
    }
}

static bool survey_count(struct survey *survey)
{
    size_t plots = survey->priority_count * survey->locality_count;

    survey->priorities = ARENA_ARRAY(&survey->arena, struct priority, survey->priority_count + 1);
    survey->plots = ARENA_ARRAY(&survey->arena, struct plot, plots + 1);
    if (survey->priorities == NULL || survey->plots == NULL) {
        return false;
    }
    for (size_t i = 0; i < plots; i++) {
        survey->plots[i].lots[0] = survey->plots[i].lots[1] = NO_LOT;
    }
    for (size_t i = 0; i < survey->count; i++) {
        candidate_count(survey, &survey->candidates[i]);
    }
    for (size_t i = 0; survey->set != NULL && i < survey->set->locality_count; i++) {
        plot_weigh(survey, &survey->set->localities[i]);
    }
    return true;
}

bool tulle__survey_make(struct survey *survey, const struct cluster_live *live,
                        const struct balancer_config *config)
{
    *survey = (struct survey){ .config = config,
                               .set = live->config != NULL ? live->config->endpoints : NULL,
                               .lot_all = NO_LOT };
    tulle__arena_init(&survey->arena, 4096);
    survey->candidates = ARENA_ARRAY(&survey->arena, struct candidate, live->view_count + 1);
    if (survey->candidates == NULL) {
        return false;
    }
    candidates_enter(survey, live);
    if (config->subsetting.kind != SUBSETTING_NONE &&
        !tulle__subset_take(survey->candidates, &survey->count, (uint32_t)survey->priority_count,
                            &config->subsetting, &survey->arena)) {
        return false;
    }
    if (!localities_matter(survey)) {
        survey->locality_count = 1;
        survey->localities = ARENA_NEW(&survey->arena, struct str);
        return survey->localities != NULL && survey_count(survey) && tulle__survey_plan(survey);
    }
    return localities_number(survey) && survey_count(survey) && tulle__survey_plan(survey);
}

void tulle__survey_fini(struct survey *survey)
{
    tulle__arena_fini(&survey->arena);
}

uint32_t tulle__survey_lot(const struct survey *survey, const struct candidate *candidate)
{
    const struct plot *plot = survey_plots(survey, candidate->priority) + candidate->locality;

    if (survey->priorities[candidate->priority].panic) {
        return plot->lots[0];
    }
    return candidate->state == CANDIDATE_OUT ? NO_LOT : plot->lots[candidate->state];
}
