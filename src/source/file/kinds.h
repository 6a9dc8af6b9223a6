/* SPDX-License-Identifier: Apache-2.0 */

/* The kinds that are read, and the decoders that they share. */

#ifndef TULLE_SOURCE_FILE_KINDS_H
#define TULLE_SOURCE_FILE_KINDS_H

#include "source/file/decode.h"

/* `spec` is a map. `out` is the resource, zeroed but for name and namespace. */
typedef void spec_fn(struct decoder *decoder, const struct node *spec, struct resource *out);

spec_fn tulle__decode_service_entry;
spec_fn tulle__decode_virtual_service;
spec_fn tulle__decode_destination_rule;
spec_fn tulle__decode_traffic_policy;
spec_fn tulle__decode_mock_endpoint;

/* struct route_match */
item_fn tulle__item_route_match;
/* struct retry_config and its has_retries are in a struct rule_route */
field_fn tulle__field_retries;
/* A retryOn: `on` and `statuses`. */
void tulle__decode_conditions(struct decoder *decoder, const struct node *node,
                              struct retry_config *retry);
/* RFC 9110's token. */
bool tulle__header_name_is_valid(struct str name);
/* struct rule_traffic_policy */
field_fn tulle__field_traffic_policy;
/* struct rule_policy, of a loadBalancer */
field_fn tulle__field_rule_balancer;
/* struct locality_setting */
field_fn tulle__field_locality_setting;
/* bool is_exported, from exportTo */
field_fn tulle__field_export;

#endif
