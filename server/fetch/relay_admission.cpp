#include "server/fetch/relay_admission.hpp"

#include "server/fetch/disk_in_time.hpp"
#include "server/fetch/learn.hpp"
#include "server/fetch/questions.hpp"
#include "server/fetch/send.hpp"
#include "server/fetch/settle.hpp"
#include "server/fetch/upstream_log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <utility>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;
using report = relay_report;
using order = relay_order;

// Notes an erasure before all of it is sent: if this process ends before its answer, the next one counts it as done.
task<void> note_erasure(miss_path& path, relay_flight& f)
{
    if (!f.changes.erases || std::exchange(f.erasure_noted, true)) co_return;
    f.erasure_began = path.now().wall;
    auto note = [&](auto done) { path.parts.kept.erasure_begins(f.erasure_began, std::move(done)); };
    auto durable = co_await call_back_in_time<std::optional<bool>>(path.parts.clock, std::nullopt, note);
    if (!durable)
        path.parts.out.warn(
            "the database does not answer: its disk hangs. An erasure is sent all the same; if callcache "
            "ended before its answer, the next start would not know of it",
            {{"what", f.first.id}});
}

// True if the erasure would count as done when its outcome stays unknown.
bool is_to_be_noted(const relay_flight& f)
{
    return counts_as_done({0, true, f.first.whose->is_accepted()});
}

// Says that an erasure whose outcome is unknown drops nothing, and why.
void log_not_counted(const miss_path& path, const relay_flight& f)
{
    path.parts.out.warn(
        "an erasure passed through, and Gong did not say that it is done: nothing is dropped. If it was done all "
        "the same, `callcache purge --all` drops everything",
        {{"what", f.first.id},
         {"why", f.is_whole ? "Gong has not accepted its credential before" : "it was not sent whole"}});
}

// Drops what a request may have changed, before its answer is handed on. `status`: of the answer, or 0. Does nothing
// the second time.
task<void> invalidate(miss_path& path, relay_flight& f, unsigned status)
{
    tiers& kept = path.parts.kept;
    bool counts = counts_as_done({status, f.is_whole, f.first.whose->is_accepted()});
    bool is_refused = status >= 400 && status < 500;
    if (f.changes.erases && !counts && f.is<sent>() && !is_refused) log_not_counted(path, f);
    if (counts) co_await note_erasure(path, f);  // if it was not, as nobody could know that it would count
    const invalidation changes = std::exchange(f.changes, {});
    if (f.erasure_noted)
    {
        auto end = [&](auto done) { kept.erasure_ends(f.erasure_began, counts, std::move(done)); };
        auto durable = co_await call_back_in_time<std::optional<bool>>(path.parts.clock, std::nullopt, end);
        f.erasure_noted = false;
        if (counts)
            path.parts.out.warn("an erasure passed through: everything that was kept is dropped",
                                {{"what", f.first.id},
                                 {"durable", !durable   ? "no: the database does not answer, as its disk hangs"
                                             : *durable ? "yes"
                                                        : "no: the database cannot be written"}});
    }
    if (!counts) co_return;
    auto durable = co_await purge_in_time(kept, changes.names, path.parts.clock);
    if (!durable) path.parts.out.warn(disk_hangs, {{"what", f.first.id}});
}

// Waits until the front has finished with the relay. fetcher::abandon() needs it among `relays` until then, or the
// front would send to a loop that is gone.
task<void> wait_for_front(miss_path_ptr path, relay_channel_ptr c)
{
    while (!c->is_over)
    {
        report r = co_await c->reports.next();
        c->is_over = r.happened == report::what::over;
    }
    path->relays.erase(c);
}

// The front owns the connection, and moves the bytes. A request that may safely be sent twice uses an idle connection
// of its front's loop, if there is one, as the vendor may have closed it; any other a new one.
class outgoing_relay final : public outgoing_flight
{
public:
    outgoing_relay(miss_path& path, relay_flight& f) :
        outgoing_flight(path, f),
        f_(f),
        channel_(*f.channel),
        place_(path.pool)
    {}

