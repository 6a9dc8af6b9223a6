/* SPDX-License-Identifier: Apache-2.0 */

/* What a test asks at its end, or in between: is anything left over, what do
 * the metrics say, where does an endpoint stand. And what it does to endpoints
 * at run time. */

#include <stdlib.h>

#include "base/macros.h"
#include "mock/mock.h"

/* --- dying --- */

enum tulle_error tulle_mock_kill(struct tulle_mock *mock, const char *address)
{
    struct script_endpoint *endpoint;

    ENSURE(address && !mock->turning, TULLE_E_USAGE);
    endpoint = tulle__script_endpoint(&mock->script, address);
    ENSURE(endpoint, TULLE_E_NOMEM);
    endpoint->dead = true;
    tulle__script_kill_connections(&mock->script, endpoint);
    return tulle_mock_run(mock);
}

void tulle_mock_revive(struct tulle_mock *mock, const char *address)
{
    struct script_endpoint *endpoint = tulle__script_endpoint(&mock->script, address);

    if (endpoint) {
        endpoint->dead = false;
    }
}

/* --- checking --- */

static size_t unexpected_tell(const struct script *script, struct buf *text)
{
    for (size_t i = 0; i < script->request_count; i++) {
        const struct script_request *request = script->requests[i];
        if (request->unexpected) {
            tulle__buf_addf(text, "unexpected: %s: %s %s\n", request->address, request->method,
                            request->url ? request->url : "");
        }
    }
    return script->unexpected;
}

static size_t cut_tell(const struct tulle_mock *mock, struct buf *text)
{
    size_t cut = mock->script.requests_cut + mock->records.picks.cut + mock->records.events.cut;

    if (cut > 0) {
        tulle__buf_addf(text, "not recorded: %zu requests, %zu picks, %zu events\n",
                        mock->script.requests_cut, mock->records.picks.cut,
                        mock->records.events.cut);
    }
    return cut;
}

static size_t calls_tell(const struct tulle_mock *mock, struct buf *text)
{
    size_t calls = atomic_load(&mock->calls);

    if (calls > 0) {
        tulle__buf_addf(text, "not freed: %zu call%s, repl%s or pick%s\n", calls,
                        calls == 1 ? "" : "s", calls == 1 ? "y" : "ies", calls == 1 ? "" : "s");
    }
    return calls;
}

enum tulle_error tulle_mock_check(struct tulle_mock *mock, char **out)
{
    struct buf text = { 0 };
    size_t wrong;

    /* A pick that was reported is let go by its loop. */
    (void)!tulle_mock_run(mock);
    wrong = tulle__mock_leftovers(mock, &text);
    wrong += unexpected_tell(&mock->script, &text);
    wrong += calls_tell(mock, &text);
    wrong += cut_tell(mock, &text);
    *out = tulle__buf_take(&text, NULL);
    ENSURE(*out, TULLE_E_NOMEM);
    return wrong == 0 ? TULLE_OK : TULLE_E_USAGE;
}

/* --- metrics --- */

/* The first `name="value"`, whose value may hold commas. */
static struct str label_cut(struct str labels, struct str *rest)
{
    bool quoted = false;

    for (size_t i = 0; i < labels.size; i++) {
        char c = labels.data[i];
        quoted = quoted != (c == '"' && (i == 0 || labels.data[i - 1] != '\\'));
        if (c == ',' && !quoted) {
            *rest = (struct str){ labels.data + i + 1, labels.size - i - 1 };
            return tulle__str_trim((struct str){ labels.data, i });
        }
    }
    *rest = STR_NONE;
    return tulle__str_trim(labels);
}

static bool has_label(struct str labels, struct str label)
{
    while (labels.size > 0) {
        if (str_equal(label_cut(labels, &labels), label)) {
            return true;
        }
    }
    return label.size == 0;
}

static bool labels_match(struct str labels, struct str wanted)
{
    while (wanted.size > 0) {
        if (!has_label(labels, label_cut(wanted, &wanted))) {
            return false;
        }
    }
    return true;
}

/* "name{labels} value" into its three. False: a comment, or nothing. */
static bool line_split(struct str line, struct str *name, struct str *labels, struct str *value)
{
    size_t size = strcspn(line.data, "{ \n");
    const char *end = line.data + size;

    *name = (struct str){ line.data, size };
    *labels = STR("");
    if (line.size == 0 || line.data[0] == '#' || size >= line.size) {
        return false;
    }
    if (*end == '{') {
        const char *close = strstr(end, "} ");
        if (!close || close >= line.data + line.size) {
            return false;
        }
        *labels = (struct str){ end + 1, (size_t)(close - end) - 1 };
        end = close + 1;
    }
    *value = (struct str){ end + 1, line.size - (size_t)(end + 1 - line.data) };
    return true;
}

static struct str selector_labels(struct str selector)
{
    struct str labels;

    (void)tulle__str_cut(selector, '{', &labels);
    if (labels.size > 0 && labels.data[labels.size - 1] == '}') {
        labels.size--;
    }
    return labels;
}

static double text_sum(const char *text, struct str selector)
{
    struct str rest, wanted = tulle__str_cut(selector, '{', &rest);
    struct str name, labels, value, lines = str_of(text);
    double sum = 0;

    while (lines.data) {
        struct str line = tulle__str_cut(lines, '\n', &lines);
        if (line_split(line, &name, &labels, &value) && str_equal(name, wanted) &&
            labels_match(labels, selector_labels(selector))) {
            sum += strtod(value.data, NULL);
        }
    }
    return sum;
}

enum tulle_error tulle_mock_metric(struct tulle_mock *mock, const char *selector, double *out)
{
    struct list *node;
    char *text;

    *out = 0;
    ENSURE(selector, TULLE_E_USAGE);
    for (node = mock->meshes.next; node != &mock->meshes; node = node->next) {
        struct mock_mesh *each = CONTAINER_OF(node, struct mock_mesh, node);
        TRY(tulle_metrics(each->mesh, NULL, &text));
        *out += text_sum(text, str_of(selector));
        tulle_text_free(text);
    }
    return TULLE_OK;
}

/* --- gates --- */

struct gate_search {
    const char *address;
    const char *gate; /* static */
};

static void gate_look(const struct tulle_endpoint_state *state, void *user)
{
    static const char *const gates[] = { "ready", "trial", "ejected" };
    struct gate_search *search = user;

    for (size_t i = 0; i < COUNT_OF(gates); i++) {
        bool is_it =
            strcmp(state->address, search->address) == 0 && strcmp(state->gate, gates[i]) == 0;
        /* The worst of several clusters' gates. */
        if (is_it && (!search->gate[0] || strcmp(search->gate, "ready") == 0)) {
            search->gate = gates[i];
        }
    }
}

const char *tulle_mock_gate(struct tulle_mock *mock, const char *address)
{
    struct gate_search search = { address, "" };
    struct list *node;

    for (node = mock->meshes.next; node != &mock->meshes; node = node->next) {
        struct mock_mesh *each = CONTAINER_OF(node, struct mock_mesh, node);
        if (tulle_endpoints(each->mesh, gate_look, &search) != TULLE_OK) {
            return "";
        }
    }
    return search.gate;
}
