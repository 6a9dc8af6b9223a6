/* SPDX-License-Identifier: Apache-2.0 */

/* Zones: what share of the clients is in a zone, and what share of the
 * endpoints? Where there are more endpoints than clients, at least as much as
 * is called there stays there. Else as much stays as the endpoints of the zone
 * may get, and the rest goes to zones with room, by how much they have. Shares
 * are in hundredths of a percent and rounded down, as Envoy's. */

#include "balance/locality.h"

enum { SHARE_WHOLE = 10000 };

double tulle__locality_weight(uint32_t weight, uint32_t hosts, uint32_t usable, uint32_t factor)
{
    double available;

    if (hosts == 0) {
        return 0;
    }
    available = (double)factor / 1000 * ((double)usable / (double)hosts);
    return (double)weight * (available < 1 ? available : 1);
}

struct crowd {
    uint64_t callers, healthy;
};

static uint32_t share_of(uint32_t part, uint64_t whole)
{
    return whole > 0 ? (uint32_t)(SHARE_WHOLE * (uint64_t)part / whole) : 0;
}

static uint32_t callers_share(const struct zone *zone, const struct crowd *crowd)
{
    return zone->healthy > 0 ? share_of(zone->callers, crowd->callers) : 0;
}

/* What it could take of others' calls. */
static uint32_t room_of(const struct zone *zone, const struct crowd *crowd)
{
    uint32_t healthy = share_of(zone->healthy, crowd->healthy);
    uint32_t callers = callers_share(zone, crowd);

    return !zone->local && healthy > callers ? healthy - callers : 0;
}

/* Envoy goes anywhere then; here, anywhere where somebody is. */
static double share_of_any(const struct zone *zones, size_t count, size_t i)
{
    size_t inhabited = 0;

    for (size_t k = 0; k < count; k++) {
        inhabited += zones[k].healthy > 0;
    }
    return zones[i].healthy > 0 ? 1 / (double)inhabited : 0;
}

static double stays_here(const struct zone *zones, size_t count, const struct crowd *crowd)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t healthy = share_of(zones[i].healthy, crowd->healthy);
        uint32_t callers = callers_share(&zones[i], crowd);

        if (!zones[i].local || healthy == 0) {
            continue;
        }
        return healthy < callers ? (double)share_of(healthy, callers) / SHARE_WHOLE : 1;
    }
    return 0;
}

static void shares_make(struct zone *zones, size_t count, const struct crowd *crowd)
{
    double stays = stays_here(zones, count, crowd);
    uint64_t room = 0;

    for (size_t i = 0; i < count; i++) {
        room += room_of(&zones[i], crowd);
    }
    for (size_t i = 0; i < count; i++) {
        double part = room > 0 ? (double)room_of(&zones[i], crowd) / (double)room
                               : share_of_any(zones, count, i);

        zones[i].share = (1 - stays) * part + (zones[i].local ? stays : 0);
    }
}

bool tulle__zone_shares(struct zone *zones, size_t count, const struct locality_config *config)
{
    struct crowd crowd = { 0 };
    size_t inhabited = 0;
    bool local = false;

    for (size_t i = 0; i < config->caller_count; i++) {
        crowd.callers += config->callers[i].count;
        inhabited += config->callers[i].count > 0;
        local |= config->callers[i].count > 0 && config->local.size > 0 &&
                 str_equal(config->callers[i].locality, config->local);
    }
    for (size_t i = 0; i < count; i++) {
        crowd.healthy += zones[i].healthy;
    }
    if (count < 2 || inhabited < 2 || !local || crowd.healthy == 0 ||
        crowd.healthy < config->min_cluster_size) {
        return false;
    }
    shares_make(zones, count, &crowd);
    return true;
}
