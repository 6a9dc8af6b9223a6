// SPDX-License-Identifier: Apache-2.0

// The same in C++17, which has no designated initialisers: init functions.

#include <cstdio>
#include <tulle/tulle.h>

int main()
{
    tulle_options options;
    tulle_config *config = nullptr;
    tulle *mesh = nullptr;

    tulle_options_init(&options, sizeof(options));
    if (tulle_config_new(&config) != TULLE_OK) {
        return 1;
    }
    options.built = config;
    tulle_error error = tulle_open(&options, &mesh);
    tulle_config_free(config);
    if (error != TULLE_OK) {
        std::fprintf(stderr, "tulle_open: %s\n", tulle_error_text(error));
        return 1;
    }
    std::printf("a mesh by libtulle %s, from C++\n", tulle_version());
    return tulle_close(mesh) == TULLE_OK ? 0 : 1;
}
