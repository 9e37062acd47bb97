// The budget, as tools meet it.

#include "server/fetch/fetcher.hpp"
#include "tests/support/budget_harness.hpp"
#include "tests/support/sanitized.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace callcache;
using namespace callcache::test;

TEST_SUITE_BEGIN("scenario: the budget");

TEST_CASE("fairness: one tool with 2,000 queued lookups adds at most a second to another tool's single one")
{
    three_a_second w;
    w.config.budget.wait_max = 20min;
    w.config.budget.queue_max = 4000;
    w.config.server.answer_max = 21min;
    w.start();
    std::vector<std::unique_ptr<tool>> crowd;
    const std::uint64_t many = sanitized ? 200 : 2000;
    for (std::uint64_t n = 0; n < many; ++n) crowd.push_back(w.asks("/@crowd" + w.path(n)));
    w.run_until([&] { return w.cache->misses().report().flights >= many - 10; });
    std::vector<std::unique_ptr<tool>> single;
    single.push_back(w.asks("/@single" + w.path(5000)));
    // The window's margin is part of it, and the clock runs on while bytes are on their way.
    CHECK(w.answered(single) <= 1100ms);
    CHECK(single[0]->read().status == 200);
    // Also where the crowd has asked for the same call, and stands far behind.
    single[0] = w.asks("/@single" + w.path(many - 1));
    CHECK(w.answered(single) <= 1100ms);
    CHECK(single[0]->read().cache("collapsed") == "collapsed");
}

TEST_CASE("linger: a tool that gives up after 5 s and asks again gets its answer as soon as one that waits")
{
    three_a_second w;
    w.config.budget.wait_max = 20min;
    w.config.server.answer_max = 21min;
    w.start();
    auto all = w.queue_up(30);
    auto patient = w.asks("/@one" + w.path(100));
    w.settle();
    auto impatient = w.asks("/@one" + w.path(101));
    w.settle();
    all.push_back(w.asks("/@one" + w.path(102)));
    for (int second = 0; second < 20 && !impatient->has_answer(); ++second)
    {
        if (second % 5 == 4)
        {
            impatient->hang_up();
            impatient = w.asks("/@one" + w.path(101));
        }
        w.clock.advance(1030ms);
        w.settle();
        if (patient->has_answer()) CHECK(impatient->has_answer());
    }
    CHECK(impatient->read().status == 200);
    CHECK(w.vendor->requests(w.id(101)) == 1);
}

TEST_CASE("linger: what nobody comes back for leaves after budget.linger, and its turn goes to the next")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.budget.wait_max = 1h;
    w.config.server.answer_max = 1h;
    w.start();
    auto all = w.queue_up(20);
    auto gone = w.asks("/@one" + w.path(100)), last = w.asks("/@one" + w.path(101));
    w.run_until([&] { return w.cache->misses().waiting(w.id(101)) == 1; });
    gone->hang_up();
    for (int second = 0; second < 24; ++second)
    {
        w.clock.advance(1030ms);
        w.settle();
    }
    CHECK(last->read().status == 200);
    CHECK(w.vendor->requests(w.id(100)) == 0);
}

TEST_CASE("linger: whoever asks in the moment in which a lookup is given up is answered like anyone else")
{
    for (int steps = 0; steps < 6; ++steps)
    {
        INFO("steps before it asks: ", steps);
        three_a_second w;
        w.config.budget.rate = w.config.budget.burst = 1;
        w.start();
        auto all = w.queue_up(20);
        fetcher& misses = w.cache->misses();
        lookup l;
        l.id = w.id(100);
        l.whose = std::make_shared<partition>(sha256("a credential"));
        l.authorization = authorization;
        l.patience = l.turn_within = l.answer_within = 1h;
        l.asked_at = w.clock.steady();
        l.asker = 1'000'000;
        misses.ask(l, [](looked_up) {});
        misses.left(l.asker);
        w.settle();
        REQUIRE(misses.waiting(l.id) == 1);

        std::optional<looked_up> heard;
        ++l.asker;
        std::function<void(int)> ask_after = [&](int left) {
            if (left == 0) return misses.ask(l, [&](looked_up r) { heard = std::move(r); });
            asio::post(w.cache->loop(), [&, left] { ask_after(left - 1); });
        };
        w.clock.advance(w.config.budget.linger);
        w.loop.run_for(3ms);  // the proxy's loop stands still: what has become due there rings in its next round
        ask_after(steps);
        w.clock_runs = true;
        w.run_until([&] { return heard.has_value(); });
        CHECK(heard->kept);
    }
}

