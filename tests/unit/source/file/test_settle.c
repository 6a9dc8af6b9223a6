/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/catalog.h"

#include <stdio.h>

#include "sourcing.h"

/* All traffic of "a" goes to its subset v1. */
static enum tulle_error open_routed(struct sourcing *sourcing)
{
    sourcing_write_entry(sourcing, "a.yaml", "a", "10.0.0.1");
    sourcing_write(sourcing, "r.yaml", RULE("{name: v1, labels: {version: v1}}"));
    sourcing_write(sourcing, "v.yaml", ROUTE_TO("v1"));
    return sourcing_open(sourcing);
}

static void a_bad_resource_keeps_its_last_good_version(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    CHECK_OK(open_routed(&sourcing));
    sourcing_write(&sourcing, "r.yaml", RULE("{name: v1, lables: {version: v1}}"));
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.2");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
    CHECK(sourcing_stats(&sourcing).resources == 3);
    CHECK(sourcing_stats(&sourcing).errors == 1);
    CHECK(sourcing_told(&sourcing, "did you mean \"labels\"?"));
done:
    sourcing_fini(&sourcing);
}

static void a_route_to_a_missing_subset_keeps_its_last_good_version(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    CHECK_OK(open_routed(&sourcing));
    sourcing_write(&sourcing, "v.yaml", ROUTE_TO("v9"));
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_stats(&sourcing).resources == 3);
    CHECK(sourcing_stats(&sourcing).errors == 1);
    CHECK(sourcing_told(&sourcing, "\"v9\""));
done:
    sourcing_fini(&sourcing);
}

/* An edit of the rule would pull the subset from under the route. */
static void a_subset_that_a_route_needs_stays(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "b.yaml", "b", "10.0.0.2");
    CHECK_OK(open_routed(&sourcing));
    sourcing_write(&sourcing, "r.yaml", RULE("{name: v2, labels: {version: v1}}"));
    sourcing_write_entry(&sourcing, "b.yaml", "b", "10.0.0.3");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_stats(&sourcing).resources == 4);
    CHECK(sourcing_stats(&sourcing).errors == 1);
    CHECK(sourcing_has(&sourcing, "b", "10.0.0.3:80"));
    CHECK(sourcing_told(&sourcing, "VirtualService default/a: "));
    sourcing_write(&sourcing, "v.yaml", ROUTE_TO("v2"));
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_stats(&sourcing).errors == 0);
done:
    sourcing_fini(&sourcing);
}

static void a_second_resource_of_one_name_is_refused(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "b.yaml", "a", "10.0.0.1");
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_write_entry(&sourcing, "c.yaml", "a", "10.0.0.2");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
    CHECK(sourcing_told(&sourcing, "E c.yaml:3:18: ServiceEntry default/a: is there twice, the "
                                   "first time at "));
    sourcing_remove(&sourcing, "b.yaml"); /* it only moved */
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.2:80"));
done:
    sourcing_fini(&sourcing);
}

/* Neither rule alone is to blame: both took a subset from under the route. */
static void all_that_changed_goes_back_if_no_one_is_to_blame(void **state)
{
    static const char route[] =
        HEAD("VirtualService", "a") "  hosts: [a]\n  http:\n  - route:\n"
                                    "    - {destination: {host: a, subset: v1}, weight: 1}\n"
                                    "    - {destination: {host: b, subset: v1}, weight: 1}\n";
    static const char rules[] =
        HEAD("DestinationRule", "a") "  host: a\n  subsets: [{name: %s}]\n"
                                     "---\n" HEAD("DestinationRule",
                                                  "b") "  host: b\n  subsets: [{name: %s}]\n";
    struct sourcing sourcing;
    char text[512];

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    sourcing_write_entry(&sourcing, "b.yaml", "b", "10.0.0.2");
    snprintf(text, sizeof(text), rules, "v1", "v1");
    sourcing_write(&sourcing, "r.yaml", text);
    sourcing_write(&sourcing, "v.yaml", route);
    CHECK_OK(sourcing_open(&sourcing));
    snprintf(text, sizeof(text), rules, "v2", "v2");
    sourcing_write(&sourcing, "r.yaml", text);
    sourcing_write_entry(&sourcing, "c.yaml", "c", "10.0.0.3");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_stats(&sourcing).resources == 6);
    CHECK(sourcing_stats(&sourcing).errors > 0);
    CHECK(sourcing_has(&sourcing, "c", "10.0.0.3:80"));
done:
    sourcing_fini(&sourcing);
}

static void what_refers_to_a_vanished_resource_is_refused(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    CHECK_OK(open_routed(&sourcing));
    sourcing_remove(&sourcing, "r.yaml");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_stats(&sourcing).resources == 1);
    CHECK(sourcing_has(&sourcing, "a", "10.0.0.1:80"));
done:
    sourcing_fini(&sourcing);
}

static void a_new_resource_that_is_bad_is_absent(void **state)
{
    struct sourcing sourcing;

    (void)state;
    sourcing_init(&sourcing);
    sourcing_write_entry(&sourcing, "a.yaml", "a", "10.0.0.1");
    CHECK_OK(sourcing_open(&sourcing));
    sourcing_write(&sourcing, "v.yaml", ROUTE_TO("v1"));
    sourcing_write_entry(&sourcing, "b.yaml", "b", "10.0.0.2");
    CHECK(sourcing_settle(&sourcing) == SOURCE_CHANGED);
    CHECK(sourcing_stats(&sourcing).resources == 2);
    CHECK(sourcing_has(&sourcing, "b", "10.0.0.2:80"));
done:
    sourcing_fini(&sourcing);
}

TEST_MAIN(TEST_OOM(a_bad_resource_keeps_its_last_good_version),
          TEST_OOM(a_route_to_a_missing_subset_keeps_its_last_good_version),
          TEST_OOM(a_subset_that_a_route_needs_stays),
          TEST_OOM(a_second_resource_of_one_name_is_refused),
          TEST_OOM(all_that_changed_goes_back_if_no_one_is_to_blame),
          TEST_OOM(what_refers_to_a_vanished_resource_is_refused),
          TEST_OOM(a_new_resource_that_is_bad_is_absent))
