/* SPDX-License-Identifier: Apache-2.0 */

#include "translate_world.h"

#include "source/file/built.h"
#include "source/file/built_set.h"

/* What a configuration with these settings has of policies, translated with its service. */
struct made {
    struct tulle_config *config;
    struct built_set set;
    struct translated *translated;
};

static enum tulle_error made_new(struct made *made)
{
    *made = (struct made){ 0 };
    tulle__built_set_init(&made->set);
    TRY(tulle_config_new(&made->config));
    return tulle_config_add_service(made->config, "reviews", 80, TULLE_PROTOCOL_HTTP);
}

static enum tulle_error made_translate(struct made *made)
{
    const struct read_options options = { .name_space = "default" };
    struct tulle_config *copy = NULL;
    struct resource list[8];
    enum tulle_error error = tulle__built_copy(made->config, &copy);

    if (error == TULLE_OK) {
        error = tulle__built_set_read(&made->set, copy, &options);
    }
    tulle_config_free(copy);
    TRY(error);
    for (size_t i = 0; i < made->set.count; i++) {
        list[i] = *made->set.parts[i].resource;
    }
    made->translated = translated_of(list, made->set.count);
    return made->translated ? TULLE_OK : TULLE_E_NOMEM;
}

static void made_free(struct made *made)
{
    translated_free(made->translated);
    tulle__built_set_fini(&made->set);
    tulle_config_free(made->config);
}

static const struct cluster *cluster_of(const struct made *made)
{
    return translated_cluster(made->translated, "outbound|80||reviews.default.svc.cluster.local");
}

static void fields_are_set_one_by_one(void **state)
{
    struct made made;

    (void)state;
    CHECK_OK(made_new(&made));
    CHECK_OK(tulle_config_set(made.config, "reviews", "balancer.peakEwma.decayTime", "5s"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "balancer.peakEwma.defaultRtt", "10ms"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "hashPolicy.0.header.headerName", "x-user"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "hashPolicy.1", "{source: {}}"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "hashPolicy.0.terminal", "true"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "retryBudget", "{percent: 10}"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "hedge", "{}"));
    assert_string_equal(tulle_config_fault(made.config), "");
    CHECK_OK(made_translate(&made));
    assert_int_equal(made.set.count, 2);
    const struct cluster *cluster = cluster_of(&made);
    assert_int_equal(cluster->balancer.kind, BALANCER_PEAK_EWMA);
    assert_int_equal(cluster->balancer.ewma_tau_ns, 5 * NS_PER_S);
    assert_int_equal(cluster->balancer.ewma_default_ns, 10 * NS_PER_MS);
    assert_int_equal(cluster->balancer.hash_count, 2);
    assert_true(str_equal(cluster->balancer.hash[0].name, STR("x-user")));
    assert_true(cluster->balancer.hash[0].terminal);
    assert_int_equal(cluster->balancer.hash[1].kind, HASH_SOURCE);
    assert_int_equal(cluster->budget.permille, 100);
    assert_true(cluster->hedge.enabled);
done:
    made_free(&made);
}

static void the_last_word_holds(void **state)
{
    struct made made;

    (void)state;
    CHECK_OK(made_new(&made));
    CHECK_OK(tulle_config_set(made.config, "reviews", "balancer", "{random: {}}"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "balancer", "{leastRequest: {}}"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "balancer.leastRequest.choiceCount", "7"));
    CHECK_OK(tulle_config_set(made.config, "reviews", "balancer.leastRequest.choiceCount", "5"));
    CHECK_OK(made_translate(&made));
    assert_int_equal(cluster_of(&made)->balancer.kind, BALANCER_LEAST_REQUEST);
    assert_int_equal(cluster_of(&made)->balancer.choice_count, 5);
done:
    made_free(&made);
}

