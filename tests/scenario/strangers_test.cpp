// Credentials that Gong has never accepted cannot spend the company's day.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct strangers_harness : three_a_second
{
    strangers_harness()
    {
        config.budget.daily = 40;
        config.budget.rate = config.budget.burst = 1000;
        config.budget.tool_daily_percent = 100;
    }
    static std::string made_up(int n) { return sim::basic("made-up-" + std::to_string(n), "secret"); }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: strangers");

TEST_CASE("strangers: forty made-up credentials spend ten of a day of forty; then they are told when the next is free")
{
    strangers_harness w;
    w.start();
    int refused = 0, limited = 0;
    for (int n = 0; n < 40; ++n)
    {
        answer a = n % 2 ? w.get(w.path(1), {}, strangers_harness::made_up(n))
                         : w.get("/v2/users", {}, strangers_harness::made_up(n));
        refused += a.status == 401;
        limited += a.status == 429;
        if (a.status != 429) continue;
        CHECK(a.header("retry-after") == "900");
        CHECK(contains(a.body, "budget.newcomers"));
    }
    CHECK(refused == 10);
    CHECK(limited == 30);
    CHECK(w.vendor->requests() == 10);
    w.clock.advance(15min);
    CHECK(w.get(w.path(2)).status == 200);  // the company's own key, for the first time
    for (std::uint64_t n = 3; n < 20; ++n) CHECK(w.get(w.path(n)).status == 200);
}

TEST_CASE("strangers: while made-up credentials ask, a key that Gong has accepted is not held up")
{
    strangers_harness w;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    for (int n = 0; n < 20; ++n) w.get(w.path(1), {}, strangers_harness::made_up(n));
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.get("/v2/users").status == 200);
}

TEST_CASE("strangers: all at once, no more are sent than may be refused")
{
    strangers_harness w;
    w.start();
    w.vendor->hold(w.id(1));
    std::vector<std::unique_ptr<tool>> tools;
    for (int n = 0; n < 30; ++n) tools.push_back(w.asks(w.path(1), {}, strangers_harness::made_up(n)));
    w.settle();
    w.vendor->release(w.id(1));
    w.answered(tools);
    CHECK(w.vendor->requests() <= 10);
    CHECK(w.get("/v2/users", {}, strangers_harness::made_up(99)).status == 429);
}

TEST_CASE("strangers: all of them together have the turns of one tool, also where each asks under a name of its own")
{
    strangers_harness w;
    w.config.budget.daily = 0;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    std::vector<std::unique_ptr<tool>> strangers, mine;
    for (int n = 0; n < 30; ++n)
    {
        std::string as = strangers_harness::made_up(n);
        strangers.push_back(w.asks("/@stranger-" + std::to_string(n) + w.path(1), {{"Prefer", "wait=60"}}, as));
        w.run_until([&] { return w.cache->misses().report().flights > std::size_t(n); });
    }
    for (std::uint64_t n = 2; n < 7; ++n) mine.push_back(w.asks(w.path(n)));
    CHECK(w.answered(mine) <= 11s);
    for (auto& t : mine) CHECK(t->read().status == 200);
}

TEST_CASE("strangers: no tool loses its place in the statistics to them, and a new key's tool takes a place of theirs")
{
    strangers_harness w;
    w.config.budget.daily = 0;
    w.start();
    CHECK(w.get("/@first" + w.path(9)).status == 200);
    for (int n = 0; n < 150; ++n)
        w.get("/@stranger-" + std::to_string(n) + w.path(1), {}, strangers_harness::made_up(n));
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    CHECK(w.get("/@etl" + w.path(2)).status == 200);
    const auto spent = w.cache->misses().report().spending.tools;
    CHECK(spent.at("etl") >= 1);
    for (int n = 0; n < 150; ++n) w.get("/@late-" + std::to_string(n) + w.path(1), {}, strangers_harness::made_up(n));
    CHECK(w.cache->misses().report().spending.tools.at("etl") == spent.at("etl"));
}

TEST_CASE("strangers: new keys of the company get in at their first try, however many they are")
{
    strangers_harness w;
    w.config.budget.daily = 1000;
    for (int n = 0; n < 150; ++n) w.vendor_options.keys[strangers_harness::made_up(n)] = {};
    w.start();
    for (int n = 0; n < 150; ++n) CHECK(w.get(w.path(1), {}, strangers_harness::made_up(n)).status == 200);
}

TEST_CASE("strangers: a key that Gong accepts for one call may be refused others, as often as it asks")
{
    strangers_harness w;
    w.start();
    for (std::uint64_t n = 1; n <= 15; ++n)
    {
        w.vendor->forbid(authorization, w.id(n));
        if (n == 10) CHECK(w.get(w.path(20)).status == 200);
        CHECK(w.get(w.path(n)).status == 403);
    }
}

TEST_SUITE_END();