TEST_CASE("queue: when it is full the newest of the longest flow is refused, and not the newcomer")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.budget.queue_max = 4;
    w.config.budget.wait_max = 1h;
    w.start();
    std::vector<std::unique_ptr<tool>> crowd;
    for (std::uint64_t n = 0; n < 6; ++n)  // one is sent, one stands ready, four wait
    {
        crowd.push_back(w.asks("/@crowd" + w.path(n)));
        w.settle();
        if (n == 0) w.clock.advance(600ms);
        w.settle();
    }
    auto newcomer = w.asks("/@single" + w.path(50));
    w.settle();
    CHECK_FALSE(newcomer->has_answer());
    REQUIRE(crowd.back()->has_answer());
    answer a = crowd.back()->read();
    CHECK(a.status == 429);
    CHECK(contains(a.body, "the queue is full: 4 requests wait"));
    CHECK(contains(a.body, "budget.queue_max"));
}

TEST_CASE("day: when it is spent at noon, kept calls are still answered, a miss is told when the next is free, and "
          "then it is")
{
    three_a_second w;
    w.config.budget.daily = 12;
    w.config.budget.interactive_reserve_percent = 0;
    w.start();
    w.clock_runs = true;
    for (std::uint64_t n = 0; n < 12; ++n)
    {
        answer a = w.get(w.path(n));
        INFO(a.raw);
        REQUIRE(a.status == 200);
    }
    w.clock_runs = false;
    CHECK(w.vendor->requests() == 12);
    CHECK(w.get(w.path(3)).cache("hit") == "hit");
    answer no = w.get(w.path(50));
    CHECK(no.status == 429);
    CHECK(no.cache("detail") == "limited");
    CHECK(contains(no.body, "all 12 Gong API calls of the day are spent; the next is free at 2026-11-25 08:0"));
    CHECK(contains(no.body, "in 24 h"));
    CHECK(no.header("ratelimit-policy") == "\"second\";q=3;w=1, \"day\";q=12;w=86400");
    CHECK(no.header("ratelimit") == "\"day\";r=0;t=" + no.header("retry-after"));
    auto seconds = std::chrono::seconds(std::stol(no.header("retry-after")));
    // Long after its freshness what is kept still answers.
    w.clock.advance(10h);
    answer stale = w.get(w.path(3));
    CHECK(stale.status == 200);
    CHECK(stale.cache("hit") == "hit");
    CHECK(w.get(w.path(51)).status == 429);
    CHECK(w.vendor->requests() == 12);
    // True to the second.
    w.clock.advance(seconds - 10h - 2s);
    CHECK(w.get(w.path(52), {{"Prefer", "wait=0"}}).status == 429);
    w.clock.advance(2s);
    CHECK(w.get(w.path(52)).status == 200);
}

TEST_CASE("day: what was spent is known after a restart, and after a stop nothing of a lease is lost")
{
    three_a_second w;
    w.config.budget.path = w.folder.file("ledger");
    w.config.budget.daily = 10;
    w.config.budget.interactive_reserve_percent = 0;
    w.start();
    w.clock_runs = true;
    for (std::uint64_t n = 0; n < 4; ++n) REQUIRE(w.get(w.path(n)).status == 200);
    w.clock_runs = false;
    w.start();
    CHECK(contains(w.operator_says("GET", "/stats"), "\"spent\":4,\"left\":6"));
    w.clock_runs = true;
    for (std::uint64_t n = 10; n < 16; ++n) CHECK(w.get(w.path(n)).status == 200);
    w.clock_runs = false;
    CHECK(w.get(w.path(20)).status == 429);
    w.start();
    CHECK(w.get(w.path(20)).status == 429);
    CHECK(w.vendor->requests() == 10);
}

