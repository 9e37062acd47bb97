#include "cache/ledger_page.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

using minutes = std::vector<std::pair<std::int64_t, std::int64_t>>;

ledger_page page(const minutes& spent, std::int64_t oldest = 0)
{
    ledger_page p;
    p.oldest = oldest;
    for (auto [at, count] : spent) p.spent.push_back({at, count});
    return p;
}

minutes spent(const ledger_page& p)
{
    minutes all;
    for (const auto& m : p.spent) all.emplace_back(m.at, m.count);
    return all;
}

ledger_page merged(ledger_page into, const ledger_page& p)
{
    merge(into, p);
    return into;
}

}  // namespace

TEST_CASE("ledger page: changed minutes replace what was kept, new ones are added in order, the others stay")
{
    CHECK(spent(merged(page({{5, 1}, {7, 2}}), page({{7, 3}}))) == minutes{{5, 1}, {7, 3}});
    CHECK(spent(merged(page({{5, 1}, {7, 2}}), page({{9, 3}}))) == minutes{{5, 1}, {7, 2}, {9, 3}});
    CHECK(spent(merged(page({{5, 1}, {7, 2}}), page({{4, 3}, {6, 4}}))) == minutes{{4, 3}, {5, 1}, {6, 4}, {7, 2}});
    CHECK(spent(merged(page({}), page({{1, 1}}))) == minutes{{1, 1}});
    CHECK(spent(merged(page({{1, 1}}), page({}))) == minutes{{1, 1}});
}

TEST_CASE("ledger page: a minute with nothing in it goes, and so does what is too old")
{
    CHECK(spent(merged(page({{5, 1}, {7, 2}}), page({{5, 0}}))) == minutes{{7, 2}});
    CHECK(spent(merged(page({{5, 1}}), page({{6, 0}}))) == minutes{{5, 1}});
    CHECK(spent(merged(page({{5, 1}, {7, 2}}), page({}, 6))) == minutes{{7, 2}});
    CHECK(spent(merged(page({{5, 1}, {7, 2}}), page({}, 7))) == minutes{{7, 2}});
    CHECK(spent(merged(page({{5, 1}, {7, 2}}), page({{3, 9}}, 8))).empty());
}

TEST_CASE("ledger page: shares are kept by tool, and forgotten ten minutes at a time")
{
    ledger_page into;
    into.shares = {{1, "a", 1}, {1, "b", 2}, {2, "a", 3}};
    ledger_page p;
    p.shares = {{1, "b", 5}, {2, "", 1}, {2, "a", 0}, {3, "a", 4}};
    p.oldest = 19;
    merge(into, p);
    REQUIRE(into.shares.size() == 4);
    CHECK(into.shares[0].tool == "a");
    CHECK(into.shares[1].count == 5);
    CHECK(into.shares[2].tool == "");
    CHECK(into.shares[3].at == 3);
    p.shares.clear();
    p.oldest = 20;
    merge(into, p);
    REQUIRE(into.shares.size() == 2);
    CHECK(into.shares[0].at == 2);
}

TEST_CASE("ledger page: everything else is as in the newest page")
{
    ledger_page into = page({{5, 1}});
    into.clean = true;
    into.boot = "a";
    into.paused_until = wall_time(5s);
    into.any_day_until = wall_time(6s);
    ledger_page p;
    p.time = wall_time(1s);
    p.wall = wall_time(2s);
    p.steady = steady_time(3s);
    p.boot = "b";
    p.paused_until = wall_time(4s);
    merge(into, p);
    CHECK_FALSE(into.clean);
    CHECK(into.boot == "b");
    CHECK(into.time == p.time);
    CHECK(into.wall == p.wall);
    CHECK(into.steady == p.steady);
    CHECK(into.paused_until == p.paused_until);
    CHECK(into.any_day_until == wall_time{});
}

TEST_CASE("ledger page: its digest is of everything that is kept, in whatever steps it was written")
{
    ledger_page whole;
    whole.spent = {{5, 1}, {7, 2}};
    whole.shares = {{0, "a", 1}, {0, "b", 2}};
    whole.time = whole.wall = wall_time(1s);
    whole.boot = "boot";

    ledger_page other = whole;
    auto differs = [&](auto change) {
        other = whole;
        change(other);
        CHECK(digest_of(other) != digest_of(whole));
    };
    differs([](ledger_page& p) { p.spent[0].at = 4; });
    differs([](ledger_page& p) { p.spent[1].count = 3; });
    differs([](ledger_page& p) { p.spent.pop_back(); });
    differs([](ledger_page& p) { p.shares[0].at = 1; });
    differs([](ledger_page& p) { p.shares[0].tool = "c"; });
    differs([](ledger_page& p) { p.shares[1].count = 1; });
    differs([](ledger_page& p) { p.shares.clear(); });
    differs([](ledger_page& p) { p.time += 1us; });
    differs([](ledger_page& p) { p.wall += 1us; });
    differs([](ledger_page& p) { p.steady += 1ns; });
    differs([](ledger_page& p) { p.boot = "boots"; });
    differs([](ledger_page& p) { p.any_day_until += 1us; });
    differs([](ledger_page& p) { p.paused_until += 1us; });
    differs([](ledger_page& p) { p.clean = true; });

    other = whole;
    other.oldest = 3;
    CHECK(digest_of(other) == digest_of(whole));
    ledger_page first = whole, second = whole;
    first.spent = {{5, 9}};
    first.shares = {{0, "b", 2}};
    second.shares = {{0, "a", 1}};
    merge(first, second);
    CHECK(digest_of(first) == digest_of(whole));
}

TEST_CASE("ledger page: many pages leave what a table would hold")
{
    for (unsigned seed = 1; seed <= 50; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        ledger_page into;
        std::map<std::int64_t, std::int64_t> table;
        for (std::int64_t i = 0; i < 50; ++i)
        {
            std::map<std::int64_t, std::int64_t> changes;
            for (unsigned n = random() % 5; n > 0; --n) changes[i + random() % 20] = random() % 3;
            ledger_page p = page(minutes(changes.begin(), changes.end()), i);
            for (auto [at, count] : changes) table[at] = count;
            std::erase_if(table, [&](const auto& r) { return r.first < i || r.second == 0; });
            merge(into, p);
            REQUIRE(spent(into) == minutes(table.begin(), table.end()));
        }
    }
}
