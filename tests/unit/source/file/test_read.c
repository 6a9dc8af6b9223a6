/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#define ENTRY(name)                                                                                \
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " name "}\n"         \
    "spec:\n  hosts: [a]\n  resolution: STATIC\n"                                                  \
    "  ports: [{number: 80, name: http, protocol: HTTP}]\n"

static void several_documents_are_read(void **state)
{
    struct readout out;

    (void)state;
    readout_read(&out, ENTRY("one") "---\n" ENTRY("two"));
    CHECK_OK(out.error);
    assert_int_equal(readout_count(&out), 2);
    const struct read_item *item = readout_item(&out, 1);
    assert_true(str_equal(item->name, STR("two")));
    assert_true(str_equal(item->name_space, STR("default")));
    assert_int_equal(item->place.line, 11);
    assert_int_equal(item->place.column, 18);
    assert_true(str_equal(item->resource->place.file, STR("a.yaml")));
    assert_int_equal(item->resource->created, INT64_MAX);
done:
    readout_fini(&out);
}

static void lists_are_taken_apart(void **state)
{
    static const char text[] =
        "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"metadata\": {}, \"items\": [\n"
        "  {\"apiVersion\": \"networking.istio.io/v1beta1\", \"kind\": \"DestinationRule\",\n"
        "   \"metadata\": {\"name\": \"a\", \"namespace\": \"shop\", \"uid\": \"1\",\n"
        "                \"creationTimestamp\": \"1970-01-02T00:00:01Z\"},\n"
        "   \"spec\": {\"host\": \"a\"}, \"status\": {}},\n"
        "  {\"apiVersion\": \"networking.istio.io/v1\", \"kind\": \"DestinationRuleList\", "
        "\"items\": [\n"
        "    {\"apiVersion\": \"networking.istio.io/v1alpha3\", \"kind\": \"DestinationRule\",\n"
        "     \"metadata\": {\"name\": \"b\", \"creationTimestamp\": null},\n"
        "     \"spec\": {\"host\": \"b\"}}]}]}\n";
    struct readout out;

    (void)state;
    readout_read(&out, text);
    CHECK_OK(out.error);
    assert_only_told(&out, "");
    assert_int_equal(readout_count(&out), 2);
    assert_true(str_equal(readout_item(&out, 0)->name_space, STR("shop")));
    assert_int_equal(readout_item(&out, 0)->resource->created, 86401);
    assert_true(str_equal(readout_item(&out, 1)->name, STR("b")));
done:
    readout_fini(&out);
}

static void all_mistakes_of_all_documents_are_told(void **state)
{
    struct readout out;
    char told[512];

    (void)state;
    readout_read(&out, ENTRY("one") "  retires: 3\n---\n" ENTRY("two") "  host: b\n  bogus: {}\n");
    CHECK_OK(out.error);
    assert_int_equal(out.complaints.count, 3);
    assert_string_equal(readout_told(&out, 0, told, sizeof(told)),
                        "8:3: ServiceEntry default/one: unknown field \"retires\"");
    assert_string_equal(
        readout_told(&out, 1, told, sizeof(told)),
        "17:3: ServiceEntry default/two: unknown field \"host\"; did you mean \"hosts\"?");
    assert_null(readout_item(&out, 0)->resource);
    assert_null(readout_item(&out, 1)->resource);
done:
    readout_fini(&out);
}

static void a_document_that_breaks_a_rule_of_yaml_is_named_and_bad(void **state)
{
    struct readout out;

    (void)state;
    readout_read(&out, ENTRY("one") "  hosts: [b]\n---\n" ENTRY("two"));
    CHECK_OK(out.error);
    assert_only_told(&out, "8:3: duplicate key \"hosts\"; the first is in line 5");
    assert_int_equal(readout_count(&out), 2);
    assert_null(readout_item(&out, 0)->resource);
    assert_non_null(readout_item(&out, 1)->resource);
done:
    readout_fini(&out);
}

/* Found by fuzz_yaml: the first metadata had no name. */
static void a_name_may_come_from_a_second_metadata(void **state)
{
    struct readout out;

    (void)state;
    readout_read(&out, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {}\n"
                       "metadata: {name: x}\nspec: {host: a}\n");
    assert_only_told(&out, "4:1: duplicate key \"metadata\"; the first is in line 3");
    assert_int_equal(readout_count(&out), 1);
    assert_int_equal(readout_item(&out, 0)->place.line, 4);
    assert_null(readout_item(&out, 0)->resource);
    readout_fini(&out);
}

static void what_comes_before_a_syntax_error_is_read(void **state)
{
    struct readout out;

    (void)state;
    readout_read(&out, ENTRY("one") "---\napiVersion: [\n");
    assert_true(out.error == TULLE_E_CONFIG || test_oom_hit());
    CHECK(readout_count(&out) == 1);
    readout_fini(&out);
}

static void assert_told(const char *text, const char *line)
{
    struct readout out;

    readout_read(&out, text);
    assert_only_told(&out, line);
    assert_int_equal(out.error, TULLE_OK);
    readout_fini(&out);
}

