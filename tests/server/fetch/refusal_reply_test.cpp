#include "server/fetch/refusal_reply.hpp"

#include <doctest/doctest.h>

using namespace callcache;
using namespace std::chrono_literals;
using reason = refusal::reason;

namespace
{

constexpr wall_time t0 = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 13h + 23min;

refusal because(reason why, duration wait)
{
    refusal r;
    r.why = why;
    r.wait = wait;
    return r;
}

// What callcache says, without the frame around it.
std::string words(const refusal& r, const budget_settings& b = {}, wall_time now = t0)
{
    std::string body = refusal_reply(r, b, now).body;
    std::string begin = "\"errors\":[\"callcache: ", end = "\"]}";
    std::size_t at = body.find(begin);
    REQUIRE(at != std::string::npos);
    REQUIRE(body.ends_with(end));
    return body.substr(at + begin.size(), body.size() - end.size() - at - begin.size());
}

std::string value_of(const refusal& r, const std::string& name, const budget_settings& b = {})
{
    reply answer = refusal_reply(r, b, t0);
    const std::string* value = answer.find(name);
    return value ? *value : "absent";
}

}  // namespace

TEST_CASE("refusal: a ledger that is not ours is a 503 that says what to do, and no time")
{
    refusal r = because(reason::not_ours, {});
    reply answer = refusal_reply(r, {}, t0);
    CHECK(answer.status == 503);
    for (const char* name : {"Retry-After", "RateLimit", "RateLimit-Policy"}) CHECK_FALSE(answer.find(name));
    CHECK(words(r) ==
          "nothing is sent to Gong any more: the lock on the budget's ledger was removed or replaced while callcache "
          "ran, so another one may be sending; kept calls are still answered. Restart callcache");
    CHECK(outcome_of(r) == outcome::error);
    CHECK(outcome_of(because(reason::too_long, {})) == outcome::limited);
}

TEST_CASE("refusal: the day is spent")
{
    CHECK(words(because(reason::day_spent, 42min)) ==
          "all 10,000 Gong API calls of the day are spent; the next is free at 14:05 UTC, in 42 min; kept calls are "
          "still answered");
    refusal promised = because(reason::day_spent, 42min);
    promised.left = 3;
    CHECK(words(promised) ==
          "all 10,000 Gong API calls of the day are spent or promised; the next is free at 14:05 UTC, in 42 min; kept "
          "calls are still answered");
}

TEST_CASE("refusal: the vendor asked everyone to wait")
{
    CHECK(words(because(reason::paused, 42s), {}, t0 + 41min + 49s) ==
          "Gong asked everyone to wait until 14:05:31 UTC (42 s); kept calls are still answered");
}

TEST_CASE("refusal: the queue is longer than the tool may wait")
{
    refusal r = because(reason::too_long, 31s);
    r.allowed = 20s;
    CHECK(words(r) == "about 31 s of queue, limit 20 s (budget.wait_max, or send \\\"Prefer: wait=40\\\")");
    r.wait = 30s + 1us;
    CHECK(words(r).starts_with("about 31 s of queue, limit 20 s"));
    r.allowed = 0s;
    CHECK(words(r).starts_with("about 31 s of queue, limit 0 s"));
}

TEST_CASE("refusal: the queue is full")
{
    refusal r = because(reason::queue_full, 11min);
    r.waiting = 2000;
    CHECK(words(r) ==
          "the queue is full: 2000 requests wait for their turn at Gong (budget.queue_max); kept calls are still "
          "answered");
}

TEST_CASE("refusal: a tool has had its share")
{
    refusal r = because(reason::tool_spent, 3h + 5min);
    r.tool = "etl";
    r.cap = 8000;
    r.left = 1234;
    CHECK(words(r) ==
          "etl has had its share of the day: 8,000 of 10,000 Gong API calls (budget.tools, budget.tool_daily_percent); "
          "its next is free at 16:28 UTC, in 3 h 5 min; kept calls are still answered");
    budget_settings unlimited;
    unlimited.daily = 0;
    CHECK(words(r, unlimited).find("8,000 of all Gong API calls") != std::string::npos);
    r.tool = "a\"b\\c\n\xff";
    CHECK(words(r).find('\n') == std::string::npos);
    CHECK(words(r).starts_with("a\\\"b\\\\c"));
}

TEST_CASE("refusal: what is left is held for interactive tools")
{
    refusal r = because(reason::reserved, 2h);
    r.left = 1000;
    CHECK(words(r) ==
          "the last 1,000 Gong API calls of the day are held for interactive tools "
          "(budget.interactive_reserve_percent); the next for background work is free at 15:23 UTC, in 2 h");
}

TEST_CASE("refusal: times are rounded up, and dated when they are not within a day")
{
    struct
    {
        duration wait;
        std::string in;
    } cases[] = {
        {0s, "at 13:24 UTC, in 1 s;"},
        {1us, "at 13:24 UTC, in 1 s;"},
        {1s, "at 13:24 UTC, in 1 s;"},
        {59s + 1us, "at 13:24 UTC, in 60 s;"},
        {60s, "at 13:24 UTC, in 60 s;"},
        {119s, "at 13:25 UTC, in 119 s;"},
        {120s, "at 13:25 UTC, in 2 min;"},
        {121s, "at 13:26 UTC, in 3 min;"},
        {119min, "at 15:22 UTC, in 119 min;"},
        {120min, "at 15:23 UTC, in 2 h;"},
        {10h + 37min, "at 00:00 UTC, in 10 h 37 min;"},
        {24h - 1min, "at 13:22 UTC, in 23 h 59 min;"},
        {24h, "at 2026-11-25 13:23 UTC, in 24 h;"},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.in);
        CHECK(words(because(reason::day_spent, c.wait)).find("the next is free " + c.in) != std::string::npos);
    }
    budget_settings b;
    b.retry_after_max = 7 * 24h;
    CHECK(words(because(reason::day_spent, 24h + 37min), b).find("at 2026-11-25 14:00 UTC, in 24 h 37 min;") !=
          std::string::npos);
}

