// SPDX-License-Identifier: Apache-2.0

// Runs every case of cases.json through tulle.hpp: `conformance cases.json`.

#include "expect.hpp"

#include <cstdio>
#include <map>

// --- a case ---

class conformance
{
  public:
    conformance(node texts, node wanted)
        : texts_(texts), case_(wanted), mock_(tullepp::mock::make().value())
    {
    }
    void run()
    {
        case_.only({ "name", "yaml", "set", "options", "open", "answers", "steps" });
        if (open() == TULLE_OK) {
            for (auto each : case_["answers"].items()) {
                say(each);
            }
            for (auto step : case_["steps"].items()) {
                this->step(step);
            }
        }
        started_.clear();
        same("what is left over", mock_.check(), ""s);
    }

  private:
    std::string yaml(const std::string &name) const
    {
        std::string text;

        for (const auto &line : texts_[name.c_str()].texts()) {
            text += line + "\n";
        }
        return text.empty() ? throw fault("no text " + name) : text;
    }
    tullepp::options options(node said)
    {
        tullepp::options wanted;

        wanted.log = [this](int, std::string_view, std::string_view text) {
            log_.append(text) += "\n";
        };
        if (!said) {
            return wanted;
        }
        said.only({ "outside", "deadline", "trace", "strictRetries", "namespace", "workload",
                    "locality" });
        wanted.more.outside = said["outside"].among({ "", "pass", "refuse" });
        wanted.more.trace = said["trace"].among({ "", "w3c", "b3", "b3-multi", "off" });
        wanted.more.deadline_ns = said["deadline"].duration().count();
        wanted.more.strict_retries = said["strictRetries"].is_true();
        namespace_ = said["namespace"].text();
        workload_ = said["workload"].text();
        wanted.more.name_space = tullepp::detail::text_or_null(namespace_);
        wanted.more.workload = tullepp::detail::text_or_null(workload_);
        locality_ = said["locality"].text();
        wanted.more.locality = tullepp::detail::text_or_null(locality_);
        return wanted;
    }
    static void set(tullepp::config &built, node said)
    {
        auto part = said.only({ "target", "path", "value", "faultHas" })["faultHas"];
        auto error = built.set(said["target"].text(), said["path"].text(), said["value"].text());

        if (error != (part ? TULLE_E_USAGE : TULLE_OK) ||
            built.fault().find(part.text()) == std::string_view::npos) {
            throw fault("setting " + said["path"].text() + ": " + std::string(built.fault()));
        }
    }
    tulle_error open()
    {
        auto wanted = options(case_["options"]);
        auto expected = case_["open"];
        tullepp::config built;

        for (const auto &name : case_["yaml"].texts()) {
            tullepp::check(built.add_yaml(name, yaml(name)));
        }
        for (auto each : case_["set"].items()) {
            set(built, each);
        }
        wanted.built = &built;
        auto opened = mock_.open(std::move(wanted));
        if (expected) {
            expected.only({ "error", "logHas" });
            if (log_.find(expected["logHas"].text()) == std::string::npos) {
                throw fault("the log is " + log_);
            }
        }
        expect_code(expected, opened.code());
        if (opened) {
            mesh_ = std::move(opened).value();
        }
        return opened.code();
    }
    void say(node said)
    {
        tullepp::mock_answer answer;

        said.only({ "at", "kind", "times", "method", "path", "prefix", "status", "headers", "body",
                    "size", "trailers", "delay", "connectDelay", "chunk", "chunkDelay", "breakAt",
                    "close" });
        answer.kind = static_cast<tulle_mock_kind>(said["kind"].among(kind_names));
        answer.times = static_cast<std::uint32_t>(said["times"].count());
        answer.method = said["method"].text();
        answer.path = said["path"].text();
        answer.prefix = said["prefix"].text();
        answer.status = static_cast<int>(said["status"].count());
        answer.headers = said["headers"].lines();
        answer.body = said["body"].text();
        answer.body_size = static_cast<std::size_t>(said["size"].count());
        answer.trailers = said["trailers"].lines();
        answer.delay = said["delay"].duration();
        answer.connect = said["connectDelay"].duration();
        answer.chunk_size = static_cast<std::size_t>(said["chunk"].count());
        answer.chunk = said["chunkDelay"].duration();
        answer.break_at = static_cast<std::size_t>(said["breakAt"].count());
        answer.close = said["close"].is_true();
        tullepp::check(mock_.answer(said["at"].text(), answer));
    }
    void step(node step)
    {
        using method = void (conformance::*)(node);
        static const std::vector<std::pair<const char *, method>> steps = {
            { "request", &conformance::request },
            { "stream", &conformance::stream },
            { "start", &conformance::start },
            { "cancel", &conformance::cancel },
            { "end", &conformance::end },
            { "pick", &conformance::pick },
            { "seen", &conformance::seen },
            { "requests", &conformance::requests },
            { "answer", &conformance::answer },
            { "unsay", &conformance::unsay },
            { "advance", &conformance::advance },
            { "kill", &conformance::kill },
            { "revive", &conformance::revive },
            { "addService", &conformance::add_service },
            { "addEndpoint", &conformance::add_endpoint },
            { "removeEndpoint", &conformance::remove_endpoint },
            { "discovery", &conformance::discovery },
            { "yaml", &conformance::yaml_step },
            { "metric", &conformance::metric },
            { "gate", &conformance::gate },
            { "forget", &conformance::forget },
        };

        for (auto [key, run] : steps) {
            if (step[key]) {
                return (this->*run)(step);
            }
        }
        throw fault("a step that is none");
    }

