// GET /explain/{id}: what it says of the next request is what the next request is answered.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

#include <rapidjson/document.h>

#include <cstdlib>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct explained
{
    unsigned status = 0;
    std::string outcome, detail, summary, text;
    long wait_seconds = 0;
    bool is_up = false, is_paused = false;

    struct copy
    {
        std::string credential, state, from, text;
        long kept_at = 0, fresh_until = 0;
        bool is_private = false;
    };
    std::vector<copy> kept;

    // Of the first that is kept.
    std::string state() const { return kept.empty() ? "" : kept.front().state; }
};

struct explained_harness : three_a_second
{
    explained_harness()
    {
        config.cache.calls.fresh_min = config.cache.calls.fresh_max = 10min;
        config.cache.routes = {{"/v2/users/{id}", 1h}};
        config.budget.interactive_reserve_percent = 0;
        config.budget.tool_daily_percent = 100;
    }

    explained explain(const std::string& what)
    {
        answer a = operate("GET", "/explain/" + what);
        explained e;
        e.status = a.status;
        if (a.status != 200) return e;
        rapidjson::Document d;
        d.Parse(a.body.data(), a.body.size());
        INFO(a.body);
        REQUIRE_FALSE(d.HasParseError());
        e.outcome = d["next_request"]["outcome"].GetString();
        e.detail = d["next_request"]["detail"].GetString();
        e.wait_seconds = long(d["next_request"]["wait_seconds"].GetInt64());
        e.summary = d["summary"].GetString();
        e.is_up = d["upstream"]["up"].GetBool();
        e.is_paused = !d["upstream"]["paused_until_timestamp"].IsNull();
        for (const auto& line : d["text"].GetArray()) e.text += std::string(line.GetString()) + "\n";
        for (const auto& k : d["kept"].GetArray())
            e.kept.push_back({k["credential"].GetString(), k["state"].GetString(), k["from"].GetString(),
                              k["text"].GetString(), long(k["kept_timestamp"].GetInt64()),
                              long(k["fresh_until_timestamp"].GetInt64()), k["private"].GetBool()});
        return e;
    }

    // What is said of the next request, which then is sent: it is answered so, and after as long a wait.
    explained and_so_it_is(const std::string& what, const std::string& target, const std::string& as = authorization)
    {
        explained e = explain(what);
        CAPTURE(e.text);
        REQUIRE(e.status == 200);
        steady_time before = clock.steady();
        clock_runs = true;
        answer a = get(target, {}, as);
        clock_runs = false;
        CAPTURE(a.raw);
        CHECK(a.cache("detail") == (e.detail.empty() ? e.outcome : e.detail));
        unsigned status = e.outcome == "limited"                          ? 429
                          : e.outcome == "negative"                       ? 404
                          : e.outcome == "error" && e.detail == "offline" ? 504
                          : e.outcome == "error" && a.status == 401       ? 401
                          : e.outcome == "error"                          ? 502
                                                                          : a.status;
        CHECK(a.status == status);
        if (e.outcome == "limited") CHECK(a.header("retry-after") != "");
        if (e.outcome == "miss") CHECK(clock.steady() - before <= std::chrono::seconds(e.wait_seconds) + 500ms);
        if (e.outcome == "miss" && e.wait_seconds > 1)
            CHECK(clock.steady() - before >= std::chrono::seconds(e.wait_seconds - 1));
        return e;
    }
    explained and_so_it_is(std::uint64_t number) { return and_so_it_is(id(number), path(number)); }

    void settle_flights()
    {
        clock_runs = true;
        run_until([&] { return cache->misses().report().flights == 0; });
        clock_runs = false;
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: explain");

TEST_CASE("explain: a call that was never asked for is a miss that is sent at once")
{
    explained_harness w;
    w.start();
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "miss");
    CHECK(e.wait_seconds == 0);
    CHECK(e.kept.empty());
    CHECK(contains(e.text, "nothing is kept of it"));
    CHECK(w.explain("12ab").status == 404);
    CHECK(w.explain("v2/unknown/1").status == 404);
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE("explain: what is fresh is a hit; since when, from what and until when it says, and never the credential")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    w.clock.advance(1min);
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "hit");
    REQUIRE(e.kept.size() == 1);
    CHECK(e.state() == "fresh");
    CHECK(e.kept[0].from == "lookup");
    CHECK(e.kept[0].credential.size() == 7);
    CHECK(e.kept[0].credential.starts_with("#"));
    long now = long(whole_seconds(w.clock.wall().time_since_epoch()));
    CHECK(std::abs(now - 60 - e.kept[0].kept_at) <= 2);
    CHECK(e.kept[0].fresh_until > now + 7 * 60);
    for (const std::string& part : {authorization, std::string("secret"), authorization.substr(6)})
        CHECK_FALSE(contains(e.text, part));
}

