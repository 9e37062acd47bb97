#include "server/fetch/breaker.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

constexpr steady_time t0{1000s};

// There was no connection.
breaker::failure unreachable(steady_time began)
{
    return {"GET /v2/users", breaker::concerns::everybody, began};
}

// It was sent, and there was no answer.
breaker::failure lost(std::string_view id, steady_time began)
{
    return {id, breaker::concerns::anybody, began};
}

// One that is most likely the matter with this id.
breaker::failure odd(std::string_view id, steady_time began)
{
    return {id, breaker::concerns::itself, began};
}

breaker down_at(steady_time t)
{
    breaker b;
    for (int i = 0; i < 5; ++i) b.failed(unreachable(t), t);
    return b;
}

}  // namespace

TEST_CASE("breaker: five failures in a row, and not four, or five with an answer between them")
{
    breaker b;
    for (int i = 0; i < 4; ++i) b.failed(unreachable(t0), t0);
    CHECK_FALSE(b.is_down());
    b.succeeded();
    for (int i = 0; i < 4; ++i) b.failed(unreachable(t0), t0);
    CHECK_FALSE(b.is_down());
    CHECK(b.lets_through("1", t0));
    b.failed(unreachable(t0), t0);
    CHECK(b.is_down());
    CHECK_FALSE(b.lets_through("1", t0));
}

TEST_CASE("breaker: while it is down, one probe after 5 s, then after twice as long each time, up to a minute")
{
    breaker b = down_at(t0);
    steady_time now = t0;
    int n = 0;
    for (auto pause : {5s, 10s, 20s, 40s, 60s, 60s})
    {
        const std::string id = std::to_string(++n);
        CHECK(b.until_probe(id, now) == pause);
        CHECK_FALSE(b.lets_through(id, now + pause - 1ms));
        now += pause;
        CHECK(b.lets_through(id, now));
        b.sending(id, now);
        CHECK_FALSE(b.lets_through("another", now));  // no other while the probe is on its way
        b.failed(unreachable(now), now);
    }
}

TEST_CASE("breaker: requests that were on their way together and fail together are one failure")
{
    breaker b;
    for (int wave = 0; wave < 4; ++wave)
        for (int i = 0; i < 8; ++i) b.failed(unreachable(t0 + wave * 10s), t0 + wave * 10s + 5s + i * 100ms);
    CHECK_FALSE(b.is_down());
    b.failed(unreachable(t0 + 40s), t0 + 45s);
    CHECK(b.is_down());
}

TEST_CASE("breaker: what was on its way when it opened does not lengthen its pause, nor end a probe's")
{
    breaker b = down_at(t0);
    CHECK(b.until_probe("1", t0) == 5s);
    b.failed(unreachable(t0 - 1s), t0 + 4s);
    CHECK(b.until_probe("1", t0 + 4s) == 1s);
    b.sending("1", t0 + 5s);
    b.failed(unreachable(t0 - 1s), t0 + 6s);
    CHECK_FALSE(b.lets_through("2", t0 + 11s));
    b.failed(unreachable(t0 + 5s), t0 + 7s);
    CHECK(b.until_probe("2", t0 + 7s) == 10s);
}

TEST_CASE("breaker: one answer, and it is up; the next outage begins with 5 s again")
{
    breaker b = down_at(t0);
    b.failed(unreachable(t0 + 5s), t0 + 5s);
    b.succeeded();
    CHECK(b.lets_through("1", t0 + 5s));
    CHECK(b.until_probe("1", t0) == 0s);
    for (int i = 0; i < 5; ++i) b.failed(unreachable(t0 + 60s), t0 + 60s);
    CHECK(b.until_probe("1", t0 + 60s) == 5s);
}

TEST_CASE("breaker: a probe that is never heard of again holds nothing up for ever")
{
    breaker b = down_at(t0);
    b.sending("1", t0 + 5s);
    CHECK_FALSE(b.lets_through("2", t0 + 64s));
    CHECK(b.lets_through("2", t0 + 65s));
}

