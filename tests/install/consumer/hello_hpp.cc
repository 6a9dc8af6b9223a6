// SPDX-License-Identifier: Apache-2.0

// The same by tulle.hpp, and a scripted mesh.

#include <cstdio>
#include <tulle/mock.hpp>

int main()
{
    auto mock = tullepp::mock::make().value();

    tullepp::check(mock.add_service("hello", 80));
    tullepp::check(mock.add_endpoint("hello", "10.0.0.1:80"));
    auto mesh = mock.open().value();
    std::printf("a mesh by libtulle %s, from tulle.hpp\n", tulle_version());
    return mesh.get("http://hello/")->status() == 200 ? 0 : 1;
}
