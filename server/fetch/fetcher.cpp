#include "cache/freshness.hpp"
#include "server/fetch/flight.hpp"
#include "server/fetch/refusal_reply.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;
using namespace std::chrono_literals;

}  // namespace

looked_up limited(const fetcher_parts& parts, const refusal& no)
{
    return own(refusal_reply(no, parts.config->budget, parts.clock.wall()), outcome_of(no));
}

reply is_down(const fetcher_parts& parts, const breaker& b, std::string_view why)
{
    auto soon = seconds_up(b.until_probe(parts.clock.steady()));
    return with_retry_after(own_answer(502, "Gong (" + parts.upstream.text() + ") is down: " + std::string(why) +
                                                "; it is asked again in " + std::to_string(soon) +
                                                " s, and kept calls are still answered"),
                            soon);
}

std::optional<reply> just_refused(const refused_credentials& known, const lookup& l, steady_time now)
{
    auto wait = known.wait(refusable(l), now);
    if (!wait) return std::nullopt;
    auto seconds = seconds_up(*wait);
    return with_retry_after(unauthorized("Gong has just refused this credential (401); it is asked again in " +
                                         std::to_string(seconds) + " s"),
                            seconds);
}

fetcher::fetcher(const fetcher_parts& p) :
    parts_(p),
    gate_({p.loop, p.config->budget, p.config->bulk.ids_max, p.clock, p.book, p.day,
           [this](budget::item i, const asking& who, const refusal& why) { on_refused(i, who, why); },
           [this] { tell_who_cannot_wait(); }}),
    pool_({p.upstream, parse_proxy(p.config->upstream.proxy), p.tls}, p.config->upstream, p.clock, p.loop),
    relay_lanes_(std::max<std::size_t>(p.config->upstream.connections_max, 3) - 2, p.loop, p.clock),
    way_(gate_, breaker_, p.clock),
    bulk_(p.config->bulk),
    stretch_again_(p.loop, p.clock)
{}

fetcher::~fetcher() = default;

void fetcher::ask(lookup l, answered done)
{
    asio::post(parts_.loop, [self = shared_from_this(), l = std::move(l), done = std::move(done)]() mutable {
        self->begin(std::move(l), std::move(done));
    });
}

void fetcher::left(std::uint64_t asker)
{
    asio::post(parts_.loop, [self = shared_from_this(), asker] {
        auto known = self->askers_.find(asker);
        if (known == self->askers_.end()) return;
        auto [f, w] = known->second;
        w->left = true;
        self->keep_or_linger(*f);
    });
}

void fetcher::refresh(lookup l)
{
    l.how = urgency::background;
    ask(std::move(l), nullptr);
}

void fetcher::use(std::shared_ptr<asio::ssl::context> tls)
{
    asio::post(parts_.loop, [self = shared_from_this(), tls = std::move(tls)] { self->pool_.use(tls); });
}

void fetcher::reload()
{
    asio::post(parts_.loop, [self = shared_from_this()] {
        const settings& s = *self->parts_.config;
        self->gate_.reconfigure(s.budget);
        self->pool_.reconfigure(s.upstream);
        self->bulk_.reconfigure(s.bulk);
        self->stretch();
        self->tell_who_cannot_wait();
    });
}

void fetcher::resume(std::function<void()> done)
{
    asio::post(parts_.loop, [self = shared_from_this(), done = std::move(done)] {
        bool paused = self->gate_.spending().paused_for(self->parts_.clock.now()) > 0s;
        if (paused) self->parts_.out.info("the operator ended the vendor's pause");
        self->gate_.resume();
        done();
    });
}

void fetcher::ask_report(std::function<void(upstream_report)> done)
{
    asio::post(parts_.loop, [self = shared_from_this(), done = std::move(done)] {
        upstream_report r;
        r.spending = self->gate_.spending().report(self->parts_.clock.now());
        r.vendor_remaining = self->vendor_remaining_;
        r.is_up = !self->breaker_.is_down();
        r.flights = self->by_number_.size();
        r.bulk = self->bulk_.report();
        r.totals = self->counts_.total();
        r.duplicates = self->counts_.duplicates(self->parts_.clock.wall());
        r.connections = self->pool_.size();
        done(std::move(r));
    });
}

