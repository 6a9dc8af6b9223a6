// SPDX-License-Identifier: Apache-2.0

// JSON that is read strictly: a key that nobody allowed throws.

#ifndef TULLE_CPP_TESTS_JSON_HPP
#define TULLE_CPP_TESTS_JSON_HPP

#include <algorithm>
#include <jansson.h>
#include <set>
#include <string>
#include <tulle/tulle.hpp>
#include <vector>

struct fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class node
{
  public:
    explicit node(const json_t *json) : json_(json)
    {
    }
    explicit operator bool() const
    {
        return json_ != nullptr;
    }
    node operator[](const char *key) const
    {
        return node(json_object_get(json_, key));
    }
    bool is_false() const
    {
        return json_is_false(json_);
    }
    bool is_true() const
    {
        return json_is_true(json_);
    }
    bool is_text() const
    {
        return json_is_string(json_);
    }
    // "", 0 and {} where there is nothing.
    std::string text() const
    {
        return json_ ? std::string(json_string_value(json_), json_string_length(json_)) : "";
    }
    long long count() const
    {
        return json_integer_value(json_);
    }
    double number() const
    {
        return json_number_value(json_);
    }
    std::vector<node> items() const
    {
        std::vector<node> all;

        for (std::size_t i = 0; i < json_array_size(json_); i++) {
            all.emplace_back(json_array_get(json_, i));
        }
        return all;
    }
    std::vector<std::string> texts() const
    {
        std::vector<std::string> all;

        for (auto each : items()) {
            all.push_back(each.text());
        }
        return all;
    }
    tullepp::headers lines() const
    {
        tullepp::headers all;

        for (auto pair : items()) {
            auto both = pair.texts();
            all.emplace_back(both.at(0), both.at(1));
        }
        return all;
    }
    tullepp::nanoseconds duration() const
    {
        std::size_t end = 0;
        auto words = text();

        if (words.empty()) {
            return tullepp::nanoseconds(0);
        }
        auto number = std::stoll(words, &end);
        auto unit = words.substr(end);
        if (unit == "ms") {
            return std::chrono::milliseconds(number);
        }
        if (unit == "s") {
            return std::chrono::seconds(number);
        }
        if (unit == "m") {
            return std::chrono::minutes(number);
        }
        if (unit == "h") {
            return std::chrono::hours(number);
        }
        throw fault("no duration: " + words);
    }
    // The place of this text in a list; "" is at 0.
    int among(const std::vector<std::string> &names) const
    {
        if (!json_) {
            return 0;
        }
        auto found = std::find(names.begin(), names.end(), text());
        if (found == names.end()) {
            throw fault("unknown name " + text());
        }
        return static_cast<int>(found - names.begin());
    }
    const node &only(const std::set<std::string> &allowed) const
    {
        const char *key;
        json_t *value;

        if (!json_is_object(json_)) {
            throw fault("no object where one is wanted");
        }
        json_object_foreach(const_cast<json_t *>(json_), key, value)
        {
            if (allowed.count(key) == 0) {
                throw fault(std::string("unknown key ") + key);
            }
        }
        return *this;
    }

  private:
    const json_t *json_;
};

#endif
