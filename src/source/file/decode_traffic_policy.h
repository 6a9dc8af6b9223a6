/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of a TrafficPolicy, one file a theme. They are all there is of it:
 * the decoder, the table in README.md, the schema and the builder are made from
 * them. Offsets of the groups named here are those of struct traffic_policy. */

#ifndef TULLE_SOURCE_FILE_DECODE_TRAFFIC_POLICY_H
#define TULLE_SOURCE_FILE_DECODE_TRAFFIC_POLICY_H

#include "source/file/decode.h"

enum {
    RATIO = 1000,         /* thousandths of a number: 0.84 is 840 */
    PERCENT = 10,         /* tenths of a percent: 12.5 is 125 thousandths of the whole */
    PERCENT_FINE = 10000, /* millionths of the whole */
    COUNT_MOST = 1000000
};

/* `owner` is the struct that the offsets of a table are in. */
#define COUNT(owner, member, least_, most_)                                                        \
    .decode = tulle__field_u32, .offset = offsetof(struct owner, member), .least = (least_),       \
    .most = (most_)
#define DURATION(owner, member, least_)                                                            \
    .decode = tulle__field_duration, .offset = offsetof(struct owner, member), .least = (least_),  \
    .most = NEVER - 1
#define DECIMAL(owner, member, scale_, least_, most_)                                              \
    .decode = tulle__field_decimal, .offset = offsetof(struct owner, member), .scale = (scale_),   \
    .least = (least_), .most = (most_)
#define SHARE(owner, member) DECIMAL(owner, member, PERCENT, 0, 100 * PERCENT)
#define FLAG(owner, member)  .decode = tulle__field_flag, .offset = offsetof(struct owner, member)
#define TEXT(owner, member)  .decode = tulle__field_text, .offset = offsetof(struct owner, member)
#define GROUP(group_)        .decode = tulle__field_group, .group = &(group_)

extern const struct field_group tulle__traffic_policy_group; /* all of it */

extern const struct field_group tulle__policy_balancer;
extern const struct field_group tulle__policy_hash; /* an item */
extern const struct field_group tulle__policy_slow_start;
extern const struct field_group tulle__policy_subsetting;
extern const struct field_group tulle__policy_locality;
extern const struct field_group tulle__policy_drop;
extern const struct field_group tulle__policy_outlier;
extern const struct field_group tulle__policy_check;        /* an item */
extern const struct field_group tulle__policy_check_header; /* the same */
extern const struct field_group tulle__policy_retry;
extern const struct field_group tulle__policy_budget;
extern const struct field_group tulle__policy_hedge;
extern const struct field_group tulle__policy_adaptive;
extern const struct field_group tulle__policy_admission;
extern const struct field_group tulle__policy_throttling;
extern const struct field_group tulle__policy_limits;
extern const struct field_group tulle__policy_preconnect;

#endif
