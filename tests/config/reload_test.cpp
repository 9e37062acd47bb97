#include "config/reload.hpp"

#include "config/keys.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;

namespace
{

reloaded changed(const std::string& path, const std::string& value, const settings& now = {})
{
    settings next = now;
    const config_key* key = find_key(path);
    REQUIRE(key);
    REQUIRE(key->set(next, {raw_value::kind::text, value}));
    return reload(now, {next, {}});
}

}  // namespace

TEST_CASE("reload: a change is put in force and said by key, the same again is none")
{
    reloaded r = changed("budget.wait_max", "5s");
    CHECK(r.problems.empty());
    CHECK(r.changed == std::vector<std::string>{"budget.wait_max: 20s → 5s"});
    CHECK(r.needs_restart.empty());
    CHECK(r.values.budget.wait_max == 5s);
    r = changed("budget.wait_max", "5s", r.values);
    CHECK(r.changed.empty());
}

TEST_CASE("reload: objects and lists are put in force too, and taken back")
{
    settings empty;
    reloaded r = changed("budget.tools", R"({"etl":{"daily":6000,"class":"background","wait_max":"5s"}})");
    CHECK(r.values.budget.tools.at("etl").daily == 6000);
    CHECK(reload(r.values, {empty, {}}).values.budget.tools.empty());
    r = changed("cache.routes", R"([{"path":"/v2/users/{id}","fresh":"1h"}])");
    CHECK(r.values.cache.routes.at(0).path == "/v2/users/{id}");
    CHECK(reload(r.values, {empty, {}}).values.cache.routes.empty());
    r = changed("server.hosts", "a.example,b.example");
    CHECK(r.values.server.hosts.size() == 2);
}

TEST_CASE("reload: what needs a restart is named, and stays as it was")
{
    for (const auto& [path, value] : {std::pair{"server.listen", "127.0.0.1:1"},
                                      {"cache.path", "other.db"},
                                      {"mode", "offline"},
                                      {"upstream.url", "https://b.example"},
                                      {"upstream.proxy", "http://user:hidden@proxy:3128"},
                                      {"credentials.access_key_file", "hidden"},
                                      {"budget.day", "Europe/Berlin"}})
    {
        CAPTURE(path);
        reloaded r = changed(path, value);
        CHECK(r.changed.empty());
        CHECK(r.needs_restart == std::vector<std::string>{path});
        CHECK(find_key(path)->show(r.values) == find_key(path)->show({}));
    }
}

TEST_CASE("reload: what was read with problems changes nothing, nor what contradicts itself or what stays")
{
    settings next;
    next.budget.wait_max = 1s;
    reloaded r = reload({}, {next, {"c.json: unknown key"}});
    CHECK(r.problems == std::vector<std::string>{"c.json: unknown key"});
    CHECK(r.values.budget.wait_max == 20s);
    next.budget.burst = 9;
    r = reload({}, {next, {}});
    CHECK(r.problems.size() == 1);
    CHECK(r.changed.empty());
    CHECK(r.values.budget.burst == 3);
    CHECK(r.values.budget.wait_max == 20s);
}

TEST_CASE("reload: no secret, and no file, can be among what is said to have changed")
{
    for (const config_key& key : config_keys())
    {
        CAPTURE(key.path);
        bool hidden = key.secret || key.path.ends_with("_file") || key.type == key_type::proxy ||
                      key.path == "credentials.company_keys" || key.path.ends_with(".path");
        if (hidden) CHECK(needs_restart(key.path));
    }
    CHECK_FALSE(needs_restart("credentials.trust"));
    CHECK_FALSE(needs_restart("budget.rate"));
}
