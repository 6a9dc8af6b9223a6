/* SPDX-License-Identifier: Apache-2.0 */

/* Who is not who the URL says is refused, with the reason, and sent nothing. */

#include <stdio.h>

#include "harness/certs.h"
#include "harness/server.h"
#include "harness/test.h"
#include "wire/rig.h"

struct verdict {
    enum certs_kind kind;
    const char *names;
    const char *url;    /* "https://HOST" */
    const char *reason; /* NULL: it is fine */
};

static void assert_verdict(const struct verdict *verdict)
{
    struct certs *certs = certs_new();
    const char *cert, *key;
    struct server *server;
    struct rig rig;
    struct pool *pool;

    certs_issue(certs, verdict->kind, verdict->names, &cert, &key);
    server = server_start(SERVER_TLS, "127.0.0.2:0", "--cert", cert, "--key", key, NULL);
    rig_init(&rig, certs_ca(certs));
    pool = rig_pool(&rig, server_address(server), PROTOCOL_HTTPS);
    for (int i = 0; i < 3; i++) {
        struct rig_call call;

        rig_call(&call, &rig, pool, verdict->url);
        if (verdict->reason) {
            assert_int_equal(call.end.error, TULLE_E_TLS);
            assert_int_equal(call.end.progress, TULLE_NOTHING_SENT);
            assert_non_null(strstr(call.text, verdict->reason));
        } else {
            assert_string_equal(call.text, "");
            assert_int_equal(call.status, 200);
        }
        rig_call_fini(&call);
    }
    assert_int_equal(server_log_count(server, "request *"), verdict->reason ? 0 : 3);
    rig_fini(&rig);
    server_stop(server);
    certs_free(certs);
}

static const struct verdict verdicts[] = {
    { CERTS_GOOD, "DNS:shop.test", "https://shop.test/x", NULL },
    { CERTS_GOOD, "IP:127.0.0.2", "https://127.0.0.2/x", NULL },
    { CERTS_GOOD, "DNS:other.test", "https://shop.test/x", "it is for another name" },
    /* The endpoint's address is no name of the service. */
    { CERTS_GOOD, "IP:127.0.0.2", "https://shop.test/x", "it is for another name" },
    { CERTS_GOOD, "IP:127.0.0.9", "https://127.0.0.2/x", "it is for another address" },
    { CERTS_GOOD, "DNS:shop.test", "https://127.0.0.2/x", "it is for another address" },
    { CERTS_EXPIRED, "DNS:shop.test", "https://shop.test/x", "it has expired" },
    { CERTS_NOT_YET_VALID, "DNS:shop.test", "https://shop.test/x", "it is not yet valid" },
    { CERTS_SELF_SIGNED, "DNS:shop.test", "https://shop.test/x", "it is self-signed" },
    { CERTS_UNKNOWN_CA, "DNS:shop.test", "https://shop.test/x",
      "no trusted authority has issued it" },
};

static void each_false_certificate_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        assert_verdict(&verdicts[i]);
    }
}

TEST_MAIN(cmocka_unit_test(each_false_certificate_is_refused_with_its_reason))
