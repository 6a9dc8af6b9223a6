/* SPDX-License-Identifier: Apache-2.0 */

/* apiVersion, kind and metadata, as kubectl and `kubectl get -o yaml` write
 * them. What Kubernetes adds to metadata is passed over; what it does not know
 * is a mistake, since a misspelt namespace would be another resource. */

#include "source/file/document.h"

enum { NAME_MAX_SIZE = 253 };

static void keep_node(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field)
{
    (void)decoder;
    (void)field;
    *(const struct node **)out = value;
}

/* DNS-1123 subdomain, as the API server asks. */
static bool is_name(struct str name)
{
    if (name.size == 0 || name.size > NAME_MAX_SIZE) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool is_inside = i > 0 && i + 1 < name.size;
        if (!is_alnum && !(is_inside && (c == '-' || c == '.'))) {
            return false;
        }
    }
    return true;
}

static void name_field(struct decoder *decoder, const struct node *value, void *out,
                       const struct field *field)
{
    struct str text;

    (void)field;
    if (!tulle__decode_text(decoder, value, &text)) {
        return;
    }
    if (!is_name(text)) {
        tulle__mistake(decoder, value,
                       "metadata.%.*s \"%.*s\" must be of lower case letters, digits, - and .",
                       STR_ARG(value->key), STR_ARG(text));
        return;
    }
    *(struct str *)out = text;
}

static void named_field(struct decoder *decoder, const struct node *value, void *out,
                        const struct field *field)
{
    struct envelope *envelope = out;

    name_field(decoder, value, &envelope->name, field);
    envelope->name_node = value;
}

static void created_field(struct decoder *decoder, const struct node *value, void *out,
                          const struct field *field)
{
    (void)field;
    if (value->kind != NODE_SCALAR || !tulle__timestamp_parse(value->text, out)) {
        tulle__mistake(decoder, value, "creationTimestamp must be as 2026-11-22T10:00:00Z");
    }
}

static void metadata_field(struct decoder *decoder, const struct node *value, void *out,
                           const struct field *field)
{
    static const struct field fields[] = {
        { .name = "name", named_field },
        { .name = "namespace", name_field, offsetof(struct envelope, name_space) },
        { .name = "creationTimestamp", created_field, offsetof(struct envelope, created) },
        { .name = "labels", tulle__field_ignored },
        { .name = "annotations", tulle__field_ignored },
        { .name = "generateName", tulle__field_ignored },
        { .name = "generation", tulle__field_ignored },
        { .name = "resourceVersion", tulle__field_ignored },
        { .name = "uid", tulle__field_ignored },
        { .name = "managedFields", tulle__field_ignored },
        { .name = "ownerReferences", tulle__field_ignored },
        { .name = "finalizers", tulle__field_ignored },
        { .name = "selfLink", tulle__field_ignored },
        { .name = "deletionTimestamp", tulle__field_ignored },
        { .name = "deletionGracePeriodSeconds", tulle__field_ignored },
    };
    struct envelope *envelope = out;

    (void)field;
    DECODE_MAP(decoder, value, fields, envelope);
}

static void split_version(struct envelope *envelope)
{
    struct str rest;
    struct str first = tulle__str_cut(envelope->api_version, '/', &rest);

    envelope->group = rest.data ? first : STR("");
    envelope->version = rest.data ? rest : first;
}

static const struct node *text_find(const struct node *map, const char *name, struct str *out)
{
    const struct node *node = map ? tulle__node_find(map, str_of(name)) : NULL;

    if (!node || node->kind != NODE_SCALAR || tulle__node_is_null(node)) {
        return NULL;
    }
    *out = node->text;
    return node;
}

void tulle__envelope_peek(const struct node *root, struct envelope *out)
{
    const struct node *metadata = tulle__node_find(root, STR("metadata"));

    *out = (struct envelope){ .created = INT64_MAX };
    out->version_node = text_find(root, "apiVersion", &out->api_version);
    out->kind_node = text_find(root, "kind", &out->kind);
    out->name_node = text_find(metadata, "name", &out->name);
    (void)text_find(metadata, "namespace", &out->name_space);
    split_version(out);
}

void tulle__envelope_read(struct decoder *decoder, const struct node *root, struct envelope *out)
{
    static const struct field fields[] = {
        { .name = "apiVersion", tulle__field_ignored },
        { .name = "kind", tulle__field_ignored },
        { .name = "metadata", metadata_field },
        { .name = "spec", keep_node, offsetof(struct envelope, spec) },
        { .name = "status", tulle__field_ignored },
    };
    size_t before = decoder->mistakes;

    out->name = STR("");
    out->name_space = STR("");
    DECODE_MAP(decoder, root, fields, out);
    if (out->name.size == 0 && decoder->mistakes == before) {
        tulle__mistake(decoder, root, "metadata.name is missing");
    }
}

/* Days since 1970-01-01 (Howard Hinnant, days_from_civil). */
static int64_t days_from(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static bool two_digits(const char *at, int64_t most, int64_t *out)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') {
        return false;
    }
    *out = (at[0] - '0') * 10 + (at[1] - '0');
    return *out <= most;
}

bool tulle__timestamp_parse(struct str text, int64_t *out)
{
    static const char form[] = "0000-00-00T00:00:00";
    int64_t century, year, month, day, hour, minute, second;
    const char *at = text.data;

    if (text.size <= sizeof(form) - 1 || text.data[text.size - 1] != 'Z') {
        return false; /* Kubernetes writes UTC, always */
    }
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] != '0' && at[i] != form[i]) {
            return false;
        }
    }
    if (!two_digits(at, 99, &century) || !two_digits(at + 2, 99, &year) ||
        !two_digits(at + 5, 12, &month) || !two_digits(at + 8, 31, &day) ||
        !two_digits(at + 11, 23, &hour) || !two_digits(at + 14, 59, &minute) ||
        !two_digits(at + 17, 60, &second) || month == 0 || day == 0) {
        return false;
    }
    *out = days_from(century * 100 + year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}
