// Refreshes wait behind those who wait for an answer, go along with them, and go together.

#include "tests/support/budget_harness.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;
using namespace callcache::test;

namespace
{

struct refresh_harness : three_a_second
{
    refresh_harness()
    {
        config.bulk.mode = bulk_mode::automatic;
        vendor_options.catalogue.missing_every = 0;
    }

    // Calls that were kept, and are stale now.
    void start_with_stale(std::uint64_t count)
    {
        start();
        get(path(30));
        clock.advance(3s);
        std::vector<std::unique_ptr<tool>> tools;
        for (std::uint64_t n = 1; n <= count; ++n) tools.push_back(asks(path(n)));
        settle();
        answered(tools);
        until_idle();  // with the check of the first bulk read
        // Calls of the last minutes are fresh for 5 minutes, give or take a tenth, and then stale for as long.
        clock.advance(7min);
    }

    std::size_t stale_of(std::uint64_t first, std::uint64_t count)
    {
        std::size_t stale = 0;
        for (std::uint64_t n = first; n < first + count; ++n) stale += get(path(n)).cache("detail") == "stale";
        return stale;
    }

    void until_idle()
    {
        clock_runs = true;
        run_until([&] { return cache->misses().report().flights == 0; });
        clock_runs = false;
    }

    std::size_t bulk_requests() const
    {
        const auto& heads = vendor->heads();
        return std::size_t(std::count_if(heads.begin(), heads.end(), [](const std::string& h) {
            return h.starts_with("POST /v2/calls/extensive");
        }));
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: refreshes");

TEST_CASE("refreshes: many at once go together")
{
    refresh_harness w;
    w.start_with_stale(20);
    const std::size_t before = w.vendor->requests();
    CHECK(w.stale_of(1, 20) == 20);
    w.until_idle();
    CHECK(w.vendor->requests() - before <= 6);
    CHECK(w.stale_of(1, 20) == 0);
}

TEST_CASE("refreshes: while others wait, they wait too, and ride with them")
{
    refresh_harness w;
    w.start_with_stale(10);
    for (std::uint64_t n = 201; n <= 203; ++n) w.get(w.path(n));  // there is no token left
    std::vector<std::unique_ptr<tool>> others;
    for (std::uint64_t n = 101; n <= 140; ++n) others.push_back(w.asks(w.path(n)));
    w.settle();
    const std::size_t before = w.vendor->requests();
    CHECK(w.stale_of(1, 10) == 10);
    w.answered(others);
    for (auto& t : others) CHECK(t->read().status == 200);
    w.until_idle();
    CHECK(w.vendor->requests() - before <= 3);
    CHECK(w.stale_of(1, 10) == 0);
}

TEST_CASE("refreshes: a lookup that somebody waits for goes before all of them")
{
    refresh_harness w;
    w.config.bulk.mode = bulk_mode::off;
    w.start_with_stale(20);
    CHECK(w.stale_of(1, 20) == 20);
    auto one = w.asks(w.path(200));
    w.settle();
    std::vector<std::unique_ptr<tool>> tools;
    tools.push_back(std::move(one));
    CHECK(w.answered(tools) <= 3s);
    CHECK(tools[0]->read().status == 200);
}

TEST_CASE("refreshes: those who ride with one are tried again like any other, if it is lost")
{
    refresh_harness w;
    w.start_with_stale(4);
    CHECK(w.stale_of(1, 4) == 4);  // three are sent, and one waits for its token
    w.settle();
    w.vendor->script("/v2/calls/extensive",
                     sim::scripted{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"});
    std::vector<std::unique_ptr<tool>> others;
    for (std::uint64_t n = 101; n <= 110; ++n) others.push_back(w.asks(w.path(n)));
    w.settle();
    w.clock_runs = true;
    w.run_until([&] { return w.bulk_requests() == 1; });
    w.clock_runs = false;
    w.vendor->script("/v2/calls/extensive", std::nullopt);
    w.answered(others);
    for (auto& t : others) CHECK(t->read().status == 200);
}

TEST_CASE("refreshes: while Gong is down stale is served, and the next probe's time is kept")
{
    refresh_harness w;
    w.start_with_stale(3);
    w.vendor->go_down();
    for (int n = 0; n < 5; ++n) w.get("/v2/users");
    CHECK(contains(w.out.text(), "Gong is down"));
    const auto sent = [&] { return w.cache->misses().report().totals.sent; };
    const auto before = sent();
    for (int n = 0; n < 5; ++n) CHECK(w.stale_of(1, 3) == 3);
    w.settle();
    CHECK(sent() == before);
    w.vendor->come_up();
    w.clock.advance(5s);
    CHECK(w.stale_of(1, 1) == 1);  // its refresh is the probe
    w.until_idle();
    CHECK(contains(w.out.text(), "Gong answers again"));
    CHECK(w.stale_of(1, 1) == 0);
}

TEST_SUITE_END();
