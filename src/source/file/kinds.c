/* SPDX-License-Identifier: Apache-2.0 */

/* Which kinds are read, refused and passed over. Refused are those that promise
 * something to whoever wrote them (who may call whom, what is encrypted, what
 * is filtered, where a client's calls go) and that a client which does not know
 * them would break; passed over is what is no business of a client. */

#include <stdio.h>

#include "source/file/document.h"

static const struct {
    const char *group, *kind;
    enum resource_kind value;
    spec_fn *decode;
} read_kinds[] = {
    { "networking.istio.io", "ServiceEntry", RESOURCE_SERVICE_ENTRY, tulle__decode_service_entry },
    { "networking.istio.io", "VirtualService", RESOURCE_VIRTUAL_SERVICE,
      tulle__decode_virtual_service },
    { "networking.istio.io", "DestinationRule", RESOURCE_DESTINATION_RULE,
      tulle__decode_destination_rule },
    { "tulle.dev", "TrafficPolicy", RESOURCE_TRAFFIC_POLICY, tulle__decode_traffic_policy },
    { "tulle.dev", "MockEndpoint", RESOURCE_MOCK_ENDPOINT, tulle__decode_mock_endpoint },
};

/* kind NULL: every other kind of the group. */
static const struct {
    const char *group, *kind;
    enum kind_rule rule;
} other_kinds[] = {
    { "networking.istio.io", "Gateway", KIND_PASSED },
    { "networking.istio.io", "WorkloadGroup", KIND_PASSED },
    { "networking.istio.io", "Sidecar", KIND_REFUSED },
    { "networking.istio.io", "EnvoyFilter", KIND_REFUSED },
    { "networking.istio.io", "WorkloadEntry", KIND_REFUSED },
    { "networking.istio.io", "ProxyConfig", KIND_REFUSED },
    { "networking.istio.io", NULL, KIND_UNKNOWN },
    { "security.istio.io", NULL, KIND_REFUSED },
    { "telemetry.istio.io", NULL, KIND_REFUSED },
    { "extensions.istio.io", NULL, KIND_REFUSED },
    { "gateway.networking.k8s.io", "Gateway", KIND_PASSED },
    { "gateway.networking.k8s.io", "GatewayClass", KIND_PASSED },
    { "gateway.networking.k8s.io", "ReferenceGrant", KIND_PASSED },
    { "gateway.networking.k8s.io", NULL, KIND_REFUSED },
    { "tulle.dev", NULL, KIND_UNKNOWN },
};

static const struct {
    const char *group, *version;
} versions[] = {
    { "networking.istio.io", "v1" },
    { "networking.istio.io", "v1beta1" },
    { "networking.istio.io", "v1alpha3" },
    { "tulle.dev", "v1alpha1" },
};

const char *tulle__kind_text(enum resource_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(read_kinds); i++) {
        if (read_kinds[i].value == kind) {
            return read_kinds[i].kind;
        }
    }
    return "resource";
}

static bool version_is_known(const struct envelope *envelope)
{
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        if (str_equal(envelope->group, str_of(versions[i].group)) &&
            str_equal(envelope->version, str_of(versions[i].version))) {
            return true;
        }
    }
    return false;
}

static bool judge_read(const struct envelope *envelope, struct kind_verdict *out)
{
    for (size_t i = 0; i < COUNT_OF(read_kinds); i++) {
        if (!str_equal(envelope->group, str_of(read_kinds[i].group)) ||
            !str_equal(envelope->kind, str_of(read_kinds[i].kind))) {
            continue;
        }
        out->rule = KIND_READ;
        out->kind = read_kinds[i].value;
        out->decode = read_kinds[i].decode;
        if (!version_is_known(envelope)) {
            snprintf(out->text, sizeof(out->text), "apiVersion \"%.*s\" is not known",
                     STR_ARG(envelope->api_version));
        }
        return true;
    }
    return false;
}

static void suggest_kind(const struct envelope *envelope, struct kind_verdict *out)
{
    struct suggestion suggestion = tulle__suggest_start(envelope->kind);
    char hint[96];

    for (size_t i = 0; i < COUNT_OF(read_kinds); i++) {
        if (str_equal(envelope->group, str_of(read_kinds[i].group))) {
            tulle__suggest_offer(&suggestion, str_of(read_kinds[i].kind));
        }
    }
    snprintf(out->text, sizeof(out->text), "unknown kind%s",
             tulle__suggest_text(&suggestion, hint, sizeof(hint)));
}

/* A group that is nearly one of Istio's: passing it over would lose a resource
 * to a slip of a finger. */
static void judge_group(const struct envelope *envelope, struct kind_verdict *out)
{
    enum { SLIP = 2 };

    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct str group = str_of(versions[i].group);
        if (tulle__str_distance(envelope->group, group, SLIP) <= SLIP) {
            out->rule = KIND_UNKNOWN;
            snprintf(out->text, sizeof(out->text), "unknown apiVersion; did you mean \"%s/%s\"?",
                     versions[i].group, versions[i].version);
            return;
        }
    }
    out->rule = KIND_PASSED;
}

void tulle__kind_judge(const struct envelope *envelope, struct kind_verdict *out)
{
    *out = (struct kind_verdict){ .rule = KIND_UNKNOWN };
    if (judge_read(envelope, out)) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(other_kinds); i++) {
        if (!str_equal(envelope->group, str_of(other_kinds[i].group)) ||
            (other_kinds[i].kind && !str_equal(envelope->kind, str_of(other_kinds[i].kind)))) {
            continue;
        }
        out->rule = other_kinds[i].rule;
        if (out->rule == KIND_UNKNOWN) {
            suggest_kind(envelope, out);
        }
        return;
    }
    judge_group(envelope, out);
}