void fetcher::drain()
{
    asio::post(parts_.loop, [self = shared_from_this()] {
        self->draining_ = true;
        self->gate_.close();
        self->pool_.close();
        self->relay_lanes_.close();
    });
}

void fetcher::abandon()
{
    auto relays = std::move(relays_);
    for (const auto& [number, f] : by_number_)
        if (f->rider) f->rider->abandon();
    gate_.abandon();
    pool_.abandon();
    relay_lanes_.abandon();
    for (const relay_ptr& c : relays) c->abandon();
}

std::size_t fetcher::waiting(const std::string& id) const
{
    std::size_t sum = 0;
    for (const auto& [key, f] : flights_)
        if (key.second == id) sum += f->waiters.size();
    return sum;
}

// The flight that a question which comes now may join, or null. Its answer must not be older than the question: after a
// purge, a write or an erasure has been answered, nobody joins a flight that was sent before it.
//   A: begins a flight, and it is sent     B: PUT, answered: the call is purged     C: asks: begins a flight of its own
fetcher::flight_ptr fetcher::joinable(const partition* whose, const std::string& id) const
{
    auto known = flights_.find({whose, id});
    if (known == flights_.end()) return nullptr;
    const flight_ptr& f = known->second;
    return f->sent && !parts_.kept.still_holds(id, f->ticket) ? nullptr : f;
}

void fetcher::begin(lookup l, answered done)
{
    if (flight_ptr f = joinable(l.whose.get(), l.id))
    {
        if (!done) return;
        asking who{l.tool, l.how};
        auto no = gate_.spending().refuses_to_join(f->number, who, l.patience, parts_.clock.now());
        if (f->queued && no) return done(fallback(l, limited(parts_, *no)));
        join(f, std::move(l), std::move(done));
        gate_.join(f->number, who);
        return;
    }
    // Look again inside the flight's place, or two misses in a row fetch twice:
    //   A: find, nothing            B: find, nothing
    //   A: begin, fetch, keep, settle
    //                               B: begin, and without this look: fetch again
    if (auto found = look_again(l))
    {
        if (done) done(std::move(*found));
        return;
    }
    if (!done && !is_worth_refreshing(l)) return;
    if (auto no = refused(l))
    {
        if (done) done(std::move(*no));
        return;
    }
    auto f = begin_flight(l);
    f->background = !done;
    f->renews = f->alone = !done && is_fresh(*l.seen, parts_.clock.wall());
    if (f->renews) renewing_.insert(l.whose.get());
    if (done) join(f, std::move(l), std::move(done));
    asio::co_spawn(parts_.loop, run(shared_from_this(), f), asio::detached);
}

fetcher::flight_ptr fetcher::begin_flight(const lookup& l, relay_ptr relay)
{
    auto f = std::make_shared<flight>();
    f->number = ++last_number_;
    f->first = l;
    f->refused_as = refusable(l);
    f->relay = std::move(relay);
    f->end = std::make_unique<alarm>(parts_.loop, parts_.clock);
    by_number_[f->number] = f.get();
    if (!f->relay) flights_.insert_or_assign(f->key(), f);  // in the place of one that nobody may join any more
    return f;
}

// A refresh gives way to whoever waits, and one is enough to renew a credential's trust. Until it gets here, its reason
// may have gone.
bool fetcher::is_worth_refreshing(const lookup& l) const
{
    moment now = parts_.clock.now();
    bool trusted = trust_at(l.whose->confirmed_at(), now.wall, *parts_.config) == trust::good;
    entry_ptr e = parts_.kept.find_in_memory(*l.whose, l.id);
    if (trusted && e && is_fresh(*e, now.wall)) return false;
    bool renews = is_fresh(*l.seen, now.wall);
    shed_level r = gate_.spending().shedding(now);
    bool affordable = r == shed_level::plenty || (r == shed_level::stretched && renews);
    return affordable && gate_.spending().queue().size() == 0 && !gate_.spending().is_held(now) &&
           breaker_.lets_through(now.steady) && !(renews && renewing_.contains(l.whose.get()));
}