TEST_CASE("explain: what is stale within its windows is served and refreshed; beyond them it is a miss")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    w.get(w.path(2));
    w.clock.advance(13min);
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "stale");
    CHECK(e.state() == "stale");
    CHECK(contains(e.summary, "refreshes it in the background"));
    w.settle_flights();
    CHECK(w.vendor->requests(w.id(1)) == 2);
    w.clock.advance(13min);
    e = w.and_so_it_is(2);
    CHECK(e.outcome == "miss");
    CHECK(e.state() == "expired");
}

TEST_CASE("explain: while others wait what is stale is served, and refreshed after them")
{
    explained_harness w;
    w.start();
    w.get(w.path(90));
    w.clock.advance(13min);
    auto all = w.queue_up(8);
    explained e = w.and_so_it_is(90);
    CHECK(e.outcome == "stale");
    CHECK(contains(e.summary, "refreshes it in the background"));
}

TEST_CASE("explain: an id that Gong has just answered with 500 is negative, and says so")
{
    explained_harness w;
    w.start();
    w.get(w.path(2));  // its credential is known
    w.vendor->fail(w.id(1), 500);
    w.get(w.path(1));
    explained e = w.explain(w.id(1));
    CHECK(e.outcome == "negative");
    CHECK(contains(e.summary, "500"));
}

TEST_CASE("explain: a 404 that is remembered is negative")
{
    explained_harness w;
    w.start();
    w.vendor->remove(w.id(1));
    w.get(w.path(1));
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "negative");
    CHECK(e.state() == "negative");
    CHECK(contains(e.kept[0].text, "404"));
    w.clock.advance(2min);
    CHECK(w.and_so_it_is(1).outcome == "miss");
}

TEST_CASE("explain: under a credential whose trust has lapsed the vendor is asked first")
{
    explained_harness w;
    w.config.cache.calls.fresh_min = w.config.cache.calls.fresh_max = 24h;
    w.start();
    w.get(w.path(1));
    w.clock.advance(3h);
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "miss");
    CHECK(e.state() == "untrusted");
    CHECK(contains(e.text, "credentials.trust"));
}

TEST_CASE("explain: with others in the queue it says how long a miss waits")
{
    explained_harness w;
    w.start();
    auto all = w.queue_up(12);
    explained e = w.and_so_it_is("@one/" + w.id(50), "/@one" + w.path(50));
    CHECK(e.outcome == "miss");
    CHECK(e.wait_seconds >= 3);
    CHECK(contains(e.summary, "its turn"));
}

TEST_CASE("explain: what is being fetched already is collapsed")
{
    explained_harness w;
    w.start();
    w.vendor->hold(w.id(1));
    auto first = w.asks(w.path(1));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 1; });
    explained e = w.explain(w.id(1));
    CHECK(e.outcome == "collapsed");
    auto second = w.asks(w.path(1));
    w.run_until([&] { return w.cache->misses().waiting(w.id(1)) == 2; });
    w.vendor->release(w.id(1));
    CHECK(second->read().cache("detail") == "collapsed");
}

TEST_CASE("explain: paused by the vendor's 429, a miss is refused and what is stale serves instead")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    w.get(w.path(3));
    w.clock.advance(25min);
    w.vendor->script(w.id(2), sim::scripted{limited("60")});
    CHECK(w.get(w.path(2)).status == 429);
    explained e = w.and_so_it_is(4);
    CHECK(e.outcome == "limited");
    CHECK(e.is_paused);
    CHECK(e.wait_seconds > 20);
    CHECK(contains(e.summary, "Gong asked everyone to wait until"));
    e = w.and_so_it_is(1);
    CHECK(e.outcome == "stale");
    CHECK(e.detail == "limited");
    w.vendor->script(w.id(2), std::nullopt);
    CHECK(w.operate("POST", "/resume").status == 200);
    CHECK_FALSE(w.explain(w.id(3)).is_paused);
    CHECK(w.and_so_it_is(3).outcome == "miss");
}

TEST_CASE("explain: while upstream is down a miss is refused and what is stale serves instead")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    w.clock.advance(25min);
    w.vendor->go_down();
    w.clock_runs = true;
    while (w.explain(w.id(2)).is_up) CHECK(w.get(w.path(3)).status == 502);
    w.clock_runs = false;
    explained e = w.and_so_it_is(2);
    CHECK(e.outcome == "error");
    CHECK(contains(e.summary, "Gong is down"));
    e = w.and_so_it_is(1);
    CHECK(e.outcome == "stale");
    CHECK(e.detail == "error");
}

TEST_CASE("explain: when the day is spent a miss is refused, and it says until when")
{
    explained_harness w;
    w.config.budget.daily = 3;
    w.start();
    for (std::uint64_t n = 0; n < 3; ++n) w.get(w.path(n));
    explained e = w.and_so_it_is(5);
    CHECK(e.outcome == "limited");
    CHECK(contains(e.summary, "all 3 Gong API calls of the day are spent"));
    CHECK(e.wait_seconds > 23 * 3600);
    CHECK(w.and_so_it_is(1).outcome == "hit");
}

