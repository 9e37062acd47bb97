#include "cache/freshness.hpp"

#include "cache/erasure.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

const wall_time t0{1'700'000'000s};
const calls_settings defaults;

duration fresh(std::optional<wall_time> started, bool is_private = false, double jitter = 0)
{
    return call_freshness(defaults, started, is_private, t0, jitter);
}

entry call(duration fresh_for)
{
    entry e;
    e.sent_at = t0;
    e.fresh_for = fresh_for;
    return e;
}

entry missing(wall_time since, wall_time sent_at, duration fresh_for)
{
    entry e;
    e.is_negative = true;
    e.missing_since = since;
    e.sent_at = sent_at;
    e.fresh_for = fresh_for;
    return e;
}

bool about(duration a, duration b)
{
    return std::abs((a - b).count()) <= 1;
}

}  // namespace

TEST_CASE("freshness: a call is fresh until, not at, its limit")
{
    entry e = call(60s);
    CHECK(is_fresh(e, t0));
    CHECK(is_fresh(e, t0 + 60s - 1us));
    CHECK_FALSE(is_fresh(e, t0 + 60s));
}

TEST_CASE("freshness: a tenth of the time since the call started, within the bounds")
{
    CHECK(fresh(t0 - 1us) == 5min);
    CHECK(fresh(t0 - 10min) == 5min);
    CHECK(fresh(t0 - 50min) == 5min);
    CHECK(about(fresh(t0 - 100min), 10min));
    CHECK(about(fresh(t0 - 5 * 24h), 12h));
    CHECK(fresh(t0 - 10 * 24h) == 24h);
    CHECK(fresh(t0 - 3650 * 24h) == 24h);
}

TEST_CASE("freshness: a call that is private, has no start, or starts in the future is fresh for the least time")
{
    CHECK(fresh(t0 - 5 * 24h, true) == 5min);
    CHECK(fresh(std::nullopt) == 5min);
    CHECK(fresh(std::nullopt, true) == 5min);
    CHECK(fresh(t0) == 5min);
    CHECK(fresh(t0 + 1us) == 5min);
    CHECK(fresh(t0 + 365 * 24h) == 5min);
}

TEST_CASE("freshness: the jitter is a tenth at most, either way")
{
    CHECK(about(fresh(t0 - 5 * 24h, false, 1), duration(12h) * 11 / 10));
    CHECK(about(fresh(t0 - 5 * 24h, false, -1), duration(12h) * 9 / 10));
    CHECK(about(fresh(t0 - 5 * 24h, false, 0.5), duration(12h) * 105 / 100));
    CHECK(about(fresh(std::nullopt, false, 1), 330s));
    CHECK(about(fresh(t0, true, -1), 270s));
    CHECK(fresh(t0, false, 100) == fresh(t0, false, 1));
    CHECK(fresh(t0, false, -100) == fresh(t0, false, -1));
}

TEST_CASE("freshness: nothing overflows, however old the call and large the share")
{
    calls_settings s;
    s.fresh_age_percent = 1000;
    s.fresh_max = 365 * 24h;
    const wall_time year_0 = std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
    CHECK(call_freshness(s, year_0, false, t0, 0) == duration(s.fresh_max));
    s.fresh_age_percent = 0;
    CHECK(call_freshness(s, year_0, false, t0, 0) == duration(s.fresh_min));
    s.fresh_min = s.fresh_max = 1h;
    CHECK(call_freshness(s, t0 - 100 * 24h, false, t0, 0) == 1h);
}

TEST_CASE("jitter: the same for the same, between -1 and 1, and spread evenly")
{
    CHECK(jitter_of("7782342274025937895", t0) == jitter_of("7782342274025937895", t0));
    double sum = 0, least = 1, most = -1;
    constexpr int n = 10'000;
    int buckets[10] = {};
    for (int i = 0; i < n; ++i)
    {
        double j = jitter_of(std::to_string(7782342274025930000 + i), t0);
        REQUIRE(j >= -1);
        REQUIRE(j <= 1);
        sum += j;
        least = std::min(least, j);
        most = std::max(most, j);
        ++buckets[std::min(9, int((j + 1) * 5))];
    }
    CHECK(std::abs(sum / n) < 0.05);
    CHECK(least < -0.98);
    CHECK(most > 0.98);
    for (int count : buckets)
    {
        CHECK(count > n / 10 * 8 / 10);
        CHECK(count < n / 10 * 12 / 10);
    }
    CHECK(jitter_of("1", t0) != jitter_of("1", t0 + 1us));
}

TEST_CASE("not_found: remembered briefly, twice as long each time, at most a minute in the first day")
{
    CHECK(not_found_freshness(defaults, nullptr, t0) == 10s);
    struct
    {
        duration after, before, now;
    } cases[] = {
        {10s, 10s, 20s},   {30s, 20s, 40s},          {70s, 40s, 1min}, {1h, 1min, 1min}, {24h - 1us, 1min, 1min},
        {24h, 1min, 2min}, {24h + 2min, 2min, 4min}, {48h, 32min, 1h}, {72h, 1h, 1h},
    };
    for (const auto& c : cases)
    {
        CAPTURE(c.after.count());
        entry before = missing(t0, t0 + c.after - c.before, c.before);
        CHECK(not_found_freshness(defaults, &before, t0 + c.after) == c.now);
    }
}

