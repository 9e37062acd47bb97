#include "server/budget/ledger_clock.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr wall_time t0{std::chrono::seconds(1'790'000'000)};
constexpr steady_time s0{100h};

// Written at t0 by a clock that was `wrong` then.
ledger_page page(const std::string& boot, duration wrong = {})
{
    ledger_page p;
    p.time = t0;
    p.wall = t0 + wrong;
    p.steady = s0;
    p.boot = boot;
    return p;
}

wall_time at_start(const ledger_page& last, const std::string& boot, moment now)
{
    return ledger_clock(last, boot, now).at(now);
}

}  // namespace

TEST_CASE("ledger clock: at first it is the wall clock")
{
    CHECK(at_start({}, "a", {t0, s0}) == t0);
    CHECK(at_start({}, "", {t0, s0}) == t0);
}

TEST_CASE("ledger clock: while it runs, the steady clock alone moves it")
{
    ledger_clock c({}, "a", {t0, s0});
    CHECK(c.at({t0 + 10s, s0 + 10s}) == t0 + 10s);
    CHECK(c.at({t0 + 48h, s0 + 11s}) == t0 + 11s);
    CHECK(c.at({t0 - 48h, s0 + 12s}) == t0 + 12s);
    CHECK(c.at({t0, s0 + 365 * 24h}) == t0 + 365 * 24h);
    CHECK(c.at({t0, s0 + 999ns}) == t0);
}

TEST_CASE(
    "ledger clock: over a restart in the same run of the machine the steady clock goes on, whatever the wall says")
{
    for (duration wall : {duration(0), duration(1h), duration(1000h), duration(-1000h)})
        CHECK(at_start(page("a"), "a", {t0 + wall, s0 + 1h}) == t0 + 1h);
    CHECK(at_start(page("a"), "a", {t0, s0}) == t0);
}

TEST_CASE("ledger clock: over a restart of the machine the wall clock is all there is, and time never goes back")
{
    CHECK(at_start(page("a"), "b", {t0 + 1h, steady_time(5s)}) == t0 + 1h);
    CHECK(at_start(page("a"), "b", {t0 - 1h, steady_time(5s)}) == t0);
    CHECK(at_start(page("a"), "b", {t0 + 1h, s0 + 1000h}) == t0 + 1h);
}

TEST_CASE("ledger clock: a steady time before the last one is of another run, whatever its name")
{
    CHECK(at_start(page("a"), "a", {t0 + 1h, s0 - 1ns}) == t0 + 1h);
}

TEST_CASE("ledger clock: runs without a name cannot be told apart, so they are other ones")
{
    CHECK(at_start(page(""), "", {t0 + 1h, s0 + 5h}) == t0 + 1h);
    CHECK(at_start(page(""), "a", {t0 + 1h, s0 + 5h}) == t0 + 1h);
    CHECK(at_start(page("a"), "", {t0 + 1h, s0 + 5h}) == t0 + 1h);
}

TEST_CASE("ledger clock: a wall clock that was set in the run before does not make what was spent look older")
{
    // Set forward by 10 hours while the ledger counted on; then the machine restarts, which takes a minute.
    CHECK(at_start(page("a", 10h), "b", {t0 + 10h + 1min, steady_time(5s)}) == t0 + 1min);
    // Set back: what was spent may look younger, never older.
    CHECK(at_start(page("a", -10h), "b", {t0 - 10h + 1min, steady_time(5s)}) == t0);
    // It was wrong while the ledger was written, as on a machine without a clock of its own, and is right now.
    CHECK(at_start(page("a", -365 * 24h), "b", {t0 + 1h, steady_time(5s)}) == t0 + 1h);
}
