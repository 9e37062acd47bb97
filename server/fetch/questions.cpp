#include "server/fetch/questions.hpp"

#include "cache/freshness.hpp"
#include "server/fetch/not_answered.hpp"
#include "server/fetch/send.hpp"

#include <utility>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;
using purpose = lookup_flight::purpose;

// Beyond that, what is stale stays so until it is asked for again.
constexpr std::size_t waiting_refreshes_max = 1000;

// One is enough to renew a credential's trust. By the time it gets here, the reason may be gone.
bool is_worth_refreshing(const miss_path& path, const lookup& l)
{
    const moment now = path.now();
    bool trusted = path.trust_of(*l.whose) == trust::good;
    entry_ptr e = path.parts.kept.find_in_memory(*l.whose, l.id);
    if (trusted && e && is_fresh(times_of(l, *e), now.wall)) return false;
    bool renews = is_fresh(times_of(l, *l.seen), now.wall);
    shed_level r = path.spending().shedding(now);
    bool affordable = r == shed_level::plenty || (r == shed_level::stretched && renews);
    return affordable && path.spending().queue().size(urgency::background) < waiting_refreshes_max &&
           !path.spending().is_held(now) && path.outage.lets_through(l.id, now.steady) &&
           !(renews && path.renewing.contains(l.whose.get()));
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

// What the vendor has just said of this id, if it still holds and is fresh enough for the tool.
const failing_ids::known* known_no(const miss_path& path, const lookup& l)
{
    const failing_ids::known* no = l.whose ? path.failing.find(l.whose->name(), l.id) : nullptr;
    if (!no || !path.parts.kept.still_holds(l.id, no->ticket)) return nullptr;
    const wall_time now = path.now().wall;
    decision r = decide(&no->times, trust::good, l.asked, path.config(), now, path.is_stretched);
    return r.verdict == verdict::serve ? no : nullptr;
}

obstacle obstacle_to(const miss_path& path, const lookup& l)
{
    using what = obstacle::what;
    const moment now = path.now();
    if (path.config().mode == run_mode::offline) return {what::offline};
    if (path.draining) return {what::stopping};
    if (auto wait = l.whose ? path.refused.wait(refused_use_of(l), now.steady) : std::nullopt)
        return {what::refused, std::chrono::ceil<duration>(*wait)};
    if (auto* no = known_no(path, l)) return {what::failing, no->times.fresh_until() - now.wall, no->answer->status};
    if (!path.outage.lets_through(l.id, now.steady))
        return {what::down, std::chrono::ceil<duration>(path.outage.until_probe(l.id, now.steady))};
    auto no = refuses_newcomer(path, l);
    if (!no) no = path.spending().refuses(asking_of(path, l), l.patience, now);
    if (no) return {what::limited, {}, 0, std::move(no)};
    return {};
}

// The vendor's no once more. After a 500 something kept may serve.
looked_up say_again(const miss_path& path, const lookup& l, const failing_ids::known& no)
{
    reply r;
    r.status = no.answer->status;
    if (const std::string* type = no.answer->find("content-type")) r.fields.emplace_back("Content-Type", *type);
    r.fields.emplace_back("Age", std::to_string(whole_seconds(path.now().wall - no.times.sent_at)));
    r.body = no.answer->body;
    looked_up said = own(std::move(r), outcome::negative);
    return no.answer->status >= 500 ? fallback(path, l, std::move(said)) : said;
}

// Why it cannot have its turn with the flight that waits, or nothing.
std::optional<refusal> refuses_to_join(const miss_path& path, const flight& f, const lookup& l)
{
    if (!f.is<queued>()) return std::nullopt;
    // A tool that has had its share waits with others, and keeps nothing going that they have left.
    if (!is_paid_for(path, f))
        if (auto spent = path.spending().refuses_share(asking_of(path, l), path.now())) return spent;
    return path.spending().refuses_to_join(f.number, asking_of(path, l), l.patience, path.now());
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

// It may wait for a ride as long as the entry may serve.
void refresh(miss_path& path, lookup l)
{
    const duration window =
        stale_while_revalidate_until(path.config().cache.calls, times_of(l, *l.seen)) - path.now().wall;
    l.patience = std::max(l.patience, window);
    bool is_needless = path.flights.joinable(l.whose.get(), l.id) || look_again(path, l);
    if (is_needless || !is_worth_refreshing(path, l) || refused(path, l)) return;
    bool renews = is_fresh(times_of(l, *l.seen), path.now().wall);
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
    auto failed = [&](failure_kind what, const char* text) {
        return not_answered(path, upstream_failure{what, text}, l);
    };
    switch (before_it.is)
    {
    case obstacle::what::none: break;
    case obstacle::what::offline:
        return own(own_answer(504, "callcache runs offline (mode): nothing goes upstream; kept calls are answered"),
                   outcome::error, "offline");
    case obstacle::what::stopping: return fallback(path, l, failed(failure_kind::stopping, "callcache is stopping"));
    case obstacle::what::refused: return failed(failure_kind::refused, "");
    case obstacle::what::failing: return say_again(path, l, *known_no(path, l));
    case obstacle::what::down: return fallback(path, l, failed(failure_kind::down, ""));
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
        if (auto no = refuses_to_join(path, *f, l)) o.before_it = {obstacle::what::limited, {}, 0, std::move(no)};
        return o;
    }
    o.before_it = obstacle_to(path, l);
    o.wait = path.spending().expected(asking_of(path, l), now);
    lookup later = in_background(l);
    o.refreshes = l.seen && is_worth_refreshing(path, later) && obstacle_to(path, later).is == obstacle::what::none;
    return o;
}

}  // namespace callcache
