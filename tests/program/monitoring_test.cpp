// What is handed out for watching callcache: its metrics, the alerts and the dashboard, each with the real Prometheus.

#include "tests/support/programs.hpp"
#include "tests/support/temp_folder.hpp"

#include <doctest/doctest.h>
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

const std::string promtool = "/usr/bin/promtool", prometheus = "/usr/bin/prometheus";
const std::string source = CALLCACHE_SOURCE;
const std::string key = sim::basic("key", "secret");

std::string text_of(const std::string& file)
{
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

// A callcache that has something to tell: hits, misses, 404s, passes, refusals, and a tool with a hostile name.
struct watched
{
    watched() : vendor(options()), running(vendor.url(), folder.file("cache.db"), {"--set", "log.access=off"})
    {
        plain_client tool(running.port);
        for (std::uint64_t n : {1, 1, 2, 7}) tool.get("/@etl/v2/calls/" + vendor.catalogue().id(n), key);
        tool.get("/v2/calls?fromDateTime=2026-10-01T00:00:00Z&toDateTime=2026-10-02T00:00:00Z", key);
        tool.get("/v2/calls/undefined", key);
        tool.get("/v2/calls/" + vendor.catalogue().id(1), key, "User-Agent: a\"b\\c{}\xe2\x80\xae\xff\r\n");
        tool.get("/v2/calls/" + vendor.catalogue().id(3), sim::basic("nobody", "x"));
    }

    static sim::vendor_options options()
    {
        sim::vendor_options o;
        o.keys[key] = {};
        o.limits = {0, 0};
        return o;
    }
    std::string metrics() const { return plain_client(running.admin_port).get("/metrics", "").body; }

    temp_folder folder;
    vendor_thread vendor;
    serving running;
};

// The names of the families, and of the series that histograms and summaries are made of.
std::set<std::string> names_in(const std::string& metrics)
{
    std::set<std::string> names;
    std::istringstream lines(metrics);
    for (std::string hash, type, name, kind; lines >> hash;)
    {
        std::string line;
        if (hash != "#" || !(lines >> type >> name) || type != "TYPE" || !(lines >> kind))
        {
            std::getline(lines, line);
            continue;
        }
        if (kind == "counter" || kind == "gauge")
            names.insert(name);
        else
            for (const char* part : {"_bucket", "_sum", "_count"}) names.insert(name + part);
    }
    return names;
}

std::set<std::string> names_used(const std::string& text)
{
    static const std::regex name("\\b(?:callcache|process)_[a-z_]+");
    std::set<std::string> names;
    for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) names.insert(at->str());
    return names;
}

// Every "expr" below it, and the query of the dashboard's variable.
void add_expressions(const rapidjson::Value& v, std::string& to)
{
    if (v.IsObject())
        for (const auto& m : v.GetObject())
        {
            bool is_query = std::string(m.name.GetString()) == "expr" || std::string(m.name.GetString()) == "query";
            if (is_query && m.value.IsString()) to += std::string(m.value.GetString()) + "\n";
            add_expressions(m.value, to);
        }
    if (v.IsArray())
        for (const auto& e : v.GetArray()) add_expressions(e, to);
}

}  // namespace

TEST_SUITE_BEGIN("program");

TEST_CASE("metrics: promtool has nothing to complain of, whatever tools call themselves")
{
    watched w;
    REQUIRE(w.running.admin_port != 0);
    auto answer = plain_client(w.running.admin_port).get("/metrics", "");
    CHECK(answer.head.find("text/plain; version=0.0.4") != std::string::npos);
    CHECK(answer.body.find("outcome=\"hit\",tool=\"etl\"} 1") != std::string::npos);
    CHECK(answer.body.find("callcache_upstream_requests_total{kind=\"pass\",status=\"200\"} 1") != std::string::npos);
    CHECK(answer.body.find("tool=\"a\\\"b\\\\c{}?") != std::string::npos);
    CHECK(answer.body.find("\xe2\x80\xae") == std::string::npos);
    std::ofstream(w.folder.file("metrics")) << answer.body;
    finished checked = run("/bin/sh", {"-c", promtool + " check metrics < " + w.folder.file("metrics")});
    CHECK(checked.output == "");
    CHECK(checked.code == 0);
}

TEST_CASE("metrics: of the process itself, also when it is confined to its files")
{
    watched w;
    std::string metrics = w.metrics();
    std::smatch found;
    REQUIRE(std::regex_search(metrics, found, std::regex("\nprocess_resident_memory_bytes ([0-9.e+]+)")));
    CHECK(std::stod(found[1]) > 1e6);
    REQUIRE(std::regex_search(metrics, found, std::regex("\nprocess_open_fds ([0-9]+)")));
    CHECK(std::stoul(found[1]) > 5);
    REQUIRE(std::regex_search(metrics, found, std::regex("\nprocess_cpu_seconds_total ([0-9.e-]+)")));
    CHECK(std::stod(found[1]) > 0);
}

