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
    CHECK(w.cache->misses().spending().spent == 5);
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
    CHECK(w.cache->misses().spending().spent == 5);
}

TEST_SUITE_END();
