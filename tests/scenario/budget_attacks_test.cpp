// Attacks on the budget: waste, hang-ups, words that would be false, and what many tools at once do to it.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

TEST_SUITE_BEGIN("scenario: attacks on the budget");

TEST_CASE("401: what is queued with a credential that was refused meanwhile does not spend")
{
    three_a_second w;
    w.start();
    const std::string wrong = sim::basic("wrong", "secret");
    for (std::uint64_t n = 0; n < 3; ++n) w.vendor->hold(w.id(n));
    auto all = w.queue_up(30, {{"Prefer", "wait=60"}}, wrong);
    w.settle();
    for (std::uint64_t n = 0; n < 3; ++n) w.vendor->release(w.id(n));
    w.answered(all);
    for (auto& t : all) CHECK(t->read().status == 401);
    CHECK(w.vendor->requests() <= 6);
}

TEST_CASE("queue: with queue_max 0 a lookup that need not wait is sent")
{
    three_a_second w;
    w.config.budget.queue_max = 0;
    w.start();
    w.clock.advance(5s);
    answer a = w.get(w.path(1));
    INFO(a.body);
    CHECK(a.status == 200);
}

TEST_CASE("stretching: it ends by itself when the day has room again, also if every question is a hit")
{
    three_a_second w;
    w.config.budget.daily = 20;
    w.config.credentials.trust = 24h;
    w.start();
    w.clock_runs = true;
    CHECK(w.get(w.path(1)).status == 200);
    for (std::uint64_t n = 10; n < 17; ++n) CHECK(w.get(w.path(n)).status == 200);
    CHECK(contains(w.operator_says("GET", "/stats"), "\"ration\":\"stretched\""));
    w.clock.advance(2s);
    CHECK(w.get(w.path(30)).status == 200);  // the fronts know now
    w.clock.advance(3h);
    w.settle();
    CHECK(contains(w.operator_says("GET", "/stats"), "\"ration\":\"plenty\""));
    std::size_t before = w.vendor->requests();
    answer a = w.get(w.path(1));
    w.settle();
    w.settle();
    CHECK(w.vendor->requests() > before);
}

TEST_CASE("429: those that were on their way together are one refusal, and the pause is a second")
{
    three_a_second w;
    w.start();
    w.clock.advance(5s);
    std::vector<std::unique_ptr<tool>> all;
    w.vendor->script("", sim::scripted{limited("")});
    for (std::uint64_t n = 1; n <= 3; ++n) w.vendor->hold(w.id(n));
    for (std::uint64_t n = 1; n <= 3; ++n) all.push_back(w.asks("/@one" + w.path(n)));
    w.settle();
    CHECK(w.vendor->requests() == 3);
    for (std::uint64_t n = 1; n <= 3; ++n) w.vendor->release(w.id(n));
    w.settle();
    w.vendor->script("", std::nullopt);
    w.clock.advance(1100ms);
    w.settle();
    CHECK(w.vendor->requests() > 3);
}

TEST_CASE("429: a Retry-After of a second for ever does not spend the day")
{
    three_a_second w;
    w.start();
    w.clock.advance(5s);
    w.vendor->script("", sim::scripted{limited("1")});
    std::vector<std::unique_ptr<tool>> all;
    for (std::uint64_t n = 1; n <= 60; ++n) all.push_back(w.asks("/@one" + w.path(n), {{"Prefer", "wait=600"}}));
    w.settle();
    for (int s = 0; s < 120; ++s)
    {
        w.clock.advance(500ms);
        w.run_for_a_while();
    }
    CHECK(w.vendor->requests() <= 20);  // pauses of 1, 2, 4, … s, with a burst at the end of each
}

TEST_CASE("join: who joins a lookup that stands further back than they may wait is told at once")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.start();
    w.clock.advance(5s);
    auto all = w.queue_up(60, {{"Prefer", "wait=600"}});
    auto alone = w.asks("/@one" + w.path(100), {{"Prefer", "wait=2"}});
    auto joined = w.asks("/@one" + w.path(59), {{"Prefer", "wait=2"}});
    w.settle();
    CHECK(alone->has_answer());
    CHECK(joined->has_answer());
}

