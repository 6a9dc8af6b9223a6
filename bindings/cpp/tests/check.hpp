// SPDX-License-Identifier: Apache-2.0

// The least of a test framework: CHECK throws, and main() tells which test.

#ifndef TULLE_CPP_TESTS_CHECK_HPP
#define TULLE_CPP_TESTS_CHECK_HPP

#include <cstdio>
#include <stdexcept>
#include <string>
#include <tulle/mock.hpp>

#define CHECK_TEXT_(n) #n
#define CHECK_TEXT(n)  CHECK_TEXT_(n)
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            throw std::runtime_error(__FILE__ ":" CHECK_TEXT(__LINE__) ": " #condition);           \
        }                                                                                          \
    } while (0)

struct test {
    const char *name;
    void (*run)();
};

template <std::size_t N> int run_all(const test (&tests)[N])
{
    int failed = 0;

    for (const auto &each : tests) {
        try {
            each.run();
            std::printf("good   %s\n", each.name);
        } catch (const std::exception &why) {
            std::printf("FAILED %s: %s\n", each.name, why.what());
            failed++;
        }
    }
    return failed > 0;
}

inline constexpr char ONE[] = "10.0.0.1:9080";

// A mock with the service "reviews" at ONE.
inline tullepp::mock one_endpoint()
{
    auto mock = tullepp::mock::make().value();

    tullepp::check(mock.add_service("reviews", 80));
    tullepp::check(mock.add_endpoint("reviews", ONE));
    return mock;
}

inline tullepp::request to(const std::string &url)
{
    tullepp::request wanted;

    wanted.url = url;
    return wanted;
}

#endif
