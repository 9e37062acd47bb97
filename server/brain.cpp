#include "server/brain.hpp"

#include "cache/freshness.hpp"
#include "server/version.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cassert>
#include <list>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;
using namespace std::chrono_literals;

constexpr duration confirmation_step = std::chrono::minutes(1);  // trust is written no more precisely than this

std::int64_t seconds_up(steady_time::duration d)
{
    return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(d).count());
}

looked_up own(reply r, outcome word, std::string_view detail = {})
{
    looked_up l;
    l.word = word;
    l.own = std::make_shared<const reply>(std::move(r));
    l.detail = detail;
    return l;
}

reply with_retry_after(reply r, std::int64_t seconds)
{
    r.fields.emplace_back("Retry-After", std::to_string(seconds));
    return r;
}

}  // namespace

struct brain::waiter
{
    lookup asked;
    answered done;
    bool joined = false;
    std::unique_ptr<alarm> late;
};

struct brain::flight
{
    lookup first;  // of the client that began it
    std::list<waiter> waiters;
    steady_time deadline;  // for its turn
    epoch_ticket ticket;   // taken when it was sent
    wall_time sent_at{};
    steady_time sent_steady{};
    steady_time ended{};

    flight_key key() const { return {first.whose.get(), first.id}; }
};

brain::brain(parts p) :
    parts_(p),
    gate_(p.loop, p.config.budget, p.clock, p.may_follow_another),
    pool_(p.upstream, p.config.upstream, p.tls, p.clock, p.loop)
{}

brain::~brain() = default;

void brain::ask(lookup l, answered done)
{
    asio::post(parts_.loop, [self = shared_from_this(), l = std::move(l), done = std::move(done)]() mutable {
        self->begin(std::move(l), std::move(done));
    });
}

void brain::refresh(lookup l)
{
    ask(std::move(l), nullptr);
}

void brain::use(std::shared_ptr<asio::ssl::context> tls)
{
    asio::post(parts_.loop, [self = shared_from_this(), tls = std::move(tls)] { self->pool_.use(tls); });
}

void brain::drain()
{
    asio::post(parts_.loop, [self = shared_from_this()] {
        self->draining_ = true;
        self->gate_.close();
        self->pool_.close();
    });
}

void brain::abandon()
{
    gate_.abandon();
    pool_.abandon();
}

std::size_t brain::waiting(const std::string& id) const
{
    std::size_t sum = 0;
    for (const auto& [key, f] : flights_)
        if (key.second == id) sum += f->waiters.size();
    return sum;
}

void brain::begin(lookup l, answered done)
{
    if (auto f = flights_.find({l.whose.get(), l.id}); f != flights_.end())
    {
        if (done) join(f->second, std::move(l), std::move(done));
        return;
    }
    // Look again inside the flight's place, or two misses in a row fetch twice:
    //   A: find, nothing            B: find, nothing
    //   A: begin, fetch, keep, land
    //                               B: begin, and without this look: fetch again
    if (auto found = look_again(l))
    {
        if (done) done(std::move(*found));
        return;
    }
    auto refused = draining_ ? with_retry_after(own_answer(503, "callcache is stopping; ask again in a second"), 1)
                             : over_budget(l);
    if (refused)
    {
        if (done) done(fallback(l, own(std::move(*refused), draining_ ? outcome::error : outcome::limited)));
        return;
    }
    auto f = std::make_shared<flight>();
    f->first = l;
    f->deadline = parts_.clock.steady() + l.asked.wait.value_or(duration(parts_.config.server.answer_max));
    flights_.emplace(f->key(), f);
    if (done) join(f, std::move(l), std::move(done));
    asio::co_spawn(parts_.loop, run(shared_from_this(), f), asio::detached);
}

// Something that was kept since the front looked, and that answers the question.
std::optional<looked_up> brain::look_again(const lookup& l) const
{
    entry_ptr e = parts_.kept.find_in_memory({l.whose->id(), l.id});
    if (!e || e == l.seen) return std::nullopt;
    wall_time now = parts_.clock.wall();
    ruling r = decide(e.get(), trust_at(l.whose->confirmed_at(), now, parts_.config), l.asked, parts_.config, now);
    if (r.what != verdict::serve && r.what != verdict::serve_refresh) return std::nullopt;
    looked_up found;
    found.word = word_of(r.because);
    found.detail = detail_of(r.because);
    found.kept = std::move(e);
    return found;
}

