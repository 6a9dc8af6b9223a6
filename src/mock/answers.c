/* SPDX-License-Identifier: Apache-2.0 */

/* Answers become lines of the script, from the app's struct and from
 * MockEndpoint resources. Their texts are copied into the mock's arena and stay
 * there, because a flight may still be telling them. */

#include "base/alloc.h"
#include "base/macros.h"
#include "core/request.h"
#include "mock/mock.h"
#include "source/file/file_source.h"

/* --- from the app --- */

/* True: copied, or nothing to copy. */
static bool text_copy(struct tulle_mock *mock, const char *text, const char **out)
{
    *out = text ? tulle__arena_str(&mock->arena, str_of(text)).data : NULL;
    return !text || *out;
}

static bool headers_copy(struct tulle_mock *mock, const struct tulle_header *headers, size_t count,
                         const struct tulle_header **out)
{
    struct tulle_header *list = ARENA_ARRAY(&mock->arena, struct tulle_header, count + 1);

    *out = list;
    for (size_t i = 0; list && i < count; i++) {
        if (!text_copy(mock, headers[i].name, &list[i].name) ||
            !text_copy(mock, headers[i].value, &list[i].value)) {
            return false;
        }
    }
    return list != NULL;
}

static bool body_copy(struct tulle_mock *mock, const struct tulle_mock_answer *answer,
                      struct script_line *line)
{
    line->body_size = answer->body_size;
    if (!answer->body) {
        return true;
    }
    if (line->body_size == 0) {
        line->body_size = strlen(answer->body);
    }
    line->body = tulle__arena_str(&mock->arena, (struct str){ answer->body, line->body_size }).data;
    return line->body != NULL;
}

static bool headers_are_good(const struct tulle_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!headers[i].name || !headers[i].value || !headers[i].name[0]) {
            return false;
        }
    }
    return true;
}

static bool answer_is_good(const struct tulle_mock_answer *answer)
{
    return answer->kind >= TULLE_MOCK_ANSWER && answer->kind <= TULLE_MOCK_BREAK &&
           (answer->status == 0 || (answer->status >= 200 && answer->status <= 599)) &&
           answer->delay_ns >= 0 && answer->connect_ns >= 0 && answer->connect_ns != TULLE_NONE &&
           answer->chunk_ns >= 0 && answer->chunk_ns != TULLE_NONE &&
           !(answer->path && answer->prefix) &&
           headers_are_good(answer->headers, answer->header_count) &&
           headers_are_good(answer->trailers, answer->trailer_count);
}

static enum tulle_error line_make(struct tulle_mock *mock, const struct tulle_mock_answer *answer,
                                  struct script_line *out)
{
    *out = (struct script_line){
        .kind = (enum script_kind)answer->kind,
        .times = answer->times,
        .status = answer->status,
        .delay_ns = answer->delay_ns,
        .connect_ns = answer->connect_ns,
        .chunk_size = answer->chunk_size,
        .chunk_ns = answer->chunk_ns,
        .break_at = answer->break_at,
        .close = answer->close != 0,
        .header_count = answer->header_count,
        .trailer_count = answer->trailer_count,
    };
    ENSURE(text_copy(mock, answer->method, &out->method), TULLE_E_NOMEM);
    ENSURE(text_copy(mock, answer->path, &out->path), TULLE_E_NOMEM);
    ENSURE(text_copy(mock, answer->prefix, &out->prefix), TULLE_E_NOMEM);
    ENSURE(body_copy(mock, answer, out), TULLE_E_NOMEM);
    ENSURE(headers_copy(mock, answer->headers, answer->header_count, &out->header_list),
           TULLE_E_NOMEM);
    ENSURE(headers_copy(mock, answer->trailers, answer->trailer_count, &out->trailer_list),
           TULLE_E_NOMEM);
    return TULLE_OK;
}

static struct script_endpoint *endpoint_of(struct tulle_mock *mock, const char *address)
{
    return !address || strcmp(address, "*") == 0 ? tulle__script_any(&mock->script)
                                                 : tulle__script_endpoint(&mock->script, address);
}

void tulle_mock_answer_init(struct tulle_mock_answer *answer, size_t size)
{
    memset(answer, 0, size);
    answer->size = size;
}

