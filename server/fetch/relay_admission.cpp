// The fetcher's side of a request that passes through: relay_channel.hpp has the words.

#include "server/fetch/flight.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

namespace callcache
{
namespace
{

using failing = upstream_failure::kind;
using report = relay_report;
using order = relay_order;

// On its way to the fetch loop, which may end before it gets there.
class unread
{
public:
    explicit unread(relay_ptr c) : relay_(std::move(c)) {}
    unread(unread&&) = default;
    ~unread()
    {
        if (relay_) relay_->abandon();
    }
    relay_ptr take() { return std::exchange(relay_, nullptr); }

private:
    relay_ptr relay_;
};

// Notes an erasure before all of it is sent: if this process ends before its answer, the next one counts it as done.
task<void> note_erasure(const fetcher_parts& parts, fetcher::flight& f)
{
    if (!f.changes.erases || std::exchange(f.erasure_noted, true)) co_return;
    f.erasure_began = parts.clock.wall();
    auto note = [&](auto done) { parts.kept.erasure_begins(f.erasure_began, std::move(done)); };
    co_await call_back<bool>(note);
}

// True if the erasure would count as done when its outcome stays unknown.
bool is_to_be_noted(const fetcher::flight& f)
{
    return counts_as_done({0, true, f.first.whose->is_accepted()});
}

// Says that an erasure whose outcome is unknown drops nothing, and why.
void log_not_counted(const fetcher_parts& parts, const fetcher::flight& f)
{
    parts.out.warn(
        "an erasure passed through, and Gong did not say that it is done: nothing is dropped. If it was done all "
        "the same, `callcache purge --all` drops everything",
        {{"what", f.first.id},
         {"why", f.is_whole ? "Gong has not accepted its credential before" : "it was not sent whole"}});
}

// Drops what a request may have changed, before its answer is handed on. `status`: of the answer, or 0. Does nothing
// the second time.
task<void> invalidate(const fetcher_parts& parts, fetcher::flight& f, unsigned status)
{
    bool counts = counts_as_done({status, f.is_whole, f.first.whose->is_accepted()});
    bool is_refused = status >= 400 && status < 500;
    if (f.changes.erases && !counts && f.sent && !is_refused) log_not_counted(parts, f);
    if (counts) co_await note_erasure(parts, f);  // if it was not, as nobody could know that it would count
    const invalidation changes = std::exchange(f.changes, {});
    if (f.erasure_noted)
    {
        auto end = [&](auto done) { parts.kept.erasure_ends(f.erasure_began, counts, std::move(done)); };
        bool durable = co_await call_back<bool>(end);
        f.erasure_noted = false;
        if (counts)
            parts.out.warn("an erasure passed through: everything that was kept is dropped",
                           {{"what", f.first.id}, {"durable", durable ? "yes" : "no: the database cannot be written"}});
    }
    if (!counts) co_return;
    for (const std::string& name : changes.names)
    {
        auto drop = [&](auto done) { parts.kept.purge(name, std::move(done)); };
        co_await call_back<bool>(drop);
    }
}

// Asks the front to make a connection. Returns its report: ready, failed or over.
task<report> have_front_connect(connection_pool& pool, relay& c)
{
    pool.make_room();
    order connect{order::what::connect};
    connect.to = pool.to();
    c.orders.send(std::move(connect));
    report r = co_await c.reports.next();
    c.is_over = r.happened == report::what::over;
    co_return r;
}

// Waits until the front has finished with the relay. fetcher::abandon() needs it in `among` until then, or the front
// would send to a loop that is gone.
task<void> wait_for_front(std::shared_ptr<fetcher>, std::set<relay_ptr>& among, relay_ptr c)
{
    while (!c->is_over)
    {
        report r = co_await c->reports.next();
        c->is_over = r.happened == report::what::over;
    }
    among.erase(c);
}

}  // namespace

// Uses an idle connection of its front's loop, or a new one. Only a request that may safely be sent twice uses an idle
// one, as the vendor may have closed it.
class fetcher::outgoing_relay final : public outgoing_flight
{
public:
    outgoing_relay(fetcher& home, flight& f) : outgoing_flight(home, f), c_(*f.relay), line_(home.pool_) {}

    bool is_finished = false;  // once it was sent: it is not to be sent again

    task<std::optional<upstream_failure>> connect(bool fresh) override
    {
        connection_pool& pool = home_.pool_;
        const fetcher_parts& parts = home_.parts_;
        if (!line_.taken) line_.taken = co_await pool.enter(parts.clock.steady() + parts.config->server.answer_max);
        if (!line_.taken) co_return none_is_free(parts.config->upstream);
        on_ = {pool.era(), fresh ? nullptr : pool.idle_one(c_.home)};
        on_.was_used = on_.idle != nullptr;
        if (!on_.was_used)
        {
            report r = co_await have_front_connect(pool, c_);
            if (c_.is_over) co_return upstream_failure{failing::unsent, "the tool has gone"};
            if (r.happened == report::what::failed) co_return std::move(r.failure);
        }
        if (c_.is_whole && is_to_be_noted(f_)) co_await note_erasure(parts, f_);
        co_return std::nullopt;
    }

    bool is_connected() override { return !on_.was_used || on_.idle->is_quiet(); }

    std::optional<upstream_failure> put_aside() override
    {
        if (on_.was_used)
            home_.pool_.keep(std::move(on_.idle), c_.home, on_.era);
        else
            c_.orders.send({order::what::wait});
        line_.leave();
        return std::nullopt;
    }

    bool is_wanted() const override { return !f_.waiters.empty(); }

    void prepare() override
    {
        f_.waiters.front().late->cancel();
        f_.is_whole = c_.is_whole;
        note_sending();
    }

