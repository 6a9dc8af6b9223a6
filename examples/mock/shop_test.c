/* SPDX-License-Identifier: Apache-2.0 */

/* The shop, tested with a mesh that the test scripts: no server, no sleeping,
 * no framework.
 *
 *     cc shop_test.c shop.c $(pkg-config --cflags --libs tulle) && ./a.out
 *
 * "--list" names the examples; "--break NAME" lets the mesh of one of them do
 * something else than what is expected, and then it must fail. */

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <tulle/mock.h>

#include "shop.h"

#define ONE   "10.0.0.1:9080"
#define TWO   "10.0.0.2:9080"
#define THREE "10.0.0.3:9080"

static unsigned faults;    /* of the example that runs */
static const char *broken; /* the example that must fail; NULL: none */

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("  %s:%d: %s\n", __FILE__, __LINE__, #condition);                               \
            faults++;                                                                              \
        }                                                                                          \
    } while (0)

/* --- the mesh of a test --- */

static const char rules[] = "apiVersion: networking.istio.io/v1\n"
                            "kind: DestinationRule\n"
                            "metadata: {name: reviews}\n"
                            "spec:\n"
                            "  host: reviews\n"
                            "  trafficPolicy:\n"
                            "    outlierDetection:\n"
                            "      consecutive5xxErrors: 3\n"
                            "      interval: 1s\n"
                            "      baseEjectionTime: 30s\n"
                            "      maxEjectionPercent: 100\n";

struct test {
    struct tulle_mock *mock;
    struct shop shop;
    char page[256];
    int is_broken;
};

static int test_open(struct test *test)
{
    static const char *const replicas[] = { ONE, TWO, THREE };
    const struct tulle_mock_options options = { TULLE_MOCK_OPTIONS_INIT, .strict = 1 };

    if (tulle_mock_new(&options, &test->mock) ||
        tulle_mock_add_service(test->mock, "reviews", 80, TULLE_PROTOCOL_HTTP) ||
        tulle_mock_yaml(test->mock, "rules.yaml", rules)) {
        return 1;
    }
    for (int i = 0; i < 3; i++) {
        if (tulle_mock_add_endpoint(test->mock, "reviews", replicas[i], NULL, 0)) {
            return 1;
        }
    }
    return tulle_mock_open(test->mock, NULL, &test->shop.mesh) != TULLE_OK;
}

/* What was said and never happened fails the test, and so does what nobody expected. */
static void test_close(struct test *test)
{
    char *text = NULL;

    if (tulle_mock_check(test->mock, &text) != TULLE_OK) {
        printf("  %s", text ? text : "out of memory\n");
        faults++;
    }
    tulle_text_free(text);
    tulle_close(test->shop.mesh);
    tulle_mock_free(test->mock);
}

static void say(struct test *test, const char *address, struct tulle_mock_answer answer)
{
    answer.size = sizeof(answer);
    EXPECT(tulle_mock_answer(test->mock, address, &answer) == TULLE_OK);
}

static int page(struct test *test, const char *product)
{
    return shop_page(&test->shop, product, "nina", test->page, sizeof(test->page));
}

/* --- the examples --- */

static void a_page_has_stars(struct test *test)
{
    say(test, NULL,
        (struct tulle_mock_answer){ .path = "/stars/lamp", .body = test->is_broken ? "4" : "5" });
    EXPECT(page(test, "lamp") == 200);
    EXPECT(strcmp(test->page, "lamp: 5 stars") == 0);
}

static void the_user_is_told_to_the_reviews(struct test *test)
{
    const char *user = NULL;

    say(test, NULL, (struct tulle_mock_answer){ .body = "5", .times = test->is_broken ? 2 : 1 });
    EXPECT(page(test, "lamp") == 200);
    EXPECT(tulle_mock_requests(test->mock, NULL) == 1);
    EXPECT(tulle_mock_request_header(test->mock, 0, "x-user", &user) == TULLE_OK);
    EXPECT(user && strcmp(user, "nina") == 0);
}

static void without_reviews_a_page_has_no_stars(struct test *test)
{
    say(test, NULL, (struct tulle_mock_answer){ .status = test->is_broken ? 404 : 503 });
    EXPECT(page(test, "lamp") == 200);
    EXPECT(strcmp(test->page, "lamp") == 0);
}

