#include "server/admin/last_day.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0 = std::chrono::sys_days(std::chrono::year(2026) / 10 / 1) + 12h + 30s;

outcome_counts hits(std::uint64_t n)
{
    return {{outcome::hit, n}};
}

}  // namespace

TEST_CASE("last day: totals are told apart by the minute in which they grew")
{
    last_day d;
    d.note(hits(3), t0);
    d.note({{outcome::hit, 5}, {outcome::miss, 1}}, t0 + 20s);
    d.note({{outcome::hit, 9}, {outcome::miss, 1}}, t0 + 2min);
    auto minutes = d.minutes(4, t0 + 2min + 10s);
    REQUIRE(minutes.size() == 4);
    CHECK(minutes[0].count.empty());
    CHECK(minutes[1].began == t0 - 30s);
    CHECK(minutes[1].count == outcome_counts{{outcome::hit, 5}, {outcome::miss, 1}});
    CHECK(minutes[2].count.empty());
    CHECK(minutes[3].count == hits(4));
    CHECK(d.sum(3, t0 + 2min) == outcome_counts{{outcome::hit, 9}, {outcome::miss, 1}});
    CHECK(d.sum(2, t0 + 2min) == hits(4));
}

TEST_CASE("last day: after a day a minute is forgotten")
{
    last_day d;
    d.note(hits(1), t0);
    d.note(hits(3), t0 + 24h - 1min);
    CHECK(d.sum(24 * 60, t0 + 24h - 1min) == hits(3));
    CHECK(d.sum(24 * 60, t0 + 24h) == hits(2));
    d.note(hits(4), t0 + 24h);
    CHECK(d.sum(48 * 60, t0 + 24h) == hits(3));
}

TEST_CASE("last day: a clock that is set back loses what it said of the future, and nothing is counted twice")
{
    last_day d;
    d.note(hits(1), t0);
    d.note(hits(2), t0 + 1000h);
    d.note(hits(7), t0 + 1min);
    CHECK(d.sum(60, t0 + 1min) == hits(5));
}