    task<void> exchange(gate::permit& permit) override
    {
        order go{order::what::send};
        go.connection = std::move(on_.idle);
        c_.orders.send(std::move(go));
        is_finished = co_await home_.follow_answer(f_.shared_from_this(), permit, on_);
    }

private:
    callcache::relay& c_;
    place<connection_pool> line_;
    carrier on_{};
};

void fetcher::relay(lookup l, invalidation changes, relay_ptr with)
{
    asio::post(parts_.loop, [self = shared_from_this(), l = std::move(l), changes = std::move(changes),
                             letter = unread(std::move(with))]() mutable {
        relay_ptr c = letter.take();
        answered done = [c](looked_up no) {
            order o{order::what::refused};
            o.refusal = std::move(no.own);
            o.word = no.word;
            c->orders.send(std::move(o));
        };
        self->relays_.insert(c);
        if (auto no = self->refused(l))
        {
            done(std::move(*no));
            asio::co_spawn(self->parts_.loop, wait_for_front(self, self->relays_, std::move(c)), asio::detached);
            return;
        }
        auto f = self->begin_flight(l, std::move(c));
        f->changes = std::move(changes);
        self->join(f, std::move(l), std::move(done));
        asio::co_spawn(self->parts_.loop, run_relay(self, f), asio::detached);
    });
}

task<void> fetcher::run_relay(std::shared_ptr<fetcher> self, flight_ptr f)
{
    const upstream_failure lost{failing::lost, "a mistake in callcache"};
    try
    {
        co_await self->send_relay(f);
    }
    catch (const std::exception& mistake)
    {
        self->parts_.out.error("a mistake in callcache", {{"what", mistake.what()}});
        self->fail(f, nullptr, lost);
    }
    // Left without an outcome: it was not sent, or whoever sent it has gone.
    co_await invalidate(self->parts_, *f, 0);
    self->forget(*f);
    co_await wait_for_front(self, self->relays_, f->relay);
}

task<void> fetcher::send_relay(const flight_ptr& f)
{
    auto& c = *f->relay;
    steady_time patience_ends = f->first.asked_at + f->first.patience;
    place<semaphore> lane(relay_lanes_);
    lane.taken = co_await relay_lanes_.enter(patience_ends);
    if (!lane.taken)
        co_return fail(f, nullptr,
                       {failing::crowded, "other forwarded requests have all the connections that they may have (all "
                                          "but two of upstream.connections_max)"});
    way_out::turn how;
    how.fresh = !c.is_read || !c.is_whole;
    for (;;)
    {
        outgoing_relay out(*this, *f);
        auto unsent = co_await way_.send(out, how);
        if (c.is_over) co_return;
        if (unsent)
        {
            learn_from(*f, *unsent, is_outage(*unsent, false));
            co_return fail(f, nullptr, *unsent);
        }
        if (out.is_finished) co_return;
        how = {true, true};
        f->sent = f->is_whole = false;
        limit_time(*f, f->waiters.begin());
    }
}

// From the sending to the end. False if it is to be sent again: after a 429, and once where the vendor has just closed
// a connection that had been idle, which says nothing about the vendor.
task<bool> fetcher::follow_answer(const flight_ptr& f, gate::permit& way, const carrier& on)
{
    auto& c = *f->relay;
    bool has_answer = false;
    for (;;)
    {
        report r = co_await c.reports.next();
        switch (r.happened)
        {
        case report::what::begins: way.answered(r.round_trip); break;
        case report::what::acknowledged: way.acknowledged(); break;
        case report::what::last_piece:
            if (is_to_be_noted(*f)) co_await note_erasure(parts_, *f);
            co_await way.reacquire();
            f->is_whole = true;
            c.may_finish.send(true);
            break;
        case report::what::answered:
        {
            bool is_repeated = hear_answer(*f, r);
            if (is_repeated) co_return false;
            has_answer = true;
            co_await invalidate(parts_, *f, r.status);
            if (r.waits) c.orders.send({order::what::hand_on});
            break;
        }
        case report::what::failed:
            f->ended = parts_.clock.steady();
            if (!has_answer) note_end(*f, r.failure);
            if (on.was_used && r.failure.what == failing::closed)
            {
                if (f->is_wanted()) co_return false;
            }
            else
                learn_from(*f, r.failure, is_outage(r.failure, false));
            co_await invalidate(parts_, *f, 0);
            fail(f, nullptr, r.failure);
            break;
        case report::what::brought: keep_brought(*f, *r.answer); break;
        case report::what::ready: break;
        case report::what::over:
            if (r.connection) pool_.keep(std::move(r.connection), c.home, on.era);
            c.is_over = true;
            co_return true;
        }
    }
}

// True if it is sent again: a 429 means that nothing was done.
bool fetcher::hear_answer(flight& f, const report& r)
{
    upstream_answer answer{r.status, {}, {}};
    if (r.retry_after) answer.fields.emplace_back("Retry-After", *r.retry_after);
    if (r.remaining) answer.fields.emplace_back("x-ratelimit-remaining", *r.remaining);
    f.ended = parts_.clock.steady();
    note_end(f, answer);
    learn_from(f, answer, is_outage(answer, false));
    for (const std::string& location : r.locations)
        add_location(f.changes, location, parts_.upstream.text(), parts_.config->cache.routes);
    if (r.status == 401) refused_credentials_.refused(f.refused_as, f.turn_at, parts_.clock.steady());
    if (r.status < 300)
    {
        refused_credentials_.accepted(f.refused_as);
        f.first.whose->accept();
    }
    if (r.status == 429) hear_429(f, answer);
    if (r.status == 429 && f.relay->is_whole && f.is_wanted()) return true;
    askers_.erase(f.first.asker);
    f.waiters.clear();
    return false;
}

}  // namespace callcache
