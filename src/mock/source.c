/* SPDX-License-Identifier: Apache-2.0 */

/* The source of a mesh in a mock: a file source, to which the mock's own
 * configuration is applied besides, as far as its discovery delivers. */

#include "base/alloc.h"
#include "base/macros.h"
#include "mock/mock.h"
#include "source/file/file_source.h"

struct mock_source {
    struct tulle_mock *mock;
    struct source *inner; /* tulle__file_source */
    const struct log *log;
    uint64_t applied, failed; /* generations of the mock's configuration */
    bool has_failed;          /* since discovery was fresh last */
    uint64_t failures;
};

static struct mock_source *source_of(const struct source *source)
{
    return (struct mock_source *)(uintptr_t)source;
}

/* Errors: TULLE_E_NOMEM */
static enum tulle_error apply(struct mock_source *source, int64_t now)
{
    struct tulle_mock *mock = source->mock;
    size_t errors;

    if (source->applied == mock->generation) {
        return TULLE_OK;
    }
    TRY(tulle__file_source_apply(source->inner, mock->config, now, &errors));
    source->applied = mock->generation;
    mock->errors += errors;
    return TULLE_OK;
}

static void source_close(struct source *base)
{
    struct mock_source *source = source_of(base);

    tulle__mock_said_disown(source->mock, source->inner);
    tulle__file_source.close(source->inner);
    tulle__free(source);
}

static enum tulle_error first_apply(struct mock_source *source,
                                    const struct source_options *options, int64_t now)
{
    source->mock->errors = 0;
    if (source->mock->discovery == TULLE_MOCK_FRESH) {
        TRY(apply(source, now));
    }
    ENSURE(source->mock->errors == 0 || options->open_with_errors, TULLE_E_CONFIG);
    return tulle__mock_say_resources(source->mock, source->inner);
}

static enum tulle_error source_open(const struct source_options *options, int64_t now,
                                    struct source **out)
{
    struct mock_source *source = ALLOC_ZERO(struct mock_source);
    struct source_options inner = *options;
    enum tulle_error error;

    *out = NULL;
    ENSURE(source, TULLE_E_NOMEM);
    source->mock = CONTAINER_OF(options->type, struct tulle_mock, source_type);
    source->log = options->log;
    inner.type = &tulle__file_source;
    inner.is_mock = true;
    error = tulle__file_source.open(&inner, now, &source->inner);
    if (error == TULLE_OK) {
        error = first_apply(source, options, now);
    }
    if (error != TULLE_OK) {
        source_close((struct source *)(void *)source);
        return error;
    }
    *out = (struct source *)(void *)source;
    return TULLE_OK;
}

/* Once when it begins, and once for each change that is held back. */
static void failure_tell(struct mock_source *source)
{
    if (source->has_failed && source->failed == source->mock->generation) {
        return;
    }
    source->has_failed = true;
    source->failed = source->mock->generation;
    source->failures++;
    tulle__log(source->log, LOG_ERROR, "config",
               "discovery fails: the mock's; what is known stays");
}

static enum source_step source_step(struct source *base, int64_t now)
{
    struct mock_source *source = source_of(base);
    uint64_t before = source->applied;
    bool changed;

    if (source->mock->discovery == TULLE_MOCK_FAILING) {
        failure_tell(source);
    }
    if (source->mock->discovery != TULLE_MOCK_FRESH) {
        return SOURCE_SAME;
    }
    source->has_failed = false;
    if (apply(source, now) != TULLE_OK) {
        tulle__log(source->log, LOG_WARNING, "config", "out of memory; applied at the next step");
    }
    changed =
        tulle__file_source.step(source->inner, now) == SOURCE_CHANGED || source->applied != before;
    if (changed && tulle__mock_say_resources(source->mock, source->inner) != TULLE_OK) {
        tulle__log(source->log, LOG_WARNING, "config", "out of memory; some answers are not said");
    }
    return changed ? SOURCE_CHANGED : SOURCE_SAME;
}

static int64_t source_due(const struct source *source)
{
    return tulle__file_source.due(source_of(source)->inner);
}

static int source_fd(const struct source *source)
{
    return tulle__file_source.fd(source_of(source)->inner);
}

static const struct draft *source_draft(const struct source *source)
{
    return tulle__file_source.draft(source_of(source)->inner);
}

static void source_stats(const struct source *base, struct source_stats *out)
{
    struct mock_source *source = source_of(base);

    tulle__file_source.stats(source->inner, out);
    out->refused += source->failures;
    out->errors += source->has_failed;
}

const struct source_type tulle__mock_source = {
    .name = "mock",
    .open = source_open,
    .close = source_close,
    .step = source_step,
    .due = source_due,
    .fd = source_fd,
    .draft = source_draft,
    .stats = source_stats,
};
