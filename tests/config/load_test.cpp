#include "config/load.hpp"

#include "config/sources.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;
using variables = std::vector<std::pair<std::string, std::string>>;
using strings = std::vector<std::string>;

namespace
{

loaded_settings load(std::optional<std::string> file, variables environment = {}, strings flags = {})
{
    return load_settings({"cc.json", std::move(file), std::move(environment), std::move(flags)});
}

// The one problem that there is.
std::string problem(const loaded_settings& l)
{
    std::string all;
    for (const std::string& p : l.problems) all += (all.empty() ? "" : "\n") + p;
    CAPTURE(all);
    CHECK(l.problems.size() == 1);
    return all;
}

bool holds(const std::string& text, const strings& parts)
{
    INFO("in: " << text);
    for (const std::string& part : parts)
    {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
    return true;
}

// The problems of otherwise good settings.
template<class Change>
std::string contradiction(Change change)
{
    settings s;
    change(s);
    auto found = contradictions(s);
    return found.empty() ? "" : found.front();
}

}  // namespace

TEST_CASE("load: nothing given means the defaults, which contradict nothing")
{
    loaded_settings l = load(std::nullopt);
    CHECK(l.problems.empty());
    CHECK(l.values.server.listen == strings{"localhost:4664"});
    CHECK(l.values.server.admin == strings{"localhost:4665"});
    CHECK(l.values.upstream.url == "https://api.gong.io");
    CHECK(l.values.budget.rate == 3);
    CHECK(l.values.budget.burst == 3);
    CHECK(l.values.budget.margin == 30ms);
    CHECK(load("{}").problems.empty());
}

TEST_CASE("load: the environment wins over the file, a flag over both")
{
    std::string file = R"({"server": {"threads": 1, "connections_max": 1}, "log": {"level": "debug"}})";
    variables environment{{"CALLCACHE_SERVER_THREADS", "2"}, {"CALLCACHE_SERVER_CONNECTIONS_MAX", "2"}};
    loaded_settings l = load(file, environment, {"server.threads=3"});
    CHECK(l.problems.empty());
    CHECK(l.values.server.threads == 3);
    CHECK(l.values.server.connections_max == 2);
    CHECK(l.values.log.level == log_level::debug);
    CHECK(load({}, {}, {"server.threads=3", "server.threads=4"}).values.server.threads == 4);
}

TEST_CASE("load: a file may hold comments, a trailing comma, a byte order mark and a $schema")
{
    loaded_settings l =
        load("\xef\xbb\xbf// ours\n{\n  \"$schema\": \"./schema.json\", /* the rest */\n"
             "  \"cache\": {\"calls\": {\"fresh_min\": \"1m\"}, \"memory_max\": \"64MiB\",},\n}\n// end\n");
    CHECK(l.problems.empty());
    CHECK(l.values.cache.calls.fresh_min == 1min);
    CHECK(l.values.cache.memory_max == 64u << 20);
}

TEST_CASE("load: a list may be one string or a list of strings, and admin may be off")
{
    CHECK(load(R"({"server": {"listen": "localhost:1"}})").values.server.listen == strings{"localhost:1"});
    CHECK(load(R"({"server": {"listen": ["localhost:1", "[::1]:2"]}})").values.server.listen ==
          strings{"localhost:1", "[::1]:2"});
    CHECK(load({}, {{"CALLCACHE_SERVER_LISTEN", "localhost:1,[::1]:2"}}).values.server.listen ==
          strings{"localhost:1", "[::1]:2"});
    loaded_settings off = load(R"({"server": {"admin": "off"}})");
    CHECK(off.problems.empty());
    CHECK(off.values.server.admin.empty());
    holds(problem(load(R"({"server": {"listen": ["localhost:1", 2]}})")), {"cc.json", "server.listen"});
}

TEST_CASE("load: an empty item of a list is refused wherever it stands")
{
    for (std::string list :
         {R"(["", "localhost:1"])", R"(["localhost:1", ""])", R"(["localhost:1", "", "localhost:2"])"})
    {
        CAPTURE(list);
        CHECK(load(R"({"server": {"listen": )" + std::string(list) + "}}").problems.size() == 1);
    }
}

TEST_CASE("load: what is not JSON is told with its line")
{
    holds(problem(load("{\n  \"server\": {\n    \"threads\": ,\n  }\n}")), {"cc.json:3", "not JSON"});
    for (std::string text : {"", " \n", "{", "{} {}", "{} x", "{\"server\": {\"threads\": 01}}", "{'server': {}}",
                             "\xff", "{\"cache\": {\"path\": \"\xff\"}}", "{\"budget\": {\"rate\": 1e999}}"})
    {
        CAPTURE(text);
        holds(problem(load(text)), {"cc.json:", "not JSON"});
    }
    holds(problem(load("[]")), {"cc.json"});
    holds(problem(load("7")), {"cc.json"});
}

TEST_CASE("load: a hostile file does not overflow the stack")
{
    CHECK(load(std::string(1 << 20, '[')).problems.size() == 1);
    std::string nested;
    for (int i = 0; i < 100'000; ++i) nested += "{\"server\":";
    CHECK(load(nested).problems.size() == 1);
    std::string whole = std::string(100'000, '[') + std::string(100'000, ']');
    CHECK(load("{\"server\": {\"listen\": " + whole + "}}").problems.size() == 1);
}

TEST_CASE("load: an unknown key is told with the nearest one, from wherever it comes")
{
    holds(problem(load(R"({"server": {"listn": "localhost:1"}})")), {"cc.json", "server.listn", "server.listen"});
    holds(problem(load(R"({"sever": {"listen": "localhost:1"}})")), {"cc.json", "sever"});
    holds(problem(load({}, {{"CALLCACHE_SERVER_LISTN", "localhost:1"}})),
          {"environment", "CALLCACHE_SERVER_LISTN", "CALLCACHE_SERVER_LISTEN"});
    holds(problem(load({}, {{"CALLCACHE_CACHE_CALLS_FRESHMIN", "1m"}})),
          {"CALLCACHE_CACHE_CALLS_FRESHMIN", "CALLCACHE_CACHE_CALLS_FRESH_MIN"});
    holds(problem(load({}, {}, {"budget.rat=3"})), {"--set: ", "budget.rat", "budget.rate"});
    holds(problem(load({}, {}, {"=3"})), {"--set: "});
    holds(problem(load({}, {}, {"server.threads"})),
          {"--set: ", "server.threads", "expected KEY=VALUE, such as budget.rate=2"});
    std::string far = problem(load(R"({"something": 1})"));
    CHECK(far.find("did you mean") == std::string::npos);
}

TEST_CASE("load: a wrong type or a value out of bounds tells the key, what was found and what is allowed")
{
    struct
    {
        std::string file, key, found;
    } cases[] = {
        {R"({"server": {"threads": "4"}})", "server.threads", "\"4\""},
        {R"({"server": {"threads": 65}})", "server.threads", "65"},
        {R"({"server": {"threads": -1}})", "server.threads", "-1"},
        {R"({"server": {"threads": 1.5}})", "server.threads", "1.5"},
        {R"({"server": {"threads": 18446744073709551616}})", "server.threads", ""},
        {R"({"server": {"threads": true}})", "server.threads", "true"},
        {R"({"server": {"threads": null}})", "server.threads", ""},
        {R"({"server": {"threads": {}}})", "server.threads", ""},
        {R"({"server": {"header_timeout": 10}})", "server.header_timeout", "10"},
        {R"({"server": {"header_timeout": "10"}})", "server.header_timeout", "\"10\""},
        {R"({"server": {"header_timeout": "2h"}})", "server.header_timeout", "\"2h\""},
        {R"({"cache": {"memory_max": 1000000000}})", "cache.memory_max", "1000000000"},
        {R"({"cache": {"memory_max": "1KiB"}})", "cache.memory_max", "\"1KiB\""},
        {R"({"budget": {"rate": 0}})", "budget.rate", "0"},
        {R"({"budget": {"rate": "3"}})", "budget.rate", "\"3\""},
        {R"({"upstream": {"insecure": "true"}})", "upstream.insecure", "\"true\""},
        {R"({"credentials": {"mode": "Inject"}})", "credentials.mode", "\"Inject\""},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.file);
        holds(problem(load(c.file)), {"cc.json", c.key, c.found, "allowed"});
    }
    holds(problem(load({}, {{"CALLCACHE_SERVER_THREADS", "many"}})),
          {"environment", "server.threads", "\"many\"", "64"});
    holds(problem(load({}, {}, {"server.threads=many"})), {"command line: ", "server.threads", "\"many\"", "64"});
    holds(problem(load(R"({"server": 3})")), {"cc.json", "server"});
}

TEST_CASE("load: a number without a unit is told how it is written with one")
{
    CHECK(problem(load(R"({"server": {"header_timeout": 10}})")) ==
          "cc.json: server.header_timeout: found 10, allowed is a duration from 100ms to 1h; write its unit: \"10s\"");
    holds(problem(load({}, {{"CALLCACHE_BUDGET_WAIT_MAX", "15"}})), {"write its unit: \"15s\""});
    holds(problem(load({}, {}, {"cache.memory_max=64"})), {"write its unit: \"64MiB\""});
    for (const char* other : {"server.header_timeout=2h", "server.header_timeout=", "server.threads=99"})
        CHECK(problem(load({}, {}, {other})).find("unit") == std::string::npos);
}

TEST_CASE("load: what is part of another key's value is told as that, and a wrong part of it by its name")
{
    holds(problem(load({}, {}, {"budget.tools.etl.daily=5"})),
          {"--set: unknown key \"budget.tools.etl.daily\"; this is set through budget.tools: an object of tool names"});
    holds(problem(load({}, {{"CALLCACHE_BUDGET_TOOLS_ETL_DAILY", "5"}})),
          {"unknown variable", "this is set through CALLCACHE_BUDGET_TOOLS: an object of tool names"});
    holds(problem(load(R"({"budget": {"tools.etl": {}}})")), {"this is set through budget.tools: "});
    holds(problem(load(R"({"budget": {"tools": {"agent": {}, "etl": {"daily": 1, "dialy": 2}}}})")),
          {"budget.tools: etl.dialy is none of daily, class and wait_max, allowed is an object of tool names"});
    holds(problem(
              load(R"({"cache": {"routes": [{"path": "/v2/a", "fresh": "1h"}, {"path": "/v2/b", "fresch": "1h"}]}})")),
          {"cache.routes: entry 2: fresch is none of path, fresh and override, allowed is a list of objects"});
    holds(problem(load({}, {{"CALLCACHE_UPSTREAM", "https://us-1.api.gong.io"}})),
          {"unknown variable \"CALLCACHE_UPSTREAM\"; did you mean CALLCACHE_UPSTREAM_URL?"});
}

TEST_CASE("load: where a value is refused, the default stands")
{
    loaded_settings l = load(R"({"server": {"threads": 65, "connections_max": 7}})");
    CHECK(l.values.server.threads == 0);
    CHECK(l.values.server.connections_max == 7);
}

TEST_CASE("load: all problems are told, not only the first")
{
    loaded_settings l = load(R"({"server": {"threads": 65}, "x": 1})", {{"CALLCACHE_Y", "1"}}, {"z=1"});
    CHECK(l.problems.size() == 4);
}

TEST_CASE("load: a decimal means the same in the file as in a flag")
{
    for (std::string number : {"2.5", "0.3333333", "2.12345678", "0.0015005"})
    {
        CAPTURE(number);
        loaded_settings file = load("{\"budget\": {\"burst\": 1, \"rate\": " + std::string(number) + "}}");
        loaded_settings flag = load({}, {}, {"budget.burst=1", "budget.rate=" + std::string(number)});
        CHECK(file.problems.empty());
        CHECK(file.values.budget.rate == flag.values.budget.rate);
    }
    // Out of bounds is out of bounds, and is not rounded into them.
    CHECK(load(R"({"budget": {"burst": 1, "rate": 0.0009999}})").problems.size() == 1);
}

TEST_CASE("load: a key that stands twice in the file is refused")
{
    holds(problem(load(R"({"server": {"threads": 1, "threads": 2}})")), {"server.threads", "twice"});
    holds(problem(load(R"({"server": {"threads": 1}, "server": {"idle_timeout": "1m"}})")), {"server", "twice"});
    holds(problem(load(R"({"server": {"threads": 1, "\u0074hreads": 2}})")), {"server.threads", "twice"});
    holds(problem(load(R"({"budget": {"rate": 3}, "budget.rate": 2})")), {"budget.rate", "twice"});
    holds(problem(load(R"({"budget.rate": 2, "budget": {"rate": 3}})")), {"budget.rate", "twice"});
    holds(problem(load(R"({"cache": {"calls.fresh_min": "1m", "calls": {"fresh_min": "2m"}}})")),
          {"cache.calls.fresh_min", "twice"});
    CHECK(load(R"({"budget.rate": 5, "budget": {"burst": 3}})").problems.empty());
}

TEST_CASE("load: a secret is taken from the environment alone")
{
    loaded_settings good = load({}, {{"CALLCACHE_CREDENTIALS_MODE", "inject"},
                                     {"CALLCACHE_CREDENTIALS_ACCESS_KEY", "key"},
                                     {"CALLCACHE_CREDENTIALS_ACCESS_KEY_SECRET", "hunter2"}});
    CHECK(good.problems.empty());
    CHECK(good.values.credentials.access_key_secret == "hunter2");
    for (std::string key : {"access_key", "access_key_secret", "bearer_token"})
    {
        CAPTURE(key);
        std::string path = "credentials." + std::string(key);
        loaded_settings file = load("{\"credentials\": {\"" + std::string(key) + "\": \"hunter2\"}}");
        loaded_settings flag = load({}, {}, {path + "=hunter2"});
        for (const loaded_settings& l : {file, flag})
        {
            std::string text = problem(l);
            holds(text, {path, path + "_file"});
            CHECK(text.find("hunter2") == std::string::npos);
            CHECK(l.values.credentials.access_key.empty());
            CHECK(l.values.credentials.access_key_secret.empty());
            CHECK(l.values.credentials.bearer_token.empty());
        }
    }
    std::string refused = problem(load({}, {{"CALLCACHE_CREDENTIALS_BEARER_TOKEN", "hunter2\n"}}));
    CHECK(refused.find("hunter2") == std::string::npos);
}

TEST_CASE("load: where upstream.proxy is not set, HTTPS_PROXY is asked, and NO_PROXY")
{
    const variables set{{"HTTPS_PROXY", "http://user:hunter2@proxy:3128"}};
    auto used = [&](variables environment, strings flags = {}) {
        loaded_settings l = load({}, environment, flags);
        CHECK(l.problems.empty());
        return l.values.upstream.proxy;
    };
    CHECK(used({}) == "environment");
    CHECK(used(set) == "http://user:hunter2@proxy:3128");
    CHECK(used(set, {"upstream.proxy=environment"}) == "http://user:hunter2@proxy:3128");
    CHECK(used(set, {"upstream.proxy=off"}) == "");
    CHECK(used(set, {"upstream.proxy="}) == "");
    CHECK(used(set, {"upstream.proxy=http://other:1"}) == "http://other:1");
    CHECK(used(set, {"upstream.url=http://localhost:1"}) == "environment");
    CHECK(used(set, {"upstream.url=https://localhost:1"}) == "");
    CHECK(used({set.front(), {"no_proxy", "gong.io"}}) == "");
    CHECK(used({set.front(), {"CALLCACHE_UPSTREAM_PROXY", "off"}}) == "");
    CHECK(load(R"({"upstream": {"proxy": ""}})", set).values.upstream.proxy == "");
}

TEST_CASE("load: callcache's own address is refused as upstream and as its proxy; in HTTPS_PROXY it is not used")
{
    for (const char* own : {"localhost:4664", "127.0.0.1:4664", "[::1]:4664", "127.0.0.1:4665"})
    {
        CAPTURE(own);
        const std::string url = "http://" + std::string(own);
        holds(problem(load({}, {}, {"upstream.url=" + url})), {"upstream.url", own, "it would ask itself"});
        holds(problem(load({}, {}, {"upstream.proxy=" + url})), {"upstream.proxy", own, "it would ask itself"});
        loaded_settings l = load({}, {{"HTTPS_PROXY", url}});
        CHECK(l.problems.empty());
        CHECK(l.values.upstream.proxy == "");
        auto warning = own_proxy_warning(l.values);
        REQUIRE(warning);
        holds(*warning, {"HTTPS_PROXY", own, "it is not used"});
    }
    auto with = [&](const std::string& url) {
        return load(R"({"server": {"listen": ["0.0.0.0:80", "10.0.0.1:81"]}, "upstream": {"insecure": true, "url": ")" +
                    url + "\"}}");
    };
    holds(problem(with("http://127.0.0.1:80")), {"it would ask itself"});
    holds(problem(with("http://10.0.0.1:81")), {"it would ask itself"});
    for (const char* other : {"http://127.0.0.1:81", "http://10.0.0.2:81", "http://10.0.0.1:82"})
        CHECK(with(other).problems.empty());
    CHECK(load({}, {}, {"server.listen=localhost:0", "upstream.url=http://localhost:1"}).problems.empty());
    CHECK(load({}, {}, {"server.listen=127.0.0.1:80", "upstream.url=http://127.0.0.2:80"}).problems.empty());
    CHECK_FALSE(own_proxy_warning(load({}, {{"HTTPS_PROXY", "http://proxy:4664"}}).values));
}

TEST_CASE("load: a proxy that is refused is never repeated, as it may hold a password")
{
    for (std::string url : {"https://user:hunter2@proxy:3128", "http://user:hunter2@proxy", "user:hunter2@"})
    {
        for (const loaded_settings& l : {load({}, {{"HTTPS_PROXY", url}}), load({}, {}, {"upstream.proxy=" + url}),
                                         load("{\"upstream\": {\"proxy\": \"" + url + "\"}}"),
                                         load("{\"upstream\": {\"proxy\": {\"url\": \"" + url + "\"}}}"),
                                         load({}, {{"CALLCACHE_UPSTREAM_PROXY", url}})})
        {
            std::string text = problem(l);
            holds(text, {"proxy", "a value that is not shown", "http://[user:password@]host:port"});
            CHECK(text.find("hunter2") == std::string::npos);
        }
    }
    settings s;
    s.upstream.proxy = "https://user:hunter2@proxy:3128";
    std::string told = contradictions(s).front();
    CHECK(told.find("hunter2") == std::string::npos);
    CHECK(load({}, {{"HTTPS_PROXY", "https://proxy:1"}, {"NO_PROXY", "*"}}).problems.empty());
}

TEST_CASE("load: a secret in the wrong place is not shown")
{
    auto shown = [](const strings& flags, const strings& parts) {
        std::string text = problem(load({}, {}, flags));
        holds(text, parts);
        CHECK(text.find("hidden") == std::string::npos);
    };
    shown({"upstream.url=https://key:hidden@api.gong.io"}, {"\"https://(not shown)@api.gong.io\""});
    shown({"upstream.url=https://a@b:hidden@api.gong.io/"}, {"\"https://(not shown)@api.gong.io/\""});
    shown({"upstream.url=hidden@api.gong.io"}, {"\"(not shown)@api.gong.io\""});
    shown({"upstream.url=https://api.gong.io?key=hidden"}, {"\"https://api.gong.io?(not shown)\""});
    shown({"upstream.url=http://hidden@gong.example"}, {"\"http://(not shown)@gong.example\""});
    shown({"credentials.access_key:hidden"}, {"\"credentials.access_key…\": expected KEY=VALUE"});
    shown({"Xhidden"}, {"\"…\": expected KEY=VALUE"});
}

TEST_CASE("load: the files that are read beside those of the keys are known: the configuration, and those of libraries")
{
    settings s = load("{}", {{"SSL_CERT_FILE", "/a/b.pem"}, {"SSL_CERT_DIR", "/c:/d/e:"}, {"OTHER_FILE", "/f"}}).values;
    CHECK(s.also_read == strings{"cc.json", "/a/b.pem", "/c", "/d/e"});
}

TEST_CASE("load: variables that are not ours, or that Kubernetes injects, are ignored")
{
    for (std::string name :
         {"PATH", "callcache_server_threads", "MY_CALLCACHE_SERVER_THREADS", "CALLCACHE", "CALLCACHE_CONFIG",
          "CALLCACHE_PORT", "CALLCACHE_PORT_4664_TCP", "CALLCACHE_PORT_4664_TCP_ADDR", "CALLCACHE_SERVICE_HOST",
          "CALLCACHE_SERVICE_PORT", "CALLCACHE_SERVICE_PORT_TOOLS", "CALLCACHE_ADMIN_SERVICE_HOST",
          "CALLCACHE_METRICS_PORT", "CALLCACHE_METRICS_PORT_4665_TCP", "CALLCACHE_METRICS_PORT_4665_TCP_PROTO",
          "CALLCACHE_METRICS_PORT_53_UDP_ADDR", "CALLCACHE_PORT_X_PORT_1_TCP", "CALLCACHE_METRICS_PORT_9_SCTP_PORT",
          "CALLCACHE_METRICS_SERVICE_PORT_HTTP"})
    {
        CAPTURE(name);
        CHECK(load({}, {{name, "tcp://10.0.0.1:4664"}}).problems.empty());
    }
    CHECK(load({}, {{"CALLCACHE_PORT_4664_TCP_PORT", "4664"}, {"CALLCACHE_SERVICE_PORT", "4664"}}).problems.empty());
}

TEST_CASE("load: a variable that looks like one of Kubernetes and is an operator's mistake is refused")
{
    for (std::string name : {"CALLCACHE_PORT", "CALLCACHE_SERVER_PORT", "CALLCACHE_SERVER_PORT_TOOLS",
                             "CALLCACHE_SERVER_PORT_4664", "CALLCACHE_SERVER_PORT__TCP", "CALLCACHE_EXPORT"})
        holds(problem(load({}, {{name, "4664"}})), {"unknown variable", name});
}

TEST_CASE("load: an empty variable counts as unset, whatever its name")
{
    loaded_settings l =
        load(R"({"server": {"threads": 2}, "upstream": {"proxy": "off"}})", {{"CALLCACHE_SERVER_THREADS", ""},
                                                                             {"CALLCACHE_UPSTREAM_PROXY", ""},
                                                                             {"CALLCACHE_CACHE_PATH", ""},
                                                                             {"CALLCACHE_SERVER_THRADS", ""}});
    CHECK(l.problems.empty());
    CHECK(l.values.server.threads == 2);
    CHECK(l.values.upstream.proxy == "");
    CHECK(l.values.cache.path == "callcache.db");
}

TEST_CASE("load: a burst that is not set follows the rate, and one that is set is held to it")
{
    auto burst = [](strings flags) { return load({}, {}, flags).values.budget.burst; };
    CHECK(burst({"budget.rate=2"}) == 2);
    CHECK(burst({"budget.rate=2.9"}) == 2);
    CHECK(burst({"budget.rate=0.5"}) == 1);
    CHECK(burst({"budget.rate=50"}) == 3);
    CHECK(burst({"budget.rate=50", "budget.burst=7"}) == 7);
    CHECK(load({}, {}, {"budget.rate=2"}).problems.empty());
    holds(problem(load({}, {}, {"budget.rate=2", "budget.burst=3"})), {"budget.burst: found 3"});
}

TEST_CASE("load: a list that is written as JSON in a flag or a variable is refused, and told how it is written")
{
    for (std::string list : {R"(["A","B"])", "[A,B]", "['A']", R"("A","B")", "A,[B]", "[A]"})
    {
        CAPTURE(list);
        std::string told = problem(load({}, {}, {"server.hosts=" + std::string(list)}));
        holds(told, {"server.hosts", "allowed is host names"});
        CHECK((told.find("written without brackets and quotes: A,B") != told.npos) == list.starts_with('['));
        CHECK(load({}, {{"CALLCACHE_SERVER_HOSTS", list}}).problems.size() == 1);
    }
    CHECK(load({}, {}, {"server.listen=[::1]:1,[fe80::1]:2"}).problems.empty());
    CHECK(load(R"({"server": {"hosts": ["A", "B"]}})").problems.empty());
}

TEST_CASE("load: a file in UTF-16 is told so")
{
    for (std::string mark : {"\xff\xfe", "\xfe\xff"})
        CHECK(problem(load(mark + std::string("{\0}\0", 4))) == "cc.json: is UTF-16; save it as UTF-8");
}

TEST_CASE("load: text from outside cannot act upon the terminal that shows it")
{
    for (const loaded_settings& l : {load({}, {{"CALLCACHE_LOG_LEVEL", "\x1b[2J\n"}}), load({}, {}, {"\x1b[2J=1"}),
                                     load("{\"\\u001b[2J\": 1}"), load("{\"log\": {\"\\u001b[2J\": 1}}")})
    {
        std::string text = problem(l);
        CHECK(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }));
    }
    auto twice = load("{\"\\u001b[2J\": 1, \"\\u001b[2J\": 2}");
    REQUIRE(twice.problems.size() == 2);
    CHECK(twice.problems[1] == "cc.json: ?[2J: stands there twice");
}

