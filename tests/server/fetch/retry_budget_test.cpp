#include "server/fetch/retry_budget.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr steady_time t0{100h};

int taken(retry_budget& b, steady_time now)
{
    int n = 0;
    while (b.take(now)) ++n;
    return n;
}

}  // namespace

TEST_CASE("retries: a tenth of the last minute's requests, or one where that is less")
{
    for (auto [sent, allowed] : {std::pair(0, 1), {1, 1}, {9, 1}, {10, 1}, {19, 1}, {20, 2}, {180, 18}, {189, 18}})
    {
        CAPTURE(sent);
        retry_budget b;
        for (int i = 0; i < sent; ++i) b.sent(t0);
        CHECK(taken(b, t0 + 1s) == allowed);
    }
}

TEST_CASE("retries: what was sent and what was tried again count for a minute")
{
    retry_budget b;
    for (int i = 0; i < 50; ++i) b.sent(t0);
    CHECK(taken(b, t0 + 30s) == 5);
    CHECK(taken(b, t0 + 1min - 1ns) == 0);
    CHECK(taken(b, t0 + 1min) == 0);  // nothing sent counts, five retries still do
    CHECK(taken(b, t0 + 90s - 1ns) == 0);
    CHECK(taken(b, t0 + 90s) == 1);
    CHECK(taken(b, t0 + 150s - 1ns) == 0);
    CHECK(taken(b, t0 + 150s) == 1);
}

TEST_CASE("retries: in no minute are there more than a tenth of the requests of the minute before, or one")
{
    for (unsigned seed = 1; seed <= 20; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        retry_budget b;
        std::vector<steady_time> sent, retried;
        auto lately = [](const std::vector<steady_time>& all, steady_time now) {
            std::size_t n = 0;
            for (auto t = all.rbegin(); t != all.rend() && *t + 1min > now; ++t) ++n;
            return n;
        };
        steady_time now = t0;
        for (int i = 0; i < 3000; ++i)
        {
            now += std::chrono::milliseconds(random() % (i % 500 == 0 ? 120'000 : 700));
            sent.push_back(now);
            b.sent(now);
            std::size_t allowed = std::max<std::size_t>(1, lately(sent, now) / 10);
            bool expected = lately(retried, now) < allowed;
            if (random() % 2 == 0) continue;
            REQUIRE(b.take(now) == expected);
            if (expected) retried.push_back(now);
        }
    }
}