    bool is_finished = false;  // once it was sent: it is not to be sent again

    std::vector<asking> begin_wait() override { return wait_in_queue(0, true); }

    task<std::optional<upstream_failure>> connect(bool fresh) override
    {
        connection_pool& pool = path_.pool;
        if (!place_.taken) place_.taken = co_await pool.enter(path_.now().steady + path_.config().server.answer_max);
        if (!place_.taken) co_return none_is_free(path_.config().upstream);
        era_ = pool.era();
        idle_ = fresh ? nullptr : pool.idle_one(channel_.home);
        was_used_ = idle_ != nullptr;
        if (!was_used_)
        {
            report r = co_await have_front_connect();
            if (channel_.is_over) co_return upstream_failure{failure_kind::tool_gone, "the tool has gone"};
            if (r.happened == report::what::failed) co_return std::move(r.failure);
        }
        if (channel_.holds_all && is_to_be_noted(f_)) co_await note_erasure(path_, f_);
        co_return std::nullopt;
    }

    bool is_connected() override { return !was_used_ || idle_->is_quiet(); }
    bool is_wanted() const override { return f_.is_wanted(); }

    std::optional<unsent> put_aside() override
    {
        if (was_used_)
            path_.pool.keep(std::move(idle_), channel_.home, era_);
        else
            channel_.orders.send({order::what::wait});
        place_.leave();
        return std::nullopt;
    }

    request_kind prepare() override
    {
        f_.waiters.front().late->cancel();
        f_.is_whole = channel_.holds_all;
        note_sending();
        return request_kind::forwarded;
    }

    task<void> exchange(gate::permit& permit) override
    {
        order go{order::what::send};
        go.connection = std::move(idle_);
        channel_.orders.send(std::move(go));
        is_finished = co_await follow_answer(permit);
    }

private:
    // Its report: ready, failed or over.
    task<report> have_front_connect()
    {
        path_.pool.make_room();
        order connect{order::what::connect};
        connect.to = path_.pool.to();
        channel_.orders.send(std::move(connect));
        report r = co_await channel_.reports.next();
        channel_.is_over = r.happened == report::what::over;
        co_return r;
    }

    task<bool> follow_answer(gate::permit&);
    bool hear_answer(const report&);
    bool hear_failure(const report&, bool has_answer);

    relay_flight& f_;
    relay_channel& channel_;
    place<connection_pool> place_;
    std::unique_ptr<transport> idle_;  // it has carried a request before; null once it is on its way
    bool was_used_ = false;
    std::uint64_t era_ = 0;  // of the pool's, in which it was made
};

// From the sending to the end. False if it is to be sent again: after a 429, and once where a connection that had
// been idle was closed by the vendor, or had died silently, which says nothing about the vendor.
task<bool> outgoing_relay::follow_answer(gate::permit& permit)
{
    bool has_answer = false;
    for (;;)
    {
        report r = co_await channel_.reports.next();
        switch (r.happened)
        {
        case report::what::begins: permit.answered(r.round_trip); break;
        case report::what::acknowledged: permit.acknowledged(); break;
        case report::what::last_piece:
            if (is_to_be_noted(f_)) co_await note_erasure(path_, f_);
            co_await permit.reacquire();
            f_.is_whole = true;
            channel_.may_finish.send(true);
            break;
        case report::what::answered:
            if (hear_answer(r)) co_return false;
            has_answer = true;
            co_await invalidate(path_, f_, r.status);
            if (r.waits) channel_.orders.send({order::what::hand_on});
            break;
        case report::what::failed:
            if (r.failure.what == failure_kind::closed || r.failure.what == failure_kind::lost) permit.lost();
            if (hear_failure(r, has_answer)) co_return false;
            co_await invalidate(path_, f_, 0);
            fail(path_, f_, r.failure);
            break;
        case report::what::brought: keep_brought(path_, f_, *r.answer); break;
        case report::what::ready: break;
        case report::what::over:
            if (!has_answer) path_.outage.ended_unheard(f_.first.id, path_.now().steady);
            hold_refreshes(path_);
            if (r.connection) path_.pool.keep(std::move(r.connection), channel_.home, era_);
            channel_.is_over = true;
            co_return true;
        }
    }
}