TEST_CASE("contradictions: http is for loopback alone, unless insecure is set")
{
    auto upstream = [](std::string url, bool insecure = false) {
        return contradiction([&](settings& s) { s.upstream = {url, insecure}; });
    };
    CHECK(upstream("https://us-12345.api.gong.io").empty());
    CHECK(upstream("http://localhost:9000").empty());
    CHECK(upstream("http://127.0.0.1:9000/").empty());
    CHECK(upstream("http://[::1]:9000").empty());
    holds(upstream("http://api.gong.io"), {"upstream.url", "upstream.insecure"});
    holds(upstream("http://127.0.0.1.example.com"), {"upstream.url", "upstream.insecure"});
    CHECK(upstream("http://api.gong.io", true).empty());
    holds(upstream("https://api.gong.io/v2"), {"upstream.url"});
    holds(upstream("api.gong.io"), {"upstream.url"});
    holds(upstream(""), {"upstream.url"});
}

TEST_CASE("contradictions: a company needs its keys, keys need a company, and a key is no secret")
{
    auto credentials = [](credentials_share share, strings keys) {
        return contradiction([&](settings& s) {
            s.credentials.share = share;
            s.credentials.company_keys = keys;
        });
    };
    constexpr auto company = credentials_share::company, alone = credentials_share::per_credential;
    CHECK(credentials(company, {"KEY1", "KEY2"}) == "");
    CHECK(credentials(alone, {}) == "");
    holds(credentials(company, {}), {"credentials.share", "credentials.company_keys"});
    holds(credentials(alone, {"KEY1"}), {"credentials.company_keys", "credentials.share company"});
    for (const char* bad : {"KEY:hush", "", "KEY hush", "KEY\x7fhush", "KEY\nhush", "K\xc3\xa9Yhush"})
    {
        CAPTURE(bad);
        std::string told = credentials(company, {"KEY1", bad});
        holds(told, {"credentials.company_keys", "without a colon"});
        CHECK(told.find("hush") == std::string::npos);
    }
}

