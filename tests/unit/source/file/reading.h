/* SPDX-License-Identifier: Apache-2.0 */

/* A text, and what the reader made of it. */

#ifndef TESTS_UNIT_SOURCE_FILE_READING_H
#define TESTS_UNIT_SOURCE_FILE_READING_H

#include "harness/test.h"

#include "base/clock.h"
#include "source/file/complaints.h"
#include "source/file/resource.h"

struct readout {
    enum tulle_error error;
    struct reading reading;
    struct complaints complaints;
};

/* In namespace default; WasmPlugin is to be passed over. */
void readout_read(struct readout *out, const char *text);
void readout_read_bytes(struct readout *out, const char *text, size_t size);
void readout_fini(struct readout *out);

/* The envelope of a kind, then `spec` with its lines moved in by two. */
void readout_read_spec(struct readout *out, const char *kind, const char *spec);

const struct read_item *readout_item(const struct readout *out, size_t index);
size_t readout_count(const struct readout *out);
/* Of the only item, which is good. */
const struct resource *readout_resource(const struct readout *out);

/* "3:7: VirtualService default/x: text" of one complaint; "" when there is none. */
const char *readout_told(const struct readout *out, size_t index, char *line, size_t size);
/* Exactly one complaint, and it is this. */
void assert_only_told(const struct readout *out, const char *line);
/* Reads the spec, and asserts that it has this one mistake. */
void assert_mistake(const char *kind, const char *spec, const char *line);
void assert_good(const char *kind, const char *spec);

/* Of a TrafficPolicy for host a, which is good; `spec` begins on line 6, column 3. */
const struct traffic_policy *readout_policy(struct readout *out, const char *spec);
void assert_policy_mistake(const char *spec, const char *line);

#endif