// A lookup that cannot have its turn in time is told so at once, with the time that is true if nobody else arrives.
std::optional<reply> brain::over_budget(const lookup& l) const
{
    const budget_settings& b = parts_.config.budget;
    auto wait = gate_.expected() - parts_.clock.steady();
    duration allowed = l.asked.wait.value_or(duration(b.wait_max));
    if (gate_.waiting() >= b.queue_max && wait > 0s)
        return with_retry_after(own_answer(429, "the queue is full: " + std::to_string(gate_.waiting()) +
                                                    " lookups wait for their turn at Gong (budget.queue_max); kept "
                                                    "calls are still answered"),
                                seconds_up(wait / long(gate_.waiting() + 1)));
    if (wait <= allowed) return std::nullopt;
    return with_retry_after(own_answer(429, "about " + std::to_string(seconds_up(wait)) + " s of queue, limit " +
                                                std::to_string(whole_seconds(allowed)) +
                                                " s (budget.wait_max, or send \"Prefer: wait=" +
                                                std::to_string(seconds_up(wait) + 9) + "\")"),
                            seconds_up(wait - allowed));
}

void brain::join(const flight_ptr& f, lookup l, answered done)
{
    // Prefer: wait=N is how long the tool will queue; the vendor's time to answer comes on top of it.
    const settings& c = parts_.config;
    duration patience =
        l.asked.wait ? *l.asked.wait + duration(c.upstream.response_timeout) : duration(c.server.answer_max);
    steady_time deadline = l.asked_at + patience;
    auto at = f->waiters.insert(f->waiters.end(), waiter{std::move(l), std::move(done), !f->waiters.empty(), nullptr});
    at->late = std::make_unique<alarm>(parts_.loop, parts_.clock);
    // The flight goes on: what it brings is kept. The alarm is the flight's own, so it may not hold it.
    at->late->set(deadline, [this, &waiters = f->waiters, at] {
        waiter w = std::move(*at);
        waiters.erase(at);
        reply r = own_answer(504, "no answer from Gong within " +
                                      std::to_string(whole_seconds(parts_.config.server.answer_max)) +
                                      " s (server.answer_max); the lookup goes on, ask again");
        w.done(fallback(w.asked, own(std::move(r), outcome::error)));
    });
}

// What is kept, if it may serve although the vendor could not be asked; otherwise `otherwise`.
looked_up brain::fallback(const lookup& l, looked_up otherwise) const
{
    entry_ptr e = parts_.kept.find_in_memory({l.whose->id(), l.id});
    if (!e || (l.seen && l.seen->sent_at > e->sent_at)) e = l.seen;
    wall_time now = parts_.clock.wall();
    if (!serves_on_error(e.get(), trust_at(l.whose->confirmed_at(), now, parts_.config), parts_.config, now))
        return otherwise;
    looked_up stale;
    stale.word = is_fresh(*e, now) ? outcome::hit : outcome::stale;
    stale.detail = otherwise.word == outcome::limited ? "limited" : "error";
    stale.kept = std::move(e);
    return stale;
}

task<void> brain::run(std::shared_ptr<brain> self, flight_ptr f)
{
    upstream_result r = upstream_failure{failing::lost, "could not be asked because of a mistake in callcache"};
    try
    {
        r = co_await self->fetch(*f);
    }
    catch (const std::exception& mistake)
    {
        self->parts_.out.error("a mistake in callcache", {{"what", mistake.what()}});
    }
    self->land(f, std::move(r));
}

// Waits for the flight's turn, sends, and reads the answer. A connection that the vendor closed while it was idle says
// nothing about the vendor: then, once, on a fresh one.
task<upstream_result> brain::fetch(flight& f)
{
    for (bool retry = false;; retry = true)
    {
        exchanged answer;
        bool was_used = false;
        auto unsent = co_await send_one(f, retry, answer, was_used);
        if (unsent) co_return std::move(*unsent);
        f.ended = parts_.clock.steady();
        log_request(f, answer.result);
        auto* failure = std::get_if<upstream_failure>(&answer.result);
        if (failure && failure->what == failing::closed && was_used && !retry) continue;
        co_return std::move(answer.result);
    }
}

