// SPDX-License-Identifier: Apache-2.0

#include "check.hpp"

using namespace std::chrono_literals;

static constexpr char ID[] = "0af7651916cd43dd8448eb211c80319c";
static constexpr char PARENT[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
static constexpr char OTHER[] = "00-11111111111111111111111111111111-b7ad6b7169203331-01";

// --- picks ---

static constexpr char EJECTION[] = "apiVersion: networking.istio.io/v1\n"
                                   "kind: DestinationRule\n"
                                   "metadata: {name: reviews}\n"
                                   "spec:\n"
                                   "  host: reviews\n"
                                   "  trafficPolicy:\n"
                                   "    outlierDetection: {consecutive5xxErrors: 2,\n"
                                   "      maxEjectionPercent: 100}\n";

static tullepp::pick_request pick_of(const std::string &url)
{
    tullepp::pick_request wanted;

    wanted.url = url;
    return wanted;
}

static unsigned in_flight(tullepp::mesh &mesh)
{
    return mesh.endpoints().value().at(0).in_flight;
}

static void a_pick_destroyed_unreported_is_nobodys_fault()
{
    auto mock = one_endpoint();

    tullepp::check(mock.yaml("rules", EJECTION));
    auto mesh = mock.open().value();
    for (int i = 0; i < 10; i++) {
        auto pick = mesh.pick(pick_of("http://reviews/")).value();
        CHECK(pick.address() == ONE && !pick.failure());
        CHECK(in_flight(mesh) == 1);
        auto moved = std::move(pick);
        CHECK(moved.cluster() == "outbound|80||reviews.default.svc.cluster.local");
    }
    tullepp::check(mock.run());
    CHECK(in_flight(mesh) == 0 && mock.gate(ONE) == "ready");
    CHECK(mesh.endpoints()->at(0).failures == 0);
}

static void a_pick_that_is_reported_counts()
{
    auto mock = one_endpoint();

    tullepp::check(mock.yaml("rules", EJECTION));
    auto mesh = mock.open().value();
    mesh.pick(pick_of("http://reviews/")).value().done(TULLE_E_NETWORK);
    mesh.pick(pick_of("http://reviews/")).value().done(TULLE_OK, 503);
    tullepp::check(mock.run());
    CHECK(mock.gate(ONE) == "ejected");
    auto refused = mesh.pick(pick_of("http://reviews/"));
    CHECK(refused.code() == TULLE_E_NO_ENDPOINT);
    CHECK(std::string(refused.failure().flags) == "UH");
}

static void picks_are_started_with_a_lambda_and_with_a_queue()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    auto queue = tullepp::queue::make().value();
    int count = 0;
    auto decided = [&count](tulle_error) { count++; };
    auto heard = mesh.start_pick(pick_of("http://reviews/"), decided).value();
    auto queued = mesh.start_pick(pick_of("http://reviews/"), queue).value();

    CHECK(heard.address() == "");
    (void)mesh.start_pick(pick_of("http://reviews/"), decided).value(); // given back at once
    tullepp::check(mock.run());
    auto events = queue.take();
    CHECK(count == 2 && heard.address() == ONE);
    CHECK(events.size() == 1 && events[0].pick == queued.get());
    heard.done();
    CHECK(!heard.get());
}

// --- traces ---

static std::string sent(tullepp::mock &mock, const char *name)
{
    const char *value = nullptr;
    auto last = tulle_mock_requests(mock.get(), nullptr) - 1;

    tullepp::check(tulle_mock_request_header(mock.get(), last, name, &value));
    return value ? value : "";
}

static void scopes_nest_and_are_left_by_exceptions_too()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    auto outer = tullepp::context::from({ { "Traceparent", PARENT } }).value();
    auto inner = tullepp::context::from({ { "traceparent", OTHER } }).value();
    auto trace = [&] {
        (void)mesh.get("http://reviews/").value();
        return sent(mock, "traceparent").substr(3, 32);
    };

    CHECK(outer.trace_id() == ID);
    {
        tullepp::scope around(outer);
        CHECK(trace() == ID);
        try {
            tullepp::scope within(inner);
            CHECK(trace() == inner.trace_id());
            throw std::logic_error("left");
        } catch (const std::logic_error &) {
            CHECK(trace() == ID);
        }
        tullepp::scope nothing(nullptr);
        CHECK(trace() != ID);
    }
    CHECK(trace() != ID);
}

static void a_request_names_its_context()
{
    auto mock = one_endpoint();
    auto mesh = mock.open().value();
    auto context = tullepp::context::from({ { "traceparent", PARENT } }).value();
    auto wanted = to("http://reviews/");

    wanted.context = &context;
    CHECK(mesh.call(wanted)->status() == 200);
    CHECK(sent(mock, "traceparent").substr(3, 32) == ID);
}

// --- the mesh ---