TEST_CASE("breaker: while a probe is on its way, nobody is told to come back later than in 5 s")
{
    breaker b = down_at(t0);
    b.sending("1", t0 + 5s);
    CHECK(b.until_probe("2", t0 + 5s) == 5s);
    b.failed(unreachable(t0 + 5s), t0 + 20s);
    CHECK(b.until_probe("2", t0 + 20s) == 10s);
}

TEST_CASE("breaker: an outage of an hour costs about sixty requests")
{
    breaker b;
    int sent = 0;
    for (steady_time now = t0; now < t0 + 1h; now += 333ms)
    {
        const std::string id = std::to_string(now.time_since_epoch().count());
        if (!b.lets_through(id, now)) continue;
        b.sending(id, now);
        ++sent;
        b.failed(unreachable(now), now);
    }
    CHECK(sent <= 70);
    CHECK(sent >= 50);
}

TEST_CASE("breaker: an hour's outage in which one and the same is asked for costs no more")
{
    breaker b;
    int sent = 0;
    for (steady_time now = t0; now < t0 + 1h; now += 333ms)
    {
        if (!b.lets_through("1", now)) continue;
        b.sending("1", now);
        ++sent;
        b.failed(unreachable(now), now);
    }
    CHECK(sent <= 70);
    CHECK(sent >= 50);  // it is asked for all the same: nobody else can find out that the outage is over
}

TEST_CASE(
    "breaker: a probe that ends without a word of the vendor's is followed by the next one soon, and closes nothing")
{
    breaker b;
    steady_time now(1000s);
    b.ended_unheard("1", now);  // while it is up that means nothing
    CHECK(b.lets_through("1", now));
    for (int n = 0; n < 5; ++n) b.failed(unreachable(now), now);
    now += 5s;
    REQUIRE(b.lets_through("1", now));
    b.sending("1", now);
    b.ended_unheard("1", now + 1s);
    CHECK(b.is_down());
    CHECK(b.until_probe("2", now + 1s) == 5s);
    CHECK(b.until_probe("1", now + 1s) == 10s);
    b.ended_unheard("1", now + 3s);  // it does not put off what is due
    CHECK(b.until_probe("2", now + 3s) == 3s);
}

TEST_CASE("breaker: one id that fails again and again is one failure; five of them are an outage")
{
    breaker b;
    for (int i = 0; i < 20; ++i) b.failed(odd("1", t0 + i * 1s), t0 + i * 1s);
    CHECK_FALSE(b.is_down());
    CHECK(b.lets_through("1", t0 + 20s));
    steady_time now = t0 + 20s;
    for (const char* id : {"2", "3", "4"}) b.failed(odd(id, now), now);
    CHECK_FALSE(b.is_down());
    b.failed(odd("5", now), now);
    CHECK(b.is_down());
}

TEST_CASE("breaker: one id that is lost again and again is held alone, and the others are sent")
{
    breaker b;
    for (int i = 0; i < 5; ++i) b.failed(lost("1", t0 + i * 1s), t0 + i * 1s);
    const steady_time now = t0 + 4s;
    CHECK_FALSE(b.is_down());
    CHECK_FALSE(b.lets_through("1", now));
    CHECK(b.until_probe("1", now) == 5s);
    CHECK(b.lets_through("2", now));
    CHECK(b.until_probe("2", now) == 0s);
    b.sending("2", now);  // it is no probe, and puts nothing off
    b.ended_unheard("2", now);
    CHECK(b.until_probe("1", now) == 5s);
    CHECK(b.lets_through("1", now + 5s));
    b.sending("1", now + 5s);
    b.ended_unheard("2", now + 6s);
    CHECK(b.until_probe("1", now + 6s) == 5s);
    CHECK_FALSE(b.lets_through("1", now + 12s));  // its probe is on its way
    b.failed(lost("1", now + 5s), now + 12s);
    CHECK(b.until_probe("1", now + 12s) == 15s);  // 10 s, and the 5 s in which others may probe
    b.succeeded();
    CHECK(b.lets_through("1", now + 12s));
}