static void the_envelope_must_be_whole(void **state)
{
    (void)state;
    assert_told("kind: VirtualService\n", "1:1: VirtualService: apiVersion is missing");
    assert_told("apiVersion: v1\n", "1:1: kind is missing");
    assert_told("[a]\n", "1:1: a resource must be a map with apiVersion and kind");
    assert_told("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: {host: a}\n",
                "1:1: DestinationRule: metadata.name is missing");
    assert_told("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\n",
                "1:1: DestinationRule default/x: spec is missing");
    assert_told("apiVersion: networking.istio.io/v2\nkind: DestinationRule\nmetadata: {name: x}\n"
                "spec: {host: a}\n",
                "1:13: DestinationRule default/x: apiVersion \"networking.istio.io/v2\" is not "
                "known");
    assert_told("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
                "metadata: {name: x, namepsace: y}\nspec: {host: a}\n",
                "3:21: DestinationRule default/x: unknown field \"namepsace\"; did you mean "
                "\"namespace\"?");
    assert_told("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
                "metadata: {name: off}\nspec: {host: a}\n",
                "3:18: DestinationRule default/off: name: off is a boolean in YAML; quote it: "
                "\"off\"");
    assert_told("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
                "metadata: {name: \"a b\"}\nspec: {host: a}\n",
                "3:18: DestinationRule default/a b: metadata.name \"a b\" must be of lower case "
                "letters, digits, - and .");
    assert_told("apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
                "metadata: {name: x, creationTimestamp: soon}\nspec: {host: a}\n",
                "3:40: DestinationRule default/x: creationTimestamp must be as "
                "2026-11-22T10:00:00Z");
}

static void kinds_that_promise_something_are_refused(void **state)
{
    static const char *const kinds[] = { "security.istio.io/v1\nkind: PeerAuthentication",
                                         "networking.istio.io/v1\nkind: Sidecar",
                                         "networking.istio.io/v1alpha3\nkind: EnvoyFilter",
                                         "telemetry.istio.io/v1\nkind: Telemetry",
                                         "gateway.networking.k8s.io/v1\nkind: HTTPRoute" };
    char text[256], line[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        snprintf(text, sizeof(text), "apiVersion: %s\nmetadata: {name: x}\n", kinds[i]);
        snprintf(line, sizeof(line),
                 "2:7: %s default/x: this kind is not supported yet; ignore_kinds can pass it over",
                 strstr(kinds[i], "kind: ") + 6);
        assert_told(text, line);
    }
}

static void misspelt_kinds_and_groups_are_refused(void **state)
{
    (void)state;
    assert_told("apiVersion: networking.istio.io/v1\nkind: VirtualServce\nmetadata: {name: x}\n",
                "2:7: VirtualServce default/x: unknown kind; did you mean \"VirtualService\"?");
    assert_told("apiVersion: tulle.dev/v1alpha1\nkind: Nonsense\nmetadata: {name: x}\n",
                "2:7: Nonsense default/x: unknown kind");
    assert_told("apiVersion: networking.istio.oi/v1\nkind: VirtualService\nmetadata: {name: x}\n",
                "2:7: VirtualService default/x: unknown apiVersion; did you mean "
                "\"networking.istio.io/v1\"?");
}

static void other_kinds_are_counted_and_named_once(void **state)
{
    struct readout out;

    (void)state;
    readout_read(&out, "apiVersion: apps/v1\nkind: Deployment\nspec: {}\n---\n"
                       "apiVersion: v1\nkind: ConfigMap\ndata: {off: on}\n---\n"
                       "apiVersion: apps/v1\nkind: Deployment\n---\n"
                       "apiVersion: networking.istio.io/v1\nkind: Gateway\n---\n"
                       "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n");
    CHECK_OK(out.error);
    assert_only_told(&out, "");
    assert_int_equal(out.reading.ignored, 5);
    assert_true(
        str_equal(out.reading.ignored_kinds, STR("Deployment, ConfigMap, Gateway, WasmPlugin")));
done:
    readout_fini(&out);
}

static void export_to_says_whether_we_see_a_resource(void **state)
{
    static const struct {
        const char *text;
        bool is_exported;
    } cases[] = { { "[]", true },
                  { "['*']", true },
                  { "[.]", true },
                  { "[other]", false },
                  { "[other, default]", true },
                  { "['~']", false },
                  { "[~]", false } };
    char spec[128];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct readout out;
        snprintf(spec, sizeof(spec), "host: a\nexportTo: %s", cases[i].text);
        readout_read_spec(&out, "DestinationRule", spec);
        assert_int_equal(readout_resource(&out)->is_exported, cases[i].is_exported);
        readout_fini(&out);
    }
}

static void a_resource_of_another_namespace_may_keep_itself_private(void **state)
{
    struct readout out;

    (void)state;
    readout_read(&out, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
                       "metadata: {name: x, namespace: shop}\nspec: {host: a, exportTo: [.]}\n");
    CHECK_OK(out.error);
    assert_false(readout_resource(&out)->is_exported);
done:
    readout_fini(&out);
}

TEST_MAIN(TEST_OOM(several_documents_are_read), TEST_OOM(lists_are_taken_apart),
          TEST_OOM(all_mistakes_of_all_documents_are_told),
          TEST_OOM(a_document_that_breaks_a_rule_of_yaml_is_named_and_bad),
          cmocka_unit_test(a_name_may_come_from_a_second_metadata),
          TEST_OOM(what_comes_before_a_syntax_error_is_read),
          cmocka_unit_test(the_envelope_must_be_whole),
          cmocka_unit_test(kinds_that_promise_something_are_refused),
          cmocka_unit_test(misspelt_kinds_and_groups_are_refused),
          TEST_OOM(other_kinds_are_counted_and_named_once),
          cmocka_unit_test(export_to_says_whether_we_see_a_resource),
          TEST_OOM(a_resource_of_another_namespace_may_keep_itself_private))
