#include "server/front/session_waits.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;
using incoming = session_waits::incoming;
using overdue = session_waits::overdue;

namespace
{

constexpr steady_time t0{std::chrono::hours(1)};

}  // namespace

TEST_CASE("session waits: a head or a body that is late is answered, and anything else ends the session")
{
    for (incoming what : {incoming::handshake, incoming::request, incoming::head, incoming::body, incoming::farewell})
    {
        CAPTURE(int(what));
        session_waits w;
        w.expect(what, t0 + 10s);
        CHECK(w.next_look() == t0 + 10s);
        CHECK(w.check(t0 + 10s - 1ns) == overdue::nothing);
        CHECK_FALSE(w.is_late());
        bool is_told = what == incoming::head || what == incoming::body;
        CHECK(w.check(t0 + 10s) == (is_told ? overdue::read : overdue::session));
        CHECK(w.is_late());
        CHECK(w.check(t0 + 11s) == overdue::nothing);  // said once
        CHECK(w.next_look() == steady_time::max());
    }
}

TEST_CASE("session waits: what is expected next is not late because of the last")
{
    session_waits w;
    w.expect(incoming::body, t0);
    w.check(t0);
    REQUIRE(w.is_late());
    w.expect(incoming::body, t0 + 10s);
    CHECK_FALSE(w.is_late());
    CHECK(w.check(t0 + 1s) == overdue::nothing);
}

TEST_CASE("session waits: a tool that takes nothing ends the session, whatever is expected of it")
{
    for (incoming what : {incoming::nothing, incoming::body})
    {
        CAPTURE(int(what));
        session_waits w;
        w.expect(what, t0 + 1h);
        w.begin_write(t0 + 10s);
        CHECK(w.check(t0 + 10s - 1ns) == overdue::nothing);
        CHECK(w.check(t0 + 10s) == overdue::session);
        w.end_write();
        CHECK(w.check(t0 + 10s) == overdue::nothing);
    }
}

TEST_CASE("session waits: a body that is late while something is written gets no answer into the midst of it")
{
    session_waits w;
    w.expect(incoming::body, t0);
    w.begin_write(t0 + 10s);
    CHECK(w.next_look() == t0);
    CHECK(w.check(t0) == overdue::session);
}

TEST_CASE("session waits: while an answer is made, each look finds a hang-up")
{
    session_waits w;
    w.expect(incoming::nothing, steady_time::max());
    CHECK(w.next_look() == steady_time::min());
    CHECK(w.check(t0 + 24h) == overdue::nothing);
}