// Something that was kept since the front looked, and that answers the question.
std::optional<looked_up> fetcher::look_again(const lookup& l) const
{
    entry_ptr e = parts_.kept.find_in_memory(*l.whose, l.id);
    if (!e || e == l.seen) return std::nullopt;
    wall_time now = parts_.clock.wall();
    decision r = decide(e.get(), trust_at(l.whose->confirmed_at(), now, *parts_.config), l.asked, *parts_.config, now,
                        is_stretched());
    if (r.verdict != verdict::serve && r.verdict != verdict::serve_refresh) return std::nullopt;
    return from_cache(std::move(e), r.reason);
}

obstacle fetcher::obstacle_to(const lookup& l) const
{
    using what = obstacle::what;
    moment now = parts_.clock.now();
    if (parts_.config->mode == run_mode::offline) return {what::offline};
    if (draining_) return {what::stopping};
    if (auto wait = l.whose ? refused_credentials_.wait(refusable(l), now.steady) : std::nullopt)
        return {what::refused, std::chrono::ceil<duration>(*wait)};
    if (!breaker_.lets_through(now.steady))
        return {what::down, std::chrono::ceil<duration>(breaker_.until_probe(now.steady))};
    if (auto no = gate_.spending().refuses({l.tool, l.how}, l.patience, now)) return {what::limited, {}, std::move(no)};
    return {};
}

// Why no flight is begun for it, or nothing. What is kept may serve all the same.
std::optional<looked_up> fetcher::refused(const lookup& l) const
{
    obstacle before_it = obstacle_to(l);
    switch (before_it.is)
    {
    case obstacle::what::none: return std::nullopt;
    case obstacle::what::offline:
        return own(own_answer(504, "callcache runs offline (mode): nothing goes upstream; kept calls are answered"),
                   outcome::error, "offline");
    case obstacle::what::stopping:
        return fallback(l, own(with_retry_after(own_answer(503, "callcache is stopping; ask again in a second"), 1),
                               outcome::error));
    case obstacle::what::refused:
        return own(*just_refused(refused_credentials_, l, parts_.clock.steady()), outcome::error);
    case obstacle::what::down:
        return fallback(l, own(is_down(parts_, breaker_, "several requests in a row have failed"), outcome::error));
    case obstacle::what::limited: return fallback(l, limited(parts_, *before_it.no));
    }
    return std::nullopt;
}

forecast fetcher::forecast(const lookup& l) const
{
    moment now = parts_.clock.now();
    const budget& b = gate_.spending();
    callcache::forecast o;
    o.stretched = is_stretched();
    o.is_up = !breaker_.is_down();
    o.paused_for = b.paused_for(now);
    const partition* whose = l.whose.get();
    if (!whose)  // a credential that was never confirmed may be asking, for the first time
        for (const auto& [key, f] : flights_)
            if (key.second == l.id) whose = key.first;
    if (flight_ptr f = joinable(whose, l.id))
    {
        o.is_under_way = true;
        auto no = b.refuses_to_join(f->number, {l.tool, l.how}, l.patience, now);
        if (f->queued && no) o.before_it = {obstacle::what::limited, {}, std::move(no)};
        return o;
    }
    o.before_it = obstacle_to(l);
    o.wait = b.expected({l.tool, l.how}, now);
    lookup in_background = l;
    in_background.how = urgency::background;
    o.refreshes = l.seen && is_worth_refreshing(in_background) && obstacle_to(in_background).is == obstacle::what::none;
    return o;
}

void fetcher::join(const flight_ptr& f, lookup l, answered done)
{
    std::uint64_t asker = l.asker;
    auto at =
        f->waiters.insert(f->waiters.end(), waiter{std::move(l), std::move(done), !f->waiters.empty(), false, nullptr});
    if (asker != 0) askers_[asker] = {f.get(), at};
    limit_time(*f, at);
    f->end->cancel();
    f->lingers = false;
}

// The flight goes on: what it brings is kept. The alarm is the flight's own, so it may not hold it.
void fetcher::limit_time(flight& f, std::list<waiter>::iterator at)
{
    at->late = std::make_unique<alarm>(parts_.loop, parts_.clock);
    at->late->set(at->asked.asked_at + at->asked.answer_within, [this, f = &f, at] { on_deadline(*f, at); });
}

