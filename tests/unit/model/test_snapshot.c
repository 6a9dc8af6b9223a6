/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include "model/seal.h"
#include "parts.h"

static bool add_cluster(struct draft *draft, struct cluster *cluster)
{
    return cluster != NULL && tulle__draft_add_cluster(draft, cluster);
}

static bool add_service(struct draft *draft, struct service *service)
{
    return service != NULL && tulle__draft_add_service(draft, service);
}

/* a goes to a, b to subset v1 of a. */
static bool draft_fill(struct draft *draft, const char *address)
{
    *draft = (struct draft){ 0 };
    return add_cluster(draft, part_cluster("outbound|80||a.mesh", "a.mesh", "", address)) &&
           add_cluster(draft, part_cluster("outbound|80|v1|a.mesh", "a.mesh", "v1", NULL)) &&
           add_service(draft, part_service("a.mesh", "a", "a.mesh", "")) &&
           add_service(draft, part_service("b.mesh", "b", "a.mesh", "v1"));
}

static enum tulle_error build(const struct draft *draft, struct snapshot **out)
{
    char why[256];

    return tulle__snapshot_build(draft, NULL, 1, why, out);
}

static void a_snapshot_finds_services_by_each_name_and_clusters_by_theirs(void **state)
{
    struct draft draft;
    struct snapshot *snapshot = NULL;

    (void)state;
    CHECK_OR_DONE(draft_fill(&draft, "10.0.0.1:80"));
    CHECK_OK(build(&draft, &snapshot));
    assert_int_equal(snapshot->generation, 1);
    assert_ptr_equal(tulle__snapshot_service(snapshot, STR("a.mesh")), draft.services[0]);
    assert_ptr_equal(tulle__snapshot_service(snapshot, STR("a")), draft.services[0]);
    assert_ptr_equal(tulle__snapshot_service(snapshot, STR("b")), draft.services[1]);
    assert_null(tulle__snapshot_service(snapshot, STR("c")));
    assert_ptr_equal(tulle__snapshot_cluster(snapshot, STR("outbound|80|v1|a.mesh")),
                     draft.clusters[1]);
    assert_null(tulle__snapshot_cluster(snapshot, STR("outbound|81||a.mesh")));
done:
    tulle__snapshot_free(snapshot);
    tulle__draft_fini(&draft);
}

static void an_empty_draft_is_a_mesh(void **state)
{
    struct draft draft = { 0 };
    struct snapshot *snapshot;

    (void)state;
    assert_int_equal(build(&draft, &snapshot), TULLE_OK);
    assert_null(tulle__snapshot_service(snapshot, STR("a")));
    tulle__snapshot_free(snapshot);
    tulle__snapshot_free(NULL);
}

static void a_snapshot_outlives_its_draft(void **state)
{
    struct draft draft;
    struct snapshot *snapshot;

    (void)state;
    assert_true(draft_fill(&draft, NULL));
    assert_int_equal(build(&draft, &snapshot), TULLE_OK);
    tulle__draft_fini(&draft);
    assert_true(str_equal(tulle__snapshot_service(snapshot, STR("b"))->host, STR("b.mesh")));
    tulle__snapshot_free(snapshot);
}

static void parts_that_did_not_change_are_those_of_the_previous_snapshot(void **state)
{
    struct draft first, second;
    struct snapshot *old = NULL, *new = NULL;
    char why[256];

    (void)state;
    second = (struct draft){ 0 };
    CHECK_OR_DONE(draft_fill(&first, "10.0.0.1:80"));
    CHECK_OR_DONE(draft_fill(&second, "10.0.0.2:80"));
    CHECK_OK(build(&first, &old));
    CHECK_OK(tulle__snapshot_build(&second, old, 2, why, &new));
    assert_ptr_equal(tulle__snapshot_service(new, STR("a")), first.services[0]);
    assert_ptr_equal(tulle__snapshot_cluster(new, STR("outbound|80|v1|a.mesh")), first.clusters[1]);
    assert_ptr_equal(tulle__snapshot_cluster(new, STR("outbound|80||a.mesh")), second.clusters[0]);
    tulle__snapshot_free(old);
    old = NULL;
    tulle__draft_fini(&first);
    assert_true(str_equal(tulle__snapshot_service(new, STR("a"))->host, STR("a.mesh")));
done:
    tulle__snapshot_free(old);
    tulle__snapshot_free(new);
    tulle__draft_fini(&first);
    tulle__draft_fini(&second);
}

