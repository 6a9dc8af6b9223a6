/* SPDX-License-Identifier: Apache-2.0 */

#include "seam/source.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <tulle/config.h>
#include <unistd.h>

#include "sourcing.h"

static void a_folder_is_read_and_other_files_are_not(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    sourcing_write_entry(&sourcing, "b.yml", "b", "10.0.0.2");
    sourcing_write(&sourcing, "c.json",
                   "{\"apiVersion\": \"networking.istio.io/v1\", \"kind\": \"DestinationRule\", "
                   "\"metadata\": {\"name\": \"a\"}, \"spec\": {\"host\": \"a\"}}");
    sourcing_write(&sourcing, ".hidden.yaml", "[");
    sourcing_write(&sourcing, "notes.txt", "[");
    sourcing_write(&sourcing, "inner/d.yaml", "[");
    CHECK_OK(sourcing_open(&sourcing));
    assert_true(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    assert_true(sourcing_has(&sourcing, "b", "10.0.0.2:80"));
    assert_int_equal(sourcing_stats(&sourcing).resources, 3);
    assert_int_equal(sourcing_stats(&sourcing).loads, 1);
    assert_int_equal(sourcing_stats(&sourcing).loaded_at, NS_PER_S);
done:
    sourcing_fini(&sourcing);
}

static void one_file_may_be_named(void **state)
{
    struct sourcing sourcing;
    char path[512];

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "mesh.conf", "a", "10.0.0.1");
    sourcing_write(&sourcing, "b.yaml", "[");
    sourcing.options.path = sourcing_path(&sourcing, "mesh.conf", path, sizeof(path));
    CHECK_OK(sourcing_open(&sourcing));
    assert_true(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    sourcing_write_entry(&sourcing, "mesh.conf", "a", "10.0.0.2");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
done:
    sourcing_fini(&sourcing);
}

static void a_path_that_is_not_there_fails_the_open(void **state)
{
    struct sourcing sourcing;
    char path[512];

    (void)state;
    sourcing_init(&sourcing);
    sourcing.options.path = sourcing_path(&sourcing, "nothing", path, sizeof(path));
    assert_int_equal(sourcing_open(&sourcing), TULLE_E_CONFIG);
    assert_null(sourcing.source);
    assert_true(sourcing_told(&sourcing, "E nothing: cannot be read: No such file or directory\n"));
    sourcing_fini(&sourcing);
}

static void a_wrong_folder_tells_all_mistakes_within_50_ms(void **state)
{
    enum { BRACKETS = 200 * 1024 };
    static const char *const lines[] = {
        "E a.yaml:8:5: VirtualService default/a: unknown field \"retires\"; did you mean "
        "\"retries\"?\n",
        "E b.yaml:3:18: ServiceEntry default/a: is there twice, the first time at ",
        "E c.yaml:1:65: nested deeper than 64 levels\n",
        "E d.yaml:1:4: YAML anchors, aliases and merge keys are not taken; write it out\n",
        "E e.yaml:2:4: not UTF-8\n",
        "E g.yaml:7:",
        "E h.yaml:",
    };
    char *brackets = malloc(BRACKETS + 1);
    struct sourcing sourcing;

    (void)state;
    memset(brackets, '[', BRACKETS);
    brackets[BRACKETS] = '\0';
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "0.yaml", "a", "10.0.0.1");
    sourcing_write(&sourcing, "a.yaml", ROUTE_TO("v1") "    retires: {attempts: 1}\n");
    sourcing_write_entry(&sourcing, "b.yaml", "a", "10.0.0.2");
    sourcing_write(&sourcing, "c.yaml", brackets);
    sourcing_write(&sourcing, "d.yaml", "a: &a [x]\nb: [*a, *a]\n");
    sourcing_write(&sourcing, "e.yaml", "a: 1\nb: \xff\n");
    sourcing_write(&sourcing, "g.yaml",
                   HEAD("VirtualService", "g") "  hosts: [a]\n  http:\n  - route:\n"
                                               "    - {destination: {host: a}, weight: 0}\n"
                                               "    - {destination: {host: a}, weight: 0}\n");
    sourcing_write(
        &sourcing, "h.yaml",
        HEAD("VirtualService", "h") "  hosts: [a]\n  http:\n"
                                    "  - route: [{destination: {host: a, subset: v9}}]\n");
    int64_t start = test_worked();
    assert_int_equal(sourcing_open(&sourcing), TULLE_E_CONFIG);
    assert_true(test_worked() - start < 50 * NS_PER_MS);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (!sourcing_told(&sourcing, lines[i])) {
            fail_msg("not told: %s told was:\n%s", lines[i], sourcing.told);
        }
    }
    sourcing_fini(&sourcing);
    free(brackets);
}

