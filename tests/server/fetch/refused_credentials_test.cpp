#include "server/fetch/refused_credentials.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr steady_time t0{100h};

refused_use name(unsigned n)
{
    return {{std::uint8_t(n), std::uint8_t(n >> 8)}};
}

}  // namespace

TEST_CASE("refused: remembered for ten seconds, until and not at their end")
{
    refused_credentials r;
    CHECK_FALSE(r.wait(name(1), t0));
    r.refused(name(1), t0, t0);
    CHECK(r.wait(name(1), t0) == 10s);
    CHECK(r.wait(name(1), t0 + 10s - 1ns) == 1ns);
    CHECK_FALSE(r.wait(name(1), t0 + 10s));
    CHECK_FALSE(r.wait(name(2), t0));
}

TEST_CASE("refused: doubled with each further refusal, up to ten minutes")
{
    refused_credentials r;
    steady_time now = t0;
    for (auto wait : {10s, 20s, 40s, 80s, 160s, 320s, 600s, 600s, 600s})
    {
        r.refused(name(1), now, now);
        CHECK(r.wait(name(1), now) == wait);
        now += wait;
        CHECK_FALSE(r.wait(name(1), now));
    }
}

TEST_CASE("refused: those that were on their way together are one refusal")
{
    refused_credentials r;
    for (int i = 0; i < 50; ++i) r.refused(name(1), t0, t0 + i * 1s);
    CHECK(r.wait(name(1), t0 + 5s) == 5s);
    CHECK_FALSE(r.wait(name(1), t0 + 10s));
    r.refused(name(1), t0 + 10s, t0 + 50s);
    CHECK(r.wait(name(1), t0 + 50s) == 20s);
}

TEST_CASE("refused: a key that was not tried for a while begins with ten seconds again")
{
    refused_credentials r;
    r.refused(name(1), t0, t0);
    r.refused(name(1), t0 + 10s, t0 + 10s);
    steady_time end = t0 + 30s;
    SUBCASE("before")
    {
        r.refused(name(1), end + 600s - 1ns, end + 600s - 1ns);
        CHECK(r.wait(name(1), end + 600s - 1ns) == 40s);
    }
    SUBCASE("after")
    {
        r.refused(name(1), end + 600s, end + 600s);
        CHECK(r.wait(name(1), end + 600s) == 10s);
    }
}

TEST_CASE("refused: one that is accepted is forgotten, and begins anew")
{
    refused_credentials r;
    r.refused(name(1), t0, t0);
    r.refused(name(1), t0 + 10s, t0 + 10s);
    r.accepted(name(1));
    r.accepted(name(2));
    CHECK_FALSE(r.wait(name(1), t0 + 10s));
    r.refused(name(1), t0 + 11s, t0 + 11s);
    CHECK(r.wait(name(1), t0 + 11s) == 10s);
}

TEST_CASE("refused: a thousand are remembered, and the ones that would be free first give way")
{
    refused_credentials r;
    r.refused(name(0), t0, t0);
    r.refused(name(0), t0 + 10s, t0 + 10s);  // until 30 s
    for (unsigned i = 1; i < 1024; ++i)
        r.refused(name(i), t0 + 10s + std::chrono::milliseconds(i), t0 + 10s + std::chrono::milliseconds(i));
    CHECK(r.wait(name(1), t0 + 15s));
    r.refused(name(5000), t0 + 15s, t0 + 15s);
    CHECK_FALSE(r.wait(name(1), t0 + 15s));
    CHECK(r.wait(name(0), t0 + 15s));
    CHECK(r.wait(name(2), t0 + 15s));
    CHECK(r.wait(name(5000), t0 + 15s) == 10s);
    for (unsigned i = 10'000; i < 60'000; ++i) r.refused(name(i), t0 + 16s, t0 + 16s);
    CHECK(r.wait(name(59'999), t0 + 16s) == 10s);
}