TEST_CASE("not_found: any sighting of the call begins anew")
{
    entry seen = call(24h);
    CHECK(not_found_freshness(defaults, &seen, t0 + 48h) == 10s);
}

TEST_CASE("not_found: the operator's bounds hold")
{
    calls_settings s;
    s.not_found_min = 5s;
    s.not_found_max = 8s;
    entry before = missing(t0, t0, 5s);
    CHECK(not_found_freshness(s, nullptr, t0) == 5s);
    CHECK(not_found_freshness(s, &before, t0 + 5s) == 8s);
    s.not_found_min = s.not_found_max = 0s;
    before.fresh_for = 0s;
    CHECK(not_found_freshness(s, nullptr, t0) == 0s);
    CHECK(not_found_freshness(s, &before, t0 + 30 * 24h) == 0s);
    CHECK_FALSE(is_fresh(before, t0));
}

TEST_CASE("stale_while_revalidate: as long again as it was fresh, a day at most")
{
    CHECK(stale_while_revalidate_until(defaults, call(5min)) == t0 + 10min);
    CHECK(stale_while_revalidate_until(defaults, call(24h)) == t0 + 48h);
    CHECK(stale_while_revalidate_until(defaults, call(72h)) == t0 + 96h);
    calls_settings s;
    s.stale_while_revalidate_percent = 0;
    CHECK(stale_while_revalidate_until(s, call(5min)) == t0 + 5min);
    s.stale_while_revalidate_percent = 50;
    CHECK(stale_while_revalidate_until(s, call(10min)) == t0 + 15min);
    s.stale_while_revalidate_percent = 1000;
    CHECK(stale_while_revalidate_until(s, call(365 * 24h)) == t0 + 366 * 24h);
}

TEST_CASE("stale_if_error: a week beyond freshness, but never beyond what is kept")
{
    CHECK(stale_if_error_until(defaults, call(5min)) == t0 + 5min + 7 * 24h);
    CHECK(kept_until(defaults, call(5min)) == t0 + 30 * 24h);
    calls_settings s;
    s.keep_max = 24h;
    CHECK(stale_if_error_until(s, call(5min)) == t0 + 24h);
    s.stale_if_error = 0s;
    CHECK(stale_if_error_until(s, call(5min)) == t0 + 5min);
}

TEST_CASE("stale: a 404 is never served beyond its time")
{
    entry e = missing(t0, t0, 10s);
    CHECK(stale_while_revalidate_until(defaults, e) == t0 + 10s);
    CHECK(stale_if_error_until(defaults, e) == t0 + 10s);
}

TEST_CASE("freshness: a kept route's is the operator's, give or take a tenth; an erasure holds it down")
{
    CHECK(route_freshness(1h, 0) == 1h);
    CHECK(route_freshness(1h, 1) == 66min);
    CHECK(route_freshness(1h, -1) == 54min);
    calls_settings s;
    CHECK(guarded(s, 1h) == s.fresh_min);
    CHECK(guarded(s, 1min) == 1min);
    erasure_record none, done{wall_time(100h), {}}, under_way{{}, wall_time(100h)};
    CHECK_FALSE(is_guarded(none, 6h, wall_time()));
    for (const erasure_record& e : {done, under_way})
    {
        CHECK(is_guarded(e, 6h, wall_time(100h)));
        CHECK(is_guarded(e, 6h, wall_time(106h) - 1s));
        CHECK_FALSE(is_guarded(e, 6h, wall_time(106h)));
    }
}

TEST_CASE("freshness: a transcript is fresh for a tenth of its call's age, up to cache.transcripts_fresh_max")
{
    cache_settings s;
    auto fresh = [&](std::optional<wall_time> started, bool is_private) {
        return transcript_freshness(s, started, is_private, t0, 0);
    };
    CHECK(fresh(t0 - 10h, false) == 1h);
    CHECK(fresh(t0 - 20 * 24h, false) == 48h);
    CHECK(fresh(t0 - 300 * 24h, false) == 7 * 24h);
    CHECK(fresh(t0 - 300 * 24h, true) == 5min);
    CHECK(fresh(std::nullopt, false) == 5min);
}

TEST_CASE("freshness: details with what changes at any time are fresh for an hour at most")
{
    CHECK(details_freshness(defaults, t0 - 300 * 24h, false, false, t0, 0) == 24h);
    CHECK(details_freshness(defaults, t0 - 300 * 24h, false, true, t0, 0) == 1h);
    CHECK(details_freshness(defaults, t0 - 2h, false, true, t0, 0) == 12min);
    calls_settings long_ones;
    long_ones.fresh_min = 2h;
    CHECK(details_freshness(long_ones, t0 - 300 * 24h, false, true, t0, 0) == 2h);
}
