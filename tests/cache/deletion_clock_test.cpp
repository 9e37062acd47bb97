#include "cache/deletion_clock.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr wall_time t0{1'790'000'000s};
constexpr steady_time s0{};
constexpr duration day = 24h;

}  // namespace

TEST_CASE("deletion clock: it follows a wall clock that goes as time does")
{
    deletion_clock c(t0);
    CHECK(c.follow({t0, s0}) == t0);
    CHECK(c.follow({t0 + 1s, s0 + 1s}) == t0 + 1s);
    CHECK(c.follow({t0 + 40 * day, s0 + 40 * day}) == t0 + 40 * day);  // a laptop that slept
    CHECK(c.follow({t0 + 40 * day - 1min, s0 + 40 * day + 1s}) == t0 + 40 * day - 1min);
}

TEST_CASE("deletion clock: a wall clock that leaps ahead is followed by a day in ten minutes, and back as fast")
{
    deletion_clock c(t0);
    CHECK(c.follow({t0 + 40 * day, s0}) == t0);
    CHECK(c.follow({t0 + 40 * day, s0 + 10min}) == t0 + day);
    CHECK(c.follow({t0, s0 + 15min}) == t0);  // never later than the wall clock
    CHECK(c.at() == t0 + day / 2);
    CHECK(c.follow({t0 + 40 * day, s0 + 20min}) == t0 + day);
    CHECK(c.follow({t0 + 40 * day, s0 + 7h}) == t0 + 40 * day);
}

TEST_CASE("deletion clock: minutes at the year 1970 take it back by days, and not by decades")
{
    deletion_clock c(t0);
    c.follow({t0, s0});
    CHECK(c.follow({wall_time(), s0 + 10min}) == wall_time());
    CHECK(c.at() == t0 - day);
    CHECK(c.follow({t0, s0 + 20min}) == t0);
}

TEST_CASE("deletion clock: runs of ten minutes a day are enough, if each goes on from the one before")
{
    wall_time at = t0, wall = t0 + 40 * day;
    for (int run = 0; run < 100; ++run, wall += day)
    {
        deletion_clock c(at);
        c.follow({wall, s0});
        c.follow({wall + 15min, s0 + 15min});
        at = c.at();
    }
    CHECK(at > wall - 2 * day);
}
