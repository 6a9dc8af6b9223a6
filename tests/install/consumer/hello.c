/* SPDX-License-Identifier: Apache-2.0 */

/* The least that proves a library: a mesh is opened, names itself, and closes. */

#include <stdio.h>
#include <tulle/tulle.h>

int main(void)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT };
    struct tulle_config *config;
    struct tulle *mesh;
    enum tulle_error error;

    if (tulle_config_new(&config) != TULLE_OK ||
        tulle_config_add_service(config, "hello", 80, TULLE_PROTOCOL_HTTP) != TULLE_OK ||
        tulle_config_add_endpoint(config, "hello", "127.0.0.1:9", NULL, 0) != TULLE_OK) {
        return 1;
    }
    options.built = config;
    error = tulle_open(&options, &mesh);
    tulle_config_free(config);
    if (error != TULLE_OK) {
        fprintf(stderr, "tulle_open: %s\n", tulle_error_text(error));
        return 1;
    }
    printf("a mesh by libtulle %s\n", tulle_version());
    return tulle_close(mesh) == TULLE_OK ? 0 : 1;
}
