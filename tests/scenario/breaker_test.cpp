// What waits for a connection or for room when Gong goes down is not sent.

#include "server/fetch/fetcher.hpp"
#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

// Four paths fail one after the other; then five lookups have all the connections, and no answer in time: with these
// the outage begins.
struct five_without_answer : harness
{
    five_without_answer()
    {
        config.upstream.connections_max = 5;
        config.bulk.mode = bulk_mode::off;
        start();
        for (const char* failing : {"/v2/users/1", "/v2/users/2", "/v2/users/3", "/v2/users/4"})
        {
            vendor->script(failing, sim::scripted{"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"});
            CHECK(get(failing).status == 502);
        }
        for (std::uint64_t n = 1; n <= 5; ++n)
        {
            vendor->hold(id(n));
            tools.push_back(std::make_unique<tool>(*this));
            tools.back()->send(request("GET", path(n)));
        }
        run_until([&] { return vendor->requests() == 9; });
    }

    void end()
    {
        run_for_a_while();
        clock.advance(config.upstream.response_timeout);
        run_until([&] { return out.text().find("Gong is down") != std::string::npos; });
    }

    std::vector<std::unique_ptr<tool>> tools;
};

}  // namespace

TEST_SUITE_BEGIN("scenario: the outage breaker");

TEST_CASE("breaker: a lookup that waited for a connection while Gong went down is not sent")
{
    five_without_answer w;
    tool t(w);
    t.send(w.request("GET", w.path(6)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(6)) == 1; });
    w.end();
    answer a = t.read();
    CHECK(a.status == 502);
    CHECK(a.has("retry-after"));
    CHECK(w.vendor->requests() == 9);
    CHECK(w.cache->misses().report().spending.spent == 9);
}

TEST_CASE("breaker: a request that passes through and waited for a connection while Gong went down is not sent")
{
    five_without_answer w;
    tool t(w);
    t.send(w.request("GET", "/v2/users"));
    w.end();
    answer a = t.read();
    CHECK(a.status == 502);
    CHECK(w.vendor->requests() == 9);
    CHECK(w.cache->misses().report().spending.spent == 9);
}

TEST_CASE("breaker: an id that Gong answers with 500 every time takes Gong from nobody else")
{
    three_a_second w;
    w.start();
    w.vendor->fail(w.id(1), 500);
    for (std::uint64_t n = 0; n < 70; ++n)
    {
        CHECK(w.get(w.path(1)).status == 500);
        CHECK(w.get(w.path(100 + n)).status == 200);
        w.clock.advance(1s);
    }
    CHECK(w.vendor->requests(w.id(1)) <= 4);
    CHECK_FALSE(contains(w.out.text(), "Gong is down"));
}

