#include "server/fetch/newcomers.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr steady_time t0{1000s};

digest credential(int n)
{
    return sha256(std::to_string(n));
}

struct strangers
{
    newcomers all;
    steady_time now = t0;

    explicit strangers(std::uint64_t daily = 100) : all(budget(daily), t0) {}

    static budget_settings budget(std::uint64_t daily, std::uint64_t newcomers = 0)
    {
        budget_settings s;
        s.daily = daily;
        s.newcomers = newcomers;
        return s;
    }
    bool may_send(int n) const { return all.until_turn(credential(n), now) == 0s; }
    void refused(int n) { newcomers::stake(all, credential(n), now).spend(now); }
};

}  // namespace

TEST_CASE("newcomers: by default a tenth of the day, at least 10, at most 100, and 100 without a daily limit")
{
    CHECK(newcomers_max(strangers::budget(10'000)) == 100);
    CHECK(newcomers_max(strangers::budget(500)) == 50);
    CHECK(newcomers_max(strangers::budget(40)) == 10);
    CHECK(newcomers_max(strangers::budget(0)) == 100);
    CHECK(newcomers_max(strangers::budget(40, 7)) == 7);
}

TEST_CASE("newcomers: all refused credentials together have the bucket, and one comes back each 15 minutes")
{
    strangers s;
    for (int n = 0; n < 10; ++n)
    {
        CHECK(s.may_send(n));
        s.refused(n);
    }
    CHECK(s.all.until_turn(credential(10), s.now) == 15min);
    s.now += 15min - 1s;
    CHECK_FALSE(s.may_send(10));
    s.now += 1s;
    CHECK(s.may_send(10));
    s.refused(10);
    CHECK_FALSE(s.may_send(11));
    s.now += 24h;
    for (int n = 0; n < 10; ++n)
    {
        CHECK(s.may_send(n + 20));
        s.refused(n + 20);
    }
    CHECK_FALSE(s.may_send(40));  // it never holds more than it began with
}

TEST_CASE("newcomers: what Gong accepts costs them nothing, however many they are")
{
    strangers s;
    for (int n = 0; n < 1000; ++n)
    {
        CHECK(s.may_send(n));
        newcomers::stake taken(s.all, credential(n), s.now);
    }
    CHECK(s.may_send(0));
}

TEST_CASE("newcomers: those that are on their way are counted, and the next one is told to come back soon")
{
    strangers s;
    std::deque<newcomers::stake> out;
    for (int n = 0; n < 10; ++n) out.emplace_back(s.all, credential(n), s.now);
    CHECK(s.all.until_turn(credential(10), s.now) == 1s);
    out.pop_back();
    CHECK(s.may_send(10));
    for (newcomers::stake& each : out) each.spend(s.now);
    out.clear();
    s.refused(10);
    CHECK(s.all.until_turn(credential(11), s.now) == 15min);
}

TEST_CASE("newcomers: a stake that was moved is given back, or spent, once")
{
    strangers s;
    for (int n = 0; n < 5; ++n) s.refused(n);
    {
        newcomers::stake a(s.all, credential(1), s.now), b;
        b = std::move(a);
        newcomers::stake c(std::move(b));
    }
    for (int n = 5; n < 10; ++n) s.refused(n);
    CHECK_FALSE(s.may_send(10));
}

TEST_CASE("newcomers: one credential is refused ten times in 24 hours")
{
    strangers s(100'000);
    for (int n = 0; n < 10; ++n)
    {
        CHECK(s.may_send(1));
        s.refused(1);
        s.now += 1h;
    }
    CHECK(s.all.until_turn(credential(1), s.now) == 14h);
    CHECK(s.may_send(2));
    s.now += 14h;
    CHECK(s.may_send(1));
    s.refused(1);
    CHECK(s.all.until_turn(credential(1), s.now) == 1h);
}

TEST_CASE("newcomers: a reload changes what there is by as much as the bound")
{
    strangers s(500);
    for (int n = 0; n < 20; ++n) s.refused(n);
    s.all.reconfigure(strangers::budget(500, 21), s.now);
    CHECK(s.may_send(30));
    s.refused(30);
    CHECK_FALSE(s.may_send(31));
}
