// SPDX-License-Identifier: Apache-2.0

// libtulle for C++17: handles that free themselves, texts as std::string_view,
// results that are a value or a failure. Header only; it adds nothing to what
// the C headers say and keeps nothing from you: every class has get().
//
//     tullepp::options options;
//     options.config = "mesh/";
//     auto mesh = tullepp::mesh::open(options).value();
//     auto reply = mesh.get("http://reviews/ratings/7");
//     if (reply) std::cout << reply->status() << ' ' << reply->body() << '\n';
//     else std::cerr << reply.failure().text << '\n';
//
// (The namespace is not `tulle`: that is C's name for the mesh.)
//
// No exception crosses C: value() of a failure throws tullepp::error in your own
// frame, and a callback that throws ends the program, as a destructor does.

#ifndef TULLE_TULLE_HPP
#define TULLE_TULLE_HPP

#include <tulle/hpp/call.hpp>
#include <tulle/hpp/config.hpp>
#include <tulle/hpp/mesh.hpp>
#include <tulle/hpp/pick.hpp>
#include <tulle/hpp/reply.hpp>
#include <tulle/hpp/result.hpp>
#include <tulle/hpp/trace.hpp>

#endif