TEST_CASE("load: a company's keys are a list, and what is wrong with it is not shown")
{
    auto good = load(R"({"credentials": {"share": "company", "company_keys": ["KEY1", "KEY2"]}})");
    CHECK(good.problems.empty());
    CHECK(good.values.credentials.company_keys == strings{"KEY1", "KEY2"});
    std::string told = problem(load({}, {{"CALLCACHE_CREDENTIALS_COMPANY_KEYS", "KEY1, hush"}}));
    holds(told, {"credentials.company_keys", "not shown"});
    CHECK(told.find("hush") == std::string::npos);
}

TEST_CASE("contradictions: inject needs one credential, forward none")
{
    auto credentials = [](credentials_settings c) { return contradiction([&](settings& s) { s.credentials = c; }); };
    using enum credentials_mode;
    struct
    {
        std::string what;
        credentials_settings given;
        bool good;
    } cases[] = {
        {"forward", {}, true},
        {"forward, pair", {.access_key = "k", .access_key_secret = "s"}, false},
        {"forward, pair of files", {.access_key_file = "k", .access_key_secret_file = "s"}, false},
        {"forward, bearer", {.bearer_token = "t"}, false},
        {"inject", {.mode = inject}, false},
        {"inject, pair", {.mode = inject, .access_key = "k", .access_key_secret = "s"}, true},
        {"inject, pair of files", {.mode = inject, .access_key_file = "k", .access_key_secret_file = "s"}, true},
        {"inject, half a pair", {.mode = inject, .access_key = "k"}, false},
        {"inject, the other half", {.mode = inject, .access_key_secret = "s"}, false},
        {"inject, bearer", {.mode = inject, .bearer_token = "t"}, true},
        {"inject, bearer file", {.mode = inject, .bearer_token_file = "t"}, true},
        {"inject, both", {.mode = inject, .access_key = "k", .access_key_secret = "s", .bearer_token = "t"}, false},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.what);
        CHECK(credentials(c.given).empty() == c.good);
    }
}

