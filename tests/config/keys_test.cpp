#include "config/keys.hpp"

#include "config/units.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace callcache;
using kind = raw_value::kind;

namespace
{

raw_value text(std::string value)
{
    return {kind::text, std::move(value)};
}

// The two bounds of "a duration from 100ms to 1h, or never".
std::pair<std::string, std::string> bounds(const config_key& k)
{
    std::size_t from = k.allowed.find(" from ") + 6, to = k.allowed.find(" to ", from);
    return {k.allowed.substr(from, to - from), k.allowed.substr(to + 4, k.allowed.find(',', to) - to - 4)};
}

// Values that the key must take.
std::vector<std::string> samples(const config_key& k)
{
    std::vector<std::string> values = k.words;
    switch (k.type)
    {
    case key_type::string: values.insert(values.end(), {"a/file with spaces, and=signs", "gr\xc3\xbc\xc3\x9f"}); break;
    case key_type::list: values.insert(values.end(), {"localhost:1", "localhost:1,[::1]:2"}); break;
    case key_type::boolean: values.insert(values.end(), {"true", "false"}); break;
    case key_type::word: break;
    case key_type::proxy: values.insert(values.end(), {"http://proxy.corp:3128", "http://[::1]:8080"}); break;
    case key_type::tools:
        values.insert(values.end(),
                      {"{}", R"({"a": {}, "etl": {"daily": 6000, "class": "background", "wait_max": "5s"}})"});
        break;
    case key_type::routes:
        values.insert(values.end(), {"[]", R"([{"path": "/v2/users/{id}", "fresh": "1h"}, )"
                                           R"({"path": "/v2/library/**", "fresh": "1d", "override": true}])"});
        break;
    default: values.insert(values.end(), {bounds(k).first, bounds(k).second});
    }
    return values;
}

}  // namespace

TEST_CASE("keys: what a key shows, it takes again")
{
    for (const config_key& k : config_keys())
    {
        if (k.secret) continue;
        CAPTURE(k.path);
        settings defaults, other;
        std::string shown = k.show(defaults);
        CHECK(k.set(other, text(shown)));
        CHECK(k.show(other) == shown);
        for (const std::string& value : samples(k))
        {
            CAPTURE(value);
            settings s, again;
            REQUIRE(k.set(s, text(value)));
            CHECK(k.show(s) == value);
            CHECK(k.set(again, text(k.show(s))));
            CHECK(k.show(again) == value);
        }
    }
}

TEST_CASE("keys: a value out of bounds is refused, and nothing changes")
{
    for (const config_key& k : config_keys())
    {
        CAPTURE(k.path);
        std::vector<std::string> bad;
        auto beside = [&](std::uint64_t least, std::uint64_t most, std::string unit) {
            if (least > 0) bad.push_back(std::to_string(least - 1) + unit);
            bad.push_back(std::to_string(most + 1) + unit);
            bad.push_back("-1" + unit);
        };
        auto [least, most] =
            k.allowed.find(" from ") == std::string::npos ? std::pair<std::string, std::string>{} : bounds(k);
        switch (k.type)
        {
        case key_type::integer:
        case key_type::percent: beside(std::stoull(least), std::stoull(most), ""); break;
        case key_type::duration:
            beside(std::uint64_t(parse_duration(least)->count()), std::uint64_t(parse_duration(most)->count()), "ms");
            break;
        case key_type::size: beside(*parse_size(least), *parse_size(most), "B"); break;
        case key_type::decimal: bad = {"0", "-1", "0.0009", "1000.5", "nan", "inf", "-inf", "1e999", "3/s"}; break;
        case key_type::boolean: bad = {"yes", "1", "TRUE"}; break;
        case key_type::list: bad = {",", "a:1,", ",a:1", "a:1,,b:2", "a:1, b:2", "a 1"}; break;
        case key_type::string: bad = {"a\nb", std::string("a\0b", 3), "\x7f"}; break;
        case key_type::word: bad = {"nonsense"}; break;
        case key_type::proxy: bad = {"on", "http://proxy", "https://proxy:3128", "http://p q:1"}; break;
        case key_type::tools: bad = {"etl", "[]", "{\"e/l\": {}}", "{\"etl\": {\"daily\": 0}}"}; break;
        case key_type::routes: bad = {"/v2/users", "{}", "[{}]", "[{\"path\": \"/v2/users\"}]"}; break;
        }
        if (k.type != key_type::string && k.type != key_type::proxy && k.path != "server.hosts" &&
            k.path != "server.listen" && k.path != "credentials.company_keys")
            bad.push_back("");
        for (const std::string& value : bad)
        {
            CAPTURE(value);
            settings s;
            std::string before = k.show(s);
            CHECK_FALSE(k.set(s, text(value)));
            CHECK(k.show(s) == before);
        }
    }
}

TEST_CASE("keys: a JSON value of the wrong type is refused")
{
    for (const config_key& k : config_keys())
    {
        CAPTURE(k.path);
        bool takes_number = k.type == key_type::integer || k.type == key_type::decimal || k.type == key_type::percent;
        bool takes_boolean = k.type == key_type::boolean;
        std::string good = k.secret ? "secret" : samples(k).back();
        settings s;
        CHECK_FALSE(k.set(s, {kind::other, ""}));
        CHECK(k.set(s, {kind::number, good}) == takes_number);
        CHECK(k.set(s, {kind::boolean, good}) == takes_boolean);
        bool takes_object = k.type == key_type::tools;
        CHECK(k.set(s, {kind::object, good}) == takes_object);
        bool takes_objects = k.type == key_type::routes;
        CHECK(k.set(s, {kind::objects, good}) == takes_objects);
        CHECK(k.set(s, {kind::string, good}) == (!takes_number && !takes_boolean && !takes_object && !takes_objects));
        CHECK(k.set(s, {kind::list, good}) == (k.type == key_type::list));
    }
}

TEST_CASE("keys: a secret is never shown")
{
    int secrets = 0;
    for (const config_key& k : config_keys())
    {
        if (!k.secret) continue;
        ++secrets;
        settings s;
        CHECK(k.show(s) == "(not set)");
        CHECK(k.set(s, text("hunter2")));
        CHECK(k.show(s) == "(set)");
    }
    CHECK(secrets == 3);
}

TEST_CASE("keys: each has a path and a variable of its own, and is found by its path")
{
    std::set<std::string> names;
    for (const config_key& k : config_keys())
    {
        CHECK(find_key(k.path) == &k);
        CHECK(names.insert(environment_name(k.path)).second);
        CHECK_FALSE(k.meaning.empty());
        CHECK_FALSE(k.allowed.empty());
    }
    CHECK(environment_name("cache.calls.fresh_min") == "CALLCACHE_CACHE_CALLS_FRESH_MIN");
    CHECK(find_key("server.Listen") == nullptr);
    CHECK(find_key("server") == nullptr);
    CHECK(find_key("") == nullptr);
}

TEST_CASE("keys: the nearest key is the one that was meant")
{
    struct
    {
        std::string written, meant;
    } cases[] = {{"server.listn", "server.listen"},
                 {"server.lisetn", "server.listen"},
                 {"Server.listen", "server.listen"},
                 {"rate", "budget.rate"},
                 {"cache.fresh_min", "cache.calls.fresh_min"},
                 {"budget.rate_per_second", "nothing"},
                 {"cache.memory", "cache.memory_max"},
                 {"upstream.uri", "upstream.url"},
                 {"log.levels", "log.level"},
                 {"upstream", "upstream.url"},
                 {"db", "cache.path"},
                 {"server.admin_token", "server.admin_token_file"},
                 {"server.tls_certificate", "server.tls_certificate_file"},
                 {"upstream.timeout", "upstream.connect_timeout"},
                 {"cache.share", "credentials.share"},
                 {"x", "nothing"},
                 {"", "nothing"},
                 {"something.else.entirely", "nothing"}};
    for (const auto& c : cases)
    {
        CAPTURE(c.written);
        const config_key* k = nearest_key(c.written);
        CHECK(std::string(k ? k->path : "nothing") == c.meant);
    }
}

TEST_CASE("keys: the nearest name is one that is a few edits away, or none")
{
    const std::vector<std::string> names{"serve", "check", "--listen", "--admin"};
    CHECK(nearest_name("srve", names) == "serve");
    CHECK(nearest_name("--lsten", names) == "--listen");
    CHECK(nearest_name("--nonsense", names) == "");
    CHECK(nearest_name("x", names) == "");
    CHECK(nearest_name("", names) == "");
}
