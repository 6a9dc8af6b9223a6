// SPDX-License-Identifier: Apache-2.0

#include "check.hpp"

#include <cstdlib>
#include <new>
#include <poll.h>
#include <type_traits>

using namespace std::chrono_literals;
using tullepp::result;

static_assert(!std::is_copy_constructible_v<tullepp::mesh>);
static_assert(!std::is_copy_constructible_v<tullepp::reply>);
static_assert(!std::is_copy_constructible_v<tullepp::call>);
static_assert(!std::is_copy_constructible_v<tullepp::pick>);
static_assert(std::is_nothrow_move_constructible_v<tullepp::mesh>);
static_assert(std::is_nothrow_move_assignable_v<tullepp::mesh>);
static_assert(std::is_nothrow_move_constructible_v<tullepp::call>);
static_assert(std::is_nothrow_move_constructible_v<tullepp::reply>);
static_assert(!std::is_move_constructible_v<tullepp::scope>);

// --- results ---

static void a_failure_is_a_value_until_it_is_asked_for_one()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    tullepp::mock_answer refuse;
    bool is_thrown = false;

    refuse.kind = TULLE_MOCK_REFUSE;
    tullepp::check(mock.answer(ONE, refuse));
    auto wanted = to("http://reviews/");
    wanted.retry = false;
    auto reply = mesh.call(wanted);
    CHECK(!reply);
    CHECK(reply.code() == TULLE_E_NETWORK);
    CHECK(std::string(reply.failure().flags) == "UF");
    CHECK(std::string(reply.failure().endpoint) == ONE);
    try {
        (void)reply->status();
    } catch (const tullepp::error &why) {
        is_thrown = true;
        CHECK(why.code() == TULLE_E_NETWORK);
        CHECK(why.failure().attempts == 1);
        CHECK(std::string(why.what()) == why.failure().text);
    }
    CHECK(is_thrown);
}

static void a_usage_error_needs_no_call()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();

    CHECK(mesh.get("reviews").code() == TULLE_E_USAGE);
    CHECK(mesh.start(to("")).code() == TULLE_E_USAGE);
    CHECK(std::string(mesh.start(to("")).failure().text) == tulle_error_text(TULLE_E_USAGE));
}

static void a_mesh_that_does_not_open_says_why()
{
    tullepp::config built;
    tullepp::options wanted;
    std::string log;

    tullepp::check(built.add_yaml("shop.yaml", "kind: 7\n"));
    wanted.built = &built;
    wanted.log = [&log](int, std::string_view, std::string_view text) { log.append(text); };
    auto mesh = tullepp::mesh::open(std::move(wanted));
    CHECK(mesh.code() == TULLE_E_CONFIG);
    CHECK(log.find("shop.yaml") != std::string::npos);
}

static void a_policy_is_set_field_by_field()
{
    tullepp::config built;

    CHECK(built.set("shop", "balancer.peakEwma.decayTime", "5s") == TULLE_OK);
    CHECK(built.fault().empty());
    CHECK(built.set("shop", "balancer.peakEwma.decayTime", "soon") == TULLE_E_USAGE);
    CHECK(built.fault().find("shop: decayTime must be a duration") == 0);
}

static void replies_and_results_move()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    tullepp::mock_answer said;

    said.body = "five";
    said.headers = { { "X-Kind", "stars" } };
    tullepp::check(mock.answer("", said));
    auto first = mesh.get("http://reviews/1");
    tullepp::reply taken = std::move(first).value();
    tullepp::reply again = std::move(taken);
    CHECK(again.status() == 200 && again.body() == "five" && again.endpoint() == ONE);
    CHECK(again.header("x-kind") == "stars" && !again.header("x-none"));
    CHECK(again.headers().size() == 1 && again.headers()[0].first == "X-Kind");
    CHECK(again.attempts() == 1 && again.timings().end_ns > 0);
    again = mesh.get("http://reviews/2").value();
    CHECK(again.body() == "five");
    CHECK(mock.check() == "not freed: 1 call, reply or pick\n");
}

// --- calls that are started ---

static void a_lambda_hears_the_end_also_of_a_call_that_was_let_go()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    int good = 0, cancelled = 0;
    auto done = [&](tullepp::call_view ended) {
        good += ended.code() == TULLE_OK && ended.reply()->status() == 200;
        cancelled += ended.code() == TULLE_E_CANCELLED && ended.failure();
    };
    auto kept = mesh.start(to("http://reviews/1"), done).value();

    (void)mesh.start(to("http://reviews/2"), done).value();
    CHECK(good == 0 && cancelled == 0);
    tullepp::check(mock.advance(10ms));
    CHECK(good == 1 && cancelled == 1);
    CHECK(kept.code() == TULLE_OK);
}

static void a_callback_may_be_moved_into_and_may_start_more()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    std::vector<tullepp::call> calls;
    int left = 5;
    std::function<void(tullepp::call_view)> next = [&](tullepp::call_view) {
        if (left-- > 0) {
            calls.push_back(mesh.start(to("http://reviews/"), next).value());
        }
    };

    next(tullepp::call_view(nullptr));
    tullepp::check(mock.advance(1s));
    CHECK(left == -1 && calls.size() == 5);
}

