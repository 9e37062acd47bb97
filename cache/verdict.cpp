// The verdict on a lookup (RFC 9111, section 4).
//
// An entry is served while it is fresh, and for as long again while it is refreshed in the background (RFC 5861).
// A tool's own directives can ask for something fresher; as every fetch costs the whole company a call of its day, they
// are followed only when the entry is older than `cache.client_min_age`. They can also accept something staler.
//
// While the day's budget is being stretched, what may be served stale is not refreshed, that window is a day for
// everything, and a tool cannot force a fetch of what may be served.
//
// Offline nothing can be fetched, so whatever is kept of an answer serves until it is deleted, whatever a tool asks
// for.

#include "cache/verdict.hpp"

#include "cache/freshness.hpp"

namespace callcache
{
namespace
{

constexpr duration stretched_window = std::chrono::hours(24);

// True if the tool's directives do not accept `e` as it is at `now`.
bool wants_fresher(const entry& e, const directives& asked, wall_time now)
{
    if (asked.no_cache || asked.no_store) return true;
    if (asked.max_age && now - e.sent_at > *asked.max_age) return true;
    return asked.min_fresh && e.fresh_until() - now < *asked.min_fresh;
}

// Its age cannot be known: it was kept while the clock was wrong.
bool is_from_future(const entry& e, wall_time now)
{
    return e.sent_at - now > clock_error_min;
}

bool accepts_stale(const entry& e, const directives& asked, wall_time now)
{
    return asked.max_stale && now - e.fresh_until() <= *asked.max_stale;
}

}  // namespace

decision decide(const entry* kept, trust trusted, const directives& asked, const settings& s, wall_time now,
                bool stretched)
{
    bool may_fetch = !asked.only_if_cached && s.mode == run_mode::online;
    verdict nothing = may_fetch ? verdict::fetch : verdict::refuse;
    if (!kept || now >= kept_until(s.cache.calls, *kept)) return {nothing, why::not_kept};
    if (is_from_future(*kept, now)) return {nothing, why::not_kept};
    if (trusted == trust::ask || trusted == trust::none) return {nothing, why::untrusted};

    bool fresh = is_fresh(*kept, now);
    if (s.mode == run_mode::offline)
    {
        if (kept->is_passed) return {verdict::refuse, why::not_kept};
        return {verdict::serve, !fresh ? why::offline : kept->is_negative ? why::negative : why::fresh};
    }
    if (kept->is_passed) return {fresh && !asked.only_if_cached ? verdict::pass : nothing, why::not_kept};
    if (kept->is_negative && !fresh) return {nothing, why::expired};

    why reason = kept->is_negative ? why::negative : why::fresh;
    if (wants_fresher(*kept, asked, now))
    {
        bool always = s.cache.client_min_age != never && s.cache.client_min_age == milliseconds(0);
        duration min_age = s.cache.client_min_age == never ? duration::max() : duration(s.cache.client_min_age);
        if (now - kept->sent_at >= min_age && (always || !stretched)) return {nothing, why::asked};
        reason = why::kept_young;
    }
    bool renew = trusted == trust::renew && !asked.only_if_cached;
    if (fresh) return {renew ? verdict::serve_refresh : verdict::serve, reason};

    bool within_window =
        now < (stretched ? kept->fresh_until() + stretched_window : stale_while_revalidate_until(s.cache.calls, *kept));
    if (!within_window && !accepts_stale(*kept, asked, now)) return {nothing, why::expired};
    return {asked.only_if_cached || stretched ? verdict::serve : verdict::serve_refresh, why::stale};
}

bool serves_on_error(const entry* kept, trust trusted, const settings& s, wall_time now)
{
    if (!kept || kept->is_passed || trusted == trust::none || is_from_future(*kept, now)) return false;
    return now < stale_if_error_until(s.cache.calls, *kept);
}

}  // namespace callcache
