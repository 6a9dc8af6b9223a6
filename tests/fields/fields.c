/* SPDX-License-Identifier: Apache-2.0 */

/* fields table | crd: what a TrafficPolicy may say, from the tables that decode
 * it, as the table of src/source/file/README.md or as the schema of
 * examples/trafficpolicy-crd.yaml. fields.py puts it there, or compares. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "source/file/decode_traffic_policy.h"

enum { PATH_MAX_SIZE = 256, INDENT = 2 };

static enum field_type type_of(const struct field *field)
{
    field_fn *decode = field->decode;

    if (field->type != TYPE_OF_FUNCTION) {
        return field->type;
    }
    if (decode == tulle__field_flag) {
        return TYPE_FLAG;
    }
    if (decode == tulle__field_list) {
        return TYPE_LIST;
    }
    return decode == tulle__field_text || decode == tulle__field_placed ||
                   decode == tulle__field_host || decode == tulle__field_choice ||
                   decode == tulle__field_duration
               ? TYPE_TEXT
               : TYPE_OF_FUNCTION;
}

static bool is_integer(const struct field *field)
{
    return field->decode == tulle__field_u32 || field->decode == tulle__field_u64 ||
           field->decode == tulle__field_u16;
}

static void print_duration(int64_t ns)
{
    if (ns % NS_PER_S == 0) {
        printf("%" PRId64 "s", ns / NS_PER_S);
    } else {
        printf("%" PRId64 "ms", ns / NS_PER_MS);
    }
}

static void print_decimal(int64_t parts, uint32_t scale)
{
    char text[32];

    printf("%s", tulle__decimal_text(parts, scale, text, sizeof(text)));
}

/* --- the table --- */

static void print_choice(const struct field *field, const void *value)
{
    const struct choice *choice = field->choices;
    int chosen;

    memcpy(&chosen, value, sizeof(chosen));
    while (choice->name && choice->value != chosen) {
        choice++;
    }
    printf("%s", choice->name ? choice->name : "");
}

/* `at` is the struct that the field's offset is in. */
static void print_default(const struct field *field, const char *at)
{
    const void *value = at + field->offset;
    struct str text;

    if (field->unset) {
        printf("%s", field->unset);
    } else if (field->decode == tulle__field_u32) {
        printf("%" PRIu32, *(const uint32_t *)value);
    } else if (field->decode == tulle__field_u64) {
        printf("%" PRIu64, *(const uint64_t *)value);
    } else if (field->decode == tulle__field_decimal) {
        print_decimal(*(const uint32_t *)value, field->scale);
    } else if (field->decode == tulle__field_duration) {
        print_duration(*(const int64_t *)value);
    } else if (field->decode == tulle__field_choice) {
        print_choice(field, value);
    } else if (type_of(field) == TYPE_FLAG) {
        printf("%s", *(const bool *)value ? "true" : "false");
    } else if (type_of(field) == TYPE_TEXT) {
        memcpy(&text, value, sizeof(text));
        printf("%.*s", STR_ARG(text));
    }
}

static void print_integers(const struct field *field)
{
    if (field->most == UINT32_MAX) {
        if (field->least > 0) {
            printf("at least %" PRId64, field->least);
        }
        return;
    }
    printf("%" PRId64 " to %" PRId64, field->least, field->most);
}

static void print_range(const struct field *field)
{
    if (field->group && field->group->kinds != KIND_NONE) {
        printf("%s", field->group->kinds == KIND_ONE ? "exactly one kind" : "at most one kind");
    } else if (field->choices) {
        for (const struct choice *choice = field->choices; choice->name; choice++) {
            printf("%s%s", choice == field->choices ? "" : ", ", choice->name);
        }
    } else if (is_integer(field)) {
        print_integers(field);
    } else if (field->decode == tulle__field_decimal) {
        print_decimal(field->least, field->scale);
        printf(" to ");
        print_decimal(field->most, field->scale);
    } else if (field->decode == tulle__field_duration && field->least > 0) {
        printf("at least ");
        print_duration(field->least);
    }
}

static void table_rows(const struct field_group *group, const char *path, const char *at);

