/* SPDX-License-Identifier: Apache-2.0 */

#include "peer/sides.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum { TEXT_MAX = 16384, PATIENCE_S = 25 };

int64_t wall_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void add(char *text, const char *format, ...)
{
    size_t size = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + size, TEXT_MAX - size, format, args);
    va_end(args);
    assert_true(strlen(text) + 1 < TEXT_MAX);
}

static void event_add(struct side *side, const struct event *event)
{
    pthread_mutex_lock(&side->lock);
    if (side->count < EVENTS_MAX) {
        side->events[side->count++] = *event;
    }
    pthread_mutex_unlock(&side->lock);
}

/* --- the library --- */

/* "outbound|80||shop: 127.0.0.2:4711 is ejected for 1000 ms (5xx 5 times in a row)" */
static void hear_line(void *user, int32_t level, const char *area, const char *text)
{
    struct event event = { .at = wall_now() };
    const char *address = strstr(text, ": 127.0.0.2:");
    const char *why = strchr(text, '(');

    (void)level;
    event.ejects = strstr(text, " is ejected for ");
    if (strcmp(area, "outlier") != 0 || !address || (!event.ejects && !strstr(text, " is back"))) {
        return;
    }
    event.port = (uint16_t)strtoul(address + strlen(": 127.0.0.2:"), NULL, 10);
    snprintf(event.why, sizeof(event.why), "%s", why ? why + 1 : "");
    event_add(user, &event);
}

static void library_open(struct side *side)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .log = hear_line,
                                     .log_user = side, .log_level = TULLE_LEVEL_INFO };
    char text[TEXT_MAX];

    snprintf(text, sizeof(text),
             "apiVersion: networking.istio.io/v1\n"
             "kind: DestinationRule\n"
             "metadata: {name: shop}\n"
             "spec: {host: shop, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}\n"
             "---\n"
             "apiVersion: tulle.dev/v1alpha1\n"
             "kind: TrafficPolicy\n"
             "metadata: {name: shop}\n"
             "spec: {host: shop, outlierDetection: {%s}}\n",
             side->test->ours);
    side->mesh = wire_open(side->servers, side->test->hosts, TULLE_PROTOCOL_HTTP, text, &options);
}

/* --- Envoy --- */

static const char bootstrap[] =
    "cluster_manager: {outlier_detection: {event_log_path: %s}}\n"
    "static_resources:\n"
    "  listeners:\n"
    "  - address: {socket_address: {address: 127.0.0.1, port_value: %u}}\n" PEER_ENVOY_HTTP
    "            {virtual_hosts: [{name: shop, domains: ['*'], routes: [{match: {prefix: /}, "
    "route: {cluster: shop}}]}]}\n"
    "  clusters:\n"
    "  - name: shop\n"
    "    type: STATIC\n"
    "    lb_policy: ROUND_ROBIN\n"
    "    common_lb_config: {healthy_panic_threshold: {value: 0}}\n"
    "    outlier_detection: {%s}\n"
    "    load_assignment: {cluster_name: shop, endpoints: [{lb_endpoints: [%s]}]}\n";

static void envoy_open(struct side *side)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .loops = 1, .strict_retries = 1 };
    char endpoints[TEXT_MAX] = "", events[256], text[2 * TEXT_MAX];

    side->envoy = peer_new();
    for (size_t i = 0; i < side->test->hosts; i++) {
        add(endpoints,
            "%s{endpoint: {address: {socket_address: {address: 127.0.0.2, port_value: %u}}}}",
            i > 0 ? ", " : "", server_port(side->servers[i]));
    }
    snprintf(events, sizeof(events), "%s", peer_path(side->envoy, "events"));
    snprintf(text, sizeof(text), bootstrap, events, peer_port(side->envoy), side->test->envoys,
             endpoints);
    peer_run_envoy(side->envoy, text);
    side->mesh = peer_open(peer_at(side->envoy), TULLE_PROTOCOL_HTTP, NULL, &options);
}

/* What follows `"name":"` in a line of JSON. */
static const char *member(const char *line, const char *name)
{
    char key[64];
    const char *at;

    snprintf(key, sizeof(key), "\"%s\":\"", name);
    at = strstr(line, key);
    return at ? at + strlen(key) : "";
}

