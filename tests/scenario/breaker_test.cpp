// What waits for a connection or for room when Gong goes down is not sent.

#include "server/fetch/fetcher.hpp"
#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

// Five lookups have all the connections, and no answer in time: that is an outage.
struct five_without_answer : harness
{
    five_without_answer()
    {
        config.upstream.connections_max = 5;
        config.bulk.mode = bulk_mode::off;
        start();
        for (std::uint64_t n = 1; n <= 5; ++n)
        {
            vendor->hold(id(n));
            tools.push_back(std::make_unique<tool>(*this));
            tools.back()->send(request("GET", path(n)));
        }
        run_until([&] { return vendor->requests() == 5; });
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
    CHECK(w.vendor->requests() == 5);
    CHECK(w.cache->misses().report().spending.spent == 5);
}

TEST_CASE("breaker: a request that passes through and waited for a connection while Gong went down is not sent")
{
    five_without_answer w;
    tool t(w);
    t.send(w.request("GET", "/v2/users"));
    w.end();
    answer a = t.read();
    CHECK(a.status == 502);
    CHECK(w.vendor->requests() == 5);
    CHECK(w.cache->misses().report().spending.spent == 5);
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
    w.vendor->hold("/v2/users");
    std::vector<std::unique_ptr<tool>> tools;
    for (int n = 0; n < 6; ++n)
    {
        tools.push_back(std::make_unique<tool>(w));
        tools.back()->send(w.request("GET", "/v2/users"));
    }
    w.run_until([&] { return w.vendor->requests() == 2; });
    w.run_for_a_while();
    CHECK(w.vendor->requests() == 2);
    CHECK(w.get(w.path(1)).status == 200);
    w.vendor->release("/v2/users");
    for (auto& t : tools) CHECK(t->read().status == 200);
}

TEST_SUITE_END();