static void table_row(const struct field *field, const char *path, const char *at)
{
    const char *inner = at + (field->group && type_of(field) != TYPE_LIST ? field->offset : 0);
    char whole[PATH_MAX_SIZE];

    snprintf(whole, sizeof(whole), "%s%s%s%s", path, path[0] ? "." : "", field->name,
             type_of(field) == TYPE_LIST ? "[]" : "");
    printf("| `%s` | ", whole);
    if (field->group && field->group->count == 0) {
        printf("`{}`");
    } else {
        print_default(field, at);
    }
    printf(" | ");
    print_range(field);
    printf(" | %s |\n", field->from ? field->from : "");
    if (field->group) {
        table_rows(field->group, whole, field->group->defaults ? field->group->defaults : inner);
    }
}

static void table_rows(const struct field_group *group, const char *path, const char *at)
{
    for (size_t i = 0; i < group->count; i++) {
        table_row(&group->fields[i], path, at);
    }
}

static void print_table(void)
{
    struct traffic_policy defaults;

    tulle__traffic_policy_init(&defaults);
    printf("| field | default | range | from |\n|---|---|---|---|\n");
    table_rows(&tulle__traffic_policy_group, "", (const char *)&defaults);
}

/* --- the schema --- */

static void crd_object(const struct field_group *group, int indent);

static void crd_kinds(const struct field_group *group, int indent)
{
    if (group->kinds != KIND_ONE) {
        return;
    }
    printf("%*soneOf:\n", indent, "");
    for (size_t i = 0; i < group->count; i++) {
        if (group->fields[i].is_kind) {
            printf("%*s- required: [%s]\n", indent, "", group->fields[i].name);
        }
    }
}

static void crd_number(const struct field *field, int indent)
{
    bool is_whole = is_integer(field);

    printf("%*stype: %s\n%*sminimum: ", indent, "", is_whole ? "integer" : "number", indent, "");
    print_decimal(field->least, is_whole ? 1 : field->scale);
    printf("\n%*smaximum: ", indent, "");
    print_decimal(field->most, is_whole ? 1 : field->scale);
    printf("\n");
}

static void crd_text(const struct field *field, int indent)
{
    printf("%*stype: string\n", indent, "");
    if (!field->choices) {
        return;
    }
    printf("%*senum: [", indent, "");
    for (const struct choice *choice = field->choices; choice->name; choice++) {
        printf("%s%s", choice == field->choices ? "" : ", ", choice->name);
    }
    printf("]\n");
}

static void crd_field(const struct field *field, int indent)
{
    printf("%*s%s:\n", indent, "", field->name);
    indent += INDENT;
    if (type_of(field) == TYPE_LIST) {
        printf("%*stype: array\n%*sitems:\n", indent, "", indent, "");
        crd_object(field->group, indent + INDENT);
    } else if (field->group) {
        crd_object(field->group, indent);
    } else if (type_of(field) == TYPE_FLAG) {
        printf("%*stype: boolean\n", indent, "");
    } else if (field->decode == tulle__field_port) {
        printf("%*stype: object\n%*srequired: [number]\n%*sproperties:\n"
               "%*snumber: {type: integer, minimum: 1, maximum: 65535}\n",
               indent, "", indent, "", indent, "", indent + INDENT, "");
    } else if (type_of(field) == TYPE_TEXT) {
        crd_text(field, indent);
    } else {
        crd_number(field, indent);
    }
}

static void crd_object(const struct field_group *group, int indent)
{
    printf("%*stype: object\n", indent, "");
    crd_kinds(group, indent);
    if (group->count == 0) {
        return;
    }
    printf("%*sproperties:\n", indent, "");
    for (size_t i = 0; i < group->count; i++) {
        crd_field(&group->fields[i], indent + INDENT);
    }
}

static void print_crd(void)
{
    printf(
        "# SPDX-License-Identifier: Apache-2.0\n"
        "#\n"
        "# The kind TrafficPolicy for a Kubernetes API server: kubectl apply -f takes it, then\n"
        "# the policies; Istio passes them over. Made by ./dev fields: do not edit.\n"
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata:\n  name: trafficpolicies.tulle.dev\nspec:\n  group: tulle.dev\n"
        "  scope: Namespaced\n  names:\n    kind: TrafficPolicy\n    listKind: TrafficPolicyList\n"
        "    plural: trafficpolicies\n    singular: trafficpolicy\n  versions:\n"
        "  - name: v1alpha1\n    served: true\n    storage: true\n    schema:\n"
        "      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n"
        "            required: [host]\n");
    crd_object(&tulle__traffic_policy_group, 12);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "table") == 0) {
        print_table();
        return 0;
    }
    if (count == 2 && strcmp(arguments[1], "crd") == 0) {
        print_crd();
        return 0;
    }
    fprintf(stderr, "usage: fields table | crd\n");
    return 2;
}
