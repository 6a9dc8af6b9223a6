/* SPDX-License-Identifier: Apache-2.0 */

/* Who is asked how it is. */

#include "source/file/decode_traffic_policy.h"

#include "model/defaults.h"

#include <string.h>

#define CHECK_DURATION(member) DURATION(health_check, member, NS_PER_MS)
#define ENVOY                  "Envoy HealthCheck"
#define KIND(group_, kind_)    GROUP(group_), .is_kind = true, .kind = (kind_)

enum { STATUS_LEAST = 100, STATUS_END = 600, THRESHOLD_MOST = 1000 };

static const struct field status[] = {
    { .name = "start",
      COUNT(status_range, first, STATUS_LEAST, STATUS_END - 1),
      .unset = "required",
      .from = "Envoy Int64Range" },
    { .name = "end",
      COUNT(status_range, end, STATUS_LEAST + 1, STATUS_END),
      .unset = "required",
      .from = "Envoy Int64Range: the first that is not meant" },
};

static void status_check(struct decoder *decoder, const struct node *value, void *out)
{
    const struct status_range *range = out;

    if (range->first == 0 || range->end <= range->first) {
        tulle__mistake(decoder, value, "a range of statuses must have a start and an end over it");
    }
}

static const struct field_group status_group = {
    FIELDS(status),
    .size = sizeof(struct status_range),
    .check = status_check,
};

static const struct choice methods[] = {
    { "GET", 0 }, { "HEAD", 1 }, { "OPTIONS", 2 }, { "POST", 3 }, { "PUT", 4 }, { NULL, 0 },
};

static void method_decode(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    size_t before = decoder->mistakes;
    int chosen = 0;

    tulle__field_choice(decoder, value, &chosen, field);
    if (decoder->mistakes == before) {
        *(struct str *)out = str_of(methods[chosen].name);
    }
}

#define HEADERS                                                                                    \
    .decode = tulle__field_list, .group = &tulle__policy_check_header,                             \
    .offset = offsetof(struct health_check, headers),                                              \
    .count_offset = offsetof(struct health_check, header_count), .unset = "none",                  \
    .from = ENVOY "; 16 at most"

static const struct field http[] = {
    { .name = "path", TEXT(health_check, path), .unset = "required", .from = ENVOY },
    { .name = "host", TEXT(health_check, host), .unset = "the service's", .from = ENVOY },
    { .name = "method",
      .decode = method_decode,
      .type = TYPE_TEXT,
      .offset = offsetof(struct health_check, method),
      .choices = methods,
      .from = ENVOY },
    { .name = "expectedStatuses",
      .decode = tulle__field_list,
      .group = &status_group,
      .offset = offsetof(struct health_check, expected),
      .count_offset = offsetof(struct health_check, expected_count),
      .unset = "200",
      .from = ENVOY },
    { .name = "retriableStatuses",
      .decode = tulle__field_list,
      .group = &status_group,
      .offset = offsetof(struct health_check, retriable),
      .count_offset = offsetof(struct health_check, retriable_count),
      .unset = "none: unhealthy at once",
      .from = ENVOY },
    { .name = "requestHeadersToAdd", HEADERS },
};

/* What a request line or a header takes as it is; nothing of `without`. */
static bool is_plain(struct str text, const char *without)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || strchr(without, text.data[i])) {
            return false;
        }
    }
    return true;
}

static void asked_check(struct decoder *decoder, const struct node *value, void *out)
{
    const struct health_check *check = out;

    if (check->header_count > CHECK_HEADERS_MAX) {
        tulle__mistake(decoder, value, "a check has %zu headers of its own, at most %d are sent",
                       check->header_count, (int)CHECK_HEADERS_MAX);
    }
    if (!is_plain(check->host, "/?#@\\")) {
        tulle__mistake(decoder, value, "a check's host must be a host, such as shop.example:8080");
    }
}

static void http_check(struct decoder *decoder, const struct node *value, void *out)
{
    struct str path = ((const struct health_check *)out)->path;

    if (!tulle__str_starts(path, STR("/")) || !is_plain(path, "#")) {
        tulle__mistake(decoder, value, "httpHealthCheck must have a path, such as /healthz");
    }
    asked_check(decoder, value, out);
}

/* --- payloads of TCP: hexadecimal, as Envoy's Payload.text --- */

