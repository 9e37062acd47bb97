// Single flight has one limit: nobody joins a flight that was sent before a purge, a write or an erasure that has been
// answered since.

#include "tests/support/harness.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

const std::string erasure_path = "/v2/data-privacy/erase-data-for-email-address";

// A vendor whose answer to a lookup of call 1 is on its way, as the call was before a change.
struct flight_under_way : harness
{
    flight_under_way()
    {
        config.cache.routes = {{"/v2/users/{id}", 1h}};
        start();
    }

    // The tool whose lookup has been sent.
    std::unique_ptr<tool> asks_and_waits(const std::string& target, const std::string& held)
    {
        vendor->hold(held);
        auto t = std::make_unique<tool>(*this);
        std::size_t before = vendor->requests();
        t->send(request("GET", target));
        run_until([&] { return vendor->requests() == before + 1; });
        return t;
    }

    // A tool that asks now gets an answer of a request of its own, and the older flight's asker still gets one.
    void check_next_asker_begins_its_own(tool& older, const std::string& target, const std::string& held)
    {
        std::size_t before = vendor->requests();
        tool later(*this), with_it(*this);
        later.send(request("GET", target));
        run_until([&] { return vendor->requests() == before + 1; });
        with_it.send(request("GET", target));
        run_until([&] { return cache->misses().waiting(held) == 2; });
        vendor->release(held);
        CHECK(later.read().cache("collapsed") == "");
        CHECK(with_it.read().cache("collapsed") == "collapsed");  // the newer flight is open to those who come after it
        CHECK(older.read().status == 200);
        CHECK(vendor->requests() == before + 1);
        run_until([&] { return cache->misses().report().flights == 0; });
        CHECK(get(target).cache("hit") == "hit");  // what the newer flight brought was kept
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: joining");

TEST_CASE("a lookup that begins after a write was answered does not join a flight that was sent before it")
{
    flight_under_way w;
    auto older = w.asks_and_waits(w.path(1), w.id(1));
    CHECK(w.send("PUT", w.path(1) + "/media").status == 200);
    w.check_next_asker_begins_its_own(*older, w.path(1), w.id(1));
}

TEST_CASE("a lookup that begins after an erasure was answered does not join a flight that was sent before it")
{
    flight_under_way w;
    auto older = w.asks_and_waits(w.path(1), w.id(1));
    CHECK(w.get(w.path(2)).status == 200);
    CHECK(w.send("POST", erasure_path + "?emailAddress=a%40b.example").status == 200);
    w.check_next_asker_begins_its_own(*older, w.path(1), w.id(1));
}

TEST_CASE("a lookup that begins after an operator's purge was answered does not join a flight that was sent before it")
{
    for (bool all : {false, true})
    {
        CAPTURE(all);
        flight_under_way w;
        auto older = w.asks_and_waits(w.path(1), w.id(1));
        CHECK(w.operate("POST", "/purge", all ? "{\"all\":true}" : "{\"ids\":[\"" + w.id(1) + "\"]}").status == 200);
        w.check_next_asker_begins_its_own(*older, w.path(1), w.id(1));
    }
}

TEST_CASE("a request for a kept route that begins after a write does not join a flight that was sent before it")
{
    flight_under_way w;
    w.vendor->script("/v2/users/5",
                     sim::scripted{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"});
    auto older = w.asks_and_waits("/v2/users/5", "/v2/users/5");
    w.vendor->script("/v2/other", sim::scripted{"HTTP/1.1 201 Created\r\nLocation: /v2/users/5\r\n"
                                                "Content-Length: 0\r\n\r\n"});
    CHECK(w.send("POST", "/v2/other").status == 201);
    w.check_next_asker_begins_its_own(*older, "/v2/users/5", "/v2/users/5");
}

TEST_CASE("a purge of another call leaves a flight open to those who ask for its own")
{
    flight_under_way w;
    auto first = w.asks_and_waits(w.path(1), w.id(1));
    CHECK(w.operate("POST", "/purge", "{\"ids\":[\"" + w.id(2) + "\"]}").status == 200);
    tool second(w);
    second.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(1)) == 2; });
    w.vendor->release(w.id(1));
    CHECK(first->read().status == 200);
    CHECK(second.read().cache("collapsed") == "collapsed");
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("a lookup that waits for its turn is joined after a purge: it will be sent later than that")
{
    flight_under_way w;
    w.config.budget.rate = 1;
    w.config.budget.burst = 1;
    w.config.bulk.mode = bulk_mode::off;
    w.start();
    auto sent = w.asks_and_waits(w.path(1), w.id(1));
    tool waits(w), joins(w);
    waits.send(w.request("GET", w.path(2)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(2)) == 1; });
    CHECK(w.operate("POST", "/purge", "{\"all\":true}").status == 200);
    joins.send(w.request("GET", w.path(2)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(2)) == 2; });
    w.vendor->release(w.id(1));
    w.clock_runs = true;
    CHECK(waits.read().status == 200);
    CHECK(joins.read().cache("collapsed") == "collapsed");
    CHECK(w.vendor->requests(w.id(2)) == 1);
}

TEST_SUITE_END();