TEST_CASE("429: all sending stops until Gong allows it; who can wait does, the others are told at once")
{
    three_a_second w;
    w.start();
    w.vendor->script(w.id(1), sim::scripted{limited("15")});
    auto waits = w.asks("/@one" + w.path(1));  // 20 s are allowed
    w.run_until([&] { return w.vendor->requests() == 1; });
    w.settle();
    CHECK_FALSE(waits->has_answer());
    answer told = w.get(w.path(2), {{"Prefer", "wait=3"}});
    CHECK(told.status == 429);
    CHECK(contains(told.body, "Gong asked everyone to wait until 08:00:"));
    CHECK(contains(told.body, "(15 s)"));
    CHECK(told.header("retry-after") == "15");
    auto queued = w.asks("/@two" + w.path(3));
    w.settle();
    w.vendor->script(w.id(1), std::nullopt);
    w.clock.advance(14s);
    w.settle();
    CHECK(w.vendor->requests() == 1);
    std::vector<std::unique_ptr<tool>> both;
    both.push_back(std::move(waits));
    both.push_back(std::move(queued));
    CHECK(w.answered(both) <= 1200ms);
    for (auto& t : both) CHECK(t->read().status == 200);
    CHECK(contains(w.out.text(), "Gong answered 429: nothing is sent until it allows it again for_s=15"));
    CHECK(contains(w.operator_says("GET", "/stats"), "\"ratelimit_remaining\":\"0\""));
}

TEST_CASE("429: a pause is durable, is only ever extended, and the operator can end it")
{
    three_a_second w;
    w.config.budget.path = w.folder.file("ledger");
    w.start();
    w.vendor->script("", sim::scripted{limited("Tue, 24 Nov 2026 09:00:00 GMT")});
    answer first = w.get(w.path(1));
    CHECK(first.status == 429);
    CHECK(contains(first.body, "until 09:00:00 UTC"));
    w.vendor->script("", std::nullopt);
    w.start();
    answer still = w.get(w.path(1));
    CHECK(still.status == 429);
    CHECK(contains(still.body, "until 09:00:0"));
    w.clock.advance(30min);
    CHECK(w.get(w.path(1)).status == 429);
    CHECK(w.vendor->requests() == 1);
    std::string resumed = w.operator_says("POST", "/resume");
    CHECK(contains(resumed, "200 OK"));
    CHECK(contains(resumed, "\"resumed\":true"));
    CHECK(contains(w.operator_says("POST", "/resume"), "\"resumed\":false"));
    CHECK(contains(resumed, "\"paused_until_timestamp\":null"));
    CHECK(w.get(w.path(1)).status == 200);
    w.start();
    CHECK(w.get(w.path(2)).status == 200);
}

TEST_CASE("429: without a usable Retry-After the pause is a second, doubled while it goes on")
{
    for (const char* word : {"", "0", "-5", "soon", "Tue, 24 Nov 2020 09:00:00 GMT"})
    {
        INFO(word);
        three_a_second w;
        w.start();
        w.vendor->script("", sim::scripted{limited(word)});
        auto t = w.asks(w.path(1));
        for (auto [at, requests] : {std::pair(0s, 1), {1s, 2}, {2s, 3}, {4s, 4}})
        {
            w.clock.advance(at);
            w.settle();
            CHECK(w.vendor->requests() == std::size_t(requests));
        }
        w.vendor->script("", std::nullopt);
        w.clock.advance(8s);
        CHECK(t->read().status == 200);
    }
}

