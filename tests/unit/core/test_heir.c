/* SPDX-License-Identifier: Apache-2.0 */

#include "core/heir.h"

#include <tulle/tulle.h>

#include "harness/test.h"

static void who_does_not_ask_for_it_leaves_nothing(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = "mesh",
                                     .after_fork = TULLE_AFTER_FORK_FAIL };
    struct heritage *heritage;

    (void)state;
    assert_int_equal(tulle__heritage_new(&options, &heritage), TULLE_OK);
    assert_null(heritage);
    tulle__heritage_free(heritage);
}

static void all_options_are_copied_or_none(void **state)
{
    const char *const kinds[] = { "Oddity", "Rarity", NULL };
    struct tulle_options options = { TULLE_OPTIONS_INIT,
                                     .after_fork = TULLE_AFTER_FORK_REOPEN,
                                     .config = "mesh",
                                     .name_space = "prod",
                                     .domain = "example.org",
                                     .ignore_kinds = kinds,
                                     .ca_file = "/etc/roots.pem",
                                     .workload = "front",
                                     .locality = "r1/z1",
                                     .labels = "app=front",
                                     .dns_servers = "127.0.0.1:53" };
    struct heritage *heritage = NULL;

    (void)state;
    CHECK_OK(tulle_config_new(&options.built));
    CHECK_OK(tulle_config_add_service(options.built, "shop", 80, TULLE_PROTOCOL_HTTP));
    CHECK_OK(tulle_config_add_endpoint(options.built, "shop", "10.0.0.1:80", "version=v1", 2));
    CHECK_OK(tulle_config_add_yaml(options.built, "shop.yaml", "kind: Oddity"));
    CHECK_OK(tulle__heritage_new(&options, &heritage));
    assert_non_null(heritage);
done:
    tulle__heritage_free(heritage);
    tulle_config_free(options.built);
}

static void an_option_out_of_its_range_opens_nothing(void **state)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .after_fork = 3 };
    struct tulle *mesh;

    (void)state;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_E_USAGE);
    options.after_fork = -1;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_E_USAGE);
}

static void who_a_process_is_must_make_sense(void **state)
{
    static const char *const wrong[] = { "version", "a=b,,c=d", "=v", "a=b,c" };
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle *mesh;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        options.labels = wrong[i];
        assert_int_equal(tulle_open(&options, &mesh), TULLE_E_USAGE);
    }
    options.labels = "a=b,c=";
    options.peer_index = 1;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_E_USAGE);
    options.peer_count = 1;
    assert_int_equal(tulle_open(&options, &mesh), TULLE_E_USAGE);
    options.peer_count = 2;
    options.locality = "r/z";
    assert_int_equal(tulle_open(&options, &mesh), TULLE_OK);
    tulle_close(mesh);
}

TEST_MAIN(cmocka_unit_test(who_does_not_ask_for_it_leaves_nothing),
          TEST_OOM(all_options_are_copied_or_none),
          cmocka_unit_test(an_option_out_of_its_range_opens_nothing),
          cmocka_unit_test(who_a_process_is_must_make_sense))