TEST_CASE("breaker: five ids that are lost are an outage, however often each of them was; four are held together")
{
    breaker b;
    for (int i = 0; i < 5; ++i) b.failed(lost("1", t0 + i * 1s), t0 + i * 1s);
    const steady_time now = t0 + 5s;
    for (const char* id : {"2", "3", "4"})
    {
        REQUIRE(b.lets_through(id, now));
        b.sending(id, now);
        b.failed(lost(id, now), now);
        CHECK_FALSE(b.lets_through(id, now));
        CHECK_FALSE(b.is_down());
    }
    CHECK(b.lets_through("5", now));
    b.failed(lost("5", now), now);
    CHECK(b.is_down());
    CHECK_FALSE(b.lets_through("6", now));
    CHECK(b.until_probe("6", now) == 4s);  // the pause that the first five began
}

TEST_CASE("breaker: no connection counts for everybody, beside what was lost")
{
    breaker b;
    for (int i = 0; i < 5; ++i) b.failed(lost("1", t0 + i * 1s), t0 + i * 1s);
    const steady_time now = t0 + 20s;
    for (int i = 0; i < 3; ++i) b.failed(unreachable(now), now);
    CHECK_FALSE(b.is_down());
    CHECK(b.lets_through("1", now));  // its pause is over, and was not of those
    b.failed(unreachable(now), now);
    CHECK(b.is_down());
    CHECK_FALSE(b.lets_through("2", now));
}

TEST_CASE("breaker: an hour's outage in which three ids are lost costs no more, and nobody hears that Gong is down")
{
    breaker b;
    int sent = 0, n = 0;
    for (steady_time now = t0; now < t0 + 1h; now += 333ms)
    {
        const std::string id = std::to_string(++n % 3);
        if (!b.lets_through(id, now)) continue;
        b.sending(id, now);
        ++sent;
        b.failed(lost(id, now), now);
    }
    CHECK_FALSE(b.is_down());
    CHECK(sent <= 75);
    CHECK(sent >= 50);
}

TEST_CASE("breaker: one id that fails counts again after an answer to another")
{
    breaker b;
    for (const char* id : {"1", "2", "3", "4"}) b.failed(odd(id, t0), t0);
    b.succeeded();
    for (const char* id : {"1", "2", "3", "4"}) b.failed(odd(id, t0), t0);
    CHECK_FALSE(b.is_down());
    b.failed(odd("5", t0), t0);
    CHECK(b.is_down());
}

TEST_CASE("breaker: what was the last probe leaves the next one to others")
{
    breaker b = down_at(t0);
    b.sending("1", t0 + 5s);
    b.failed(odd("1", t0 + 5s), t0 + 5s);
    CHECK_FALSE(b.lets_through("1", t0 + 15s));
    CHECK(b.until_probe("1", t0 + 15s) == 5s);
    CHECK(b.lets_through("2", t0 + 15s));
    CHECK(b.lets_through("1", t0 + 20s));  // unless nobody asks for anything else
}

TEST_CASE("breaker: a 503 that says until when is heeded, for five minutes at most")
{
    breaker b;
    for (int i = 0; i < 5; ++i) b.failed({"1", breaker::concerns::everybody, t0, 90s}, t0);
    CHECK(b.until_probe("2", t0) == 90s);
    b.sending("2", t0 + 90s);
    b.failed({"2", breaker::concerns::anybody, t0 + 90s, 24h}, t0 + 91s);
    CHECK(b.until_probe("3", t0 + 91s) == 300s);
    b.sending("3", t0 + 391s);
    b.failed({"3", breaker::concerns::anybody, t0 + 391s, 1s}, t0 + 391s);  // never sooner than without it
    CHECK(b.until_probe("4", t0 + 391s) == 20s);
}
