// SPDX-License-Identifier: Apache-2.0

// What a mesh is opened with.

#ifndef TULLE_HPP_CONFIG_HPP
#define TULLE_HPP_CONFIG_HPP

#include <cstdint>
#include <functional>

#include <tulle/hpp/result.hpp>

namespace tullepp
{

// A configuration built in code.
class config
{
  public:
    // Throws error when there is no memory.
    config()
    {
        tulle_config *made;

        check(tulle_config_new(&made));
        config_.reset(made);
    }
    [[nodiscard]] tulle_error add_service(const std::string &host, std::uint16_t port,
                                          tulle_protocol protocol = TULLE_PROTOCOL_HTTP)
    {
        return tulle_config_add_service(config_.get(), host.c_str(), port, protocol);
    }
    [[nodiscard]] tulle_error add_endpoint(const std::string &host, const std::string &address,
                                           const std::string &labels = {}, std::uint32_t weight = 0)
    {
        return tulle_config_add_endpoint(config_.get(), host.c_str(), address.c_str(),
                                         detail::text_or_null(labels), weight);
    }
    // One field of a TrafficPolicy: set("reviews", "balancer.peakEwma.decayTime", "5s").
    [[nodiscard]] tulle_error set(const std::string &target, const std::string &path,
                                  const std::string &value)
    {
        return tulle_config_set(config_.get(), target.c_str(), path.c_str(), value.c_str());
    }
    // What was wrong with the last set().
    std::string_view fault() const noexcept
    {
        return tulle_config_fault(config_.get());
    }
    [[nodiscard]] tulle_error add_yaml(const std::string &name, const std::string &text)
    {
        return tulle_config_add_yaml(config_.get(), name.c_str(), text.c_str());
    }
    tulle_config *get() const noexcept
    {
        return config_.get();
    }

  private:
    detail::handle<tulle_config, tulle_config_free> config_;
};

// What most programs say; `more` has every field of the C struct, and what is
// said here goes over it. A callback that throws ends the program.
struct options {
    std::string config = {};
    const tullepp::config *built = nullptr; // until open() returns
    tulle_options more = {};
    std::function<void(int level, std::string_view area, std::string_view text)> log = {};
    std::function<void(const tulle_access &)> access = {};
    std::function<void(const tulle_span &)> span = {};
};

namespace detail
{

// The C options, of which `kept` has the texts and the callbacks.
inline tulle_options raw_options(options &kept)
{
    tulle_options given = kept.more;

    given.size = sizeof(given);
    if (!kept.config.empty()) {
        given.config = kept.config.c_str();
    }
    if (kept.built) {
        given.built = kept.built->get();
    }
    if (kept.log) {
        given.log_user = &kept;
        given.log = [](void *user, std::int32_t level, const char *area,
                       const char *text) noexcept {
            static_cast<options *>(user)->log(level, area, text);
        };
    }
    if (kept.access) {
        given.access_user = &kept;
        given.access = [](void *user, const tulle_access *line) noexcept {
            static_cast<options *>(user)->access(*line);
        };
    }
    if (kept.span) {
        given.span_user = &kept;
        given.span = [](void *user, const tulle_span *ended) noexcept {
            static_cast<options *>(user)->span(*ended);
        };
    }
    return given;
}

} // namespace detail
} // namespace tullepp

#endif