TEST_CASE("metrics: the real Prometheus scrapes them without complaint")
{
    watched w;
    std::ofstream(w.folder.file("prometheus.yml"))
        << "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: callcache, static_configs: [{targets: "
           "[\"127.0.0.1:"
        << w.running.admin_port << "\"]}]}]\n";
    child scraper(prometheus, {"--config.file=" + w.folder.file("prometheus.yml"),
                               "--storage.tsdb.path=" + w.folder.file("data"), "--web.listen-address=127.0.0.1:0"});
    const std::string before = "msg=\"Listening on\" address=127.0.0.1:";
    REQUIRE(scraper.says(before));
    REQUIRE(scraper.says("Server is ready"));
    auto port = std::uint16_t(std::stoul(scraper.output().substr(scraper.output().find(before) + before.size())));

    std::string health, error;
    plain_client api(port);
    for (auto ends = std::chrono::steady_clock::now() + 30s;
         health != "up" && health != "down" && std::chrono::steady_clock::now() < ends;)
    {
        scraper.says("no line says this", 200ms);
        rapidjson::Document d;
        d.Parse(api.get("/api/v1/targets", "").body.c_str());
        REQUIRE_FALSE(d.HasParseError());
        auto text = [&](const char* at) {
            const rapidjson::Value* v = rapidjson::Pointer(at).Get(d);
            return std::string(v && v->IsString() ? v->GetString() : "");
        };
        health = text("/data/activeTargets/0/health");
        error = text("/data/activeTargets/0/lastError");
    }
    CHECK(health == "up");
    CHECK(error == "");
    std::string spent = api.get("/api/v1/query?query=sum(callcache_budget_day_spent)", "").body;
    CHECK(spent.find("\"result\":[{") != std::string::npos);
    scraper.signal(SIGTERM);
    CHECK(scraper.wait() == 0);
}

TEST_CASE("alerts: they are valid, come when they should, and not when all is well")
{
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"check", "config", source + "/docker/prometheus.yml"},
          {"check", "rules", source + "/docker/alerts.yml"},
          {"test", "rules", source + "/tests/program/alerts_test.yml"}})
    {
        finished checked = run(promtool, arguments);
        INFO(checked.output);
        CHECK(checked.code == 0);
    }
}

TEST_CASE("alerts, dashboard and documentation: every metric that they name is one that callcache has")
{
    watched w;
    std::set<std::string> known = names_in(w.metrics());
    REQUIRE(known.contains("callcache_request_seconds_bucket"));

    rapidjson::Document dashboard;
    dashboard.Parse(text_of(source + "/docker/grafana/dashboards/callcache.json").c_str());
    REQUIRE_FALSE(dashboard.HasParseError());
    std::string expressions;
    add_expressions(dashboard, expressions);
    CHECK(names_used(expressions).size() > 20);
    CHECK(names_used(text_of(source + "/docker/alerts.yml")).size() > 5);
    for (const std::string& text : {expressions, text_of(source + "/docker/alerts.yml")})
        for (const std::string& name : names_used(text))
        {
            CAPTURE(name);
            CHECK(known.contains(name));
        }

    // And the table has all of them.
    std::string table = text_of(source + "/docs/operations.md");
    std::istringstream lines(w.metrics());
    for (std::string line; std::getline(lines, line);)
    {
        if (!line.starts_with("# TYPE ")) continue;
        std::string name = line.substr(7, line.find(' ', 7) - 7);
        CAPTURE(name);
        CHECK(table.find("`" + name) != std::string::npos);
    }
}

TEST_CASE("stats: the command shows what the running callcache has to say, and a pipe that nobody reads ends it")
{
    watched w;
    std::string admin = "127.0.0.1:" + std::to_string(w.running.admin_port);
    finished once = run(callcache_program, {"stats", "--admin", admin});
    CHECK(once.code == 0);
    CHECK(once.output.substr(0, once.output.find(" · ")) == "5 of 10,000");
    CHECK(once.output.find("\nupstream  " + w.vendor.url() + " is up") != std::string::npos);

    child watching(callcache_program, {"stats", "--watch", "--admin", admin});
    REQUIRE(watching.says("5 of 10,000"));
    plain_client(w.running.port).get("/v2/calls/" + w.vendor.catalogue().id(20), key);
    CHECK(watching.says("\n6 of 10,000"));
    watching.signal(SIGINT);
    CHECK(watching.wait() == 128 + SIGINT);

    finished nobody_reads =
        run("/bin/sh", {"-c", callcache_program + " stats --watch --admin " + admin + " | head -1"});
    CHECK(nobody_reads.code == 0);

    w.running.process.signal(SIGTERM);
    w.running.process.wait();
    finished gone = run(callcache_program, {"stats", "--admin", admin});
    CHECK(gone.code == 1);
    CHECK(gone.output.find("(Connection refused). Start callcache with") != std::string::npos);
}

TEST_SUITE_END();
