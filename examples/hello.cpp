// SPDX-License-Identifier: Apache-2.0

// hello.c in C++: one call by name, and what one is told when it fails.
//
//     hello mesh/ http://reviews/ratings/7

#include <iostream>
#include <tulle/tulle.hpp>

static void tell(const tulle_failure &why)
{
    std::cerr << why.text << " (" << why.layer << ", " << why.flags << ", attempts " << why.attempts
              << ")\n";
}

static int hello(const char *config, const char *url)
{
    tullepp::options options;

    options.config = config;
    options.more.allow_mock = 1; // so that "mock:FILE" does for a mesh
    options.log = [](int, std::string_view area, std::string_view text) {
        std::cerr << area << ": " << text << '\n';
    };
    auto mesh = tullepp::mesh::open(options).value();
    auto reply = mesh.get(url);
    if (!reply) {
        tell(reply.failure());
        return 1;
    }
    std::cout << reply->status() << ' ' << reply->body() << '\n';
    return 0;
}

int main(int argc, char **argv)
{
    try {
        return hello(argc > 1 ? argv[1] : "mesh/", argc > 2 ? argv[2] : "http://reviews/ratings/7");
    } catch (const std::exception &why) {
        std::cerr << why.what() << '\n';
        return 1;
    }
}