static void a_queue_has_the_ends()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    auto queue = tullepp::queue::make().value();
    int word = 0;
    auto call = mesh.start(to("http://reviews/"), queue, &word).value();

    CHECK(queue.take().empty());
    tullepp::check(mock.advance(10ms));
    pollfd waiting = { queue.fd(), POLLIN, 0 };
    CHECK(poll(&waiting, 1, 0) == 1);
    auto events = queue.take();
    CHECK(events.size() == 1 && events[0].call == call.get() && events[0].user == &word);
    CHECK(events[0].kind == TULLE_EVENT_END && events[0].error == TULLE_OK);
    tullepp::call moved = std::move(call);
    CHECK(moved.reply()->status() == 200);
}

static void a_call_moves_while_it_runs()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    auto first = mesh.start(to("http://reviews/")).value();
    tullepp::call moved = std::move(first);

    CHECK(moved.code() == TULLE_E_AGAIN);
    moved = mesh.start(to("http://reviews/")).value();
    CHECK(moved.wait(TULLE_EVENT_END).value() == TULLE_EVENT_END);
    CHECK(moved.code() == TULLE_OK);
}

// --- streams ---

static tullepp::request streamed()
{
    auto wanted = to("http://reviews/up");

    wanted.method = "POST";
    wanted.stream = TULLE_STREAM_REQUEST | TULLE_STREAM_REPLY;
    return wanted;
}

static void bodies_stream_both_ways()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    tullepp::mock_answer said;
    std::string body;
    char data[3];

    said.body = "abcdefgh";
    said.chunk_size = 2;
    said.chunk = 1s;
    said.trailers = { { "X-Sum", "8" } };
    tullepp::check(mock.answer(ONE, said));
    auto call = mesh.start(streamed()).value();
    CHECK(call.write("123").value() == 3);
    CHECK(call.write_end({ { "X-Count", "3" } }) == TULLE_OK);
    CHECK(call.write("4").code() == TULLE_E_USAGE);
    for (;;) {
        auto got = call.read(data, sizeof(data));
        if (got.code() == TULLE_E_AGAIN) {
            (void)call.wait(TULLE_EVENT_READABLE).value();
            continue;
        }
        if (got.value() == 0) {
            break;
        }
        body.append(data, *got);
    }
    CHECK(body == "abcdefgh" && call.reply()->trailer("x-sum") == "8");
    CHECK(call.reply()->trailers().size() == 1);
    CHECK(std::string(mock.requests()[0].body) == "123");
}

static void a_stream_tells_its_events_to_a_lambda()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    std::int32_t kinds = 0;
    bool is_over = false;
    auto call = mesh.start(
                        streamed(), [&](tullepp::call_view) { is_over = true; },
                        [&](tullepp::call_view at, std::int32_t kind) {
                            CHECK(!is_over && at.reply());
                            kinds |= kind;
                        })
                    .value();

    CHECK(call.write_end() == TULLE_OK);
    tullepp::check(mock.advance(10ms));
    CHECK(is_over && (kinds & TULLE_EVENT_HEAD) && !(kinds & TULLE_EVENT_END));
}

// --- no memory ---

static bool is_failing;

static void a_bad_alloc_leaks_nothing_and_starts_nothing()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    auto wanted = to("http://reviews/");
    bool is_thrown = false;

    wanted.headers = { { "X-A", "1" } };
    is_failing = true;
    try {
        (void)mesh.start(wanted, [](tullepp::call_view) {});
    } catch (const std::bad_alloc &) {
        is_thrown = true;
    }
    CHECK(mesh.endpoints().code() == TULLE_E_NOMEM);
    is_failing = false;
    CHECK(is_thrown);
    CHECK(mesh.endpoints()->size() == 1);
    CHECK(mock.check() == "" && mock.requests().empty());
}

void *operator new(std::size_t size)
{
    void *memory = is_failing ? nullptr : std::malloc(size ? size : 1);

    return memory ? memory : throw std::bad_alloc();
}

void operator delete(void *memory) noexcept
{
    std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept
{
    std::free(memory);
}

int main()
{
    static constexpr test tests[] = {
        { "a failure is a value until it is asked for one",
          a_failure_is_a_value_until_it_is_asked_for_one },
        { "a usage error needs no call", a_usage_error_needs_no_call },
        { "a mesh that does not open says why", a_mesh_that_does_not_open_says_why },
        { "a policy is set field by field", a_policy_is_set_field_by_field },
        { "replies and results move", replies_and_results_move },
        { "a lambda hears the end, also of a call that was let go",
          a_lambda_hears_the_end_also_of_a_call_that_was_let_go },
        { "a callback may be moved into and may start more",
          a_callback_may_be_moved_into_and_may_start_more },
        { "a queue has the ends", a_queue_has_the_ends },
        { "a call moves while it runs", a_call_moves_while_it_runs },
        { "bodies stream both ways", bodies_stream_both_ways },
        { "a stream tells its events to a lambda", a_stream_tells_its_events_to_a_lambda },
        { "a bad_alloc leaks nothing and starts nothing",
          a_bad_alloc_leaks_nothing_and_starts_nothing },
    };

    return run_all(tests);
}
