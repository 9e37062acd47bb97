#include "server/fetch/questions.hpp"

#include "cache/freshness.hpp"
#include "server/fetch/not_answered.hpp"
#include "server/fetch/send.hpp"

#include <utility>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;
using purpose = lookup_flight::purpose;

// A refresh gives way to whoever waits, and one is enough to renew a credential's trust. By the time it gets here, the
// reason may be gone.
bool is_worth_refreshing(const miss_path& path, const lookup& l)
{
    const moment now = path.now();
    bool trusted = path.trust_of(*l.whose) == trust::good;
    entry_ptr e = path.parts.kept.find_in_memory(*l.whose, l.id);
    if (trusted && e && is_fresh(*e, now.wall)) return false;
    bool renews = is_fresh(*l.seen, now.wall);
    shed_level r = path.spending().shedding(now);
    bool affordable = r == shed_level::plenty || (r == shed_level::stretched && renews);
    return affordable && path.spending().queue().size() == 0 && !path.spending().is_held(now) &&
           path.outage.lets_through(now.steady) && !(renews && path.renewing.contains(l.whose.get()));
}

// Something that was kept since the front looked, and that answers the question.
std::optional<looked_up> look_again(const miss_path& path, const lookup& l)
{
    entry_ptr e = path.parts.kept.find_in_memory(*l.whose, l.id);
    if (!e || e == l.seen) return std::nullopt;
    const wall_time now = path.now().wall;
    decision r = decide(e.get(), path.trust_of(*l.whose), l.asked, path.config(), now, path.is_stretched);
    if (r.verdict != verdict::serve && r.verdict != verdict::serve_refresh) return std::nullopt;
    return from_cache(std::move(e), r.reason);
}

obstacle obstacle_to(const miss_path& path, const lookup& l)
{
    using what = obstacle::what;
    const moment now = path.now();
    if (path.config().mode == run_mode::offline) return {what::offline};
    if (path.draining) return {what::stopping};
    if (auto wait = l.whose ? path.refused.wait(refused_use_of(l), now.steady) : std::nullopt)
        return {what::refused, std::chrono::ceil<duration>(*wait)};
    if (!path.outage.lets_through(now.steady))
        return {what::down, std::chrono::ceil<duration>(path.outage.until_probe(now.steady))};
    if (auto no = path.spending().refuses(asking_of(l), l.patience, now)) return {what::limited, {}, std::move(no)};
    return {};
}

// Why it cannot have its turn with the flight that waits, or nothing.
std::optional<refusal> refuses_to_join(const miss_path& path, const flight& f, const lookup& l)
{
    if (!f.is<queued>()) return std::nullopt;
    return path.spending().refuses_to_join(f.number, asking_of(l), l.patience, path.now());
}

// Look again inside the flight's place, or two misses in a row fetch twice:
//   A: find, nothing            B: find, nothing
//   A: begin, fetch, keep, settle
//                               B: begin, and without this look: fetch again
void ask_for_oneself(miss_path& path, lookup l, answered done)
{
    if (lookup_flight_ptr f = path.flights.joinable(l.whose.get(), l.id))
    {
        if (auto no = refuses_to_join(path, *f, l)) return done(fallback(path, l, not_answered(path, *no)));
        return join(path, *f, std::move(l), std::move(done));
    }
    if (auto found = look_again(path, l)) return done(std::move(*found));
    if (auto no = refused(path, l)) return done(std::move(*no));
    begin_lookup(path, std::move(l), purpose::asked, std::move(done));
}

void refresh(miss_path& path, lookup l)
{
    bool is_needless = path.flights.joinable(l.whose.get(), l.id) || look_again(path, l);
    if (is_needless || !is_worth_refreshing(path, l) || refused(path, l)) return;
    bool renews = is_fresh(*l.seen, path.now().wall);
    if (renews) path.renewing.insert(l.whose.get());
    begin_lookup(path, std::move(l), renews ? purpose::renewal : purpose::refresh);
}

}  // namespace

void ask(miss_path& path, lookup l, answered done)
{
    if (done)
        ask_for_oneself(path, std::move(l), std::move(done));
    else
        refresh(path, in_background(std::move(l)));
}

std::optional<looked_up> refused(const miss_path& path, const lookup& l)
{
    obstacle before_it = obstacle_to(path, l);
    auto failed = [&](failing what, const char* text) {
        return not_answered(path, upstream_failure{what, text}, refused_use_of(l));
    };
    switch (before_it.is)
    {
    case obstacle::what::none: break;
    case obstacle::what::offline:
        return own(own_answer(504, "callcache runs offline (mode): nothing goes upstream; kept calls are answered"),
                   outcome::error, "offline");
    case obstacle::what::stopping: return fallback(path, l, failed(failing::stopping, "callcache is stopping"));
    case obstacle::what::refused: return failed(failing::refused, "");
    case obstacle::what::down: return fallback(path, l, failed(failing::down, "several requests in a row have failed"));
    case obstacle::what::limited: return fallback(path, l, not_answered(path, *before_it.no));
    }
    return std::nullopt;
}

forecast forecast_of(const miss_path& path, const lookup& l)
{
    const moment now = path.now();
    forecast o;
    o.stretched = path.is_stretched;
    o.is_up = !path.outage.is_down();
    o.paused_for = path.spending().paused_for(now);
    const partition* whose = l.whose ? l.whose.get() : path.flights.whose(l.id);
    if (lookup_flight_ptr f = path.flights.joinable(whose, l.id))
    {
        o.is_under_way = true;
        if (auto no = refuses_to_join(path, *f, l)) o.before_it = {obstacle::what::limited, {}, std::move(no)};
        return o;
    }
    o.before_it = obstacle_to(path, l);
    o.wait = path.spending().expected(asking_of(l), now);
    lookup later = in_background(l);
    o.refreshes = l.seen && is_worth_refreshing(path, later) && obstacle_to(path, later).is == obstacle::what::none;
    return o;
}

}  // namespace callcache
