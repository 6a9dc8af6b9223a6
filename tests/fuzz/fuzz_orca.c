/* SPDX-License-Identifier: Apache-2.0 */

/* Whatever an endpoint says of its load is refused, or gives numbers that are
 * numbers, and a weight and a heat that a balancer can go by. The first byte says
 * the format; the second, whether the header or its parts are read. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/defaults.h"
#include "policy/orca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_number(double number)
{
    must(number == -1 || (number >= 0 && number <= 1e12));
}

static void check_load(const struct load *load)
{
    check_number(load->cpu);
    check_number(load->application);
    check_number(load->qps);
    check_number(load->eps);
    check_number(load->rif);
    check_number(load->latency_ms);
}

/* Out of memory: nothing to look at. */
static void check_report(const struct load *load)
{
    struct weighted_config config = tulle__balancer_default.weighted;
    struct peers peers;
    struct peer *peer;
    struct heat heat;

    config.blackout_ns = 0;
    tulle__peers_init(&peers);
    peer = tulle__peers_get(&peers, STR("10.0.0.1:80"), PROTOCOL_HTTP1, STR("shop"));
    if (peer != NULL && tulle__peer_want_report(peer)) {
        double weight;

        tulle__peer_report(peer, load, NS_PER_S);
        weight = tulle__peer_weight(peer, &config, NS_PER_S);
        must(weight >= 0 && isfinite(weight));
        if (tulle__peer_heat(peer, NS_PER_S, NS_PER_S, &heat)) {
            must(heat.rif >= 0 && heat.latency_ns >= 0);
        }
    }
    if (peer != NULL) {
        tulle__peer_unref(peer);
    }
    tulle__peers_sweep(&peers);
    tulle__peers_fini(&peers);
}

static void check_parts(struct str text, unsigned format)
{
    struct load load = LOAD_UNSAID;
    double number;

    if (format == 0) {
        (void)tulle__orca_text(text, &load);
    } else if (format == 1) {
        (void)tulle__orca_json(text, &load);
    } else {
        (void)tulle__orca_bytes(text, &load);
    }
    check_load(&load);
    if (tulle__orca_number(text, &number)) {
        must(tulle__orca_is_sane(number));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str names[] = { STR("endpoint-load-metrics"),
                                        STR("endpoint-load-metrics-json"),
                                        STR("endpoint-load-metrics-bin") };
    struct load load;
    struct str text;
    unsigned format;

    if (size < 2) {
        return 0;
    }
    format = data[0] % 3;
    text = (struct str){ (const char *)data + 2, size - 2 };
    if (data[1] % 2 == 0) {
        check_parts(text, format);
        return 0;
    }
    if (tulle__orca_read(names[format], text, &load) == ORCA_GOOD) {
        check_load(&load);
        check_report(&load);
    }
    return 0;
}