static void twenty_mistakes_are_told_and_the_rest_counted(void **state)
{
    struct sourcing sourcing;
    char text[4096] = HEAD("DestinationRule", "a") "  host: a\n";

    (void)state;
    sourcing_init(&sourcing);
    for (int i = 0; i < 25; i++) {
        size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "  bogus%d: 1\n", i);
    }
    sourcing_write(&sourcing, "a.yaml", text);
    assert_int_equal(sourcing_open(&sourcing), TULLE_E_CONFIG);
    assert_true(sourcing_told(&sourcing, "a.yaml:25:3: DestinationRule default/a: unknown field"));
    assert_false(sourcing_told(&sourcing, "bogus20"));
    assert_true(sourcing_told(&sourcing, "E and 5 more errors\n"));
    sourcing_fini(&sourcing);
}

static void open_with_errors_starts_with_what_is_good(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing.options.open_with_errors = true;
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    sourcing_write(&sourcing, "r.yaml", RULE("{name: v1, lables: {version: v1}}"));
    sourcing_write(&sourcing, "v.yaml", ROUTE_TO("v1"));
    CHECK_OK(sourcing_open(&sourcing));
    assert_true(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    assert_int_equal(sourcing_stats(&sourcing).resources, 1); /* the route leans on the rule */
    assert_int_equal(sourcing_stats(&sourcing).errors, 2);
done:
    sourcing_fini(&sourcing);
}

static void an_edit_and_a_rename_over_are_seen(void **state)
{
    struct sourcing sourcing;
    char path[512];

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    CHECK_OK(sourcing_open(&sourcing));
    CHECK(sourcing_settle(&sourcing) == SOURCE_SAME);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.2"); /* renames over */
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
    FILE *file = fopen(sourcing_path(&sourcing, "a.yaml", path, sizeof(path)), "a");
    fputs("# more\n", file);
    fclose(file);
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_stats(&sourcing).loads == 3);
    CHECK(sourcing_settle(&sourcing) == SOURCE_SAME);
done:
    sourcing_fini(&sourcing);
}

static void touching_a_file_changes_nothing(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    CHECK(sourcing_settle(&sourcing) == SOURCE_SAME);
    CHECK(sourcing_stats(&sourcing).loads == 1);
done:
    sourcing_fini(&sourcing);
}

static void link_to(const struct sourcing *sourcing, const char *to, const char *name)
{
    char path[512], next[512];

    sourcing_path(sourcing, ".next", next, sizeof(next));
    assert_int_equal(symlink(to, next), 0);
    assert_int_equal(rename(next, sourcing_path(sourcing, name, path, sizeof(path))), 0);
}

static void a_kubernetes_symlink_swap_is_seen(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "..1/a.yaml", "a", "10.0.0.1");
    sourcing_write_entry(&sourcing, "..2/a.yaml", "a", "10.0.0.2");
    link_to(&sourcing, "..1", "..data");
    link_to(&sourcing, "..data/a.yaml", "a.yaml");
    CHECK_OK(sourcing_open(&sourcing));
    assert_true(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    link_to(&sourcing, "..2", "..data");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
    link_to(&sourcing, "..3", "..data"); /* leads nowhere: the last good stays */
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
    CHECK(sourcing_told(&sourcing, "E a.yaml: cannot be read: No such file or directory\n"));
done:
    sourcing_fini(&sourcing);
}