/* "2026-11-23T09:28:29.123Z" */
int64_t wall_of(const char *line)
{
    const char *text = member(line, "timestamp");
    struct tm parts = { 0 };
    double seconds;

    assert_int_equal(sscanf(text, "%d-%d-%dT%d:%d:%lf", &parts.tm_year, &parts.tm_mon,
                            &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &seconds),
                     6);
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return timegm(&parts) * NS_PER_S + (int64_t)(seconds * (double)NS_PER_S);
}

static void event_read(struct side *side, const char *line)
{
    struct event event = { .at = wall_of(line) };
    const char *url = member(line, "upstream_url");

    /* What is detected and not enforced is told, too. */
    if (strstr(line, "\"enforced\":false") && strstr(line, "\"action\":\"EJECT\"")) {
        return;
    }
    assert_non_null(strchr(url, ':'));
    event.port = (uint16_t)strtoul(strchr(url, ':') + 1, NULL, 10);
    event.ejects = strncmp(member(line, "action"), "EJECT", 5) == 0;
    snprintf(event.why, sizeof(event.why), "%.*s", (int)strcspn(member(line, "type"), "\""),
             member(line, "type"));
    side->events[side->count++] = event;
}

/* Reads Envoy's log anew: whole lines only. */
static void events_look(struct side *side)
{
    FILE *file = side->envoy ? fopen(peer_path(side->envoy, "events"), "r") : NULL;
    char line[4096];

    if (!file) {
        return;
    }
    side->count = 0;
    while (side->count < EVENTS_MAX && fgets(line, sizeof(line), file) && strchr(line, '\n')) {
        event_read(side, line);
    }
    fclose(file);
}

/* --- both --- */

void side_open(struct side *side, const struct outlier_case *test, bool is_envoy)
{
    *side = (struct side){ .test = test };
    pthread_mutex_init(&side->lock, NULL);
    for (size_t i = 0; i < test->hosts; i++) {
        side->servers[i] = server_start(SERVER_HTTP, "127.0.0.2:0", NULL);
    }
    if (is_envoy) {
        envoy_open(side);
        return;
    }
    library_open(side);
}

void side_close(struct side *side)
{
    wire_close(side->mesh);
    peer_free(side->envoy);
    for (size_t i = 0; i < side->test->hosts; i++) {
        server_stop(side->servers[i]);
    }
    pthread_mutex_destroy(&side->lock);
}

void side_break(struct side *side)
{
    bool here = side->test->failing[0] != '\0';

    if (!here) {
        server_command(side->servers[0], "listen off");
        server_command(side->servers[0], "close-all");
        return;
    }
    server_command(side->servers[0], "set %s", side->test->failing);
}

void side_heal(struct side *side)
{
    if (side->test->failing[0] == '\0') {
        server_command(side->servers[0], "listen on");
        return;
    }
    server_command(side->servers[0], "set");
}

size_t side_events(struct side *side)
{
    size_t count;

    events_look(side);
    pthread_mutex_lock(&side->lock);
    count = side->count;
    pthread_mutex_unlock(&side->lock);
    return count;
}

static void call_once(struct side *side)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://shop/",
                                           .retry = TULLE_RETRY_OFF };
    bool counts = side_events(side) == 0;
    struct outcome outcome = wire_call(side->mesh, &request);

    side->failures += counts && (outcome.error != TULLE_OK || outcome.status >= 500);
}

void call_until(struct side *sides, size_t events)
{
    int64_t end = test_now() + TULLE_S(PATIENCE_S);

    while (side_events(&sides[0]) < events || side_events(&sides[1]) < events) {
        for (int i = 0; i < 2; i++) {
            call_once(&sides[i]);
        }
        if (test_now() > end) {
            fail_msg("%zu events here and %zu of Envoy, %zu awaited", sides[0].count,
                     sides[1].count, events);
        }
    }
}

void call_for(struct side *sides, int64_t ns)
{
    for (int64_t end = test_now() + ns; test_now() < end;) {
        for (int i = 0; i < 2; i++) {
            call_once(&sides[i]);
        }
    }
}