TEST_CASE("429: an absurd Retry-After means budget.retry_after_max")
{
    three_a_second w;
    w.config.budget.retry_after_max = 2h;
    w.start();
    w.vendor->script("", sim::scripted{limited("99999999999999999999")});
    CHECK(w.get(w.path(1)).header("retry-after") == "7200");
    w.vendor->script("", std::nullopt);
    w.clock.advance(2h);
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("tools: a tool's own daily cap, class and wait_max hold, and the others go on")
{
    three_a_second w;
    w.config.budget.tools["etl"] = {.daily = 2, .how = urgency::background};
    w.config.budget.tools["agent"] = {.wait_max = 0ms};
    w.start();
    w.clock_runs = true;
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    CHECK(w.get("/@etl" + w.path(2)).status == 200);
    w.clock_runs = false;
    answer capped = w.get("/@etl" + w.path(3));
    CHECK(capped.status == 429);
    CHECK(contains(capped.body, "etl has had its share of the day: 2 of 10,000 Gong API calls"));
    CHECK(w.get("/@etl" + w.path(1)).cache("hit") == "hit");
    CHECK(w.get("/@other" + w.path(3)).status == 200);
    answer impatient = w.get("/@agent" + w.path(4));
    CHECK(impatient.status == 429);
    CHECK(contains(impatient.body, "limit 0 s"));
    // The share is free again a day later, when it says so.
    w.clock.advance(std::chrono::seconds(std::stol(capped.header("retry-after"))));
    CHECK(w.get("/@etl" + w.path(5)).status == 200);
}

TEST_CASE("tools: one at its cap gets what another waits for anyway, and keeps nothing going that the other has left")
{
    three_a_second w;
    w.config.budget.rate = 0.02;  // one in 50 s
    w.config.budget.burst = 1;
    w.config.budget.wait_max = w.config.server.answer_max = 1h;
    w.config.budget.tools["etl"] = {.daily = 1};
    w.start();
    w.clock_runs = true;
    CHECK(w.get("/@etl" + w.path(1)).status == 200);
    w.clock_runs = false;
    auto agent = w.asks("/@agent" + w.path(2));
    w.settle();
    auto etl = w.asks("/@etl" + w.path(2));
    w.settle();
    SUBCASE("it gets the answer on the other's account")
    {
        w.clock_runs = true;
        CHECK(agent->read().status == 200);
        CHECK(etl->read().cache("collapsed") == "collapsed");
        auto spent = w.cache->misses().report().spending.tools;
        CHECK(spent.at("etl") == 1);
        CHECK(spent.at("agent") == 1);
    }
    SUBCASE("the other hangs up: after budget.linger it is told that it has had its share")
    {
        agent->hang_up();
        w.settle();
        w.clock.advance(w.config.budget.linger - 1s);
        w.settle();
        CHECK_FALSE(etl->has_answer());
        answer another = w.get("/@etl" + w.path(2));  // nor may it begin to wait for that
        CHECK(another.status == 429);
        CHECK(contains(another.body, "etl has had its share"));
        w.clock_runs = true;
        answer told = etl->read();
        w.clock_runs = false;
        CHECK(told.status == 429);
        CHECK(contains(told.body, "etl has had its share"));
        w.clock.advance(1h);
        w.settle();
        CHECK(w.vendor->requests() == 1);
    }
    SUBCASE("somebody else asks before that: it goes on")
    {
        agent->hang_up();
        w.settle();
        auto third = w.asks("/@third" + w.path(2));
        w.settle();
        w.clock_runs = true;
        CHECK(etl->read().status == 200);
        CHECK(third->read().status == 200);
        CHECK(w.cache->misses().report().spending.tools.at("etl") == 1);
    }
}

TEST_CASE("tools: a hundred and ten versions of one User-Agent are one tool, and nobody's place is lost to them")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 100;
    w.vendor_options.limits = {0, 0};
    w.start();
    w.clock_runs = true;
    for (std::uint64_t n = 0; n < 110; ++n)
        CHECK(w.get(w.path(n), {{"User-Agent", "etl/1." + std::to_string(n)}}).status == 200);
    CHECK(w.get("/@agent" + w.path(200)).status == 200);
    auto spent = w.cache->misses().report().spending.tools;
    CHECK(spent.size() == 2);
    CHECK(spent.at("agent") == 1);
}

