// How long a call stays fresh.
//
// A call changes most in the days after it was held: it is enriched, renamed, made private. So it is fresh for a tenth
// of the time since it started (the heuristic of RFC 9111, section 4.2.2, with `started` as the last change), within
// the operator's bounds, give or take a tenth so that calls fetched together do not expire together. A private call,
// and one that does not say when it started, is fresh for the least time.
//
// A 404 is also the vendor's answer for a call that exists but is not processed yet (minutes, up to a day). So it is
// remembered only briefly, twice as long each time it is repeated, and never more than a minute in the first 24 hours.

#include "cache/freshness.hpp"

#include <algorithm>
#include <cmath>

namespace callcache
{
namespace
{

constexpr duration young_for = std::chrono::hours(24);  // a missing call may still be in processing
constexpr duration young_limit = std::chrono::minutes(1);
constexpr milliseconds volatile_limit = std::chrono::hours(1);
constexpr duration revalidate_limit = std::chrono::hours(24);

// Give or take a tenth, so that what was fetched together does not expire together.
duration with_jitter(duration fresh, double jitter)
{
    return fresh + duration(std::int64_t(double(fresh.count()) * 0.1 * std::clamp(jitter, -1.0, 1.0)));
}

}  // namespace

duration call_freshness(const calls_settings& s, std::optional<wall_time> started, bool is_private, wall_time sent_at,
                        double jitter)
{
    duration fresh = s.fresh_min;
    if (started && !is_private && *started < sent_at)
    {
        // In floating point: the product of a distant start and a large percentage must not overflow.
        double share = double((sent_at - *started).count()) * double(s.fresh_age_percent) / 100;
        fresh = duration(std::int64_t(
            std::clamp(share, double(duration(s.fresh_min).count()), double(duration(s.fresh_max).count()))));
    }
    return with_jitter(fresh, jitter);
}

duration transcript_freshness(const cache_settings& s, std::optional<wall_time> started, bool is_private,
                              wall_time sent_at, double jitter)
{
    calls_settings own = s.calls;
    own.fresh_max = s.transcripts_fresh_max;
    return call_freshness(own, started, is_private, sent_at, jitter);
}

duration details_freshness(const calls_settings& s, std::optional<wall_time> started, bool is_private, bool is_volatile,
                           wall_time sent_at, double jitter)
{
    calls_settings own = s;
    if (is_volatile) own.fresh_max = std::clamp<milliseconds>(volatile_limit, s.fresh_min, s.fresh_max);
    return call_freshness(own, started, is_private, sent_at, jitter);
}

duration route_freshness(milliseconds fresh, double jitter)
{
    return with_jitter(fresh, jitter);
}

duration guarded(const calls_settings& s, duration fresh)
{
    return std::min(fresh, duration(s.fresh_min));
}

duration not_found_freshness(const calls_settings& s, const entry* before, wall_time sent_at)
{
    duration least = s.not_found_min, most = s.not_found_max;
    if (!before || !before->is_negative) return least;
    if (sent_at - before->missing_since < young_for) most = std::min(most, std::max(young_limit, least));
    return std::clamp(before->fresh_for * 2, least, std::max(least, most));
}

double jitter_of(std::string_view name, wall_time sent_at)
{
    // FNV-1a, and a last mixing so that neighbouring ids and times land far apart.
    std::uint64_t h = 14695981039346656037ull;
    auto mix = [&](std::uint64_t byte) { h = (h ^ byte) * 1099511628211ull; };
    for (unsigned char c : name) mix(c);
    for (int i = 0; i < 8; ++i) mix(std::uint64_t(to_micros(sent_at)) >> (8 * i) & 255);
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15ull;
    h ^= h >> 29;
    return double(h >> 11) / double(1ull << 52) - 1.0;
}

wall_time stale_while_revalidate_until(const calls_settings& s, const entry& e)
{
    if (e.is_negative) return e.fresh_until();
    duration window = e.fresh_for / 100 * std::int64_t(s.stale_while_revalidate_percent);
    return e.fresh_until() + std::min(window, revalidate_limit);
}

wall_time stale_if_error_until(const calls_settings& s, const entry& e)
{
    if (e.is_negative) return e.fresh_until();
    return std::min(e.fresh_until() + s.stale_if_error, kept_until(s, e));
}

wall_time kept_until(const calls_settings& s, const entry& e)
{
    return e.sent_at + s.keep_max;
}

}  // namespace callcache