enum tulle_error tulle_mock_answer(struct tulle_mock *mock, const char *address,
                                   const struct tulle_mock_answer *answer)
{
    struct script_endpoint *endpoint;
    struct tulle_mock_answer known;
    struct script_line line;

    ENSURE(answer && tulle__options_copy(&known, sizeof(known), answer, answer->size) &&
               answer_is_good(&known),
           TULLE_E_USAGE);
    endpoint = endpoint_of(mock, address);
    ENSURE(endpoint, TULLE_E_NOMEM);
    TRY(line_make(mock, &known, &line));
    return tulle__script_say(&mock->script, endpoint, &line) ? TULLE_OK : TULLE_E_NOMEM;
}

static struct script_endpoint *each_endpoint(struct list *node)
{
    return CONTAINER_OF(node, struct script_endpoint, node);
}

void tulle_mock_unsay(struct tulle_mock *mock, const char *address)
{
    struct list *all = &mock->script.endpoints, *node;

    for (node = all->next; node != all; node = node->next) {
        if (!address || strcmp(each_endpoint(node)->address, address) == 0) {
            tulle__script_unsay(&mock->script, each_endpoint(node));
        }
    }
    if (!address && mock->script.any) {
        tulle__script_unsay(&mock->script, mock->script.any);
    }
}

/* --- from resources --- */

/* Of resources' texts, which have a NUL in their arena. */
static const char *text_or_null(struct str text)
{
    return text.size > 0 ? text.data : NULL;
}

static bool labels_to_headers(struct tulle_mock *mock, const struct label *labels, size_t count,
                              const struct tulle_header **out)
{
    struct tulle_header *list = ARENA_ARRAY(&mock->arena, struct tulle_header, count + 1);

    *out = list;
    for (size_t i = 0; list && i < count; i++) {
        list[i] = (struct tulle_header){ labels[i].name.data, labels[i].value.data };
    }
    return list != NULL;
}

static enum tulle_error resource_line(struct tulle_mock *mock, const struct mock_answer *said,
                                      struct script_line *out)
{
    struct tulle_mock_answer answer = {
        TULLE_MOCK_ANSWER_INIT,
        .kind = said->kind,
        .status = (int32_t)said->status,
        .times = said->times,
        .method = text_or_null(said->method),
        .path = text_or_null(said->path),
        .prefix = text_or_null(said->prefix),
        .header_count = said->header_count,
        .trailer_count = said->trailer_count,
        .body = text_or_null(said->body),
        .body_size = said->has_body ? said->body.size : said->size,
        .delay_ns = said->delay_ns < 0    ? 0
                    : said->delay_ns == 0 ? TULLE_NONE
                                          : said->delay_ns,
        .connect_ns = said->connect_ns,
        .chunk_size = said->chunk_size,
        .chunk_ns = said->chunk_ns,
        .break_at = said->break_at,
        .close = said->close,
    };

    ENSURE(labels_to_headers(mock, said->headers, said->header_count, &answer.headers),
           TULLE_E_NOMEM);
    ENSURE(labels_to_headers(mock, said->trailers, said->trailer_count, &answer.trailers),
           TULLE_E_NOMEM);
    return line_make(mock, &answer, out);
}

static enum tulle_error resource_say(struct tulle_mock *mock, const struct mock_endpoint *endpoint,
                                     struct script_endpoint *script_endpoint)
{
    struct script_line line;

    for (size_t i = 0; i < endpoint->answer_count; i++) {
        TRY(resource_line(mock, &endpoint->answers[i], &line));
        ENSURE(tulle__script_say(&mock->script, script_endpoint, &line), TULLE_E_NOMEM);
    }
    return TULLE_OK;
}

static struct mock_said *said_find(struct tulle_mock *mock, const struct fingerprint *print)
{
    struct list *node;

    for (node = mock->said.next; node != &mock->said; node = node->next) {
        struct mock_said *said = CONTAINER_OF(node, struct mock_said, node);
        if (memcmp(&said->print, print, sizeof(*print)) == 0) {
            return said;
        }
    }
    return NULL;
}

/* On failure nothing of it is said. */
static enum tulle_error said_add(struct tulle_mock *mock, const struct source *owner,
                                 const struct resource *resource)
{
    struct mock_said *said = ALLOC_ZERO(struct mock_said);
    enum tulle_error error;

    ENSURE(said, TULLE_E_NOMEM);
    said->print = resource->print;
    said->owner = owner;
    said->is_named = true;
    said->endpoint = endpoint_of(mock, resource->spec.mock_endpoint.address.text.data);
    error = said->endpoint ? resource_say(mock, &resource->spec.mock_endpoint, said->endpoint)
                           : TULLE_E_NOMEM;
    if (error != TULLE_OK) {
        if (said->endpoint) {
            tulle__script_unsay(&mock->script, said->endpoint);
        }
        tulle__free(said);
        return error;
    }
    list_add_last(&mock->said, &said->node);
    return TULLE_OK;
}

