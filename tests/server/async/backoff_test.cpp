#include "server/async/backoff.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr steady_time t0{1000s};

}  // namespace

TEST_CASE("back-off: twice as long each time, up to the bound, however often")
{
    for (auto [failures, wait] :
         {std::pair(0u, 5s), {1u, 5s}, {2u, 10s}, {3u, 20s}, {4u, 40s}, {5u, 60s}, {4'000'000'000u, 60s}})
    {
        CAPTURE(failures);
        CHECK(wait_after(failures, 5s, 60s) == wait);
    }
    CHECK(wait_after(3, 90s, 60s) == 60s);
}

TEST_CASE("back-off: what begins at the end of a wait, and fails too, is waited for twice as long")
{
    backoff b(5s, 60s);
    steady_time now = t0;
    for (auto wait : {5s, 10s, 20s, 40s, 60s, 60s})
    {
        CHECK(b.failed(now, now + 1s));
        CHECK(b.until() == now + 1s + wait);
        now = b.until();
    }
    b.reset();
    CHECK(b.failed(now, now));
    CHECK(b.until() == now + 5s);
}

TEST_CASE("back-off: what was on its way together fails once, however late the last of it does")
{
    backoff b(5s, 60s);
    CHECK(b.failed(t0, t0 + 1s));
    for (auto late : {1s, 2s, 7s, 50s}) CHECK_FALSE(b.failed(t0 + 1s, t0 + late));
    CHECK_FALSE(b.failed(t0 + 6s - 1ns, t0 + 60s));
    CHECK(b.until() == t0 + 6s);
    CHECK(b.failed(t0 + 6s, t0 + 60s));
    CHECK(b.until() == t0 + 70s);
}
