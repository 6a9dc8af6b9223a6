/* SPDX-License-Identifier: Apache-2.0 */

#include "source/file/yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "reading.h"

struct parsed {
    struct arena arena;
    struct complaints complaints;
    struct document *documents;
    enum tulle_error error;
};

static void parse_bytes(struct parsed *parsed, const char *text, size_t size)
{
    tulle__arena_init(&parsed->arena, 4096);
    tulle__complaints_init(&parsed->complaints);
    parsed->error = tulle__yaml_read(&parsed->arena, &parsed->complaints, STR("a.yaml"),
                                     (struct str){ text, size }, &parsed->documents);
}

static void parse(struct parsed *parsed, const char *text)
{
    parse_bytes(parsed, text, strlen(text));
}

static void parsed_fini(struct parsed *parsed)
{
    tulle__arena_fini(&parsed->arena);
    tulle__complaints_fini(&parsed->complaints);
}

static void assert_refused_bytes(const char *text, size_t size, enum tulle_error error,
                                 const char *expected)
{
    struct parsed parsed;
    char told[512];

    parse_bytes(&parsed, text, size);
    assert_int_equal(parsed.error, error);
    assert_int_equal(parsed.complaints.count, 1);
    snprintf(told, sizeof(told), "%u:%u: %.*s", parsed.complaints.list[0].place.line,
             parsed.complaints.list[0].place.column, STR_ARG(parsed.complaints.list[0].text));
    assert_string_equal(told, expected);
    assert_true(error == TULLE_E_CONFIG || parsed.documents->is_bad);
    parsed_fini(&parsed);
}

static void assert_refused(const char *text, enum tulle_error error, const char *expected)
{
    assert_refused_bytes(text, strlen(text), error, expected);
}

static void every_key_and_value_knows_its_place(void **state)
{
    struct parsed parsed;

    (void)state;
    parse(&parsed, "a: 1\nb:\n  - x\n  - \"y\"\n");
    CHECK_OK(parsed.error);
    const struct node *b = tulle__node_find(parsed.documents->root, STR("b"));
    assert_int_equal(b->key_line, 2);
    assert_int_equal(b->key_column, 1);
    assert_int_equal(b->count, 2);
    assert_int_equal(b->first->line, 3);
    assert_int_equal(b->first->column, 5);
    assert_true(b->first->is_plain);
    assert_false(b->first->next->is_plain);
done:
    parsed_fini(&parsed);
}

static void json_is_read_as_yaml(void **state)
{
    struct parsed parsed;

    (void)state;
    parse(&parsed, "{\"a\": {\"b\": [1, \"two\", null]}}");
    CHECK_OK(parsed.error);
    const struct node *a = tulle__node_find(parsed.documents->root, STR("a"));
    const struct node *b = tulle__node_find(a, STR("b"));
    assert_int_equal(b->count, 3);
    assert_true(tulle__node_is_null(b->first->next->next));
done:
    parsed_fini(&parsed);
}

static void empty_documents_are_left_out(void **state)
{
    struct parsed parsed;

    (void)state;
    parse(&parsed, "---\n# nothing\n---\na: 1\n---\n---\nb: 2\n");
    CHECK_OK(parsed.error);
    assert_non_null(parsed.documents->next);
    assert_null(parsed.documents->next->next);
done:
    parsed_fini(&parsed);
}

static void two_hundred_kilobytes_of_brackets_are_refused_within_50_ms(void **state)
{
    enum { SIZE = 200 * 1024 };
    char *text = malloc(SIZE);

    (void)state;
    memset(text, '[', SIZE);
    int64_t start = test_worked();
    assert_refused_bytes(text, SIZE, TULLE_E_CONFIG, "1:65: nested deeper than 64 levels");
    assert_true(test_worked() - start < 50 * NS_PER_MS);
    free(text);
}

static void an_alias_bomb_is_refused_with_one_complaint(void **state)
{
    (void)state;
    assert_refused("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b, *b]\n", TULLE_OK,
                   "1:4: YAML anchors, aliases and merge keys are not taken; write it out");
    assert_refused("a: {<<: {b: 1}}\n", TULLE_OK,
                   "1:5: YAML anchors, aliases and merge keys are not taken; write it out");
    assert_refused("a: 1\n*b : 2\n", TULLE_OK,
                   "2:1: YAML anchors, aliases and merge keys are not taken; write it out");
}

static void what_is_not_utf8_is_refused_with_line_and_column(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: \xc3\xa4\xff\n", TULLE_E_CONFIG, "2:5: not UTF-8");
    assert_refused("a: \x01\n", TULLE_E_CONFIG, "1:4: a control character");
}

