#include "server/budget/shed_steps.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

TEST_CASE("shedding: plenty in the first quarter, then by the pace, the last tenth for those who wait, then nothing")
{
    const std::optional<duration> never, soon = 1h, at_once = 0s;
    struct
    {
        std::uint64_t daily, left, reserve_percent;
        std::optional<duration> ends_in;
        shed_level is;
    } cases[] = {
        {10'000, 10'000, 10, never, shed_level::plenty},
        {10'000, 10'000, 10, soon, shed_level::plenty},
        {10'000, 7'501, 10, soon, shed_level::plenty},
        {10'000, 7'500, 10, soon, shed_level::stretched},
        {10'000, 7'500, 10, never, shed_level::plenty},
        {10'000, 1'001, 10, soon, shed_level::stretched},
        {10'000, 1'001, 10, never, shed_level::plenty},
        {10'000, 1'000, 10, never, shed_level::interactive},
        {10'000, 1'000, 10, soon, shed_level::interactive},
        {10'000, 1, 10, never, shed_level::interactive},
        {10'000, 0, 10, never, shed_level::spent},
        {10'000, 0, 10, at_once, shed_level::spent},
        {10'000, 0, 0, soon, shed_level::spent},
        {10'000, 1, 0, never, shed_level::plenty},
        {10'000, 1, 0, soon, shed_level::stretched},
        {10'000, 10'000, 100, never, shed_level::interactive},
        {10'000, 1, 100, never, shed_level::interactive},
        {1, 1, 10, never, shed_level::plenty},
        {1, 1, 10, soon, shed_level::plenty},
        {1, 1, 100, never, shed_level::interactive},
        {1, 0, 10, never, shed_level::spent},
        {3, 2, 10, soon, shed_level::stretched},
        {4, 3, 10, soon, shed_level::stretched},
        {5, 4, 10, soon, shed_level::plenty},
        {1'000'000'000, 1'000'000'000, 10, soon, shed_level::plenty},
        {1'000'000'000, 100'000'000, 10, soon, shed_level::interactive},
        {0, 0, 10, never, shed_level::plenty},
        {0, 0, 10, at_once, shed_level::plenty},
        {0, std::uint64_t(-1), 10, soon, shed_level::plenty},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.daily);
        CAPTURE(c.left);
        CAPTURE(c.reserve_percent);
        CHECK(int(shed_level_of(c.daily, c.left, c.reserve_percent, c.ends_in)) == int(c.is));
    }
}

TEST_CASE("reserve: a share of the day, rounded down, and without overflow")
{
    CHECK(reserve_of(10'000, 10) == 1'000);
    CHECK(reserve_of(10'000, 0) == 0);
    CHECK(reserve_of(10'000, 100) == 10'000);
    CHECK(reserve_of(9, 10) == 0);
    CHECK(reserve_of(19, 10) == 1);
    CHECK(reserve_of(199, 50) == 99);
    CHECK(reserve_of(0, 10) == 0);
    CHECK(reserve_of(std::uint64_t(-1), 100) == std::uint64_t(-1));
    CHECK(reserve_of(std::uint64_t(-1), 1) == std::uint64_t(-1) / 100);
}

TEST_CASE("shed steps: a worse level is said at once, a better one once it has been better for ten minutes")
{
    constexpr steady_time t0{1000s};
    shed_steps s;
    CHECK_FALSE(s.follow(shed_level::plenty, t0));
    CHECK(s.follow(shed_level::stretched, t0) == shed_level::stretched);
    CHECK_FALSE(s.follow(shed_level::stretched, t0 + 1s));
    CHECK(s.follow(shed_level::spent, t0 + 2s) == shed_level::spent);
    // Single API calls come back, and are spent again.
    for (steady_time t = t0 + 3s; t < t0 + 1h; t += 5min)
    {
        CHECK_FALSE(s.follow(shed_level::interactive, t));
        CHECK_FALSE(s.follow(shed_level::spent, t + 1min));
    }
    CHECK_FALSE(s.follow(shed_level::interactive, t0 + 1h));
    CHECK_FALSE(s.follow(shed_level::plenty, t0 + 1h + 10min - 1s));
    CHECK(s.said() == shed_level::spent);
    CHECK(s.follow(shed_level::plenty, t0 + 1h + 10min) == shed_level::plenty);
    CHECK_FALSE(s.follow(shed_level::plenty, t0 + 2h));
    CHECK(s.follow(shed_level::stretched, t0 + 2h) == shed_level::stretched);
}