static void a_file_that_vanishes_takes_its_resources_along(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    sourcing_write_entry(&sourcing, "b.yaml", "b", "10.0.0.2");
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_remove(&sourcing, "a.yaml");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", ""));
    CHECK(sourcing_has(&sourcing, "b", "10.0.0.2:80"));
done:
    sourcing_fini(&sourcing);
}

static void a_half_written_file_keeps_what_it_held(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    sourcing_write_entry(&sourcing, "b.yaml", "b", "10.0.0.2");
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_write(&sourcing, "a.yaml", "apiVersion: [");
    sourcing_write_entry(&sourcing, "b.yaml", "b", "10.0.0.3");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    CHECK(sourcing_has(&sourcing, "b", "10.0.0.3:80"));
    CHECK(sourcing_stats(&sourcing).errors == 1);
    CHECK(sourcing_stats(&sourcing).refused == 1);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.4");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.4:80"));
    CHECK(sourcing_stats(&sourcing).errors == 0);
done:
    sourcing_fini(&sourcing);
}

static void a_file_that_cannot_be_read_keeps_what_it_held(void **state)
{
    struct sourcing sourcing;
    char path[512];

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_remove(&sourcing, "a.yaml");
    sourcing_path(&sourcing, "a.yaml", path, sizeof(path));
    assert_int_equal(symlink("a.yaml", path), 0); /* a loop: root could read any mode */
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    CHECK(sourcing_told(&sourcing, "E a.yaml: cannot be read: Too many levels of symbolic links"));
    CHECK(sourcing_settle(&sourcing) == SOURCE_SAME);
done:
    sourcing_fini(&sourcing);
}

static void a_folder_that_goes_keeps_everything(void **state)
{
    struct sourcing sourcing;
    char path[512];

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "mesh/a.yaml", "a", "10.0.0.1");
    sourcing_write_entry(&sourcing, "next/a.yaml", "a", "10.0.0.2");
    link_to(&sourcing, "mesh", "now");
    sourcing.options.path = sourcing_path(&sourcing, "now/", path, sizeof(path));
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_remove(&sourcing, "now");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    CHECK(sourcing_stats(&sourcing).errors == 1);
    link_to(&sourcing, "next", "now");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
    CHECK(sourcing_stats(&sourcing).errors == 0);
done:
    sourcing_fini(&sourcing);
}

