#include "server/budget/tool_shares.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

// The beginning of a step of ten minutes.
constexpr wall_time t0{std::chrono::seconds(1'790'000'400)};
constexpr duration day = 24h + 1min;

std::int64_t step(wall_time t)
{
    return t.time_since_epoch() / 10min;
}

ledger_page changes(tool_shares& s, wall_time now)
{
    ledger_page p;
    p.oldest = t0.time_since_epoch() / 1min - 26 * 60 + (now - t0) / 1min;
    s.move_changes(p);
    return p;
}

}  // namespace

TEST_CASE("shares: what each tool spent counts from a time on, in whole steps of ten minutes")
{
    tool_shares s({});
    s.add("a", t0);
    s.add("a", t0 + 9min);
    s.add("a", t0 + 10min);
    s.add("b", t0 + 20min);
    CHECK(s.spent("a", t0) == 3);
    CHECK(s.spent("a", t0 + 10min - 1us) == 3);
    CHECK(s.spent("a", t0 + 10min) == 1);
    CHECK(s.spent("a", t0 + 20min) == 0);
    CHECK(s.spent("b", t0) == 1);
    CHECK(s.spent("c", t0) == 0);
    CHECK(s.all(t0) == std::map<std::string, std::uint64_t>{{"a", 3}, {"b", 1}});
    CHECK(s.all(t0 + 20min) == std::map<std::string, std::uint64_t>{{"b", 1}});
}

TEST_CASE("shares: several are two that have spent something since")
{
    tool_shares s({});
    CHECK_FALSE(s.several(t0));
    s.add("a", t0);
    CHECK_FALSE(s.several(t0));
    s.add("b", t0 + 1h);
    CHECK(s.several(t0));
    CHECK_FALSE(s.several(t0 + 10min));
}

TEST_CASE("shares: what was not sent after all counts for nobody, and makes nobody one of several")
{
    tool_shares s({});
    s.add("a", t0);
    s.add("b", t0);
    s.take_back("b");
    s.take_back("b");
    s.take_back("nobody");
    CHECK(s.spent("b", t0) == 0);
    CHECK_FALSE(s.several(t0));
    s.add("b", t0);
    s.add("b", t0 + 10min);
    s.take_back("b");
    CHECK(s.spent("b", t0) == 1);
    CHECK(s.several(t0));
}

TEST_CASE("shares: wait says when a tool's spending no longer reaches its cap")
{
    tool_shares s({});
    for (int i = 0; i < 3; ++i) s.add("a", t0);
    for (int i = 0; i < 2; ++i) s.add("a", t0 + 1h);
    wall_time now = t0 + 2h;
    CHECK(s.wait("a", 6, now, day) == 0s);
    CHECK(s.wait("a", 5, now, day) == 10min + day - 2h);
    CHECK(s.wait("a", 3, now, day) == 10min + day - 2h);
    CHECK(s.wait("a", 2, now, day) == 70min + day - 2h);
    CHECK(s.wait("a", 1, now, day) == 70min + day - 2h);
    CHECK(s.wait("b", 1, now, day) == 0s);
    now = t0 + 10min + day;
    CHECK(s.wait("a", 3, now, day) == 0s);
    CHECK(s.wait("a", 2, now, day) == 1h);
}

TEST_CASE("shares: after the wait, and not before, a tool's spending is below its cap")
{
    for (unsigned seed = 1; seed <= 100; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        tool_shares s({});
        wall_time now = t0;
        for (int i = 0; i < 100; ++i)
        {
            now += std::chrono::seconds(random() % 3000);
            s.add("a", now);
            if (random() % 5 == 0) s.take_back("a");
            std::uint64_t cap = 1 + random() % 60;
            duration wait = s.wait("a", cap, now, day);
            REQUIRE(s.spent("a", now + wait - day) < cap);
            if (wait > duration(0)) REQUIRE(s.spent("a", now + wait - 1us - day) >= cap);
        }
    }
}

TEST_CASE("shares: changed steps are written once, and a start reads them back")
{
    tool_shares s({});
    s.add("b", t0);
    s.add("a", t0);
    s.add("a", t0);
    ledger_page kept;
    merge(kept, changes(s, t0));
    REQUIRE(kept.shares.size() == 2);
    CHECK(changes(s, t0).shares.empty());
    s.add("a", t0 + 10min);
    s.take_back("b");
    ledger_page p = changes(s, t0 + 10min);
    REQUIRE(p.shares.size() == 2);
    CHECK(p.shares[0].tool == "a");
    CHECK(p.shares[0].at == step(t0) + 1);
    CHECK(p.shares[1].count == 0);
    merge(kept, p);
    tool_shares again(kept);
    CHECK(again.all(t0) == std::map<std::string, std::uint64_t>{{"a", 3}});
    CHECK(changes(again, t0 + 10min).shares.empty());
    again.add("a", t0 + 10min);
    CHECK(changes(again, t0 + 10min).shares.at(0).count == 2);
}

TEST_CASE("shares: what the ledger forgets is forgotten, and its tools with it")
{
    tool_shares s({});
    s.add("old", t0);
    s.add("a", t0 + 27h);
    changes(s, t0 + 27h);
    CHECK(s.spent("old", t0) == 0);
    CHECK(s.all(t0) == std::map<std::string, std::uint64_t>{{"a", 1}});
    s.take_back("old");
    CHECK(s.spent("old", t0) == 0);
}

TEST_CASE("shares: what callcache sends for itself is no tool's, and makes nobody share the day")
{
    tool_shares s({});
    s.add("a", t0);
    s.add("", t0);
    CHECK(s.spent("", t0) == 0);
    CHECK_FALSE(s.several(t0));
    s.take_back("");
    CHECK(s.all(t0) == std::map<std::string, std::uint64_t>{{"a", 1}});
    CHECK(changes(s, t0).shares.size() == 1);
}

TEST_CASE(
    "shares: what a tool that gives way has spent is the others', step by step, in the ledger and after a restart")
{
    tool_shares s({});
    s.add("a", t0);
    s.add("a", t0 + 20min);
    s.add("(others)", t0 + 10min);
    s.add("(others)", t0 + 20min);
    s.add("b", t0);
    ledger_page kept;
    merge(kept, changes(s, t0 + 20min));
    s.fold("a");
    s.fold("nobody");
    const std::map<std::string, std::uint64_t> folded{{"(others)", 4}, {"b", 1}};
    CHECK(s.all(t0) == folded);
    CHECK(s.spent("a", t0) == 0);
    CHECK(s.spent("(others)", t0 + 10min) == 3);
    CHECK(s.spent("(others)", t0 + 20min) == 2);
    merge(kept, changes(s, t0 + 20min));
    CHECK(tool_shares(kept).all(t0) == folded);
    CHECK(kept.shares.size() == 4);
    s.add("a", t0 + 20min);  // it comes again, with nothing spent
    CHECK(s.spent("a", t0) == 1);
}