TEST_CASE("tools: a bulk read that was lost is tried again for those who ride, if its leader's tool has had its share")
{
    three_a_second w;
    w.config.bulk.mode = bulk_mode::automatic;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.budget.tools["etl"] = {.daily = 1};
    w.start();
    CHECK(w.get(w.path(100)).status == 200);  // the credential is trusted
    w.vendor->script("/v2/calls/extensive",
                     sim::scripted{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"});
    std::vector<std::unique_ptr<tool>> tools;
    tools.push_back(w.asks("/@etl" + w.path(1)));
    w.settle();
    for (std::uint64_t n = 2; n <= 5; ++n) tools.push_back(w.asks("/@agent" + w.path(n)));
    w.settle();
    w.clock_runs = true;
    w.run_until([&] { return w.vendor->requests() == 2; });
    w.clock_runs = false;
    w.vendor->script("/v2/calls/extensive", std::nullopt);
    w.answered(tools);
    CHECK(tools[0]->read().status == 429);
    for (std::size_t n = 1; n < tools.size(); ++n) CHECK(tools[n]->read().status == 200);
}

TEST_CASE("tools: one tool may spend budget.tool_daily_percent of the day, once another has asked")
{
    three_a_second w;
    w.config.budget.daily = 10;
    w.config.budget.tool_daily_percent = 50;
    w.config.budget.interactive_reserve_percent = 0;
    w.start();
    w.clock_runs = true;
    for (std::uint64_t n = 0; n < 6; ++n) CHECK(w.get("/@etl" + w.path(n)).status == 200);  // it is alone
    CHECK(w.get("/@agent" + w.path(20)).status == 200);
    CHECK(w.get("/@etl" + w.path(6)).status == 429);
    for (std::uint64_t n = 21; n < 24; ++n) CHECK(w.get("/@agent" + w.path(n)).status == 200);
    CHECK(w.vendor->requests() == 10);
}

TEST_CASE("classes: interactive goes before background, whoever came first")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.budget.wait_max = 1h;
    w.config.server.answer_max = 1h;
    w.start();
    std::vector<std::unique_ptr<tool>> later, sooner;
    for (std::uint64_t n = 0; n < 6; ++n)
    {
        later.push_back(w.asks("/@job" + w.path(n), {{"Priority", "u=7"}}));
        w.settle();
    }
    for (std::uint64_t n = 10; n < 13; ++n) sooner.push_back(w.asks("/@agent" + w.path(n)));
    w.settle();
    CHECK(w.answered(sooner) <= 4200ms);
    CHECK(std::count_if(later.begin(), later.end(), [](const auto& t) { return t->has_answer(); }) <= 2);
    w.answered(later);
}

TEST_CASE("reserve: background work may not touch the last tenth of the day")
{
    three_a_second w;
    w.config.budget.daily = 10;
    w.start();
    w.clock_runs = true;
    for (std::uint64_t n = 0; n < 9; ++n) CHECK(w.get("/@job" + w.path(n), {{"Priority", "u=6"}}).status == 200);
    answer no = w.get("/@job" + w.path(20), {{"Priority", "u=6"}});
    CHECK(no.status == 429);
    CHECK(contains(no.body, "the last 1 Gong API calls of the day are held for interactive tools"));
    CHECK(w.get("/@job" + w.path(20)).status == 200);
}

TEST_CASE("stretching: while the day runs out faster than it goes, stale is served and not refreshed")
{
    three_a_second w;
    w.config.budget.daily = 20;
    w.start();
    w.clock_runs = true;
    CHECK(w.get(w.path(1)).status == 200);
    w.clock.advance(6min);  // stale now
    CHECK(w.get(w.path(1)).cache("detail") == "stale");
    w.run_until([&] { return w.vendor->requests() == 2 && w.cache->misses().report().flights == 0; });  // and refreshed
    for (std::uint64_t n = 10; n < 16; ++n) CHECK(w.get(w.path(n)).status == 200);
    CHECK(contains(w.operator_says("GET", "/stats"), "\"ration\":\"stretched\""));
    w.clock.advance(20min);  // beyond its own window, within that of a stretched day
    std::size_t before = w.vendor->requests();
    answer stale = w.get(w.path(1));
    CHECK(stale.cache("detail") == "stale");
    answer young = w.get(w.path(10), {{"Cache-Control", "no-cache"}});
    CHECK(young.cache("hit") == "hit");
    w.settle();
    CHECK(w.vendor->requests() == before);
    CHECK(w.get(w.path(30)).status == 200);  // a miss is still a miss
}

TEST_CASE("401: a credential that was just refused is told so without spending, for ten seconds, then twice as long")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 100;
    w.start();
    const std::string wrong = sim::basic("wrong", "secret");
    CHECK(w.get(w.path(1), {}, wrong).status == 401);
    for (auto [wait, requests] : {std::pair(5s, 1), {6s, 2}, {11s, 2}, {10s, 3}, {39s, 3}, {2s, 4}})
    {
        w.clock.advance(wait);
        answer a = w.get(w.path(1), {}, wrong);
        CHECK(a.status == 401);
        CHECK(w.vendor->requests() == std::size_t(requests));
    }
    answer told = w.get(w.path(2), {}, wrong);
    CHECK(contains(told.body, "Gong has just refused this credential (401); it is asked again in 80 s"));
    CHECK(told.header("retry-after") == "80");
    CHECK(w.get(w.path(2)).status == 200);  // another credential is not concerned
}