TEST_CASE("refusal: numbers are grouped by thousands")
{
    for (auto [daily, text] : {std::pair<std::uint64_t, std::string>(1, "all 1 "),
                               {999, "all 999 "},
                               {1000, "all 1,000 "},
                               {1'000'000'000, "all 1,000,000,000 "}})
    {
        budget_settings b;
        b.daily = daily;
        CHECK(words(because(reason::day_spent, 1s), b).starts_with(text));
    }
}

TEST_CASE("refusal: Retry-After is the wait, at least a second, rounded up")
{
    for (reason why : {reason::paused, reason::day_spent, reason::tool_spent, reason::reserved, reason::queue_full})
    {
        CHECK(value_of(because(why, 42min), "retry-after") == "2520");
        CHECK(value_of(because(why, 1s + 1us), "retry-after") == "2");
        CHECK(value_of(because(why, 0s), "retry-after") == "1");
        CHECK(value_of(because(why, -5s), "retry-after") == "1");
        CHECK(value_of(because(why, 48h), "retry-after") == "172800");
        CHECK(value_of(because(why, duration::max()), "retry-after").size() <= 8);  // a year or so
    }
}

TEST_CASE("refusal: Retry-After of a queue that is too long is when it is short enough")
{
    refusal r = because(reason::too_long, 31s);
    r.allowed = 20s;
    CHECK(value_of(r, "retry-after") == "11");
    r.wait = 20s + 1us;
    CHECK(value_of(r, "retry-after") == "1");
    r.allowed = 0s;
    CHECK(value_of(r, "retry-after") == "21");
    r.allowed = 60s;
    CHECK(value_of(r, "retry-after") == "1");
}

TEST_CASE("refusal: RateLimit-Policy tells both limits, RateLimit the one that was reached")
{
    refusal queue = because(reason::queue_full, 11s), day = because(reason::day_spent, 42min);
    CHECK(value_of(queue, "ratelimit-policy") == "\"second\";q=3;w=1, \"day\";q=10000;w=86400");
    CHECK(value_of(queue, "ratelimit") == "\"second\";r=0;t=11");
    CHECK(value_of(day, "ratelimit") == "\"day\";r=0;t=2520");
    day.left = 7;
    for (reason why : {reason::day_spent, reason::tool_spent, reason::reserved})
    {
        day.why = why;
        CHECK(value_of(day, "ratelimit") == "\"day\";r=7;t=2520");
    }
    for (reason why : {reason::paused, reason::too_long})
    {
        queue.why = why;
        CHECK(value_of(queue, "ratelimit") == "\"second\";r=0;t=11");
    }
}

TEST_CASE("refusal: the window of RateLimit-Policy is whole seconds, and no day is named where there is none")
{
    struct
    {
        double rate;
        std::uint64_t burst;
        std::string policy;
    } cases[] = {{3, 1, "\"second\";q=1;w=1"},        {2.5, 2, "\"second\";q=2;w=1"},
                 {0.5, 1, "\"second\";q=1;w=2"},      {0.3, 1, "\"second\";q=1;w=4"},
                 {0.001, 1, "\"second\";q=1;w=1000"}, {1000, 1000, "\"second\";q=1000;w=1"}};
    for (const auto& c : cases)
    {
        budget_settings b;
        b.daily = 0;
        b.rate = c.rate;
        b.burst = c.burst;
        CHECK(value_of(because(reason::queue_full, 1s), "ratelimit-policy", b) == c.policy);
        CHECK(value_of(because(reason::tool_spent, 1s), "ratelimit", b) == "\"second\";r=0;t=1");
    }
}

TEST_CASE("refusal: it is a 429 in the vendor's shape")
{
    reply r = refusal_reply(because(reason::day_spent, 42min), {}, t0);
    CHECK(r.status == 429);
    CHECK(r.body.starts_with("{\"requestId\":\"cc-"));
    REQUIRE(r.find("content-type"));
    CHECK(r.find("content-type")->starts_with("application/json"));
}

TEST_CASE("refusal: Retry-After is the time that is true, also beyond budget.retry_after_max")
{
    budget_settings b;
    b.retry_after_max = 1h;
    CHECK(value_of(because(reason::day_spent, 24h + 2min), "retry-after", b) == "86520");
}

TEST_CASE("refusal: a credential that Gong has never accepted is told of the newcomers' limit, not of the second's")
{
    refusal r = because(reason::newcomer, 15min);
    CHECK(value_of(r, "ratelimit-policy") == "\"second\";q=3;w=1, \"newcomers\";q=100, \"day\";q=10000;w=86400");
    CHECK(value_of(r, "ratelimit") == "\"newcomers\";r=0;t=900");
    CHECK(value_of(r, "retry-after") == "900");
}

TEST_CASE("refusal: the log is told in few words why, but for one that nobody seemed to wait for")
{
    for (reason why : {reason::paused, reason::day_spent, reason::tool_spent, reason::reserved, reason::too_long,
                       reason::too_late, reason::queue_full, reason::newcomer, reason::not_ours})
        CHECK_FALSE(refusal_reply(because(why, 1s), {}, t0).refused_for.empty());
    CHECK(refusal_reply(because(reason::left, 1s), {}, t0).refused_for.empty());
}