static void a_change_is_waited_out_and_not_for_ever(void **state)
{
    const struct source_type *type = &tulle__file_source;
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    assert_int_equal(sourcing_open(&sourcing), TULLE_OK);
    assert_int_equal(type->due(sourcing.source), sourcing.now + 2 * NS_PER_S);
    struct pollfd notices = { .fd = type->fd(sourcing.source), .events = POLLIN };
    assert_int_equal(poll(&notices, 1, 0), 0);
    int64_t start = sourcing.now;
    while (type->step(sourcing.source, sourcing.now) == SOURCE_SAME) {
        sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.2");
        assert_int_equal(poll(&notices, 1, 1000), 1);
        sourcing.now += 40 * NS_PER_MS;
        assert_true(sourcing.now - start <= 600 * NS_PER_MS);
    }
    assert_true(sourcing.now - start >= 500 * NS_PER_MS);
    assert_true(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
    sourcing_fini(&sourcing);
}

static void other_kinds_are_named_once(void **state)
{
    struct sourcing sourcing;
    const char *first;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write(&sourcing, "a.yaml", "apiVersion: apps/v1\nkind: Deployment\n");
    sourcing_write(&sourcing, "b.yaml",
                   "apiVersion: v1\nkind: Service\n---\n"
                   "apiVersion: apps/v1\nkind: Deployment\n");
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_write(&sourcing, "b.yaml", "apiVersion: v1\nkind: Service\n");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    first = strstr(sourcing.told, "passed over");
    CHECK(first &&
          strncmp(first, "passed over 3 resources of other kinds: Deployment, Service\n", 60) == 0);
    CHECK(first && !strstr(first + 1, "passed over"));
done:
    sourcing_fini(&sourcing);
}

static void what_is_built_in_code_lies_beside_a_folder(void **state)
{
    struct tulle_config *config = NULL;
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    CHECK_OK(tulle_config_new(&config));
    CHECK_OK(tulle_config_add_service(config, "a", 80, TULLE_PROTOCOL_HTTP));
    CHECK_OK(tulle_config_add_endpoint(config, "a", "10.0.0.1:80", "version=v1", 1));
    CHECK_OK(tulle_config_add_yaml(config, "rule", RULE("{name: v1, labels: {version: v1}}")));
    sourcing_write(&sourcing, "v.yaml", ROUTE_TO("v1"));
    sourcing.options.built = config;
    CHECK_OK(sourcing_open(&sourcing));
    tulle_config_free(config);
    config = NULL;
    assert_true(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    assert_int_equal(sourcing_stats(&sourcing).resources, 3);
    sourcing_remove(&sourcing, "v.yaml");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    CHECK(sourcing_stats(&sourcing).resources == 2);
done:
    tulle_config_free(config);
    sourcing_fini(&sourcing);
}

static void what_is_built_in_code_alone_never_changes(void **state)
{
    struct tulle_config *config = NULL;
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    CHECK_OK(tulle_config_new(&config));
    CHECK_OK(tulle_config_add_yaml(config, "mesh", "kind: nonsense"));
    sourcing.options.path = NULL;
    sourcing.options.built = config;
    enum tulle_error error = sourcing_open(&sourcing);
    CHECK(error == TULLE_E_CONFIG);
    CHECK(sourcing_told(&sourcing, "E mesh:1:1: nonsense: apiVersion is missing\n"));
    sourcing.options.open_with_errors = true;
    CHECK_OK(sourcing_open(&sourcing));
    assert_int_equal(tulle__file_source.due(sourcing.source), NEVER);
    assert_int_equal(tulle__file_source.fd(sourcing.source), -1);
    assert_int_equal(sourcing_settle(&sourcing), SOURCE_SAME);
done:
    tulle_config_free(config);
    sourcing_fini(&sourcing);
}

TEST_MAIN(TEST_OOM(a_folder_is_read_and_other_files_are_not), TEST_OOM(one_file_may_be_named),
          cmocka_unit_test(a_path_that_is_not_there_fails_the_open),
          cmocka_unit_test(a_wrong_folder_tells_all_mistakes_within_50_ms),
          cmocka_unit_test(twenty_mistakes_are_told_and_the_rest_counted),
          TEST_OOM(open_with_errors_starts_with_what_is_good),
          TEST_OOM(an_edit_and_a_rename_over_are_seen), TEST_OOM(touching_a_file_changes_nothing),
          TEST_OOM(a_kubernetes_symlink_swap_is_seen),
          TEST_OOM(a_file_that_vanishes_takes_its_resources_along),
          TEST_OOM(a_half_written_file_keeps_what_it_held),
          TEST_OOM(a_file_that_cannot_be_read_keeps_what_it_held),
          TEST_OOM(a_folder_that_goes_keeps_everything),
          cmocka_unit_test(a_change_is_waited_out_and_not_for_ever),
          TEST_OOM(other_kinds_are_named_once),
          TEST_OOM(what_is_built_in_code_lies_beside_a_folder),
          TEST_OOM(what_is_built_in_code_alone_never_changes))