TEST_CASE("acknowledgement: what Gong takes its time to answer holds its token for some seconds, and no longer")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.config.server.threads = 1;
    w.start();
    SUBCASE("a lookup")
    {
        w.vendor->hold(w.id(50));
        auto slow = w.asks(w.path(50));
        w.run_until([&] { return w.vendor->requests() == 1; });
        std::vector<std::unique_ptr<tool>> next;
        next.push_back(w.asks(w.path(51)));
        auto took = w.answered(next);
        CHECK(took >= 5s);  // four seconds and a window after the acknowledgement
        CHECK(took <= 6500ms);
        CHECK(next[0]->read().status == 200);
        CHECK_FALSE(slow->has_answer());
    }
    SUBCASE("a forwarded request")
    {
        w.vendor->hold("/v2/users");
        auto slow = w.asks("/v2/users");
        w.run_until([&] { return w.vendor->requests() == 1; });
        std::vector<std::unique_ptr<tool>> next;
        next.push_back(w.asks(w.path(51)));
        auto took = w.answered(next);
        CHECK(took >= 5s);
        CHECK(took <= 6500ms);
        CHECK_FALSE(slow->has_answer());
    }
}

TEST_CASE("forwarded requests: however many take their time, a lookup has a token at once")
{
    three_a_second w;
    w.start();
    for (int i = 0; i < 3; ++i) w.vendor->hold("/v2/slow/" + std::to_string(i));
    std::vector<std::unique_ptr<tool>> slow, next;
    for (int i = 0; i < 3; ++i) slow.push_back(w.asks("/v2/slow/" + std::to_string(i)));
    w.settle();
    CHECK(w.vendor->requests() == 2);
    next.push_back(w.asks(w.path(1)));
    CHECK(w.answered(next) < 100ms);
    CHECK(next[0]->read().status == 200);
}

TEST_CASE("retries: a lookup that meets a 503 is tried again, and a retry is a rare thing")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 100;
    w.clock_runs = true;
    w.start();
    for (std::uint64_t n = 0; n < 40; ++n) REQUIRE(w.get(w.path(100 + n)).status == 200);
    std::size_t before = w.vendor->requests();
    w.vendor->script(w.id(1), sim::scripted{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"});
    CHECK(w.get(w.path(1)).status == 503);
    CHECK(w.vendor->requests() - before == 3);
    CHECK(w.get(w.path(1)).status == 503);  // four a minute, at forty requests a minute; the breaker is near, too
    CHECK(w.vendor->requests() - before <= 5);
}

TEST_CASE("ledger: one that cannot be written any more counts in memory, and says so")
{
    three_a_second w;
    const std::string path = w.folder.file("ledger"), elsewhere = w.folder.file("elsewhere");
    w.config.budget.path = path;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);
    // A folder is in its place.
    std::filesystem::rename(path, elsewhere);
    std::filesystem::create_directory(path);
    w.clock.advance(61s);  // the lease is dated anew
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(contains(w.out.text(), "the budget's ledger cannot be written"));
    CHECK(contains(w.operator_says("GET", "/stats"), "\"ledger_durable\":false"));
    CHECK(contains(w.operator_says("GET", "/stats"), "\"spent\":2"));
    std::filesystem::remove(path);
    std::filesystem::rename(elsewhere, path);
    w.clock.advance(61s);
    CHECK(w.get(w.path(3)).status == 200);
    CHECK(contains(w.out.text(), "the budget's ledger can be written again"));
    w.start();
    CHECK(contains(w.operator_says("GET", "/stats"), "\"spent\":3"));
}