TEST_CASE("explain: of a tool that has had its share of the day it is said for that tool alone")
{
    explained_harness w;
    w.config.budget.tools["etl"].daily = 1;
    w.start();
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    explained e = w.and_so_it_is("@etl/" + w.id(2), "/@etl" + w.path(2));
    CHECK(e.outcome == "limited");
    CHECK(contains(e.summary, "etl has had its share"));
    CHECK(w.and_so_it_is(2).outcome == "miss");
}

TEST_CASE("explain: offline what is kept serves until it is deleted, and what is not kept is a 504")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    w.get(w.path(2));
    w.stop();
    w.config.mode = run_mode::offline;
    w.start();
    CHECK(w.and_so_it_is(1).outcome == "hit");
    w.clock.advance(20 * 24h);
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "offline");
    e = w.and_so_it_is(9);
    CHECK(e.outcome == "error");
    CHECK(e.detail == "offline");
    CHECK(w.vendor->requests() == 2);
}

TEST_CASE("explain: what was purged is a miss")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    REQUIRE(w.operate("POST", "/purge", "{\"ids\":[\"" + w.id(1) + "\"]}").status == 200);
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "miss");
    CHECK(e.kept.empty());
}

TEST_CASE("explain: after an erasure it is a miss, and it says that there was one")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    w.vendor->script("/v2/data-privacy/erase-data-for-email-address",
                     sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"});
    REQUIRE(w.send("POST", "/v2/data-privacy/erase-data-for-email-address?emailAddress=a%40b.example").status == 200);
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "miss");
    CHECK(contains(e.text, "an erasure passed through"));
}

TEST_CASE("explain: of a private call under a company's keys it says whose it is")
{
    explained_harness w;
    w.config.credentials.share = credentials_share::company;
    w.config.credentials.company_keys = {"key", "other"};
    w.start();
    w.clock_runs = true;
    w.get(w.path(100));
    w.get(w.path(100), {}, other_authorization);
    w.get(w.path(5));  // the simulated vendor's 5 is private
    explained e = w.and_so_it_is(5);
    CHECK(e.outcome == "hit");
    REQUIRE(e.kept.size() == 1);
    CHECK(e.kept[0].is_private);
    CHECK(contains(e.kept[0].text, "for this credential alone"));
    w.clock_runs = true;
    CHECK(w.get(w.path(5), {}, other_authorization).cache("detail") == "miss");
    CHECK(w.explain(w.id(100)).kept.size() == 2);
}

TEST_CASE("explain: what a tool's list brought is a hit from a list, what a bulk read brought from a bulk read, also "
          "after a restart")
{
    explained_harness w;
    w.vendor_options.catalogue.newest = w.clock.wall();
    w.start();
    w.get(w.path(1));
    CHECK(w.get("/v2/calls?fromDateTime=2026-11-24T07:00:00Z&toDateTime=2026-11-24T08:00:00Z").status == 200);
    std::string body = "{\"filter\":{\"callIds\":[\"" + w.id(900) + "\"]}}";
    w.raw(w.request("POST", "/v2/calls/extensive",
                    {{"Content-Type", "application/json"}, {"Content-Length", std::to_string(body.size())}})
              .append(body));
    w.run_until([&] { return w.explain(w.id(3)).outcome == "hit" && w.explain(w.id(900)).outcome == "hit"; });
    for (int i = 0; i < 2; ++i)
    {
        explained e = w.and_so_it_is(3);
        CHECK(e.outcome == "hit");
        CHECK(e.kept.at(0).from == "list");
        CHECK(w.and_so_it_is(900).kept.at(0).from == "bulk");
        w.start();
    }
}

TEST_CASE("explain: a credential that the vendor refuses reads nothing, and is not asked for again at once")
{
    explained_harness w;
    w.start();
    w.get(w.path(1));
    w.vendor->withdraw(authorization);
    CHECK(w.get(w.path(2)).status == 401);
    explained e = w.and_so_it_is(1);
    CHECK(e.outcome == "error");
    CHECK(e.state() == "untrusted");
    CHECK(contains(e.summary, "401"));
}

TEST_CASE("explain: a kept route is explained, and purged, like a call")
{
    explained_harness w;
    w.start();
    w.vendor->script("/v2/users/5",
                     sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"});
    w.get("/v2/users/5?a=1");
    CHECK(w.explain("v2/users/5").kept.empty());
    CHECK(w.and_so_it_is("@etl/v2/users/5?a=1", "/@etl/v2/users/5?a=1").outcome == "hit");
    CHECK(w.operate("POST", "/purge", "{\"ids\":[\"/v2/users/5\"]}").status == 200);
    CHECK(w.and_so_it_is("v2/users/5?a=1", "/v2/users/5?a=1").outcome == "miss");
}

TEST_SUITE_END();