static void a_target_may_be_a_port(void **state)
{
    struct made made;

    (void)state;
    CHECK_OK(made_new(&made));
    CHECK_OK(tulle_config_set(made.config, "reviews", "balancer", "{random: {}}"));
    CHECK_OK(tulle_config_set(made.config, "reviews:80", "balancer", "{roundRobin: {}}"));
    CHECK_OK(made_translate(&made));
    assert_int_equal(made.set.count, 3);
    assert_int_equal(cluster_of(&made)->balancer.kind, BALANCER_ROUND_ROBIN);
    assert_int_equal(tulle_config_set(made.config, "reviews:80/v1", "hedge", "{}"), TULLE_OK);
    const struct built_setting *settings;
    assert_int_equal(tulle__built_settings(made.config, &settings), 3);
done:
    made_free(&made);
}

static void what_is_wrong_is_told_at_once_and_sets_nothing(void **state)
{
    static const struct {
        const char *target, *path, *value, *fault;
    } cases[] = {
        { "reviews", "balancer.peakEwma.decayTime", "soon",
          "reviews: decayTime must be a duration such as 1.5s, 250ms or 1m30s, not \"soon\"" },
        { "reviews", "balancr", "{}",
          "reviews: unknown field \"balancr\"; did you mean \"balancer\"?" },
        { "reviews", "host", "other", "reviews: \"host\": it is told by the target" },
        { "reviews", "port.number", "80", "reviews: \"port.number\": it is told by the target" },
        { "reviews", "hashPolicy.1", "{source: {}}",
          "reviews: \"hashPolicy.1\": there is no list that has such an item, or takes it as its "
          "next" },
        { "reviews", "hedge.minDelay.x", "1",
          "reviews: \"hedge.minDelay.x\": it leads into what is no map" },
        { "reviews", "hedge..x", "1", "reviews: \"hedge..x\": it leads into what is no map" },
        { "reviews", "", "{}", "reviews: \"\": it leads into what is no map" },
        { "reviews", "hedge", "", "reviews: \"hedge\": its value is not one piece of YAML" },
        { "reviews", "hedge", "a\n---\nb",
          "reviews: \"hedge\": its value is not one piece of YAML" },
        { "reviews", "slowStart.aggression", "2", "reviews: slowStart must have a window" },
        { "no host", "hedge", "{}", "no host: \"no host\" is no host name" },
        { "reviews:0", "hedge", "{}", "reviews:0: number must be between 1 and 65535, not 0" },
        { "reviews:x", "hedge", "{}", "reviews:x: number must be a whole number" },
        { "", "hedge", "{}", ": host must name a host" },
    };
    struct made made;
    const struct built_setting *settings;

    (void)state;
    CHECK_OK(made_new(&made));
    CHECK_OK(tulle_config_set(made.config, "reviews", "hedge.minDelay", "1ms"));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(
            tulle_config_set(made.config, cases[i].target, cases[i].path, cases[i].value),
            TULLE_E_USAGE);
        assert_string_equal(tulle_config_fault(made.config), cases[i].fault);
    }
    assert_int_equal(tulle_config_set(NULL, "a", "b", "c"), TULLE_E_USAGE);
    assert_string_equal(tulle_config_fault(NULL), "");
    assert_int_equal(tulle__built_settings(made.config, &settings), 1);
    CHECK_OK(made_translate(&made));
    assert_int_equal(cluster_of(&made)->hedge.min_delay_ns, NS_PER_MS);
done:
    made_free(&made);
}

static void syntax_is_told_as_yaml_tells_it(void **state)
{
    struct made made;

    (void)state;
    CHECK_OK(made_new(&made));
    assert_int_equal(tulle_config_set(made.config, "reviews", "hedge", "{"), TULLE_E_USAGE);
    assert_non_null(strstr(tulle_config_fault(made.config), "not YAML"));
    assert_int_equal(tulle_config_set(made.config, "reviews", "hedge", "*a"), TULLE_E_USAGE);
done:
    made_free(&made);
}

TEST_MAIN(TEST_OOM(fields_are_set_one_by_one), cmocka_unit_test(the_last_word_holds),
          cmocka_unit_test(a_target_may_be_a_port),
          cmocka_unit_test(what_is_wrong_is_told_at_once_and_sets_nothing),
          cmocka_unit_test(syntax_is_told_as_yaml_tells_it))