// The order: a place, a connection that is ready, room in the window, the write. Nothing is spent before the write.
task<std::optional<upstream_failure>> brain::send_one(flight& f, bool retry, exchanged& answer, bool& was_used)
{
    bool entered = co_await gate_.enter(f.deadline, retry);
    if (!entered) co_return upstream_failure{failing::unsent, "its turn did not come in time"};
    struct place
    {
        gate* of;
        void leave()
        {
            if (gate* g = std::exchange(of, nullptr)) g->leave();
        }
        ~place() { leave(); }
    } here{&gate_};

    std::optional<connection_pool::loan> line;
    for (bool fresh = retry;; fresh = true)
    {
        auto taken = co_await pool_.take(fresh, std::max(f.deadline, parts_.clock.steady() + 1s));
        if (auto* failure = std::get_if<upstream_failure>(&taken)) co_return std::move(*failure);
        line.emplace(std::move(std::get<connection_pool::loan>(taken)));
        co_await gate_.room();
        if (fresh || line->connection().is_quiet()) break;
        line.reset();  // closed while it waited for room
    }
    was_used = line->was_used();
    std::string request = "GET /v2/calls/" + f.first.id + " HTTP/1.1\r\nHost: " + parts_.upstream.authority() +
                          "\r\nAuthorization: " + f.first.authorization +
                          "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: callcache/" +
                          version + "\r\n\r\n";
    f.ticket = parts_.kept.ticket(*f.first.whose);
    f.sent_at = parts_.clock.wall();
    f.sent_steady = parts_.clock.steady();
    gate_.sent();
    here.leave();
    ++sent_;

    bool late = false;
    alarm clock_out(parts_.loop, parts_.clock);
    clock_out.set(f.sent_steady + parts_.config.upstream.response_timeout, [&line, &late] {
        late = true;
        line->connection().close();
    });
    answer = co_await exchange(line->connection(), request, call_answer_bytes_max);
    clock_out.cancel();
    if (late && std::holds_alternative<upstream_failure>(answer.result))
        answer.result = upstream_failure{
            failing::slow, "no whole answer within " + std::to_string(parts_.config.upstream.response_timeout.count()) +
                               " ms (upstream.response_timeout)"};
    if (answer.reusable && !late) line->give_back();
    co_return std::nullopt;
}

void brain::land(const flight_ptr& f, upstream_result r)
{
    if (auto* failure = std::get_if<upstream_failure>(&r)) return fail(f, nullptr, *failure);
    auto answer = std::make_shared<const upstream_answer>(std::move(std::get<upstream_answer>(r)));
    judgement j = judge(*answer, f->first.id);
    partition& whose = *f->first.whose;

    auto fresh_entry = [&] {
        auto e = std::make_shared<entry>();
        e->sent_at = f->sent_at;
        if (const std::string* type = answer->find("content-type")) e->content_type = *type;
        e->body = answer->body;
        return e;
    };
    looked_up handed_on;
    handed_on.word = outcome::miss;
    handed_on.vendors = answer;

    switch (j.what)
    {
    case meaning::found:
    {
        auto e = fresh_entry();
        e->etag = "\"" + hex(sha256(j.call.call), 16) + "\"";
        e->is_private = j.call.is_private;
        e->fresh_for = call_freshness(parts_.config.cache.calls, j.call.started, e->is_private, f->sent_at,
                                      jitter_of(f->first.id, f->sent_at));
        return keep(f, std::move(e), answer);
    }
    case meaning::not_found:
    {
        auto e = fresh_entry();
        entry_ptr before = parts_.kept.find_in_memory({whose.id(), f->first.id});
        if (!before) before = f->first.seen;
        bool again = before && before->is_negative;
        e->is_negative = true;
        e->missing_since = again ? before->missing_since : f->sent_at;
        e->fresh_for = not_found_freshness(parts_.config.cache.calls, before.get(), f->sent_at);
        return keep(f, std::move(e), answer);
    }
    case meaning::refused: hear_401(*f); return answer_all(f, handed_on);
    case meaning::forbidden:
        if (whose.id() != 0) parts_.kept.drop(whose, f->first.id, f->sent_at);
        return answer_all(f, handed_on);
    case meaning::handed_on: return answer_all(f, handed_on);
    case meaning::failing: return fail(f, answer, {failing::lost, "answered " + std::to_string(answer->status)});
    case meaning::nonsense: return fail(f, nullptr, {failing::nonsense, j.why});
    }
}

