#include "server/budget/gate.hpp"

#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

using namespace callcache;
using namespace callcache::test;

TEST_CASE("429: what had its grant and waits for a new connection is not sent during the pause")
{
    sim_clock clock;
    asio::io_context loop{1};
    budget_settings s;
    auto book = make_memory_ledger();
    gate g({loop.get_executor(), s, 1, clock, *book, {}, [](auto...) {}, [] {}});
    clock.advance(5s);
    bool second = false, asked = false;
    auto go = [&]() -> task<void> {
        std::vector<asking> who(1, asking{"t", urgency::interactive});
        auto t = co_await g.enter(1, std::move(who), false);
        REQUIRE(std::holds_alternative<gate::entered>(t));
        gate::passage way(g, 1);
        bool room = co_await way.room();
        REQUIRE(room);
        // The connection turned out to be closed: another one is made, which takes its time. Meanwhile:
        std::string hour("3600");
        g.refused(&hour);
        second = co_await way.room();
        asked = true;
    };
    asio::co_spawn(loop, go(), asio::detached);
    for (int i = 0; i < 1000 && !asked; ++i) loop.poll(), loop.restart();
    REQUIRE(asked);
    CHECK_FALSE(second);
    g.abandon();
}
