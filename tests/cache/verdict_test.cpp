#include "cache/verdict.hpp"

#include <doctest/doctest.h>

using namespace callcache;

namespace
{

const wall_time t0{1'700'000'000s};

// Sent for at t0, fresh for 10 minutes: stale but served until 20 minutes, on errors until 7 days and 10 minutes.
entry call()
{
    entry e;
    e.sent_at = t0;
    e.fresh_for = 10min;
    return e;
}

entry missing()
{
    entry e = call();
    e.is_negative = true;
    e.missing_since = t0;
    return e;
}

decision after(duration age, const entry& e, const directives& asked = {}, trust trusted = trust::good,
               const settings& s = {})
{
    return decide(&e, trusted, asked, s, t0 + age);
}

bool is(decision r, verdict what, why reason)
{
    CHECK(int(r.verdict) == int(what));
    CHECK(int(r.reason) == int(reason));
    return true;
}

settings client_min_age(milliseconds age)
{
    settings s;
    s.cache.client_min_age = age;
    return s;
}

}  // namespace

TEST_CASE("verdict: fresh is served, stale is served and refreshed within its window, then it is fetched")
{
    is(after(0s, call()), verdict::serve, why::fresh);
    is(after(10min - 1us, call()), verdict::serve, why::fresh);
    is(after(10min, call()), verdict::serve_refresh, why::stale);
    is(after(20min - 1us, call()), verdict::serve_refresh, why::stale);
    is(after(20min, call()), verdict::fetch, why::expired);
    is(after(29 * 24h, call()), verdict::fetch, why::expired);
    is(after(30 * 24h, call()), verdict::fetch, why::not_kept);
}

TEST_CASE("verdict: nothing kept is fetched, or refused if only what is kept was asked for")
{
    is(decide(nullptr, trust::good, {}, {}, t0), verdict::fetch, why::not_kept);
    is(decide(nullptr, trust::none, {}, {}, t0), verdict::fetch, why::not_kept);
    is(decide(nullptr, trust::good, {.only_if_cached = true}, {}, t0), verdict::refuse, why::not_kept);
}

TEST_CASE("verdict: a 404 is served while it is fresh, and never after")
{
    is(after(0s, missing()), verdict::serve, why::negative);
    is(after(10min - 1us, missing()), verdict::serve, why::negative);
    is(after(10min, missing()), verdict::fetch, why::expired);
    is(after(10min, missing(), {.max_stale = duration::max()}), verdict::fetch, why::expired);
    is(after(10min, missing(), {.only_if_cached = true}), verdict::refuse, why::expired);
}

TEST_CASE("verdict: a tool forces a fetch only when the entry is older than client_min_age")
{
    for (const directives& asked :
         {directives{.no_cache = true}, directives{.no_store = true}, directives{.max_age = 0s},
          directives{.max_age = 1min}, directives{.min_fresh = 1h}})
    {
        is(after(2min, call(), asked), verdict::serve, why::kept_young);
        is(after(5min - 1us, call(), asked), verdict::serve, why::kept_young);
        is(after(5min + 1us, call(), asked), verdict::fetch, why::asked);
        is(after(2min, call(), asked, trust::good, client_min_age(0ms)), verdict::fetch, why::asked);
        is(after(9min, call(), asked, trust::good, client_min_age(never)), verdict::serve, why::kept_young);
        is(after(15min, call(), asked, trust::good, client_min_age(never)), verdict::serve_refresh, why::stale);
    }
}

TEST_CASE("verdict: max-age and min-fresh are satisfied by what is young, or fresh, enough")
{
    is(after(6min, call(), {.max_age = 6min}), verdict::serve, why::fresh);
    is(after(6min + 1us, call(), {.max_age = 6min}), verdict::fetch, why::asked);
    is(after(6min, call(), {.min_fresh = 4min}), verdict::serve, why::fresh);
    is(after(6min + 1us, call(), {.min_fresh = 4min}), verdict::fetch, why::asked);
    is(after(6min, call(), {.min_fresh = 0s}), verdict::serve, why::fresh);
    is(after(6min, missing(), {.max_age = 6min}), verdict::serve, why::negative);
    is(after(6min, missing(), {.no_cache = true}), verdict::fetch, why::asked);
    is(after(4min, missing(), {.no_cache = true}), verdict::serve, why::kept_young);
}

TEST_CASE("verdict: max-stale accepts what is past its window, as far as it says")
{
    is(after(30min, call(), {.max_stale = 20min}), verdict::serve_refresh, why::stale);
    is(after(30min + 1us, call(), {.max_stale = 20min}), verdict::fetch, why::expired);
    is(after(29 * 24h, call(), {.max_stale = duration::max()}), verdict::serve_refresh, why::stale);
    is(after(30 * 24h, call(), {.max_stale = duration::max()}), verdict::fetch, why::not_kept);
    is(after(5min, call(), {.max_stale = duration::max()}), verdict::serve, why::fresh);
}

TEST_CASE("verdict: only-if-cached never goes upstream, not even in the background")
{
    const directives asked{.only_if_cached = true};
    is(after(0s, call(), asked), verdict::serve, why::fresh);
    is(after(0s, call(), asked, trust::renew), verdict::serve, why::fresh);
    is(after(15min, call(), asked), verdict::serve, why::stale);
    is(after(15min, call(), asked, trust::renew), verdict::serve, why::stale);
    is(after(20min, call(), asked), verdict::refuse, why::expired);
    is(after(0s, missing(), asked), verdict::serve, why::negative);
    is(after(0s, call(), asked, trust::ask), verdict::refuse, why::untrusted);
    is(after(6min, call(), {.no_cache = true, .only_if_cached = true}), verdict::refuse, why::asked);
    is(after(1h, call(), {.only_if_cached = true, .max_stale = duration::max()}), verdict::serve, why::stale);
}

TEST_CASE("verdict: a credential is trusted, renewed in the background, or asked for first")
{
    is(after(0s, call(), {}, trust::renew), verdict::serve_refresh, why::fresh);
    is(after(0s, missing(), {}, trust::renew), verdict::serve_refresh, why::negative);
    for (trust t : {trust::ask, trust::none})
    {
        is(after(0s, call(), {}, t), verdict::fetch, why::untrusted);
        is(after(0s, missing(), {}, t), verdict::fetch, why::untrusted);
        is(after(15min, call(), {}, t), verdict::fetch, why::untrusted);
        is(after(0s, call(), {.max_stale = duration::max()}, t), verdict::fetch, why::untrusted);
    }
}

TEST_CASE("verdict: an entry from a future that cannot be is not kept, one from a little ahead is")
{
    is(after(-1min, call()), verdict::serve, why::fresh);
    is(after(-10min, call()), verdict::serve, why::fresh);
    is(after(-10min - 1us, call()), verdict::fetch, why::not_kept);
    is(after(-365 * 24h, call()), verdict::fetch, why::not_kept);
    is(after(-365 * 24h, missing(), {.only_if_cached = true}), verdict::refuse, why::not_kept);
}

TEST_CASE("verdict: on an error what is kept serves for stale_if_error, to whoever was trusted")
{
    entry e = call(), gone = missing();
    const settings s;
    for (trust t : {trust::good, trust::renew, trust::ask})
    {
        CHECK(serves_on_error(&e, t, s, t0));
        CHECK(serves_on_error(&e, t, s, t0 + 15min));
        CHECK(serves_on_error(&e, t, s, t0 + 10min + 7 * 24h - 1us));
        CHECK_FALSE(serves_on_error(&e, t, s, t0 + 10min + 7 * 24h));
        CHECK_FALSE(serves_on_error(&gone, t, s, t0 + 10min));
        CHECK_FALSE(serves_on_error(nullptr, t, s, t0));
    }
    CHECK_FALSE(serves_on_error(&e, trust::none, s, t0));
}

TEST_CASE("verdict: an entry from a future that cannot be does not serve on an error either")
{
    entry e = call();
    CHECK_FALSE(serves_on_error(&e, trust::good, {}, t0 - 365 * 24h));
}

TEST_CASE("verdict: while the budget is stretched, what may be served stale is, for a day, and not refreshed")
{
    entry e = call(), gone = missing();
    auto stretched = [&](duration age, const directives& asked = {}, trust trusted = trust::good,
                         const settings& s = {}) { return decide(&e, trusted, asked, s, t0 + age, true); };
    is(stretched(0s), verdict::serve, why::fresh);
    is(stretched(10min), verdict::serve, why::stale);
    is(stretched(20min), verdict::serve, why::stale);
    is(stretched(10min + 24h - 1us), verdict::serve, why::stale);
    is(stretched(10min + 24h), verdict::fetch, why::expired);
    is(stretched(10min + 24h, {.max_stale = duration::max()}), verdict::serve, why::stale);
    is(stretched(10min + 24h, {.only_if_cached = true}), verdict::refuse, why::expired);
    is(stretched(30 * 24h, {.max_stale = duration::max()}), verdict::fetch, why::not_kept);
    is(stretched(1h, {}, trust::ask), verdict::fetch, why::untrusted);
    is(stretched(1h, {}, trust::none), verdict::fetch, why::untrusted);
    is(stretched(-1h), verdict::fetch, why::not_kept);
    is(decide(&gone, trust::good, {}, {}, t0 + 10min, true), verdict::fetch, why::expired);
    is(decide(nullptr, trust::good, {}, {}, t0, true), verdict::fetch, why::not_kept);
    settings short_kept;
    short_kept.cache.calls.keep_max = 1h;
    is(stretched(1h - 1us, {}, trust::good, short_kept), verdict::serve, why::stale);
    is(stretched(1h, {}, trust::good, short_kept), verdict::fetch, why::not_kept);
}

TEST_CASE("verdict: while the budget is stretched, the window is a day also for what is fresh for longer")
{
    entry e = call();
    e.fresh_for = 2 * 24h;
    settings s;
    is(decide(&e, trust::good, {}, s, t0 + 3 * 24h - 1us, true), verdict::serve, why::stale);
    is(decide(&e, trust::good, {}, s, t0 + 3 * 24h, true), verdict::fetch, why::expired);
}

TEST_CASE("verdict: while the budget is stretched, a tool forces no fetch of what may be served")
{
    entry e = call(), gone = missing();
    for (const directives& asked :
         {directives{.no_cache = true}, directives{.no_store = true}, directives{.max_age = 0s},
          directives{.max_age = 1min}, directives{.min_fresh = 1h}})
    {
        is(decide(&e, trust::good, asked, {}, t0 + 9min, true), verdict::serve, why::kept_young);
        is(decide(&e, trust::good, asked, {}, t0 + 23h, true), verdict::serve, why::stale);
        is(decide(&e, trust::good, asked, {}, t0 + 25h, true), verdict::fetch, why::expired);
        is(decide(&gone, trust::good, asked, {}, t0 + 9min, true), verdict::serve, why::kept_young);
        is(decide(&e, trust::good, asked, client_min_age(never), t0 + 9min, true), verdict::serve, why::kept_young);
        is(decide(&e, trust::good, asked, client_min_age(0ms), t0 + 9min, true), verdict::fetch, why::asked);
    }
}

TEST_CASE("verdict: what may not be kept passes through while that is fresh, and is tried again afterwards")
{
    entry e = call();
    e.is_passed = true;
    is(after(0s, e), verdict::pass, why::not_kept);
    is(after(599s, e), verdict::pass, why::not_kept);
    is(after(600s, e), verdict::fetch, why::not_kept);
    is(after(0s, e, {}, trust::ask), verdict::fetch, why::untrusted);
    directives kept_alone;
    kept_alone.only_if_cached = true;
    is(after(0s, e, kept_alone), verdict::refuse, why::not_kept);
    CHECK_FALSE(serves_on_error(&e, trust::good, settings(), t0));
}

TEST_CASE(
    "verdict: offline what is kept of an answer serves until it is deleted, whatever is asked for, and nothing is "
    "fetched")
{
    settings offline;
    offline.mode = run_mode::offline;
    directives no_cache, kept_only;
    no_cache.no_cache = true;
    kept_only.only_if_cached = true;
    for (const directives& asked : {directives(), no_cache, kept_only})
    {
        auto at = [&](duration age, const entry& e, trust t = trust::good) { return after(age, e, asked, t, offline); };
        is(at(1min, call()), verdict::serve, why::fresh);
        is(at(10min, call()), verdict::serve, why::offline);
        is(at(29 * 24h, call()), verdict::serve, why::offline);
        is(at(30 * 24h, call()), verdict::refuse, why::not_kept);
        is(at(1min, missing()), verdict::serve, why::negative);
        is(at(1h, missing()), verdict::serve, why::offline);
        is(at(1min, call(), trust::none), verdict::refuse, why::untrusted);
        entry passed = call();
        passed.is_passed = true;
        is(at(1min, passed), verdict::refuse, why::not_kept);
        is(decide(nullptr, trust::good, asked, offline, t0), verdict::refuse, why::not_kept);
    }
}