void brain::keep(const flight_ptr& f, std::shared_ptr<entry> e, std::shared_ptr<const upstream_answer> answer)
{
    partition& whose = *f->first.whose;
    confirm(whose, f->sent_at);
    // The same call again: the bytes that are kept stay, and only its times change.
    entry_ptr before = parts_.kept.find_in_memory({whose.id(), f->first.id});
    if (!before) before = f->first.seen;
    if (before && !e->is_negative && before->etag == e->etag) e->body = before->body;

    looked_up landed;
    landed.word = outcome::miss;
    landed.kept = e;
    landed.vendors = std::move(answer);
    landed.stored = parts_.kept.keep(whose, f->first.id, std::move(e), f->ticket);
    answer_all(f, landed);
}

// The vendor accepted the credential.
void brain::confirm(partition& whose, wall_time sent_at)
{
    bool fresh = parts_.known.enroll(whose);
    bool was_trusted = whose.confirmed_at().has_value();
    whose.confirm(sent_at);
    wall_time& written = confirmation_written_[whose.id()];
    if (!fresh && was_trusted && sent_at - written < confirmation_step) return;
    written = sent_at;
    whose.use(sent_at);
    parts_.kept.disk().put_partition(whose.record());
}

// The vendor refused the credential: what was kept under it is not read any more.
void brain::hear_401(const flight& f)
{
    partition& whose = *f.first.whose;
    whose.refuse(f.sent_at);
    if (whose.id() != 0) parts_.kept.disk().put_partition(whose.record());
    if (std::exchange(heard_401_, true)) return;
    parts_.out.warn(
        "Gong answered 401. If the credential is right, your company may have an API host of its own, such "
        "as https://us-12345.api.gong.io (Gong shows it beside the API keys); set it with --upstream URL or "
        "upstream.url. Now it is " +
        parts_.upstream.text());
}

// Each waiter is answered from what is kept, where its age allows it; the others get the vendor's own word, if there is
// one, or callcache's.
void brain::fail(const flight_ptr& f, std::shared_ptr<const upstream_answer> answer, const upstream_failure& failure)
{
    looked_up otherwise;
    if (answer)
    {
        otherwise.word = outcome::miss;
        otherwise.vendors = std::move(answer);
    }
    else if (failure.what == failing::unsent && draining_)
        otherwise =
            own(with_retry_after(own_answer(503, "callcache is stopping; ask again in a second"), 1), outcome::error);
    else if (failure.what == failing::unsent)
        otherwise = own(with_retry_after(own_answer(429, "the turn of this lookup did not come in time"),
                                         seconds_up(gate_.expected() - parts_.clock.steady())),
                        outcome::limited);
    else
        otherwise = own(own_answer(failure.what == failing::slow ? 504 : 502,
                                   "Gong (" + parts_.upstream.text() + ") could not be asked: " + failure.text),
                        outcome::error);
    if (failure.what != failing::unsent)
        parts_.out.warn("a lookup failed",
                        {{"id", f->first.id}, {"upstream", parts_.upstream.text()}, {"why", failure.text}});
    flights_.erase(f->key());
    auto waiters = std::move(f->waiters);
    for (waiter& w : waiters)
    {
        looked_up mine = otherwise;
        if (w.joined && mine.word == outcome::miss) mine.word = outcome::collapsed;
        w.done(fallback(w.asked, std::move(mine)));
    }
}

void brain::answer_all(const flight_ptr& f, const looked_up& landed)
{
    flights_.erase(f->key());
    auto waiters = std::move(f->waiters);
    for (waiter& w : waiters)
    {
        looked_up mine = landed;
        if (w.joined) mine.word = outcome::collapsed;
        w.done(std::move(mine));
    }
}

void brain::log_request(const flight& f, const upstream_result& r) const
{
    if (parts_.config.log.access == log_access::off) return;
    auto ms = [](steady_time::duration d) {
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
    };
    auto* answer = std::get_if<upstream_answer>(&r);
    parts_.out.info("upstream", {{"kind", "lookup"},
                                 {"id", f.first.id},
                                 {"status", answer ? std::to_string(answer->status) : "none"},
                                 {"wait_ms", ms(f.sent_steady - f.first.asked_at)},
                                 {"upstream_ms", ms(f.ended - f.sent_steady)},
                                 {"askers", std::to_string(f.waiters.size())},
                                 {"tool", f.first.tool}});
}

}  // namespace callcache
