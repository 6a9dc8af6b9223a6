/* SPDX-License-Identifier: Apache-2.0 */

#include "seam/resolver.h"

static const struct {
    const char *text, *label;
} faults[DNS_FAULTS] = {
    [DNS_OK] = { "resolved", "ok" },
    [DNS_NO_DATA] = { "the name has no address", "nodata" },
    [DNS_NO_NAME] = { "no such name (NXDOMAIN)", "nxdomain" },
    [DNS_SERVFAIL] = { "the name server failed (SERVFAIL)", "servfail" },
    [DNS_REFUSED] = { "the name server refused", "refused" },
    [DNS_TIMEOUT] = { "no name server answered in time", "timeout" },
    [DNS_BAD_REPLY] = { "the name server's reply is no DNS message", "bad_reply" },
    [DNS_UNUSABLE] = { "the name's addresses cannot be connected to", "unusable" },
    [DNS_NO_MEMORY] = { "out of memory", "no_memory" },
    [DNS_TOO_MANY] = { "too many names are being looked up", "too_many" },
};

const char *tulle__dns_fault_text(enum dns_fault fault)
{
    return faults[fault].text;
}

const char *tulle__dns_fault_label(enum dns_fault fault)
{
    return faults[fault].label;
}
