#include "cache/freshness.hpp"
#include "server/flight.hpp"
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

constexpr auto linger = std::chrono::seconds(15);  // so long a flight waits for a tool that gave up and asks again

}  // namespace

brain::brain(const parts& p) :
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
    if (!done && !is_worth_refreshing(l)) return;
    if (auto refused = refusal(l))
    {
        outcome word = refused->status == 429 ? outcome::limited : outcome::error;
        if (done) done(fallback(l, own(std::move(*refused), word)));
        return;
    }
    auto f = std::make_shared<flight>();
    f->first = l;
    f->background = !done;
    f->renews = !done && is_fresh(*l.seen, parts_.clock.wall());
    flights_.emplace(f->key(), f);
    if (f->renews) renewing_.insert(l.whose.get());
    if (done) join(f, std::move(l), std::move(done));
    asio::co_spawn(parts_.loop, run(shared_from_this(), f), asio::detached);
}

// A refresh gives way to whoever waits, and one is enough to renew a credential's trust. Until it gets here, its reason
// may have gone.
bool brain::is_worth_refreshing(const lookup& l) const
{
    wall_time now = parts_.clock.wall();
    bool trusted = trust_at(l.whose->confirmed_at(), now, parts_.config) == trust::good;
    entry_ptr e = parts_.kept.find_in_memory({l.whose->id(), l.id});
    if (trusted && e && is_fresh(*e, now)) return false;
    bool renews = is_fresh(*l.seen, now);
    return gate_.waiting() == 0 && breaker_.lets_through(parts_.clock.steady()) &&
           !(renews && renewing_.contains(l.whose.get()));
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

// Why no flight is begun for it, or nothing.
std::optional<reply> brain::refusal(const lookup& l) const
{
    if (draining_) return with_retry_after(own_answer(503, "callcache is stopping; ask again in a second"), 1);
    if (!breaker_.lets_through(parts_.clock.steady())) return is_down("several requests in a row have failed");
    return over_budget(l);
}

reply brain::is_down(std::string_view why) const
{
    auto soon = seconds_up(breaker_.until_probe(parts_.clock.steady()));
    return with_retry_after(own_answer(502, "Gong (" + parts_.upstream.text() + ") is down: " + std::string(why) +
                                                "; it is asked again in " + std::to_string(soon) +
                                                " s, and kept calls are still answered"),
                            soon);
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
    at->late->set(deadline, [this, f = f.get(), at, patience] {
        waiter w = std::move(*at);
        f->waiters.erase(at);
        f->left_at = parts_.clock.steady();
        std::string within = " within " + std::to_string(whole_seconds(patience)) + " s (" +
                             (w.asked.asked.wait ? "Prefer: wait" : "server.answer_max") + "); ask again";
        if (!f->sent)
        {
            auto soon = seconds_up(gate_.expected() - parts_.clock.steady());
            reply r = with_retry_after(own_answer(429, "the turn of this lookup did not come" + within), soon);
            return w.done(fallback(w.asked, own(std::move(r), outcome::limited)));
        }
        reply r = own_answer(504, "no answer from Gong" + within + ", as the lookup goes on");
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
    const upstream_failure lost{failing::lost, "a mistake in callcache"};
    try
    {
        upstream_result r = co_await self->fetch(*f);
        self->land(f, std::move(r));
    }
    catch (const std::exception& mistake)
    {
        self->parts_.out.error("a mistake in callcache", {{"what", mistake.what()}});
        self->fail(f, nullptr, lost);
    }
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
        if (unsent)
        {
            learn_from(*unsent);
            co_return std::move(*unsent);
        }
        f.ended = parts_.clock.steady();
        log_request(f, answer.result);
        auto* failure = std::get_if<upstream_failure>(&answer.result);
        if (failure && failure->what == failing::closed && was_used && !retry) continue;
        learn_from(answer.result);
        co_return std::move(answer.result);
    }
}

// For the breaker: what is lost, too slow or a 5xx is an outage; what the vendor says otherwise is none.
void brain::learn_from(const upstream_result& r)
{
    auto* failure = std::get_if<upstream_failure>(&r);
    auto* answer = std::get_if<upstream_answer>(&r);
    if (failure && (failure->what == failing::unsent || failure->what == failing::down)) return;
    bool was_down = breaker_.is_down();
    bool outage = failure ? failure->what != failing::nonsense : answer->status >= 500;
    if (outage)
        breaker_.failed(parts_.clock.steady());
    else
        breaker_.succeeded();
    if (breaker_.is_down() == was_down) return;
    parts_.out.warn(was_down
                        ? "Gong answers again"
                        : "Gong is down: several requests in a row have failed. Kept calls are still answered, and "
                          "Gong is asked again now and then",
                    {{"upstream", parts_.upstream.text()}});
}

// The order: a place, a connection that is ready, room in the window, the write. Nothing is spent before the write.
task<std::optional<upstream_failure>> brain::send_one(flight& f, bool retry, exchanged& answer, bool& was_used)
{
    bool entered = co_await gate_.enter(steady_time::max(), retry);
    if (!entered) co_return upstream_failure{failing::unsent, "callcache is stopping"};
    struct place
    {
        gate* of;
        void leave()
        {
            if (gate* g = std::exchange(of, nullptr)) g->leave();
        }
        ~place() { leave(); }
    } here{&gate_};

    bool forgotten = !f.background && f.waiters.empty() && parts_.clock.steady() - f.left_at > linger;
    if (forgotten) co_return upstream_failure{failing::unsent, "nobody waits for it any more"};
    if (!breaker_.lets_through(parts_.clock.steady()))
        co_return upstream_failure{failing::down, "several requests in a row have failed"};
    breaker_.sending(parts_.clock.steady());

    std::optional<connection_pool::loan> line;
    for (bool fresh = retry;; fresh = true)
    {
        auto taken = co_await pool_.take(fresh, parts_.clock.steady() + parts_.config.server.answer_max);
        if (auto* failure = std::get_if<upstream_failure>(&taken)) co_return std::move(*failure);
        line.emplace(std::move(std::get<connection_pool::loan>(taken)));
        co_await gate_.room();
        if (line->connection().is_quiet()) break;
        if (fresh) co_return upstream_failure{failing::lost, "the connection ended before it could be used"};
        line.reset();  // closed while it waited for room
    }
    was_used = line->was_used();
    std::string request = "GET /v2/calls/" + f.first.id + " HTTP/1.1\r\nHost: " + parts_.upstream.authority() +
                          "\r\nAuthorization: " + f.first.authorization +
                          "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: callcache/" +
                          version + "\r\n\r\n";
    f.ticket = parts_.kept.ticket();
    f.sent_at = parts_.clock.wall();
    f.sent_steady = parts_.clock.steady();
    gate_.sent();
    f.sent = true;
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

}  // namespace callcache