TEST_CASE("contradictions: a name for what is kept is for inject")
{
    CHECK(contradiction([](settings& s) { s.credentials.name = "gong"; }).starts_with("credentials.name: is for"));
    CHECK(contradiction([](settings& s) {
              s.credentials = {.mode = credentials_mode::inject, .bearer_token = "t", .name = "gong"};
          }) == "");
}

TEST_CASE("contradictions: half a credential is a mistake too, in either mode")
{
    settings forward, inject;
    forward.credentials.access_key_file = "k";
    CHECK(contradictions(forward).size() == 1);
    inject.credentials = {.mode = credentials_mode::inject, .access_key = "k", .bearer_token = "t"};
    CHECK(contradictions(inject).size() == 1);
}

TEST_CASE(
    "contradictions: inject listens beyond loopback only with a token for each tool, which forward has no use for")
{
    settings s;
    s.credentials = {.mode = credentials_mode::inject, .bearer_token = "t", .clients_file = "clients"};
    s.server.listen = {"0.0.0.0:4664"};
    CHECK(contradictions(s).empty());
    s.credentials = {.clients_file = "clients"};
    CHECK(contradictions(s).size() == 1);
}

TEST_CASE("contradictions: inject without tokens listens on loopback alone")
{
    auto listen = [](credentials_mode mode, strings at) {
        return contradiction([&](settings& s) {
            s.credentials.mode = mode;
            if (mode == credentials_mode::inject) s.credentials.bearer_token = "t";
            s.server.listen = at;
        });
    };
    using enum credentials_mode;
    CHECK(listen(forward, {"0.0.0.0:4664"}).empty());
    CHECK(listen(inject, {"localhost:4664"}).empty());
    CHECK(listen(inject, {"127.0.0.1:4664", "[::1]:4664"}).empty());
    for (std::string at : {"0.0.0.0:4664", "[::]:4664", "10.0.0.1:4664", "myhost:4664"})
        holds(listen(inject, {"localhost:4666", at}), {"server.listen", "inject"});
}

