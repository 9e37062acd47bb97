#include "cache/entry.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

TEST_CASE("entry: newer means sent for later, but for what was kept while the clock was wrong")
{
    const wall_time t0{1'700'000'000s};
    CHECK(supersedes(t0, t0));
    CHECK(supersedes(t0 + 1us, t0));
    CHECK_FALSE(supersedes(t0, t0 + 1us));
    CHECK_FALSE(supersedes(t0, t0 + 10min));
    CHECK(supersedes(t0, t0 + 10min + 1us));
    CHECK(supersedes(t0, t0 + 24h * 365));
}