static int hex_digit(char c)
{
    c = tulle__char_lower(c);
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void hex_decode(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    struct str text;
    char *bytes;

    (void)field;
    if (!tulle__decode_text(decoder, value, &text)) {
        return;
    }
    bytes = tulle__arena_alloc_zero(decoder->arena, text.size / 2 + 1);
    if (!bytes) {
        decoder->no_memory = true;
        return;
    }
    for (size_t i = 0; i + 1 < text.size; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);

        if (high < 0 || low < 0) {
            text.size = 1;
            break;
        }
        bytes[i / 2] = (char)(high * 16 + low);
    }
    if (text.size % 2 != 0) {
        tulle__mistake(decoder, value, "text must be bytes in hexadecimal, such as 50494e47");
        return;
    }
    *(struct str *)out = (struct str){ bytes, text.size / 2 };
}

static const struct field payload[] = {
    { .name = "text",
      .decode = hex_decode,
      .type = TYPE_TEXT,
      .unset = "no bytes",
      .from = "Envoy Payload.text: hexadecimal" },
};

static const struct field_group payload_group = { FIELDS(payload), .size = sizeof(struct str) };

/* Envoy takes several that must come one after the other; one is taken here. */
static void receive_decode(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    if (value->kind != NODE_LIST || value->count != 1) {
        tulle__mistake(decoder, value, "receive must be a list of one payload");
        return;
    }
    tulle__field_group(decoder, value->first, out, field);
}

static const struct field tcp[] = {
    { .name = "send",
      GROUP(payload_group),
      .offset = offsetof(struct health_check, send),
      .unset = "nothing: a connection is enough",
      .from = ENVOY },
    { .name = "receive",
      .decode = receive_decode,
      .type = TYPE_LIST,
      .group = &payload_group,
      .offset = offsetof(struct health_check, receive),
      .unset = "nothing",
      .from = ENVOY "; a list of one" },
};

static const struct field grpc[] = {
    { .name = "serviceName", TEXT(health_check, service), .from = ENVOY },
    { .name = "authority", TEXT(health_check, host), .unset = "the service's", .from = ENVOY },
    { .name = "initialMetadata", HEADERS },
};

/* --- all of them --- */

static const struct field_group http_group = { FIELDS(http), .check = http_check };
static const struct field_group tcp_group = { FIELDS(tcp) };
static const struct field_group grpc_group = { FIELDS(grpc), .check = asked_check };

static const struct field check[] = {
    { .name = "timeout", CHECK_DURATION(timeout_ns), .from = ENVOY " (there required)" },
    { .name = "interval", CHECK_DURATION(interval_ns), .from = ENVOY " (there required)" },
    { .name = "initialJitter", DURATION(health_check, initial_jitter_ns, 0), .from = ENVOY },
    { .name = "intervalJitter", DURATION(health_check, interval_jitter_ns, 0), .from = ENVOY },
    { .name = "intervalJitterPercent",
      COUNT(health_check, interval_jitter_percent, 0, 100),
      .from = ENVOY },
    { .name = "unhealthyThreshold",
      COUNT(health_check, unhealthy_threshold, 1, THRESHOLD_MOST),
      .from = ENVOY " (there required)" },
    { .name = "healthyThreshold",
      COUNT(health_check, healthy_threshold, 1, THRESHOLD_MOST),
      .from = ENVOY " (there required)" },
    { .name = "noTrafficInterval", CHECK_DURATION(no_traffic_ns), .from = ENVOY },
    { .name = "noTrafficHealthyInterval",
      CHECK_DURATION(no_traffic_healthy_ns),
      .unset = "noTrafficInterval",
      .from = ENVOY },
    { .name = "unhealthyInterval",
      CHECK_DURATION(unhealthy_ns),
      .unset = "interval",
      .from = ENVOY },
    { .name = "unhealthyEdgeInterval",
      CHECK_DURATION(unhealthy_edge_ns),
      .unset = "unhealthyInterval",
      .from = ENVOY },
    { .name = "healthyEdgeInterval",
      CHECK_DURATION(healthy_edge_ns),
      .unset = "interval",
      .from = ENVOY },
    { .name = "reuseConnection", FLAG(health_check, reuse_connection), .from = ENVOY },
    { .name = "httpHealthCheck", KIND(http_group, HEALTH_CHECK_HTTP), .from = ENVOY },
    { .name = "tcpHealthCheck", KIND(tcp_group, HEALTH_CHECK_TCP), .from = ENVOY },
    { .name = "grpcHealthCheck", KIND(grpc_group, HEALTH_CHECK_GRPC), .from = ENVOY },
};

const struct field_group tulle__policy_check = {
    FIELDS(check),
    .defaults = &tulle__health_check_default,
    .size = sizeof(struct health_check),
    .kinds = KIND_ONE,
    .kind_offset = offsetof(struct health_check, kind),
};