TEST_CASE("contradictions: addresses are host:port")
{
    holds(contradiction([](settings& s) { s.server.listen.clear(); }), {"server.listen"});
    holds(contradiction([](settings& s) { s.server.listen = {"4664"}; }), {"server.listen", "\"4664\""});
    holds(contradiction([](settings& s) { s.server.admin = {"localhost"}; }), {"server.admin", "\"localhost\""});
    CHECK(contradiction([](settings& s) { s.server.admin.clear(); }).empty());
}

TEST_CASE("contradictions: an address is told with an example of a good one")
{
    CHECK(contradiction([](settings& s) { s.server.listen = {":4664"}; }) ==
          "server.listen: found \":4664\", allowed is host:port, such as localhost:4664");
    holds(contradiction([](settings& s) { s.server.admin = {"4665"}; }), {"such as localhost:4665"});
}

TEST_CASE("contradictions: tools and operator need an address each, and none is listened on twice")
{
    auto told = [](const strings& listen, const strings& admin) {
        return contradiction([&](settings& s) {
            s.server.listen = listen;
            s.server.admin = admin;
        });
    };
    CHECK(told({"localhost:4664"}, {"localhost:4664"}) ==
          "server.admin: localhost:4664 is the same address as localhost:4664 in server.listen; give it another port, "
          "such as 4665");
    CHECK(told({"localhost:4664", "127.0.0.1:4664"}, {}) ==
          "server.listen: 127.0.0.1:4664 is the same address as localhost:4664; leave one out");
    const std::pair<const char*, const char*> same[] = {{"0.0.0.0:1", "10.0.0.1:1"}, {"0.0.0.0:1", "localhost:1"},
                                                        {"[::]:1", "[fe80::1]:1"},   {"[::]:1", "localhost:1"},
                                                        {"localhost:1", "[::1]:1"},  {"myhost:1", "myhost:1"}};
    for (auto [a, b] : same)
    {
        CAPTURE(a);
        CHECK_FALSE(told({a}, {b}).empty());
        CHECK_FALSE(told({b}, {a}).empty());
    }
    const std::pair<const char*, const char*> apart[] = {
        {"0.0.0.0:1", "[::]:1"},        {"127.0.0.1:1", "[::1]:1"},     {"127.0.0.1:1", "127.0.0.2:1"},
        {"localhost:0", "localhost:0"}, {"localhost:1", "localhost:2"}, {"localhost:1", "127.0.0.2:1"}};
    for (auto [a, b] : apart) CHECK(told({a}, {b}) == "");
}

