#include "server/fetch/breaker.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr steady_time t0{1000s};

breaker down_at(steady_time t)
{
    breaker b;
    for (int i = 0; i < 5; ++i) b.failed(t, t);
    return b;
}

}  // namespace

TEST_CASE("breaker: five failures in a row, and not four, or five with an answer between them")
{
    breaker b;
    for (int i = 0; i < 4; ++i) b.failed(t0, t0);
    CHECK_FALSE(b.is_down());
    b.succeeded();
    for (int i = 0; i < 4; ++i) b.failed(t0, t0);
    CHECK_FALSE(b.is_down());
    CHECK(b.lets_through(t0));
    b.failed(t0, t0);
    CHECK(b.is_down());
    CHECK_FALSE(b.lets_through(t0));
}

TEST_CASE("breaker: while it is down, one probe after 5 s, then after twice as long each time, up to a minute")
{
    breaker b = down_at(t0);
    steady_time now = t0;
    for (auto pause : {5s, 10s, 20s, 40s, 60s, 60s})
    {
        CHECK(b.until_probe(now) == pause);
        CHECK_FALSE(b.lets_through(now + pause - 1ms));
        now += pause;
        CHECK(b.lets_through(now));
        b.sending(now);
        CHECK_FALSE(b.lets_through(now));  // no other while the probe is on its way
        b.failed(now, now);
    }
}

TEST_CASE("breaker: what was on its way when it opened does not lengthen its pause, nor end a probe's")
{
    breaker b;
    for (int i = 0; i < 8; ++i) b.failed(t0 - 1s, t0);  // they die together
    CHECK(b.until_probe(t0) == 5s);
    b.failed(t0 - 1s, t0 + 4s);
    CHECK(b.until_probe(t0 + 4s) == 1s);
    b.sending(t0 + 5s);
    b.failed(t0 - 1s, t0 + 6s);
    CHECK(b.until_probe(t0 + 6s) == 59s);
    b.failed(t0 + 5s, t0 + 7s);
    CHECK(b.until_probe(t0 + 7s) == 10s);
}

TEST_CASE("breaker: one answer, and it is up; the next outage begins with 5 s again")
{
    breaker b = down_at(t0);
    b.failed(t0 + 5s, t0 + 5s);
    b.succeeded();
    CHECK(b.lets_through(t0 + 5s));
    CHECK(b.until_probe(t0) == 0s);
    for (int i = 0; i < 5; ++i) b.failed(t0 + 60s, t0 + 60s);
    CHECK(b.until_probe(t0 + 60s) == 5s);
}

TEST_CASE("breaker: a probe that is never heard of again holds nothing up for ever")
{
    breaker b = down_at(t0);
    b.sending(t0 + 5s);
    CHECK(b.lets_through(t0 + 65s));
}

TEST_CASE("breaker: an outage of an hour costs about sixty requests")
{
    breaker b;
    int sent = 0;
    for (steady_time now = t0; now < t0 + 1h; now += 333ms)
        if (b.lets_through(now))
        {
            b.sending(now);
            ++sent;
            b.failed(now, now);
        }
    CHECK(sent <= 70);
    CHECK(sent >= 50);
}

TEST_CASE(
    "breaker: a probe that ends without a word of the vendor's is followed by the next one soon, and closes nothing")
{
    breaker b;
    steady_time now(1000s);
    b.ended_unheard(now);  // while it is up that means nothing
    CHECK(b.lets_through(now));
    for (int n = 0; n < 5; ++n) b.failed(now, now);
    now += 5s;
    REQUIRE(b.lets_through(now));
    b.sending(now);
    CHECK(b.until_probe(now) == 60s);
    b.ended_unheard(now + 1s);
    CHECK(b.is_down());
    CHECK(b.until_probe(now + 1s) == 5s);
    b.ended_unheard(now + 3s);  // it does not put off what is due
    CHECK(b.until_probe(now + 3s) == 3s);
}
