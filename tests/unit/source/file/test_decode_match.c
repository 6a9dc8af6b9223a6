/* SPDX-License-Identifier: Apache-2.0 */

#include "reading.h"

#include <stdio.h>

#include "model/regex.h"

#define MATCH(text) "hosts: [a]\nhttp:\n- route: [{destination: {host: a}}]\n  match: [" text "]"

static const struct route_match *match_of(const struct readout *out)
{
    return &readout_resource(out)->spec.virtual_service.routes[0].matches[0];
}

static void every_matcher_is_read(void **state)
{
    struct readout out;

    (void)state;
    readout_read_spec(&out, "VirtualService",
                      MATCH("{uri: {regex: '/a/[0-9]+'}, method: {exact: GET}, headers: {X-User: "
                            "{prefix: j}, x-any: {}}, queryParams: {q: {exact: ''}}}"));
    CHECK_OK(out.error);
    const struct route_match *match = match_of(&out);
    assert_true(match->has_uri && match->has_method);
    assert_int_equal(match->uri.kind, MATCH_REGEX);
    assert_true(tulle__regex_matches(match->uri.regex, "/a/12", 5));
    assert_int_equal(match->method.kind, MATCH_EXACT);
    assert_int_equal(match->header_count, 2);
    assert_true(str_equal(match->headers[0].name, STR("x-user")));
    assert_int_equal(match->headers[0].match.kind, MATCH_PREFIX);
    assert_int_equal(match->headers[1].match.kind, MATCH_PRESENT);
    assert_int_equal(match->query_count, 1);
    assert_int_equal(match->query[0].match.kind, MATCH_EXACT);
    assert_int_equal(match->query[0].match.text.size, 0);
done:
    readout_fini(&out);
}

static void a_string_match_has_exactly_one_matcher(void **state)
{
    (void)state;
    assert_mistake("VirtualService", MATCH("{uri: {exact: /a, prefix: /b}}"),
                   "8:19: uri must have exactly one of exact, prefix and regex");
    assert_mistake("VirtualService", MATCH("{uri: {}}"),
                   "8:19: uri must have exactly one of exact, prefix and regex");
    assert_mistake("VirtualService", MATCH("{headers: {x: {exact: a, regex: b}}}"),
                   "8:27: x must have exactly one of exact, prefix and regex");
    assert_mistake("VirtualService", MATCH("{uri: /a}"), "8:19: uri must be a map");
    assert_mistake("VirtualService", MATCH("{uri: {exat: /a}}"),
                   "8:20: unknown field \"exat\"; did you mean \"exact\"?");
    assert_mistake("VirtualService", MATCH("{method: {exact: on}}"),
                   "8:30: exact: on is a boolean in YAML; quote it: \"on\"");
}

static void a_bad_regex_is_told_with_its_reason(void **state)
{
    char spec[REGEX_SIZE_MAX + 200], pattern[REGEX_SIZE_MAX + 2];

    (void)state;
    assert_mistake("VirtualService", MATCH("{uri: {regex: '/a('}}"),
                   "8:27: bad regex: missing ): /a(");
    memset(pattern, 'a', sizeof(pattern) - 1);
    pattern[sizeof(pattern) - 1] = '\0';
    snprintf(spec, sizeof(spec), MATCH("{uri: {regex: %s}}"), pattern);
    assert_mistake("VirtualService", spec, "8:27: regex is longer than 1024 bytes");
}

static void header_names_must_be_names_of_headers(void **state)
{
    (void)state;
    assert_mistake("VirtualService", MATCH("{headers: {'a b': {exact: a}}}"),
                   "8:24: \"a b\" is no header name");
    assert_mistake("VirtualService", MATCH("{headers: {':path': {exact: a}}}"),
                   "8:24: \":path\" is no header name");
    assert_mistake("VirtualService", MATCH("{headers: {uri: {exact: a}}}"),
                   "8:24: \"uri\" is no header; match on it beside headers");
    assert_mistake("VirtualService", MATCH("{queryParams: {'': {exact: a}}}"),
                   "8:28: a query parameter must have a name");
    assert_mistake("VirtualService", MATCH("{headers: [a]}"), "8:23: headers must be a map");
}

static void matchers_that_are_not_supported_are_refused_by_name(void **state)
{
    static const char *const fields[] = { "scheme",         "authority",       "port",
                                          "sourceLabels",   "gateways",        "ignoreUriCase",
                                          "withoutHeaders", "sourceNamespace", "statPrefix" };
    char spec[256], line[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        snprintf(spec, sizeof(spec), MATCH("{%s: x}"), fields[i]);
        snprintf(line, sizeof(line), "8:14: field \"%s\" is not supported yet", fields[i]);
        assert_mistake("VirtualService", spec, line);
    }
}

TEST_MAIN(TEST_OOM(every_matcher_is_read), cmocka_unit_test(a_string_match_has_exactly_one_matcher),
          cmocka_unit_test(a_bad_regex_is_told_with_its_reason),
          cmocka_unit_test(header_names_must_be_names_of_headers),
          cmocka_unit_test(matchers_that_are_not_supported_are_refused_by_name))