TEST_CASE("hang-up: it is noticed also behind further bytes")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.budget.wait_max = 1h;
    w.config.server.answer_max = 1h;
    w.start();
    w.clock.advance(5s);
    auto all = w.queue_up(25);
    auto gone = w.asks("/@one" + w.path(100));
    w.run_until([&] { return w.cache->misses().waiting(w.id(100)) == 1; });
    gone->send("GET ");  // the next request begins
    w.settle();
    gone->hang_up();
    for (int i = 0; i < 40; ++i)
    {
        w.clock.advance(1030ms);
        w.settle();
    }
    CHECK(w.vendor->requests(w.id(100)) == 0);
}

TEST_CASE("reserve: background work that waits together may not touch it either")
{
    three_a_second w;
    w.config.budget.daily = 10;
    w.config.budget.tool_daily_percent = 100;
    w.start();
    w.clock_runs = true;
    for (std::uint64_t n = 0; n < 8; ++n) CHECK(w.get("/@job" + w.path(n)).status == 200);
    w.clock_runs = false;
    w.vendor->script("", sim::scripted{limited("2")});
    w.clock.advance(5s);
    std::vector<std::unique_ptr<tool>> all;
    w.vendor->script("", std::nullopt);
    for (std::uint64_t n = 20; n < 23; ++n) all.push_back(w.asks("/@job" + w.path(n), {{"Priority", "u=7"}}));
    w.answered(all);
    CHECK(w.vendor->requests() == 9);
}

TEST_CASE("words: the limit that is named is the one that ended the wait")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.budget.tools["agent"] = {.wait_max = 2s};
    w.start();
    w.clock.advance(5s);
    w.vendor->hold(w.id(1));
    auto holds = w.asks("/@one" + w.path(1));
    w.settle();
    w.vendor->hold(w.id(2));
    auto t = w.asks("/@agent" + w.path(2));
    w.settle();
    for (int i = 0; i < 60 && !t->has_answer(); ++i)
    {
        w.clock.advance(500ms);
        w.settle();
    }
    REQUIRE(t->has_answer());
    answer a = t->read();
    INFO(a.raw);
    CHECK_FALSE(contains(a.body, "server.answer_max"));
}

TEST_CASE("half-closed: a tool that has shut its writing side down is taken for gone after budget.linger, and told so")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.budget.wait_max = 1h;
    w.config.server.answer_max = 1h;
    w.start();
    w.clock.advance(5s);
    auto all = w.queue_up(30);
    auto t = w.asks("/@one" + w.path(100));
    w.settle();
    t->finish_sending();
    for (int i = 0; i < 40 && !t->has_answer(); ++i)
    {
        w.clock.advance(1030ms);
        w.settle();
    }
    REQUIRE(t->has_answer());
    answer a = t->read();
    CHECK(a.status == 503);
    CHECK(contains(a.body, "budget.linger"));
}

TEST_CASE("drain: waiters in every state have an answer")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 2;
    w.config.budget.wait_max = 1h;
    w.config.server.answer_max = 1h;
    w.start();
    w.clock.advance(5s);
    std::vector<std::unique_ptr<tool>> all;
    w.vendor->script(w.id(0), sim::scripted{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"});
    w.vendor->hold(w.id(1));
    for (std::uint64_t n = 0; n < 8; ++n)
    {
        all.push_back(w.asks("/@one" + w.path(n)));
        w.settle();
    }
    w.cache->drain();
    w.settle();
    w.vendor->release(w.id(1));
    w.answered(all);
    for (auto& t : all)
    {
        auto status = t->read().status;
        CHECK((status == 200 || status == 503));
    }
    CHECK(w.cache->misses().report().flights == 0);
}

TEST_CASE("drain: while Gong's pause lasts too")
{
    three_a_second w;
    w.config.budget.wait_max = 1h;
    w.config.server.answer_max = 1h;
    w.start();
    w.clock.advance(5s);
    std::vector<std::unique_ptr<tool>> all;
    w.vendor->script("", sim::scripted{limited("30")});
    for (std::uint64_t n = 0; n < 8; ++n) all.push_back(w.asks("/@one" + w.path(n)));
    w.settle();
    w.cache->drain();
    w.settle();
    for (auto& t : all) CHECK(t->has_answer());
    CHECK(w.cache->misses().report().flights == 0);
}

TEST_SUITE_END();
