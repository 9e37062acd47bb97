// What an operator sees of a running callcache: /stats, /metrics and the log.

#include "tests/support/budget_harness.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct watched_harness : three_a_second
{
    rapidjson::Document stats()
    {
        std::string raw = operator_says("GET", "/stats");
        rapidjson::Document d;
        d.Parse(raw.c_str() + raw.find("\r\n\r\n") + 4);
        REQUIRE_FALSE(d.HasParseError());
        return d;
    }

    // The value at "/budget/spent", as JSON writes numbers; empty if it is not there.
    std::string at(const rapidjson::Document& d, const char* pointer)
    {
        const rapidjson::Value* v = rapidjson::Pointer(pointer).Get(d);
        if (!v) return "";
        if (v->IsString()) return v->GetString();
        if (v->IsNull()) return "null";
        return v->IsBool() ? (v->GetBool() ? "true" : "false") : std::to_string(v->GetInt64());
    }
};

}  // namespace

TEST_CASE("stats: a forwarded answer that breaks off counts once, by its status")
{
    watched_harness w;
    w.start();
    w.vendor->script("/v2/users", sim::scripted{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", sim::then::close});
    tool t(w);
    t.send(w.request("GET", "/v2/users"));
    t.wait_closed();
    auto d = w.stats();
    CHECK(w.at(d, "/upstream/by_status/200") == "1");
    CHECK(w.at(d, "/upstream/by_status/none") == "");
    CHECK(w.at(d, "/upstream/by_kind/pass/requests") == "1");
}

TEST_CASE("stats: what was asked, spent, sent and kept")
{
    watched_harness w;
    w.start();
    for (int i = 0; i < 3; ++i) CHECK(w.get("/@etl" + w.path(1)).status == 200);
    CHECK(w.get("/@agent" + w.path(2)).status == 200);
    auto d = w.stats();
    CHECK(w.at(d, "/mode") == "online");
    CHECK(w.at(d, "/budget/spent") == "2");
    CHECK(w.at(d, "/budget/rate") == "3");
    CHECK(w.at(d, "/budget/day") == "sliding");
    CHECK(w.at(d, "/budget/spent_by_tool/etl") == "1");
    CHECK(w.at(d, "/budget/exhausted_timestamp") == "null");
    CHECK(w.at(d, "/upstream/url") == "http://127.0.0.1:" + std::to_string(w.vendor->port()));
    CHECK(w.at(d, "/upstream/up") == "true");
    CHECK(w.at(d, "/upstream/by_kind/lookup/requests") == "2");
    CHECK(w.at(d, "/upstream/by_status/200") == "2");
    CHECK(w.at(d, "/requests/total/hit") == "2");
    CHECK(w.at(d, "/requests/total/miss") == "2");
    CHECK(w.at(d, "/requests/last_hour/hit") == "2");
    CHECK(w.at(d, "/requests/by_tool/etl/hit") == "2");
    CHECK(w.at(d, "/requests/by_tool/agent/miss") == "1");
    CHECK(w.at(d, "/cache/entries/memory") == "2");
    CHECK(w.at(d, "/cache/writable") == "true");
    CHECK(w.at(d, "/headline").starts_with("2 of 10,000 · lasts all day · agent 50 %, etl 50 % · 2 answered without"));
    REQUIRE(d["requests"]["last_hour_by_minute"].Size() == 60);
    CHECK(w.at(d, "/requests/last_hour_by_minute/59/hit") == "2");
    CHECK(d["hints"].Empty());
}

TEST_CASE("stats: rows on the disk are counted as they come and go")
{
    watched_harness w;
    w.start();
    for (std::uint64_t n = 0; n < 3; ++n) CHECK(w.get(w.path(n)).status == 200);
    auto on_disk = [&] { return w.cache->kept().disk().current().entries; };
    w.run_until([&] { return on_disk() == 3; });
    w.start();
    w.run_until([&] { return on_disk() == 3; });
    w.clock.advance(2 * 24h);
    CHECK(w.get(w.path(1)).status == 200);  // stale: refreshed
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    w.settle();
    CHECK(on_disk() == 3);
    bool purged = false;
    w.cache->kept().purge(w.id(1), [&](bool) { purged = true; });
    w.run_until([&] { return purged && on_disk() == 2; });
}

TEST_CASE("stats: an error is there, and its text is harmless")
{
    watched_harness w;
    w.start();
    w.vendor->go_down();
    CHECK(w.get(w.path(1)).status == 502);
    auto d = w.stats();
    REQUIRE(d["recent_errors"].Size() >= 1);
    CHECK(contains(w.at(d, "/recent_errors/0/text"), "a request failed: "));
    CHECK(w.at(d, "/recent_errors/0/count") == "1");
    CHECK(w.at(d, "/upstream/by_status/none") == "");  // it was not sent
}

TEST_CASE("stats: the same calls fetched under two credentials are counted, and sharing is hinted at")
{
    watched_harness w;
    w.config.budget.rate = 1000;
    w.config.budget.burst = 1000;
    w.vendor_options.limits = {0, 0};
    w.start();
    for (std::uint64_t n = 0; n < 30; ++n)
        for (const std::string& who : {authorization, other_authorization})
        {
            CHECK(w.get(w.path(n), {}, who).status == 200);
            CHECK(w.get(w.path(n), {}, who).cache("hit") == "hit");
        }
    auto d = w.stats();
    CHECK(w.at(d, "/duplicate_fetches") == "29");  // one of them is private, and would not be shared
    REQUIRE(d["hints"].Size() == 1);
    CHECK(w.at(d, "/hints/0").starts_with("2 credentials fetched the same 29 calls today"));
}

TEST_CASE("log: a lookup's trace goes on to the vendor and stands in the log with the vendor's number of the request")
{
    const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    watched_harness w;
    w.config.log.access = log_access::all;
    w.start();
    CHECK(w.get("/@etl" + w.path(1), {{"traceparent", trace}}).status == 200);
    CHECK(contains(w.vendor->heads().back(), "\r\ntraceparent: " + trace + "\r\n"));
    std::string text = w.out.text();
    std::size_t upstream = text.find("kind=lookup"), answer = text.find("outcome=miss", text.find("method=GET"));
    REQUIRE(upstream != std::string::npos);
    REQUIRE(answer != std::string::npos);
    std::string line = text.substr(upstream, text.find('\n', upstream) - upstream);
    for (const char* part : {"outcome=miss", "status=200", "tool=etl", "wait_ms=", "upstream_ms=", "request_id="})
    {
        CAPTURE(part);
        CHECK(contains(line, part));
    }
    CHECK(contains(line, "traceparent=" + trace));
    line = text.substr(answer, text.find('\n', answer) - answer);
    CHECK(contains(line, "tool=etl"));
    CHECK(contains(line, "traceparent=" + trace));

    CHECK(w.get(w.path(2), {{"traceparent", "00-" + std::string(70, 'x')}}).status == 200);
    CHECK_FALSE(contains(w.vendor->heads().back(), "traceparent"));
}

TEST_CASE("metrics: a scrape needs no token, and shows the budget, the queue and what was sent")
{
    watched_harness w;
    w.start();
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    std::string text = w.operator_says("GET", "/metrics");
    CHECK(contains(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    for (const char* line :
         {"callcache_requests_total{route=\"calls\",outcome=\"hit\",tool=\"etl\"} 1",
          "callcache_requests_total{route=\"calls\",outcome=\"miss\",tool=\"etl\"} 1",
          "callcache_request_seconds_count{outcome=\"hit\"} 1",
          "callcache_upstream_requests_total{kind=\"lookup\",status=\"200\"} 1", "callcache_budget_day_remaining 9999",
          "callcache_budget_day_spent_total{tool=\"etl\"} 1", "callcache_budget_exhausted_timestamp_seconds 0",
          "callcache_queue_length{class=\"interactive\"} 0", "callcache_paused_until_timestamp_seconds 0",
          "callcache_upstream_up 1", "callcache_ledger_durable 1", "callcache_entries{tier=\"memory\"} 1",
          "callcache_duplicate_fetches_total 0"})
    {
        CAPTURE(line);
        CHECK(contains(text, std::string("\n") + line + "\n"));
    }
}
TEST_CASE("stats: tools that are refused stand in the log, in the headline and in /stats, until it has ended")
{
    harness w;
    w.config.budget.daily = 1;
    w.start();
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    for (std::uint64_t n = 2; n < 12; ++n) CHECK(w.get("/@etl" + w.path(n)).status == 429);
    CHECK(w.send("POST", "/@agent/v2/users", {{"Content-Length", "0"}}).status == 429);
    const std::string spent = "the day's API calls are spent or promised (budget.daily)";
    for (const char* tool : {"etl", "agent"})
        CHECK(w.out.text().find(std::string(tool) + " is refused: " + spent) != std::string::npos);
    CHECK(w.out.text().find("the day's API calls are spent (budget.daily): what is not kept is refused") !=
          std::string::npos);
    std::string stats = w.operate("GET", "/stats").body;
    CHECK(stats.find("\"headline\":\"etl is refused, 10 times since ") != std::string::npos);
    CHECK(stats.find("\"refused\":[{\"tool\":\"etl\",\"why\":\"" + spent + "\",\"count\":10,") != std::string::npos);
    CHECK(w.get("/@etl" + w.path(1)).status == 200);  // kept, and no refusal
    CHECK(stats.find(" · the day's API calls are spent: only what is kept is answered until ") != std::string::npos);
    w.clock.advance(1min);
    w.cache->look_after(w.clock.wall());
    CHECK(contains(w.out.text(), "etl is refused: " + spent + " what=10 times in 60 s, since "));
    stats = w.operate("GET", "/stats").body;
    CHECK(stats.find("\"refused\":[]") != std::string::npos);
    CHECK(stats.find("is refused") > stats.find("recent_errors"));
    CHECK(contains(stats, "\"text\":\"etl is refused: " + spent + ": 10 times in 60 s"));
    w.clock.advance(9min);
    w.cache->look_after(w.clock.wall());
    CHECK(contains(w.out.text(), "etl is not refused any more: " + spent + " what=10 times from "));
}

TEST_CASE("log: names that come without an accepted credential cannot fill the list of refused tools")
{
    watched_harness w;
    w.config.budget.daily = 1;
    w.start();
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    for (std::uint64_t n = 100; n < 130; ++n)
        CHECK(w.get("/@made-up-" + std::to_string(n) + w.path(n), {}, other_authorization).status == 429);
    CHECK(contains(w.out.text(), "made-up-119 is refused"));
    CHECK_FALSE(contains(w.out.text(), "made-up-120 is refused"));
    CHECK(contains(w.out.text(), "(others) is refused"));
    for (std::uint64_t n = 130; n < 140; ++n) CHECK(w.get("/@ours-" + std::to_string(n) + w.path(n)).status == 429);
    CHECK(contains(w.out.text(), "ours-139 is refused"));
}

TEST_CASE("stats: a good day says nothing of refusals, shedding and pauses")
{
    watched_harness w;
    w.start();
    for (std::uint64_t n = 0; n < 3; ++n) CHECK(w.get("/@etl" + w.path(n)).status == 200);
    w.clock.advance(1h);
    w.cache->look_after(w.clock.wall());
    for (const char* word : {"is refused", "are spent", "pause", "429", "free again", "served stale"})
    {
        CAPTURE(word);
        CHECK_FALSE(contains(w.out.text(), word));
    }
    CHECK(contains(w.operate("GET", "/stats").body, "\"refused\":[]"));
}

TEST_CASE("log: a day that was spent before the start is said at the start, and when it is free again")
{
    watched_harness w;
    w.config.budget.path = w.folder.file("ledger.db");
    w.config.budget.daily = 2;
    w.start();
    for (std::uint64_t n = 0; n < 2; ++n) CHECK(w.get(w.path(n)).status == 200);
    w.stop();
    const std::size_t before = w.out.text().size();
    const auto said = [&] { return w.out.text().substr(before); };
    w.start();
    w.settle();
    CHECK(contains(said(), "the day's API calls are spent (budget.daily): what is not kept is refused spent=2 left=0"));
    CHECK_FALSE(contains(said(), "free again"));
    for (int hour = 0; hour < 26; ++hour)
    {
        w.clock.advance(1h);
        w.settle();
    }
    CHECK(contains(said(), "API calls of the day are free again (budget.daily) spent=0 left=2"));
    CHECK(contains(said(), "the day's API calls last again: nothing is held back"));
}

TEST_CASE("log: the vendor's pause is said when it begins, at the next start, and when it is over")
{
    watched_harness w;
    w.config.budget.path = w.folder.file("ledger.db");
    w.start();
    w.vendor->script(w.id(1), sim::scripted{limited("40")});
    CHECK(w.get("/@etl" + w.path(1)).status == 429);
    const std::string began = "Gong answered 429: nothing is sent until it allows it again for_s=40 tool=etl";
    CHECK(contains(w.out.text(), began));
    w.stop();
    w.start();
    w.settle();
    CHECK(contains(w.out.text(), "Gong asked everyone to wait, before callcache was started: nothing is sent until"));
    CHECK_FALSE(contains(w.out.text(), "pause is over"));
    w.clock.advance(49s);
    w.settle();
    CHECK(contains(w.out.text(), "Gong's pause is over: requests are sent again took_s="));
    CHECK(w.get("/@etl" + w.path(2)).status == 200);
}

TEST_CASE("log: a pause that the operator ends is said to be ended by the operator alone")
{
    watched_harness w;
    w.start();
    w.vendor->script(w.id(1), sim::scripted{limited("40")});
    CHECK(w.get("/@etl" + w.path(1)).status == 429);
    w.operate("POST", "/resume");
    w.clock.advance(1h);
    w.settle();
    CHECK(contains(w.out.text(), "the operator ended the vendor's pause"));
    CHECK_FALSE(contains(w.out.text(), "pause is over"));
}