fetcher::waiter fetcher::part_with(flight& f, std::list<waiter>::iterator at)
{
    waiter gone = std::move(*at);
    f.waiters.erase(at);
    askers_.erase(gone.asked.asker);
    return gone;
}

void fetcher::on_deadline(flight& f, std::list<waiter>::iterator at)
{
    waiter w = part_with(f, at);
    keep_or_linger(f);
    std::string within = " within " + std::to_string(whole_seconds(w.asked.answer_within)) + " s (" +
                         std::string(w.asked.bound) + "); ask again";
    if (!f.queued)
    {
        reply r = own_answer(504, "no answer from Gong" + within + ", as the lookup goes on");
        return w.done(fallback(w.asked, own(std::move(r), outcome::error)));
    }
    auto soon = gate_.spending().expected({w.asked.tool, w.asked.how}, parts_.clock.now());
    reply r = with_retry_after(own_answer(429, "the turn of this lookup did not come" + within), seconds_up(soon));
    w.done(fallback(w.asked, own(std::move(r), outcome::limited)));
}

// A flight that nobody waits for keeps its place for `budget.linger`, so that a tool which gave up and asks again finds
// it; then it leaves, and its turn goes to the next.
void fetcher::keep_or_linger(flight& f)
{
    if (f.is_wanted() || !f.queued || f.lingers) return;
    f.lingers = true;
    f.end->set(parts_.clock.steady() + parts_.config->budget.linger, [this, f = &f] {
        if (!gate_.spending().queue().contains(f->number)) return;  // it has its turn, and has yet to hear of that
        f->forgotten = true;
        shut(*f);
        gate_.expel(f->number, refusal());
    });
}

// Its end is decided, though it has yet to hear of it: nobody joins it, and who asks now begins another.
void fetcher::shut(const flight& f)
{
    auto known = flights_.find(f.key());
    if (known != flights_.end() && known->second.get() == &f) flights_.erase(known);
}

// The budget says no to one tool; the flight may still wait for others.
void fetcher::on_refused(budget::item number, const asking& who, const refusal& why)
{
    auto known = by_number_.find(number);
    if (known == by_number_.end()) return;
    flight& f = *known->second;
    for (auto w = f.waiters.begin(); w != f.waiters.end();)
    {
        auto at = w++;
        if (at->asked.tool != who.tool || at->asked.how != who.how) continue;
        waiter gone = part_with(f, at);
        gone.done(fallback(gone.asked, limited(parts_, why)));
    }
    if (gate_.spending().queue().contains(number))
        keep_or_linger(f);
    else
        shut(f);
}

// Nothing is sent for a while: who would wait longer than they may is told so now.
void fetcher::tell_who_cannot_wait()
{
    moment now = parts_.clock.now();
    for (const auto& [number, f] : by_number_)
    {
        if (!f->queued) continue;
        for (auto w = f->waiters.begin(); w != f->waiters.end();)
        {
            auto at = w++;
            duration left = std::chrono::floor<duration>(at->asked.asked_at + at->asked.patience - now.steady);
            auto no = gate_.spending().delays(std::max<duration>(left, 0s), now);
            if (!no) continue;
            waiter gone = part_with(*f, at);
            gone.done(fallback(gone.asked, limited(parts_, *no)));
        }
        keep_or_linger(*f);
    }
}

// What is kept, if it may serve although the vendor could not be asked; otherwise `otherwise`.
looked_up fetcher::fallback(const lookup& l, looked_up otherwise) const
{
    entry_ptr e = parts_.kept.find_in_memory(*l.whose, l.id);
    bool seen_newer = l.seen && (!e || l.seen->sent_at > e->sent_at);
    if (seen_newer && parts_.kept.still_holds(l.id, l.seen_under)) e = l.seen;
    wall_time now = parts_.clock.wall();
    if (!serves_on_error(e.get(), trust_at(l.whose->confirmed_at(), now, *parts_.config), *parts_.config, now))
        return otherwise;
    looked_up stale;
    stale.word = word_in_place_of(is_fresh(*e, now));
    stale.detail = detail_in_place_of(otherwise.word);
    stale.kept = std::move(e);
    return stale;
}

}  // namespace callcache
