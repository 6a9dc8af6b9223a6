/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#include "source/file/built.h"

static void a_copy_outlives_the_configuration(void **state)
{
    struct tulle_config *config = NULL;
    struct translated *before = NULL, *after = NULL;
    const struct resource *copy;
    struct part *part = NULL;
    size_t count;

    (void)state;
    CHECK_OK(tulle_config_new(&config));
    CHECK_OK(tulle_config_add_service(config, "reviews", 80, TULLE_PROTOCOL_HTTP));
    CHECK_OK(tulle_config_add_endpoint(config, "reviews", "10.0.0.1:9080", "version=v1", 3));
    CHECK_OK(tulle_config_add_endpoint(config, "reviews", "[::1]:9080", NULL, 1));
    before = translated_of(tulle__built_resources(config, &count)[0], 1);
    CHECK_OR_DONE(before != NULL);
    part = tulle__built_resource_copy(tulle__built_resources(config, &count)[0], &copy);
    CHECK_OR_DONE(part != NULL);
    assert_true(fingerprint_equal(copy->print, tulle__built_resources(config, &count)[0]->print));
    tulle_config_free(config);
    config = NULL;
    after = translated_of(copy, 1);
    CHECK_OR_DONE(after != NULL);
    assert_true(fingerprint_equal(before->draft.clusters[0]->part.print,
                                  after->draft.clusters[0]->part.print));
    assert_true(fingerprint_equal(before->draft.services[0]->part.print,
                                  after->draft.services[0]->part.print));
done:
    tulle__part_unref(part);
    translated_free(before);
    translated_free(after);
    tulle_config_free(config);
}

static void a_copy_of_a_service_without_endpoints_is_one(void **state)
{
    struct tulle_config *config = NULL;
    const struct resource *copy;
    struct part *part = NULL;
    size_t count;

    (void)state;
    CHECK_OK(tulle_config_new(&config));
    CHECK_OK(tulle_config_add_service(config, "reviews", 80, TULLE_PROTOCOL_HTTP));
    part = tulle__built_resource_copy(tulle__built_resources(config, &count)[0], &copy);
    CHECK_OR_DONE(part != NULL);
    assert_int_equal(copy->spec.service_entry.endpoint_count, 0);
done:
    tulle__part_unref(part);
    tulle_config_free(config);
}

TEST_MAIN(TEST_OOM(a_copy_outlives_the_configuration),
          TEST_OOM(a_copy_of_a_service_without_endpoints_is_one))
