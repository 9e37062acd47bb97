// Idle connections that died and nobody was told: a NAT has forgotten them, a VPN was reconnected, the machine slept.

#include "tests/support/harness.hpp"
#include "tests/support/loopback_socket.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

namespace
{

// Two idle connections to the vendor.
struct idle_harness : harness
{
    idle_harness()
    {
        config.budget.linger = 15s;
        config.bulk.mode = bulk_mode::off;
        start();
        for (std::uint64_t n : {91, 92}) vendor->hold(id(n));
        tool one(*this), two(*this);
        one.send(request("GET", path(91)));
        two.send(request("GET", path(92)));
        run_until([&] { return vendor->requests() == 2; });
        for (std::uint64_t n : {91, 92}) vendor->release(id(n));
        CHECK(one.read().status == 200);
        CHECK(two.read().status == 200);
        REQUIRE(vendor->connections() == 2);
    }

    // Whatever is written to the connections that there are gets lost.
    void forget_connections(bool new_ones_too = false) { lose_all_at(vendor->port(), new_ones_too); }

    void advance(std::chrono::nanoseconds by)
    {
        clock.advance(by);
        run_for_a_while();
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: silent connections");

TEST_CASE("a lookup finds out within 3 s that its connection died, and what was idle beside it is not used any more")
{
    idle_harness w;
    w.forget_connections();
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    for (int second = 0; second < 2; ++second)
    {
        w.run_for_a_while();
        w.advance(1s);
        CHECK_FALSE(t.has_answer());
    }
    w.advance(1s);
    CHECK(w.call_of(t.read()) == w.vendor->body(w.id(1)));
    CHECK(w.vendor->connections() == 3);

    // The others go at once, on the connection that lives, or a new one.
    w.vendor->hold(w.id(2));
    tool busy(w);
    busy.send(w.request("GET", w.path(2)));
    w.run_until([&] { return w.vendor->requests(w.id(2)) == 1; });
    CHECK(w.get(w.path(3)).status == 200);
    CHECK(w.vendor->connections() == 4);
    w.vendor->release(w.id(2));
    CHECK(busy.read().status == 200);
    CHECK(w.out.text().find("Gong is down") == std::string::npos);
}

TEST_CASE("a forwarded request that only reads finds out within 3 s, and is sent again on a new connection")
{
    idle_harness w;
    w.vendor->script("/v2/users", sim::scripted{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"});
    w.forget_connections();
    tool t(w);
    t.send(w.request("GET", "/v2/users"));
    w.run_for_a_while();
    w.advance(1s);
    w.advance(1s);
    CHECK_FALSE(t.has_answer());
    w.advance(1s);
    CHECK(t.read().status == 200);
    CHECK(w.vendor->connections() == 3);
    CHECK(w.get(w.path(1)).status == 200);
    CHECK(w.vendor->connections() == 3);
}

TEST_CASE("a write goes on a new connection, and hears nothing of those that died")
{
    idle_harness w;
    w.vendor->script("/v2/calls", sim::scripted{"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"});
    w.forget_connections();
    CHECK(w.send("POST", "/v2/calls", {{"Content-Length", "0"}}).status == 201);
    CHECK(w.vendor->connections() == 3);
}

TEST_CASE("where new connections are lost too, a lookup fails after 3 s and upstream.connect_timeout")
{
    idle_harness w;
    w.forget_connections(true);
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    w.run_for_a_while();
    for (int second = 0; second < 7; ++second) w.advance(1s);
    CHECK_FALSE(t.has_answer());
    w.advance(1s);
    answer a = t.read();
    CHECK(a.status == 504);
    CHECK(a.body.find("did not accept a connection in time") != std::string::npos);
    // None of the idle ones is tried again.
    tool next(w);
    next.send(w.request("GET", w.path(2)));
    w.run_for_a_while();
    w.advance(5s);
    CHECK(next.read().status == 504);
}

TEST_CASE("a connection whose other end is alive, and takes its time, is waited for")
{
    idle_harness w;
    w.vendor->hold(w.id(1));
    tool t(w);
    t.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.vendor->requests(w.id(1)) == 1; });
    for (int second = 0; second < 10; ++second) w.advance(1s);
    w.vendor->release(w.id(1));
    CHECK(t.read().status == 200);
    CHECK(w.vendor->requests(w.id(1)) == 1);
}

TEST_CASE("a connection that was idle while the machine slept is not used again")
{
    idle_harness w;
    w.clock.step(51s);  // the steady clock stands still meanwhile
    CHECK(w.get(w.path(1)).status == 200);
    CHECK(w.vendor->connections() == 3);
}

TEST_SUITE_END();