static void duplicate_keys_are_refused_in_small_and_large_maps(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: 2\na: 3\n", TULLE_OK,
                   "3:1: duplicate key \"a\"; the first is in line 1");
    assert_refused("{a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, k: 1,\n b: 2}",
                   TULLE_OK, "2:2: duplicate key \"b\"; the first is in line 1");
}

static void a_duplicate_key_is_told_once_wherever_it_stands(void **state)
{
    char text[512];

    (void)state;
    for (int second = 1; second < 14; second++) {
        size_t size = 0;
        for (int i = 0; i < 14; i++) {
            size +=
                (size_t)snprintf(text + size, sizeof(text) - size, "k%d: 1\n", i == second ? 0 : i);
        }
        struct parsed parsed;
        parse(&parsed, text);
        assert_int_equal(parsed.complaints.count, 1);
        assert_int_equal(parsed.complaints.list[0].place.line, second + 1);
        parsed_fini(&parsed);
    }
}

static void tags_and_keys_that_are_no_text_are_refused(void **state)
{
    (void)state;
    assert_refused("a: !!python/object x\n", TULLE_OK, "1:4: YAML tags are not taken");
    assert_refused("? [a]\n: 1\n", TULLE_E_CONFIG,
                   "1:3: a key must be a text, not a map or a list");
    assert_refused("a: \"x\\0y\"\n", TULLE_OK, "1:4: a NUL character in a text");
}

static void a_syntax_error_keeps_the_documents_before_it(void **state)
{
    struct parsed parsed;

    (void)state;
    parse(&parsed, "a: 1\n---\nb: 2\n---\nc: [1\n");
    assert_int_equal(parsed.error, TULLE_E_CONFIG);
    assert_non_null(parsed.documents->next);
    assert_null(parsed.documents->next->next);
    assert_int_equal(parsed.complaints.count, 1);
    assert_true(tulle__str_starts(parsed.complaints.list[0].text, STR("not YAML: ")));
    parsed_fini(&parsed);
}

static void too_many_bytes_and_nodes_are_refused(void **state)
{
    char *text = malloc(YAML_SIZE_MAX + 2);

    (void)state;
    memset(text, '#', YAML_SIZE_MAX + 1);
    assert_refused_bytes(text, YAML_SIZE_MAX + 1, TULLE_E_CONFIG,
                         "1:1: the file is too large: over 4 MiB");
    text[0] = '[';
    for (size_t i = 1; i < 2 * YAML_NODES_MAX + 2; i += 2) {
        memcpy(text + i, "x,", 2);
    }
    struct parsed parsed;
    parse_bytes(&parsed, text, 2 * YAML_NODES_MAX + 2);
    assert_int_equal(parsed.error, TULLE_E_CONFIG);
    assert_int_equal(parsed.complaints.list[0].place.column, 2 * YAML_NODES_MAX);
    parsed_fini(&parsed);
    free(text);
}

static void the_fingerprint_is_of_what_is_said_and_not_of_where(void **state)
{
    static const char *const texts[] = { "a: {b: 1}\n", "\n\n'a':   # x\n  b: 1\n", "a: {b: '1'}",
                                         "a: [b, 1]" };
    struct fingerprint prints[COUNT_OF(texts)] = { { 0, 0 } };
    struct parsed parsed;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        parse(&parsed, texts[i]);
        CHECK_OK(parsed.error);
        CHECK_OR_DONE(tulle__node_fingerprint(parsed.documents->root, &prints[i]));
        parsed_fini(&parsed);
    }
    assert_true(fingerprint_equal(prints[0], prints[1]));
    assert_false(fingerprint_equal(prints[0], prints[2]));
    assert_false(fingerprint_equal(prints[0], prints[3]));
    return;
done:
    parsed_fini(&parsed);
}

TEST_MAIN(TEST_OOM(every_key_and_value_knows_its_place), TEST_OOM(json_is_read_as_yaml),
          TEST_OOM(empty_documents_are_left_out),
          cmocka_unit_test(two_hundred_kilobytes_of_brackets_are_refused_within_50_ms),
          cmocka_unit_test(an_alias_bomb_is_refused_with_one_complaint),
          cmocka_unit_test(what_is_not_utf8_is_refused_with_line_and_column),
          cmocka_unit_test(duplicate_keys_are_refused_in_small_and_large_maps),
          cmocka_unit_test(a_duplicate_key_is_told_once_wherever_it_stands),
          cmocka_unit_test(tags_and_keys_that_are_no_text_are_refused),
          cmocka_unit_test(a_syntax_error_keeps_the_documents_before_it),
          cmocka_unit_test(too_many_bytes_and_nodes_are_refused),
          TEST_OOM(the_fingerprint_is_of_what_is_said_and_not_of_where))
