/* SPDX-License-Identifier: Apache-2.0 */

/* "mock:FILE": a program that knows nothing of mocks, with its threads and on
 * the real clock, against a script. */

#include <stdio.h>

#include "wire/wire.h"

#define MESH                                                                                       \
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: reviews}\n"          \
    "spec:\n  hosts: [reviews]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"             \
    "  resolution: STATIC\n  endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}]\n---\n"

#define SCRIPT                                                                                     \
    "apiVersion: tulle.dev/v1alpha1\nkind: MockEndpoint\nmetadata: {name: one}\n"                  \
    "spec:\n  address: \"*\"\n  answers:\n  - {kind: REFUSE, times: 10}\n"                         \
    "  - {body: %s, size: 0}\n"

struct program {
    char *folder;
    char config[256];
    char log[4096];
    struct tulle_options options;
};

static void hear_log(void *user, int32_t level, const char *area, const char *text)
{
    struct program *program = user;
    size_t size = strlen(program->log);

    (void)level;
    snprintf(program->log + size, sizeof(program->log) - size, "%s: %s\n", area, text);
}

static void program_write(struct program *program, const char *body)
{
    char text[2048];

    snprintf(text, sizeof(text), MESH SCRIPT, body);
    test_folder_write(program->folder, "mock.yaml", text);
}

static void program_init(struct program *program)
{
    *program = (struct program){ .folder = test_folder_new() };
    program->options =
        (struct tulle_options){ TULLE_OPTIONS_INIT, .config = program->config, .allow_mock = 1,
                                .log = hear_log, .log_user = program };
    snprintf(program->config, sizeof(program->config), "mock:%s/mock.yaml", program->folder);
}

static void a_program_runs_against_a_script(void **state)
{
    const struct tulle_request request = { TULLE_REQUEST_INIT, .url = "http://reviews/" };
    struct outcome outcome;
    struct program program;
    struct tally tally;
    struct tulle *mesh;

    (void)state;
    program_init(&program);
    program_write(&program, "hello");
    assert_int_equal(tulle_open(&program.options, &mesh), TULLE_OK);
    tally_init(&tally);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(tally_start(&tally, mesh, &request), TULLE_OK);
    }
    assert_true(tally_wait(&tally, 60 * TULLE_S(1)));
    assert_int_equal(tally.ok, 200);
    tally_fini(&tally);
    outcome = wire_get(mesh, "http://reviews/ratings");
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body, "hello");
    wire_close(mesh);
    test_folder_free(program.folder);
}

struct rewritten {
    struct tulle *mesh;
    const char *body;
};

static bool says_so_now(void *user)
{
    struct rewritten *rewritten = user;

    return strcmp(wire_get(rewritten->mesh, "http://reviews/").body, rewritten->body) == 0;
}

static void the_script_is_watched_like_any_configuration(void **state)
{
    struct rewritten rewritten = { .body = "goodbye" };
    struct program program;

    (void)state;
    program_init(&program);
    program_write(&program, "hello");
    assert_int_equal(tulle_open(&program.options, &rewritten.mesh), TULLE_OK);
    program_write(&program, rewritten.body);
    assert_true(test_wait_until(says_so_now, &rewritten, 60 * TULLE_S(1)));
    wire_close(rewritten.mesh);
    test_folder_free(program.folder);
}

static void a_program_that_does_not_allow_it_is_told(void **state)
{
    struct program program;
    struct tulle *mesh;

    (void)state;
    program_init(&program);
    program_write(&program, "hello");
    program.options.allow_mock = 0;
    assert_int_equal(tulle_open(&program.options, &mesh), TULLE_E_USAGE);
    assert_null(mesh);
    assert_non_null(strstr(program.log, "open: mock:"));
    assert_non_null(strstr(program.log, "needs allow_mock"));
    test_folder_free(program.folder);
}

static void a_script_with_mistakes_fails_the_open(void **state)
{
    struct program program;
    struct tulle *mesh;

    (void)state;
    program_init(&program);
    program_write(&program, "[1]");
    assert_int_equal(tulle_open(&program.options, &mesh), TULLE_E_CONFIG);
    assert_non_null(strstr(program.log, "mock.yaml:17:12: MockEndpoint default/one: body"));
    test_folder_free(program.folder);
}

TEST_MAIN(cmocka_unit_test(a_program_runs_against_a_script),
          cmocka_unit_test(the_script_is_watched_like_any_configuration),
          cmocka_unit_test(a_program_that_does_not_allow_it_is_told),
          cmocka_unit_test(a_script_with_mistakes_fails_the_open))