static void refused(struct draft *draft, const char *why_expected)
{
    struct snapshot *snapshot;
    char why[256];

    assert_int_equal(tulle__snapshot_build(draft, NULL, 1, why, &snapshot), TULLE_E_CONFIG);
    assert_null(snapshot);
    assert_string_equal(why, why_expected);
    tulle__draft_fini(draft);
}

static void two_services_of_one_name_are_refused(void **state)
{
    struct draft draft;

    (void)state;
    assert_true(draft_fill(&draft, NULL));
    assert_true(add_service(&draft, part_service("c.mesh", "b", "a.mesh", "")));
    refused(&draft, "services b.mesh and c.mesh both answer to b");
}

static void a_service_or_a_cluster_that_is_there_twice_is_refused(void **state)
{
    struct draft draft;

    (void)state;
    assert_true(draft_fill(&draft, NULL));
    assert_true(add_service(&draft, tulle__part_ref(draft.services[0])));
    refused(&draft, "service a.mesh is there twice");
    assert_true(draft_fill(&draft, NULL));
    assert_true(add_cluster(&draft, tulle__part_ref(draft.clusters[0])));
    refused(&draft, "cluster outbound|80||a.mesh is there twice");
}

static void a_route_to_a_subset_that_no_cluster_has_is_refused(void **state)
{
    struct draft draft;

    (void)state;
    assert_true(draft_fill(&draft, NULL));
    assert_true(add_service(&draft, part_service("c.mesh", "c", "a.mesh", "v2")));
    refused(&draft,
            "service c.mesh: a route goes to subset \"v2\" of a.mesh, which no cluster has");
}

static void weights_that_make_nothing_are_refused(void **state)
{
    struct draft draft;
    struct service *service;

    (void)state;
    assert_true(draft_fill(&draft, NULL));
    service = part_service_open("c.mesh", "c", "a.mesh", "");
    ((struct destination *)service->routes[0].destinations)->weight = 0;
    tulle__service_seal(service);
    assert_true(add_service(&draft, service));
    refused(&draft, "service c.mesh: the weights of a route make 0");
}

static void a_service_answers_to_its_own_host(void **state)
{
    struct draft draft;
    struct service *service;

    (void)state;
    assert_true(draft_fill(&draft, NULL));
    service = part_service_open("c.mesh", "c", "a.mesh", "");
    service->host = STR("d.mesh");
    tulle__service_seal(service);
    assert_true(add_service(&draft, service));
    refused(&draft, "service d.mesh does not answer to its own name");
}

static void a_cluster_is_named_after_its_subset_and_host(void **state)
{
    struct draft draft = { 0 };

    (void)state;
    assert_true(add_cluster(&draft, part_cluster("a.mesh", "a.mesh", "", NULL)));
    refused(&draft, "cluster a.mesh is not named after its subset and host");
}

TEST_MAIN(TEST_OOM(a_snapshot_finds_services_by_each_name_and_clusters_by_theirs),
          cmocka_unit_test(an_empty_draft_is_a_mesh),
          cmocka_unit_test(a_snapshot_outlives_its_draft),
          TEST_OOM(parts_that_did_not_change_are_those_of_the_previous_snapshot),
          cmocka_unit_test(two_services_of_one_name_are_refused),
          cmocka_unit_test(a_service_or_a_cluster_that_is_there_twice_is_refused),
          cmocka_unit_test(a_route_to_a_subset_that_no_cluster_has_is_refused),
          cmocka_unit_test(weights_that_make_nothing_are_refused),
          cmocka_unit_test(a_service_answers_to_its_own_host),
          cmocka_unit_test(a_cluster_is_named_after_its_subset_and_host))