static void said_sweep(struct tulle_mock *mock, const struct source *owner)
{
    struct list *node, *next;

    for (node = mock->said.next; node != &mock->said; node = next) {
        struct mock_said *said = CONTAINER_OF(node, struct mock_said, node);
        next = node->next;
        if (said->owner == owner && !said->is_named) {
            tulle__script_unsay(&mock->script, said->endpoint);
            list_remove(node);
            tulle__free(said);
        }
    }
}

static void said_mark(struct tulle_mock *mock, const struct source *source)
{
    const struct resource *resource;
    struct list *node;

    for (node = mock->said.next; node != &mock->said; node = node->next) {
        CONTAINER_OF(node, struct mock_said, node)->is_named = false;
    }
    for (size_t at = 0;
         (resource = tulle__file_source_next(source, RESOURCE_MOCK_ENDPOINT, &at));) {
        struct mock_said *said = said_find(mock, &resource->print);
        if (said) {
            said->is_named = true;
        }
    }
}

enum tulle_error tulle__mock_say_resources(struct tulle_mock *mock, const struct source *source)
{
    const struct resource *resource;

    said_mark(mock, source);
    said_sweep(mock, source);
    for (size_t at = 0;
         (resource = tulle__file_source_next(source, RESOURCE_MOCK_ENDPOINT, &at));) {
        if (!said_find(mock, &resource->print)) {
            TRY(said_add(mock, source, resource));
        }
    }
    return TULLE_OK;
}

void tulle__mock_said_disown(struct tulle_mock *mock, const struct source *source)
{
    struct list *node;

    for (node = mock->said.next; node != &mock->said; node = node->next) {
        struct mock_said *said = CONTAINER_OF(node, struct mock_said, node);
        said->owner = said->owner == source ? NULL : said->owner;
    }
}

void tulle__mock_said_fini(struct tulle_mock *mock)
{
    struct list *node;

    while ((node = list_first(&mock->said))) {
        list_remove(node);
        tulle__free(CONTAINER_OF(node, struct mock_said, node));
    }
}

/* --- what is left of them --- */

static const char *kind_text(enum script_kind kind)
{
    static const char *const texts[] = { "answer", "hang",         "refuse",         "connect hang",
                                         "reset",  "reset before", "refused stream", "break" };

    return texts[kind];
}

/* "left over: 10.0.0.1:80: 2 x answer 503 to GET /x" */
static void leftover_tell(const struct script_endpoint *endpoint, const struct script_line *line,
                          struct buf *text)
{
    const char *path = line->path ? line->path : line->prefix ? line->prefix : "";

    tulle__buf_addf(text, "left over: %s: %u x %s", endpoint->address, line->times,
                    kind_text(line->kind));
    if (line->kind == SCRIPT_ANSWER) {
        tulle__buf_addf(text, " %d", line->status ? line->status : 200);
    }
    if (line->method || path[0]) {
        tulle__buf_addf(text, " to %s%s%s%s", line->method ? line->method : "",
                        line->method && path[0] ? " " : "", path, line->prefix ? "..." : "");
    }
    tulle__buf_addf(text, "\n");
}

static size_t endpoint_leftovers(const struct script_endpoint *endpoint, struct buf *text)
{
    size_t count = 0;

    for (size_t i = 0; i < endpoint->line_count; i++) {
        if (endpoint->lines[i].times > 0) {
            leftover_tell(endpoint, &endpoint->lines[i], text);
            count++;
        }
    }
    return count;
}

size_t tulle__mock_leftovers(struct tulle_mock *mock, struct buf *text)
{
    struct list *all = &mock->script.endpoints, *node;
    size_t count = 0;

    tulle__mutex_lock(&mock->script.lock);
    for (node = all->next; node != all; node = node->next) {
        count += endpoint_leftovers(each_endpoint(node), text);
    }
    count += mock->script.any ? endpoint_leftovers(mock->script.any, text) : 0;
    tulle__mutex_unlock(&mock->script.lock);
    return count;
}