    // --- calls ---

    // A request, the contexts it borrows, and the scope it is made in.
    struct filled {
        tullepp::request raw = {};
        std::optional<tullepp::context> context = {}, around = {};
        std::optional<tullepp::scope> scope = {};
    };
    static void fill(node said, filled &made)
    {
        made.raw.url = said["url"].text();
        made.raw.method = said["method"].text();
        made.raw.headers = said["headers"].lines();
        made.raw.body = said["body"].text();
        made.raw.deadline = said["deadline"].duration();
        made.raw.retry = !said["retry"].is_false();
        made.raw.explain = said["explain"].is_true();
        made.raw.idempotency_key = said["idempotencyKey"].text();
        made.raw.body_max = static_cast<std::size_t>(said["bodyMax"].count());
        if (said["context"]) {
            made.context = tullepp::context::from(said["context"].lines()).value();
            made.raw.context = &*made.context;
        }
        if (said["scope"]) {
            made.around = tullepp::context::from(said["scope"].lines()).value();
            made.scope.emplace(*made.around);
        }
    }
    static long long times(node step)
    {
        return step["times"] ? step["times"].count() : 1;
    }
    void request(node step)
    {
        step.only({ "request", "times", "expect" })["request"].only(request_keys);
        for (auto left = times(step); left > 0; left--) {
            filled made;
            fill(step["request"], made);
            auto before = mock_.now();
            auto reply = mesh_->call(made.raw);
            outcome came{ reply.code(), reply ? nullptr : &reply.failure() };
            came.took = mock_.now() - before;
            if (reply) {
                came.reply = *reply;
                came.body = reply->body();
            }
            if (step["expect"]) {
                expect_outcome(step["expect"], came);
            }
        }
    }
    void start(node step)
    {
        filled made;

        step.only({ "start", "as" })["start"].only(request_keys);
        fill(step["start"], made);
        started_.emplace(step["as"].text(), mesh_->start(made.raw).value());
    }
    void cancel(node step)
    {
        started_.at(step.only({ "cancel" })["cancel"].text()).cancel();
    }
    void end(node step)
    {
        auto &call = started_.at(step.only({ "end", "expect" })["end"].text());

        (void)call.wait(TULLE_EVENT_END).value();
        outcome came{ call.code(), call.failure(), call.reply() };
        came.body = came.reply ? came.reply->body() : "";
        expect_outcome(step["expect"], came);
    }
    void stream(node step)
    {
        auto said = step.only({ "stream", "expect" })["stream"];
        filled made;

        said.only(and_keys(request_keys, { "pieces", "trailers" }));
        fill(said, made);
        made.raw.stream = TULLE_STREAM_REPLY | (said["pieces"] ? TULLE_STREAM_REQUEST : 0);
        auto call = mesh_->start(made.raw).value();
        auto body = flow(call, said);
        (void)call.wait(TULLE_EVENT_END).value();
        outcome came{ call.code(), call.failure() };
        came.reply = came.failure ? std::nullopt : call.reply();
        came.body = body;
        expect_outcome(step["expect"], came);
    }
    // Writes the pieces and reads the body, as far as each goes.
    static std::string flow(tullepp::call &call, node said)
    {
        auto pieces = said["pieces"].texts();
        bool is_sent = !said["pieces"];
        std::size_t piece = 0;
        std::string body;

        for (;;) {
            while (!is_sent && piece < pieces.size()) {
                auto taken = call.write(pieces[piece]);
                if (taken.code() == TULLE_E_AGAIN) {
                    break;
                }
                is_sent = !taken;
                pieces[piece].erase(0, taken ? *taken : 0);
                piece += pieces[piece].empty();
            }
            if (!is_sent && piece == pieces.size()) {
                (void)call.write_end(said["trailers"].lines());
                is_sent = true;
            }
            char data[4096];
            auto got = call.read(data, sizeof(data));
            if (got.code() == TULLE_E_AGAIN) {
                auto wanted = TULLE_EVENT_READABLE | (is_sent ? 0 : TULLE_EVENT_WRITABLE);
                (void)call.wait(wanted).value();
            } else if (!got || *got == 0) {
                return body;
            } else {
                body.append(data, *got);
            }
        }
    }
    void pick(node step)
    {
        step.only({ "pick", "times", "expect", "done" })["pick"].only({ "url", "deadline" });
        for (auto left = times(step); left > 0; left--) {
            tullepp::pick_request wanted;
            wanted.url = step["pick"]["url"].text();
            wanted.deadline = step["pick"]["deadline"].duration();
            auto pick = mesh_->pick(wanted);
            outcome came{ pick.code(), pick ? nullptr : &pick.failure() };
            came.endpoint = pick ? pick->address() : "";
            came.cluster = pick ? pick->cluster() : "";
            expect_outcome(step["expect"], came);
            if (pick) {
                auto done = step["done"].only({ "error", "status" });
                pick->done(static_cast<tulle_error>(done["error"].among(error_names)),
                           static_cast<int>(done["status"].count()));
            }
        }
    }