TEST_CASE("breaker: an id and a path that Gong answers with 503 every time take it from nobody who asks seldom")
{
    three_a_second w;
    w.clock_runs = true;  // while it waits before it tries again
    w.start();
    const sim::scripted unavailable{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"};
    w.vendor->script(w.id(1), unavailable);
    w.vendor->script("/v2/users", unavailable);
    for (std::uint64_t n = 0; n < 8; ++n)
    {
        for (int second = 0; second < 10; ++second)
        {
            CHECK(w.get(w.path(1)).status >= 502);
            CHECK(w.get("/@other/v2/users").status >= 502);
            w.clock.advance(1s);
        }
        CHECK(w.get(w.path(100 + n)).status == 200);
    }
    CHECK_FALSE(contains(w.out.text(), "Gong is down"));
}

TEST_CASE("breaker: a path that fails again and again is told that it is that path, and when it is asked for again")
{
    three_a_second w;
    w.clock_runs = true;  // while it waits before it tries again
    w.start();
    w.vendor->script("/v2/users", sim::scripted{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"});
    for (int n = 0; n < 5; ++n) CHECK(w.get("/v2/users").status == 503);
    const answer a = w.get("/v2/users");
    CHECK(a.status == 502);
    CHECK(contains(a.body, "has failed to answer this several times in a row"));
    CHECK(a.header("retry-after") == "5");
    CHECK(w.vendor->requests() == 5);
}

TEST_CASE("breaker: while nobody asks for anything else, that id is one failure, and the next asker of another is sent")
{
    three_a_second w;
    w.config.cache.calls.not_found_min = w.config.cache.calls.not_found_max = 0ms;  // so that each ask is sent
    w.start();
    w.vendor->fail(w.id(1), 500);
    for (int n = 0; n < 20; ++n)
    {
        CHECK(w.get(w.path(1)).status == 500);
        w.clock.advance(1s);
    }
    CHECK(w.vendor->requests(w.id(1)) == 20);
    CHECK(w.get(w.path(2)).status == 200);
}

TEST_CASE("breaker: five ids that are answered with 500, one after the other, are an outage, and another one ends it")
{
    three_a_second w;
    w.start();
    for (std::uint64_t n = 1; n <= 5; ++n)
    {
        w.vendor->fail(w.id(n), 500);
        CHECK(w.get(w.path(n)).status == 500);
        w.clock.advance(1s);
    }
    CHECK(w.get(w.path(6)).status == 502);
    w.clock.advance(5s);
    CHECK(w.get(w.path(5)).status == 500);  // remembered: it takes no probe
    CHECK(w.get(w.path(6)).status == 200);
}

TEST_CASE("breaker: eight requests that are cut off together are one failure, and the next one is sent")
{
    three_a_second w;
    w.config.budget.rate = w.config.budget.burst = 1000;
    w.start();
    std::vector<std::unique_ptr<tool>> tools;
    for (std::uint64_t n = 1; n <= 8; ++n)
    {
        w.vendor->hold(w.id(n));
        tools.push_back(w.asks(w.path(n)));
    }
    w.run_until([&] { return w.vendor->requests() == 8; });
    w.clock.advance(100ms);
    w.vendor->go_down();
    w.vendor->come_up();
    for (std::uint64_t n = 1; n <= 8; ++n) w.vendor->release(w.id(n));
    w.answered(tools);
    CHECK(w.get(w.path(9)).status == 200);
    CHECK_FALSE(contains(w.out.text(), "Gong is down"));
}

TEST_CASE("breaker: a 503 that says for how long is not asked again before, and the tool is told")
{
    three_a_second w;
    w.start();
    w.vendor->script(w.id(1),
                     sim::scripted{"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n"});
    answer a = w.get(w.path(1));
    CHECK(a.status == 503);
    CHECK(a.header("retry-after") == "90");
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("breaker: that all connections are in use is no outage of Gong's")
{
    harness w;
    w.config.upstream.connections_max = 1;
    w.config.upstream.response_timeout = 300s;
    w.config.server.answer_max = 10s;
    w.config.bulk.mode = bulk_mode::off;
    w.config.budget = {1000, 1000, 0ms, 2000, 1h};
    w.start();
    w.vendor->hold(w.id(1));
    std::vector<std::unique_ptr<tool>> tools;
    for (std::uint64_t n = 1; n <= 8; ++n)
    {
        tools.push_back(std::make_unique<tool>(w));
        tools.back()->send(w.request("GET", w.path(n)));
        w.run_until([&] { return w.cache->misses().waiting(w.id(n)) == 1; });
    }
    w.run_until([&] { return w.vendor->requests() == 1; });
    w.run_for_a_while();
    w.clock.advance(11s);
    for (auto& t : tools) CHECK(t->read().status == 504);
    w.run_for_a_while();
    CHECK(w.out.text().find("Gong is down") == std::string::npos);
    w.vendor->release(w.id(1));
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    CHECK(w.get(w.path(20)).status == 200);
}

TEST_CASE("connections: slow answers to forwarded requests leave two of them to lookups")
{
    harness w;
    w.config.upstream.connections_max = 4;
    w.config.budget = {1000, 1000, 0ms, 2000, 20s};
    w.start();
    CHECK(w.get(w.path(0)).status == 200);
    w.vendor->hold("/v2/users");
    std::vector<std::unique_ptr<tool>> tools;
    for (int n = 0; n < 6; ++n)
    {
        tools.push_back(std::make_unique<tool>(w));
        tools.back()->send(w.request("GET", "/@tool" + std::to_string(n % 2) + "/v2/users"));
    }
    w.run_until([&] { return w.vendor->requests() == 3; });
    w.run_for_a_while();
    CHECK(w.vendor->requests() == 3);
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->release("/v2/users");
    for (auto& t : tools) CHECK(t->read().status == 200);
}

TEST_SUITE_END();