TEST_CASE("contradictions: a burst is at most max(1, rate)")
{
    auto budget = [](double rate, std::uint64_t burst) {
        return contradiction([&](settings& s) {
            s.budget.rate = rate;
            s.budget.burst = burst;
        });
    };
    CHECK(budget(3, 3).empty());
    CHECK(budget(2.5, 2).empty());
    CHECK(budget(0.5, 1).empty());
    CHECK(budget(0.001, 1).empty());
    holds(budget(3, 4), {"budget.burst"});
    holds(budget(2.5, 3), {"budget.burst"});
    holds(budget(0.5, 2), {"budget.burst"});
}

TEST_CASE("contradictions: the least is not more than the most")
{
    holds(contradiction([](settings& s) { s.cache.calls.fresh_min = 48h; }), {"cache.calls.fresh_min", "fresh_max"});
    holds(contradiction([](settings& s) { s.cache.calls.not_found_min = 2h; }),
          {"cache.calls.not_found_min", "not_found_max"});
    CHECK(contradiction([](settings& s) { s.cache.calls.fresh_min = s.cache.calls.fresh_max; }).empty());
    holds(contradiction([](settings& s) { s.cache.path.clear(); }), {"cache.path"});
}

TEST_CASE("load: TLS towards tools needs certificate and key, and what is no path is not shown")
{
    CHECK(problem(load({}, {}, {"server.tls_certificate_file=a"})).starts_with("server.tls_certificate_file: needs"));
    CHECK(problem(load({}, {}, {"server.tls_key_file=a"})).starts_with("server.tls_key_file: needs"));
    CHECK(load({}, {}, {"server.tls_key_file=a", "server.tls_certificate_file=b"}).problems.empty());
    std::string pasted = "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n";
    CHECK(problem(load({}, {{"CALLCACHE_SERVER_TLS_KEY_FILE", pasted}})).find("MIGH") == std::string::npos);
}

TEST_CASE("sources: each key that is set is told with what set it last")
{
    const config_sources all{
        "cc.json",
        R"({"cache": {"path": "a", "memory_max": "8MiB"}, "budget": {"rate": 2}})",
        {{"CALLCACHE_CACHE_PATH", "b"}, {"CALLCACHE_BUDGET_RATE", "1"}, {"HTTPS_PROXY", "http://p:1"}},
        {"cache.path=c"}};
    REQUIRE(load_settings(all).problems.empty());
    CHECK(sources_of(all) == std::map<std::string, std::string>{{"cache.path", "command line"},
                                                                {"cache.memory_max", "cc.json"},
                                                                {"budget.rate", "CALLCACHE_BUDGET_RATE"},
                                                                {"upstream.proxy", "HTTPS_PROXY"}});
    CHECK(sources_of({}).empty());
}
