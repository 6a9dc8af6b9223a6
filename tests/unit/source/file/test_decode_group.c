/* SPDX-License-Identifier: Apache-2.0 */

/* Every field of a TrafficPolicy, by the tables: what is wrong with a value, or
 * with a name, is told where it stands. What is right is in the tests of the groups. */

#include "reading.h"

#include <stdio.h>

#include "source/file/decode_traffic_policy.h"

enum { TEXT_MAX = 1024, NAME_MAX_SIZE = 128, LINE = 6, COLUMN = 3 };

/* The way to a group: what stands before and behind a member of it. */
struct way {
    char before[TEXT_MAX], behind[TEXT_MAX];
};

static size_t fields_seen, values_refused, names_refused;

/* One mistake at least, the first at this column of the value's line, with `part` in it. */
static void assert_told_at(const struct way *way, const char *member, size_t into, const char *part)
{
    char spec[4 * TEXT_MAX], told[TEXT_MAX], place[TEXT_MAX];
    struct readout out;

    snprintf(spec, sizeof(spec), "host: a\n%s%s%s", way->before, member, way->behind);
    snprintf(place, sizeof(place), "%d:%zu: TrafficPolicy default/x: ", LINE,
             COLUMN + strlen(way->before) + into);
    readout_read_spec(&out, "TrafficPolicy", spec);
    readout_told(&out, 0, told, sizeof(told));
    if (strncmp(told, place, strlen(place)) != 0 || !strstr(told, part)) {
        fail_msg("%s\nis told as \"%s\", not at %s with %s", spec, told, place, part);
    }
    assert_null(out.reading.first->resource);
    readout_fini(&out);
}

static void assert_refused(const struct way *way, const struct field *field, const char *value)
{
    char member[TEXT_MAX];

    snprintf(member, sizeof(member), "%s: %s", field->name, value);
    assert_told_at(way, member, strlen(field->name) + 2, field->name);
    values_refused++;
}

static bool is_list(const struct field *field)
{
    return field->decode == tulle__field_list || field->type == TYPE_LIST;
}

static void integers_are_held(const struct way *way, const struct field *field)
{
    char value[TEXT_MAX];

    if (field->least > 0) {
        snprintf(value, sizeof(value), "%lld", (long long)field->least - 1);
        assert_refused(way, field, value);
    }
    assert_refused(way, field, "-1");
    assert_refused(way, field, "1.5");
    assert_refused(way, field, "\"1\"");
    snprintf(value, sizeof(value), "%lld", (long long)field->most + 1);
    assert_refused(way, field, value);
}

static void decimals_are_held(const struct way *way, const struct field *field)
{
    char value[TEXT_MAX];

    if (field->least > 0) {
        tulle__decimal_text(field->least - 1, field->scale, value, sizeof(value));
        assert_refused(way, field, value);
    }
    assert_refused(way, field, "-1");
    assert_refused(way, field, "\"1\"");
    tulle__decimal_text(field->most + 1, field->scale, value, sizeof(value));
    assert_refused(way, field, value);
}

static void range_is_held(const struct way *way, const struct field *field)
{
    if (field->decode == tulle__field_u32 || field->decode == tulle__field_u64) {
        integers_are_held(way, field);
    } else if (field->decode == tulle__field_decimal) {
        decimals_are_held(way, field);
    } else if (field->decode == tulle__field_duration) {
        assert_refused(way, field, "soon");
        assert_refused(way, field, "-1s");
        if (field->least > 0) {
            assert_refused(way, field, "0s");
        }
    } else if (field->choices) {
        assert_refused(way, field, "NOTHING_OF_THE_KIND");
    } else if (field->decode == tulle__field_flag || field->type == TYPE_FLAG) {
        assert_refused(way, field, "maybe");
    }
}

/* A slip in its name is told with the name that was meant. */
static void slip_is_told(const struct way *way, const struct field *field)
{
    char member[TEXT_MAX], part[TEXT_MAX], slip[NAME_MAX_SIZE];
    size_t size = strlen(field->name);

    snprintf(slip, sizeof(slip), "%.*sq%s", (int)(size - 1), field->name, field->name + size - 1);
    snprintf(member, sizeof(member), "%s: {}", slip);
    snprintf(part, sizeof(part), "unknown field \"%s\"; did you mean \"%s\"?", slip, field->name);
    assert_told_at(way, member, 0, part);
    names_refused++;
}

static void group_is_held(const struct way *way, const struct field_group *group);

static void field_is_held(const struct way *way, const struct field *field)
{
    struct way inner;

    fields_seen++;
    assert_refused(way, field, is_list(field) ? "{}" : "[1]");
    range_is_held(way, field);
    slip_is_told(way, field);
    if (field->group) {
        int before = snprintf(inner.before, TEXT_MAX, "%s%s: %s{", way->before, field->name,
                              is_list(field) ? "[" : "");
        int behind =
            snprintf(inner.behind, TEXT_MAX, "}%s%s", is_list(field) ? "]" : "", way->behind);

        assert_true(before < TEXT_MAX && behind < TEXT_MAX);
        group_is_held(&inner, field->group);
    }
}

static void group_is_held(const struct way *way, const struct field_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        field_is_held(way, &group->fields[i]);
    }
}

static void every_field_tells_what_is_wrong_with_it_and_where(void **state)
{
    static const struct way top;
    /* The host is set for all others, and has tests of its own. */
    struct field_group rest = tulle__traffic_policy_group;

    (void)state;
    assert_string_equal(rest.fields[0].name, "host");
    rest.fields++;
    rest.count--;
    group_is_held(&top, &rest);
    assert_true(fields_seen > 130);
    assert_true(values_refused > 3 * fields_seen);
    assert_int_equal(names_refused, fields_seen);
}

static void a_kind_must_be_one(void **state)
{
    (void)state;
    assert_policy_mistake("subsetting: {}",
                          "6:15: subsetting must have one of random and aperture");
    assert_policy_mistake("subsetting: {random: {size: 1}, aperture: {}}",
                          "6:15: subsetting must have one of random and aperture");
    assert_policy_mistake("locality: {weighted: {}, zoneAware: {localService: a}}",
                          "6:13: locality must have at most one of weighted and zoneAware");
    assert_policy_mistake("balancer: {random: }",
                          "6:22: random must be a map; {} takes the defaults");
}

static void a_field_that_is_null_is_not_there(void **state)
{
    struct readout out;
    const struct traffic_policy *policy =
        readout_policy(&out, "hedge: {maxHedges: , minDelay: ~}\nretry:");

    (void)state;
    assert_int_equal(policy->hedge.max_hedges, 1);
    assert_int_equal(policy->says, POLICY_HEDGE);
    readout_fini(&out);
}

TEST_MAIN(cmocka_unit_test(every_field_tells_what_is_wrong_with_it_and_where),
          cmocka_unit_test(a_kind_must_be_one), cmocka_unit_test(a_field_that_is_null_is_not_there))