// True if it is sent again.
bool outgoing_relay::hear_failure(const report& r, bool has_answer)
{
    f_.last.ended = path_.now().steady;
    if (!has_answer) note_end(path_, f_, r.failure);
    bool was_idle = was_used_ && r.failure.what == failure_kind::closed;
    if (!was_idle) learn_from(path_, f_, r.failure);
    if (r.failure.is_silent) path_.pool.drop_idle();
    return was_idle && f_.is_wanted();
}

// True if it is sent again: a 429 means that nothing was done.
bool outgoing_relay::hear_answer(const report& r)
{
    upstream_answer answer{r.status, {}, {}};
    if (r.remaining) answer.fields.emplace_back("x-ratelimit-remaining", *r.remaining);
    if (r.retry_after) answer.fields.emplace_back("retry-after", *r.retry_after);
    for (const std::string& location : r.locations) answer.fields.emplace_back("location", location);
    f_.last.ended = path_.now().steady;
    note_end(path_, f_, answer);
    learn_from(path_, f_, answer);
    for (const std::string& location : r.locations)
        add_location(f_.changes, location, path_.parts.upstream.text(), path_.config().cache.routes);
    if (r.status == 401)
    {
        on_401();
        path_.refused.refused(f_.refused_as, f_.last.turn_at, path_.now().steady);
    }
    if (r.status < 300)
    {
        path_.refused.accepted(f_.refused_as);
        f_.first.whose->accept();
    }
    if (r.status == 429) hear_429(path_, f_, r.retry_after ? &*r.retry_after : nullptr);
    if (r.status == 429 && channel_.holds_all && f_.is_wanted()) return true;
    if (auto* seat = path_.flights.seat_of(f_.first.asker)) path_.flights.leave(*seat);
    return false;
}

task<void> send_relay(miss_path& path, relay_flight& f)
{
    relay_channel& c = *f.channel;
    way_out::turn how;
    how.fresh = !c.only_reads || !c.holds_all;
    for (;;)
    {
        outgoing_relay out(path, f);
        auto unsent = co_await path.way.send(out, how);
        if (c.is_over || out.is_finished) co_return;
        if (unsent)
        {
            if (auto* failure = std::get_if<upstream_failure>(&*unsent)) learn_from(path, f, *failure);
            co_return fail(path, f, *unsent);
        }
        how = {true, true};
        f.state = idle{};
        f.is_whole = false;
        limit_time(path, f.waiters.front());
    }
}

task<void> run_relay(miss_path_ptr path, std::shared_ptr<relay_flight> f)
{
    co_await run_flight(path, f, send_relay(*path, *f));
    // Left without an outcome: it was not sent, or whoever sent it has gone.
    co_await invalidate(*path, *f, 0);
    path->flights.end(*f);
    co_await wait_for_front(path, f->channel);
}

}  // namespace

unread_relay::~unread_relay()
{
    if (relay_) relay_->abandon();
}

void admit_relay(miss_path& path, lookup l, invalidation changes, relay_channel_ptr c)
{
    answered done = [c](looked_up no) {
        order o{order::what::refused};
        o.refusal = std::move(no.own);
        o.word = no.word;
        c->orders.send(std::move(o));
    };
    path.relays.insert(c);
    if (auto no = refused(path, l))
    {
        done(std::move(*no));
        asio::co_spawn(path.parts.loop, wait_for_front(path.shared_from_this(), std::move(c)), asio::detached);
        return;
    }
    auto f = std::make_shared<relay_flight>(path.flights.next_number(), l, std::move(changes), std::move(c));
    path.flights.add(f);
    join(path, *f, std::move(l), std::move(done));
    asio::co_spawn(path.parts.loop, run_relay(path.shared_from_this(), f), asio::detached);
}

}  // namespace callcache
