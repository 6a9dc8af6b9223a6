/* SPDX-License-Identifier: Apache-2.0 */

/* "mock:FILE": a program that knows nothing of mocks, on the real clock and with
 * its threads, against the script in FILE (or in a folder), which is watched as
 * every configuration is. */

#include "base/macros.h"
#include "mock/mock.h"

enum { PREFIX_SIZE = 5 };

enum tulle_error tulle__mock_open_file(const struct tulle_options *options, struct tulle **out)
{
    struct tulle_options inner = *options;
    struct tulle_mock *mock;
    enum tulle_error error;

    *out = NULL;
    inner.config += PREFIX_SIZE;
    ENSURE(inner.config[0], TULLE_E_USAGE);
    TRY(tulle__mock_new_real(&mock));
    error = tulle__mock_open_mesh(mock, &inner, out);
    tulle_mock_free(mock);
    return error;
}