TEST_CASE("ledger: once its lock is gone nothing is sent any more; what is kept is answered, and it is said once")
{
    three_a_second w;
    const std::string lock = w.folder.file("ledger-lock"), elsewhere = w.folder.file("elsewhere");
    w.config.budget.path = w.folder.file("ledger");
    w.start();
    REQUIRE(w.get(w.path(1)).status == 200);
    REQUIRE(w.get(w.path(2)).status == 200);
    std::filesystem::rename(lock, elsewhere);
    w.clock.advance(61s);  // the lease is dated anew
    const std::size_t before = w.vendor->requests();

    // All that wait when it turns out, and who comes later.
    std::vector<std::unique_ptr<tool>> tools;
    for (std::uint64_t n = 3; n < 10; ++n) tools.push_back(w.asks(w.path(n)));
    tools.push_back(w.asks("/v2/users"));
    w.answered(tools);
    for (const auto& t : tools)
    {
        answer a = t->read();
        CHECK(a.status == 503);
        CHECK(contains(a.body, "nothing is sent to Gong any more: the lock on the budget's ledger was removed"));
        CHECK(a.cache("detail") == "error");
        CHECK_FALSE(a.has("retry-after"));
    }
    answer later = w.get(w.path(10));
    CHECK(later.status == 503);
    CHECK(w.get(w.path(1)).cache("hit") == "hit");
    w.clock.advance(25min);
    answer stale = w.get(w.path(1));
    CHECK(stale.status == 200);
    CHECK(stale.cache("hit") == "hit");
    CHECK(stale.has("age"));
    answer young = w.get(w.path(2), {{"Cache-Control", "no-cache"}});
    CHECK(young.status == 200);
    CHECK(young.cache("detail") == "error");

    std::string stats = w.operator_says("GET", "/stats");
    CHECK(contains(stats, "\"ledger_ours\":false"));
    CHECK(contains(stats, "\"headline\":\"nothing is sent to Gong"));
    std::string explained = w.operator_says("GET", "/explain/" + w.id(3));
    CHECK(contains(explained, "\"outcome\":\"error\""));
    CHECK(contains(explained, "nothing is sent to Gong any more"));
    CHECK(contains(w.operator_says("GET", "/metrics"), "\ncallcache_ledger_ours 0\n"));

    // Another may have sent meanwhile, so it stays so.
    std::filesystem::rename(elsewhere, lock);
    w.clock.advance(61s);
    CHECK(w.get(w.path(11)).status == 503);
    CHECK(w.vendor->requests() == before);
    w.stop();
    std::string log = w.out.text(), line = "nothing is sent to Gong any more: " + lock;
    CHECK(contains(log, line));
    CHECK(log.find(line, log.find(line) + 1) == log.npos);
    w.start();
    CHECK(w.get(w.path(11)).status == 200);
}

TEST_CASE("database: a lock that was removed is taken again, or it is said that somebody else has it")
{
    three_a_second w;
    w.start();
    const std::string lock = w.config.cache.path + "-lock";
    std::filesystem::remove(lock);
    w.cache->look_after(w.clock.wall());
    CHECK(contains(w.out.text(), "the lock on the database was removed or replaced; it was taken again"));
    {
        three_a_second other;
        other.config.cache.path = w.config.cache.path;
        CHECK(contains(other.start_refused(), "is in use by process "));
    }
    CHECK_FALSE(contains(w.out.text(), "cannot be taken again"));
    std::filesystem::remove(lock);
    {
        auto other = file_lock::take(lock, "process 4711");
        for (int i = 0; i < 2; ++i) w.cache->look_after(w.clock.wall());
    }
    std::string log = w.out.text(), line = "cannot be taken again";
    CHECK(contains(log, line));
    CHECK(contains(log, "why=in use by process 4711"));
    CHECK(log.find(line, log.find(line) + 1) == log.npos);
}

TEST_CASE("ledger: a second proxy on the same one does not start, and names the first")
{
    three_a_second w;
    w.config.budget.path = w.folder.file("ledger");
    w.start();
    three_a_second other;
    other.vendor_options.port = 0;
    other.config.budget.path = w.config.budget.path;
    std::string why = other.start_refused();
    CHECK(contains(why, "the budget's ledger " + w.config.budget.path + " is in use by process "));
    CHECK(contains(why, "budget.path"));
}

TEST_CASE("zone: a budget.day that is no zone does not start, and says what is allowed")
{
    three_a_second w;
    w.config.budget.day = "Europe/Nowhere";
    CHECK(contains(w.start_refused(), "budget.day: found \"Europe/Nowhere\", allowed is sliding, or an IANA zone"));
    w.config.budget.day = "America/New_York";
    CHECK(w.start_refused() == "");
}

TEST_SUITE_END();
