/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/priority.h"

static uint32_t at_most_whole(uint64_t percent)
{
    return percent < LOAD_WHOLE ? (uint32_t)percent : LOAD_WHOLE;
}

/* `factor` is in permille, so that percents are a tenth of it. */
static uint32_t health_of(uint32_t usable, uint32_t hosts, uint32_t factor)
{
    return hosts > 0 ? at_most_whole((uint64_t)factor * usable / ((uint64_t)hosts * 10)) : 0;
}

static uint32_t total_of(const struct priority *priorities, size_t count)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++) {
        total += priorities[i].health + priorities[i].degraded_health;
    }
    return at_most_whole(total);
}

static uint32_t load_give(uint32_t *left, uint32_t health, uint32_t total)
{
    uint32_t load = health * LOAD_WHOLE / total;

    load = load < *left ? load : *left;
    *left -= load;
    return load;
}

/* What rounding left. */
static void load_give_rest(struct priority *priorities, size_t count, uint32_t left)
{
    for (size_t i = 0; i < count; i++) {
        if (priorities[i].health > 0) {
            priorities[i].load += left;
            return;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (priorities[i].degraded_health > 0) {
            priorities[i].degraded_load += left;
            return;
        }
    }
}

static void load_by_health(struct priority *priorities, size_t count, uint32_t total)
{
    uint32_t left = LOAD_WHOLE;

    for (size_t i = 0; i < count; i++) {
        priorities[i].load = load_give(&left, priorities[i].health, total);
    }
    for (size_t i = 0; i < count; i++) {
        priorities[i].degraded_load = load_give(&left, priorities[i].degraded_health, total);
    }
    load_give_rest(priorities, count, left);
}

static void load_by_hosts(struct priority *priorities, size_t count)
{
    uint32_t left = LOAD_WHOLE;
    size_t first = count;
    uint64_t hosts = 0;

    for (size_t i = 0; i < count; i++) {
        hosts += priorities[i].hosts;
        first = first == count && priorities[i].hosts > 0 ? i : first;
    }
    for (size_t i = 0; i < count && hosts > 0; i++) {
        priorities[i].load = (uint32_t)(LOAD_WHOLE * (uint64_t)priorities[i].hosts / hosts);
        priorities[i].degraded_load = 0;
        left -= priorities[i].load;
    }
    priorities[first < count ? first : 0].load += left;
}

/* Not in percents: 4 of 9 is less than 45 %. */
static bool is_in_panic(const struct priority *priority, uint32_t percent)
{
    uint64_t usable = (uint64_t)priority->healthy + priority->degraded;

    percent = at_most_whole(percent);
    return priority->hosts == 0 ? percent > 0 : usable * 100 < (uint64_t)percent * priority->hosts;
}

void tulle__priority_loads(struct priority *priorities, size_t count,
                           const struct locality_config *config)
{
    bool panic = true;
    uint32_t total;

    for (size_t i = 0; i < count; i++) {
        struct priority *each = &priorities[i];

        each->health = health_of(each->healthy, each->hosts, config->overprovisioning);
        each->degraded_health = health_of(each->degraded, each->hosts, config->overprovisioning);
        each->load = each->degraded_load = 0;
    }
    total = total_of(priorities, count);
    if (total > 0) {
        load_by_health(priorities, count, total);
    }
    for (size_t i = 0; i < count; i++) {
        priorities[i].panic =
            total < LOAD_WHOLE && is_in_panic(&priorities[i], config->panic_percent);
        panic = panic && priorities[i].panic;
    }
    if (panic) {
        load_by_hosts(priorities, count);
    } else if (total == 0) {
        priorities[0].load = LOAD_WHOLE; /* whom nobody can carry */
    }
}

/* --- without those that were tried --- */

static uint32_t untried_total(const struct priority *priorities, size_t count, uint32_t tried)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (!(tried & priority_bit((uint32_t)i))) {
            total += priorities[i].health + priorities[i].degraded_health;
        }
    }
    return at_most_whole(total);
}

/* Envoy goes round until all is given. Here each gift is a range of percents, and
 * the one that `percent` lies in is who is chosen: the shares are the same. */
bool tulle__priority_untried(const struct priority *priorities, size_t count, uint32_t tried,
                             uint32_t percent, struct priority_choice *out)
{
    uint32_t total = untried_total(priorities, count, tried);
    uint32_t left = LOAD_WHOLE;

    if (total == 0 || percent >= LOAD_WHOLE) {
        return false;
    }
    for (size_t k = 0;; k = k + 1 < 2 * count ? k + 1 : 0) {
        bool degraded = k >= count;
        size_t i = degraded ? k - count : k;

        if (tried & priority_bit((uint32_t)i)) {
            continue;
        }
        load_give(&left, degraded ? priorities[i].degraded_health : priorities[i].health, total);
        if (percent < LOAD_WHOLE - left) {
            *out = (struct priority_choice){ i, degraded };
            return true;
        }
    }
}
