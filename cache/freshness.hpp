// How long an answer stays fresh, and how long it may be served after that.
#pragma once

#include "cache/entry.hpp"
#include "config/settings.hpp"

#include <optional>

namespace callcache
{

// How long a call is fresh from `sent_at` on. `jitter` is from -1 to 1.
duration call_freshness(const calls_settings&, std::optional<wall_time> started, bool is_private, wall_time sent_at,
                        double jitter);

// The same of a transcript, which nobody edits: up to cache.transcripts_fresh_max.
duration transcript_freshness(const cache_settings&, std::optional<wall_time> started, bool is_private,
                              wall_time sent_at, double jitter);

// The same of a call's details. `is_volatile`: CRM fields or comments are among them, which change at any time.
duration details_freshness(const calls_settings&, std::optional<wall_time> started, bool is_private, bool is_volatile,
                           wall_time sent_at, double jitter);

// How long an answer of a kept route is; `fresh` is the route's.
duration route_freshness(milliseconds fresh, double jitter);

// While an erasure is under way at the vendor: no longer than `fresh_min`.
duration guarded(const calls_settings&, duration fresh);

// How long a 404 is remembered. `before` is the kept negative entry that it follows, or null for the first.
duration not_found_freshness(const calls_settings&, const entry* before, wall_time sent_at);

// The same input gives the same jitter, from -1 to 1: nothing random in the policy.
double jitter_of(std::string_view name, wall_time sent_at);

// True if `e` may be served at `now` without asking upstream.
inline bool is_fresh(const entry& e, wall_time now)
{
    return now < e.fresh_until();
}

// Until when a stale call may be served while it is refreshed in the background (RFC 5861, section 3).
wall_time stale_while_revalidate_until(const calls_settings&, const entry&);

// Until when it may be served because upstream fails or the budget is spent (RFC 5861, section 4).
wall_time stale_if_error_until(const calls_settings&, const entry&);

// After this it is not served any more; housekeeping deletes it later.
wall_time kept_until(const calls_settings&, const entry&);

}  // namespace callcache