static void a_page_waits_300_ms_for_stars_and_no_longer(struct test *test)
{
    int64_t before = tulle_mock_now(test->mock);

    say(test, NULL,
        (struct tulle_mock_answer){ .kind =
                                        test->is_broken ? TULLE_MOCK_REFUSE : TULLE_MOCK_HANG });
    EXPECT(page(test, "lamp") == 200);
    EXPECT(strcmp(test->page, "lamp") == 0);
    EXPECT(tulle_mock_now(test->mock) - before == TULLE_MS(300));
}

static void a_dead_replica_costs_no_page_its_stars(struct test *test)
{
    say(test, NULL, (struct tulle_mock_answer){ .body = "5" });
    EXPECT(tulle_mock_kill(test->mock, TWO) == TULLE_OK);
    if (test->is_broken) {
        EXPECT(tulle_mock_kill(test->mock, ONE) == TULLE_OK);
        EXPECT(tulle_mock_kill(test->mock, THREE) == TULLE_OK);
    }
    for (int i = 0; i < 100; i++) {
        EXPECT(page(test, "lamp") == 200);
    }
    EXPECT(test->shop.without_stars == 0);
}

static void a_bad_replica_is_left_out_for_30_s(struct test *test)
{
    double ejections = 0;

    say(test, TWO, (struct tulle_mock_answer){ .status = 500, .times = 3 });
    say(test, NULL, (struct tulle_mock_answer){ .body = "5" });
    for (int i = 0; i < 100; i++) {
        page(test, "lamp");
    }
    EXPECT(test->shop.without_stars == 3);
    EXPECT(strcmp(tulle_mock_gate(test->mock, TWO), "ejected") == 0);
    EXPECT(tulle_mock_metric(test->mock, "tulle_ejections_total", &ejections) == TULLE_OK);
    EXPECT(ejections == 1);
    EXPECT(tulle_mock_advance(test->mock, TULLE_S(test->is_broken ? 10 : 31)) == TULLE_OK);
    EXPECT(strcmp(tulle_mock_gate(test->mock, TWO), "ready") == 0);
}

static void an_hour_without_reviews_is_an_hour_of_pages(struct test *test)
{
    say(test, NULL, (struct tulle_mock_answer){ .status = 503 });
    for (int second = 0; second < 3600; second++) {
        EXPECT(page(test, "lamp") == 200);
        EXPECT(tulle_mock_advance(test->mock, TULLE_S(1)) == TULLE_OK);
    }
    EXPECT(test->shop.without_stars == test->shop.pages);
    tulle_mock_unsay(test->mock, NULL);
    say(test, NULL, (struct tulle_mock_answer){ .body = "5" });
    EXPECT(tulle_mock_advance(test->mock, TULLE_S(test->is_broken ? 1 : 300)) == TULLE_OK);
    EXPECT(page(test, "lamp") == 200);
    EXPECT(strcmp(test->page, "lamp: 5 stars") == 0);
    tulle_mock_forget(test->mock);
}

/* --- running them --- */

static const struct example {
    const char *name;
    void (*run)(struct test *test);
} examples[] = {
    { "a_page_has_stars", a_page_has_stars },
    { "the_user_is_told_to_the_reviews", the_user_is_told_to_the_reviews },
    { "without_reviews_a_page_has_no_stars", without_reviews_a_page_has_no_stars },
    { "a_page_waits_300_ms_for_stars_and_no_longer", a_page_waits_300_ms_for_stars_and_no_longer },
    { "a_dead_replica_costs_no_page_its_stars", a_dead_replica_costs_no_page_its_stars },
    { "a_bad_replica_is_left_out_for_30_s", a_bad_replica_is_left_out_for_30_s },
    { "an_hour_without_reviews_is_an_hour_of_pages", an_hour_without_reviews_is_an_hour_of_pages },
};

/* Of the real clock, which no example looks at. */
static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int example_run(const struct example *example)
{
    struct test test = { .is_broken = broken && strcmp(example->name, broken) == 0 };

    long before = now_ms();

    faults = 0;
    if (test_open(&test)) {
        printf("  the mesh does not open\n");
        return 1;
    }
    example->run(&test);
    test_close(&test);
    printf("%s %s (%ld ms)\n", faults == 0 ? "good  " : "FAILED", example->name, now_ms() - before);
    return faults > 0;
}

int main(int argc, char **argv)
{
    const size_t count = sizeof(examples) / sizeof(examples[0]);
    int failed = 0;

    broken = argc == 3 && strcmp(argv[1], "--break") == 0 ? argv[2] : NULL;
    for (size_t i = 0; i < count; i++) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
            printf("%s\n", examples[i].name);
        } else {
            failed += example_run(&examples[i]);
        }
    }
    return failed > 0;
}