    // --- the world ---

    void answer(node step)
    {
        say(step.only({ "answer" })["answer"]);
    }
    void unsay(node step)
    {
        auto of = step.only({ "unsay" })["unsay"];

        mock_.unsay(of.is_text() ? of.text() : "");
    }
    void advance(node step)
    {
        tullepp::check(mock_.advance(step.only({ "advance" })["advance"].duration()));
    }
    void kill(node step)
    {
        tullepp::check(mock_.kill(step.only({ "kill" })["kill"].text()));
    }
    void revive(node step)
    {
        mock_.revive(step.only({ "revive" })["revive"].text());
    }
    void add_service(node step)
    {
        auto host = step.only({ "addService", "port" })["addService"].text();

        tullepp::check(mock_.add_service(host, static_cast<std::uint16_t>(step["port"].count())));
    }
    void add_endpoint(node step)
    {
        auto address = step.only({ "addEndpoint", "of" })["addEndpoint"].text();

        tullepp::check(mock_.add_endpoint(step["of"].text(), address));
    }
    void remove_endpoint(node step)
    {
        auto address = step.only({ "removeEndpoint", "of" })["removeEndpoint"].text();

        tullepp::check(mock_.remove_endpoint(step["of"].text(), address));
    }
    void discovery(node step)
    {
        auto state = step.only({ "discovery" })["discovery"].among({ "fresh", "stale", "failing" });

        tullepp::check(mock_.discovery(static_cast<enum tulle_mock_discovery>(state)));
    }
    void yaml_step(node step)
    {
        auto name = step.only({ "yaml", "expect" })["yaml"].text();

        expect_code(step["expect"], mock_.yaml(name, yaml(name)));
    }
    void forget(node step)
    {
        (void)step.only({ "forget" });
        mock_.forget();
    }

    // --- looking ---

    void seen(node step)
    {
        auto expected = step.only({ "seen" })["seen"].items();
        auto all = mock_.requests();

        same("requests that came", all.size(), expected.size());
        for (std::size_t i = 0; i < all.size(); i++) {
            expect_seen(expected[i], all[i]);
        }
    }
    void requests(node step)
    {
        auto of = step.only({ "requests", "of" })["of"].text();
        long long count = 0;

        for (const auto &each : mock_.requests()) {
            count += of.empty() || of == each.endpoint;
        }
        same("requests", count, step["requests"].count());
    }
    void metric(node step)
    {
        auto value = mock_.metric(step.only({ "metric", "is" })["metric"].text()).value();

        same("metric", value, step["is"].number());
    }
    void gate(node step)
    {
        auto gate = mock_.gate(step.only({ "gate", "is" })["gate"].text());

        same("gate", gate, step["is"].text());
    }

    node texts_, case_;
    std::string log_, namespace_, workload_, locality_;
    tullepp::mock mock_;
    std::optional<tullepp::mesh> mesh_;
    std::map<std::string, tullepp::call> started_;
};

static bool passes(node texts, node wanted)
{
    try {
        conformance(texts, wanted).run();
        return true;
    } catch (const std::exception &why) {
        std::fprintf(stderr, "%s: %s\n", wanted["name"].text().c_str(), why.what());
        return false;
    }
}

static bool all_pass(node file)
{
    auto cases = file["cases"].items();
    std::size_t failed = 0;

    for (auto each : cases) {
        failed += !passes(file["texts"], each);
    }
    std::printf("%zu cases, %zu failed\n", cases.size(), failed);
    return failed == 0 && !cases.empty();
}

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *file = argc == 2 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error) : nullptr;

    if (!file) {
        std::fprintf(stderr, "conformance CASES: %s\n", argc == 2 ? error.text : "one file");
        return 2;
    }
    bool passed = false;
    try {
        passed = all_pass(node(file).only({ "texts", "cases" }));
    } catch (const fault &why) {
        std::fprintf(stderr, "%s\n", why.what());
    }
    json_decref(file);
    return passed ? 0 : 1;
}
