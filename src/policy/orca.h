/* SPDX-License-Identifier: Apache-2.0 */

/* Reads ORCA load reports (xds.data.orca.v3.OrcaLoadReport) as endpoints put them
 * into headers and trailers:
 *
 *   endpoint-load-metrics: cpu_utilization=0.3,rps_fractional=100,named_metrics.rif=4
 *     (":" for "=", as Envoy reads it; "TEXT ", "JSON " or "BIN " may say the format)
 *   endpoint-load-metrics-json: {"cpu_utilization": 0.3, "named_metrics": {"rif": 4}}
 *   endpoint-load-metrics-bin: the message, base64
 *
 * The endpoint may be an attacker's: sizes and counts are bounded, nothing recurses,
 * nothing is allocated, a number that is negative, not one, or beyond 1e12 refuses
 * the report. Names that nobody knows are passed over (Envoy refuses the report): a
 * newer server may say more. A bounded reader of these few fields instead of
 * protobuf-c, which would allocate every named metric of every reply to free it
 * again; the scan that must come before it is as long as the reader. */

#ifndef TULLE_POLICY_ORCA_H
#define TULLE_POLICY_ORCA_H

#include "base/str.h"
#include "endpoint/report.h"

enum { ORCA_SIZE_MAX = 4096, ORCA_METRICS_MAX = 128 };

enum orca { ORCA_NONE, /* another header */ ORCA_GOOD, ORCA_BAD };

/* `*out` is set on ORCA_GOOD alone. */
enum orca tulle__orca_read(struct str name, struct str value, struct load *out);

/* The formats. False: refused; `*out` may hold a part. */
bool tulle__orca_text(struct str text, struct load *out);
bool tulle__orca_json(struct str text, struct load *out);
bool tulle__orca_bytes(struct str bytes, struct load *out);

/* Parts: a number of either text, and where a name's goes (NULL: nobody's). */
bool tulle__orca_number(struct str text, double *out);
bool tulle__orca_is_sane(double number);
double *tulle__orca_metric(struct load *load, struct str name);
double *tulle__orca_named_metric(struct load *load, struct str name);

#endif