static void callbacks_hear_spans_access_and_log()
{
    auto mock = one_endpoint();
    tullepp::options wanted;
    std::string spans, access, log;

    wanted.more.log_level = TULLE_LEVEL_DEBUG;
    wanted.log = [&](int, std::string_view, std::string_view text) { log.append(text); };
    wanted.access = [&](const tulle_access &line) { access += line.path; };
    wanted.span = [&](const tulle_span &ended) { spans += ended.endpoint; };
    auto mesh = mock.open(std::move(wanted)).value();
    CHECK(mesh.get("http://reviews/ratings/7")->status() == 200);
    CHECK(spans == ONE && access == "/ratings/7" && !log.empty());
    CHECK(mesh.metrics()->find("istio_requests_total") != std::string::npos);
}

static void the_old_mesh_may_call_back_while_it_is_replaced()
{
    auto mock = one_endpoint();
    std::string ended;
    auto open = [&](const char *name) {
        tullepp::options wanted;
        // Long enough that std::string keeps it on the heap: ASan would see it gone.
        std::string text = std::string(name) + " mesh, with a name of some length; ";
        wanted.more.close_timeout_ns = 1;
        wanted.access = [&ended, text](const tulle_access &) { ended += text; };
        return mock.open(std::move(wanted)).value();
    };
    tullepp::mock_answer hang;

    hang.kind = TULLE_MOCK_HANG;
    tullepp::check(mock.answer(ONE, hang));
    auto mesh = open("first");
    auto call = mesh.start(to("http://reviews/")).value();
    tullepp::check(mock.advance(1s));
    mesh = open("second");
    CHECK(ended == "first mesh, with a name of some length; ");
    CHECK(call.code() == TULLE_E_CANCELLED);
    mock.unsay();
    CHECK(mesh.get("http://reviews/")->status() == 200);
    CHECK(ended.find("second") != std::string::npos);
    tullepp::mesh moved = std::move(mesh);
    CHECK(moved.get("http://reviews/")->status() == 200);
    CHECK(moved.close() == TULLE_OK && !moved.get());
}

static void the_mock_is_all_there()
{
    auto mock = tullepp::mock::make().value();
    auto before = mock.now();
    auto mesh = mock.open().value();
    tullepp::mock_answer said;

    tullepp::check(mock.add_service("a", 80, TULLE_PROTOCOL_HTTP2));
    tullepp::check(mock.add_endpoint("a", "10.0.0.1:80", "version=v1", 3));
    tullepp::check(mock.add_endpoint("a", "10.0.0.2:80"));
    tullepp::check(mock.remove_endpoint("a", "10.0.0.2:80"));
    said.times = 2;
    tullepp::check(mock.answer("10.0.0.1:80", said));
    CHECK(mesh.get("http://a/")->status() == 200);
    CHECK(mock.check().find("left over") != std::string::npos);
    mock.unsay("10.0.0.1:80");
    CHECK(mock.check() == "");
    CHECK(mock.picks().size() == 1 && mock.candidates(0).size() == 1);
    CHECK(mock.candidates(0)[0].weight == 3);
    CHECK(!mock.events().empty());
    CHECK(mock.metric("istio_requests_total").value() == 1);
    tullepp::check(mock.kill("10.0.0.1:80"));
    auto wanted = to("http://a/");
    wanted.retry = false;
    CHECK(mesh.call(wanted).code() == TULLE_E_NETWORK);
    mock.revive("10.0.0.1:80");
    tullepp::check(mock.discovery(TULLE_MOCK_STALE));
    tullepp::check(mock.remove_service("a"));
    CHECK(mesh.get("http://a/")->status() == 200);
    mock.forget();
    CHECK(mock.requests().empty() && mock.now() > before);
    CHECK(mock.yaml("none", std::nullopt) == TULLE_E_USAGE);
}

// --- the app's own loop, and threads of the library ---

static void a_mesh_without_threads_runs_when_it_is_told()
{
    tullepp::options wanted;

    wanted.more.threads = TULLE_NONE_COUNT;
    wanted.more.outside = TULLE_OUTSIDE_REFUSE;
    auto mesh = tullepp::mesh::open(std::move(wanted)).value();
    CHECK(mesh.fd() >= 0 && mesh.due() >= 0ns && mesh.run() == TULLE_OK);
    CHECK(mesh.wait_ready(1s) == TULLE_OK);
    CHECK(mesh.get("http://nobody/").code() == TULLE_E_REFUSED);
}

int main()
{
    static constexpr test tests[] = {
        { "a pick destroyed unreported is nobody's fault",
          a_pick_destroyed_unreported_is_nobodys_fault },
        { "a pick that is reported counts", a_pick_that_is_reported_counts },
        { "picks are started with a lambda and with a queue",
          picks_are_started_with_a_lambda_and_with_a_queue },
        { "scopes nest and are left by exceptions too",
          scopes_nest_and_are_left_by_exceptions_too },
        { "a request names its context", a_request_names_its_context },
        { "callbacks hear spans, access and log", callbacks_hear_spans_access_and_log },
        { "the old mesh may call back while it is replaced",
          the_old_mesh_may_call_back_while_it_is_replaced },
        { "the mock is all there", the_mock_is_all_there },
        { "a mesh without threads runs when it is told",
          a_mesh_without_threads_runs_when_it_is_told },
    };

    return run_all(tests);
}
