#include "server/fetch/send.hpp"

#include "cache/freshness.hpp"
#include "server/async/backoff.hpp"
#include "server/budget/retry_after.hpp"
#include "server/fetch/batch.hpp"
#include "server/fetch/classify.hpp"
#include "server/fetch/learn.hpp"
#include "server/fetch/lookup_message.hpp"
#include "server/fetch/not_answered.hpp"
#include "server/fetch/settle.hpp"
#include "server/fetch/upstream_log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace callcache
{
namespace
{

using failure_kind = upstream_failure::kind;
using namespace std::chrono_literals;

constexpr int retries_max = 2;
constexpr milliseconds first_retry_after = 200ms, last_retry_after = 400ms;  // give or take a half
constexpr duration longest_asked_wait = 5s;  // by a 503: beyond that its word goes to the tool

// A lookup by its own GET, or with those that it takes along.
class outgoing_lookup final : public outgoing_flight
{
public:
    outgoing_lookup(miss_path& path, lookup_flight& f) : outgoing_flight(path, f), f_(f) {}

    // Once it was sent.
    exchanged answer;
    std::unique_ptr<batch> led;  // it was a bulk read
    bool was_used = false;       // the connection

    std::vector<asking> begin_wait() override { return wait_in_queue(batch_key_of(path_, f_), false); }

    task<std::optional<upstream_failure>> connect(bool fresh) override
    {
        loan_.reset();
        auto taken = co_await path_.pool.take(fresh, path_.now().steady + path_.config().server.answer_max);
        if (auto* failure = std::get_if<upstream_failure>(&taken)) co_return std::move(*failure);
        loan_.emplace(std::move(std::get<connection_pool::loan>(taken)));
        co_return std::nullopt;
    }

    bool is_connected() override { return loan_->connection().is_quiet(); }

    std::optional<unsent> put_aside() override
    {
        loan_->give_back();
        loan_.reset();
        return std::nullopt;
    }

    bool is_taken_along() const override { return f_.is<riding>(); }
    bool is_wanted() const override { return f_.why != lookup_flight::purpose::asked || !f_.waiters.empty(); }

    request_kind prepare() override
    {
        was_used = loan_->was_used();
        note_sending();
        led = collect_batch(path_, f_);
        if (led) led->note_sending();
        if (f_.first.read)
            message_ = read_message(path_.parts.upstream, f_.first, led->ids());
        else
            message_ = led ? bulk_message(path_.parts.upstream, f_.first, led->ids())
                           : lookup_message(path_.parts.upstream, f_.first);
        return led ? request_kind::batch : request_kind::lookup;
    }

    task<void> exchange(gate::permit& permit) override
    {
        const settings& s = path_.config();
        const std::size_t bytes_max = f_.first.read ? s.bulk.bytes_max
                                      : led         ? bulk_answer_bytes_max
                                                    : call_answer_bytes_max;
        const exchange_bounds bounds{f_.first.read ? s.upstream.pass_timeout : s.upstream.response_timeout, bytes_max,
                                     was_used};
        answer = co_await exchange_within(bounds, loan_->connection(), message_, permit, path_.parts.clock);
        f_.state = idle{};
        f_.last.ended = path_.now().steady;
        if (!led) path_.bulk.single_took(std::chrono::floor<duration>(f_.last.ended - f_.last.sent_steady));
        if (answer.reusable) loan_->give_back();
        loan_.reset();
    }

private:
    lookup_flight& f_;
    std::optional<connection_pool::loan> loan_;
    std::string message_;
};

// The operator's own credential is none: a wrong one is his to mend, and he has no other.
bool is_newcomer(const miss_path& path, const lookup& l)
{
    bool is_accepted = l.whose && (l.whose->is_accepted() || (l.read && l.read->calls_of->is_accepted()));
    return path.config().credentials.mode == credentials_mode::forward && l.whose && !is_accepted;
}

// Nobody waits for a refresh that nobody has joined.
bool is_worth_retrying(const miss_path& path, const lookup_flight& f)
{
    return f.flight::is_wanted() && is_paid_for(path, f);
}

bool may_retry(miss_path& path, const lookup_flight& f, const upstream_result& r, int retries)
{
    auto* failure = std::get_if<upstream_failure>(&r);
    auto* answer = std::get_if<upstream_answer>(&r);
    bool passes = failure ? failure->what == failure_kind::closed || failure->what == failure_kind::lost
                          : is_gateway_error(answer->status);
    const moment now = path.now();
    return passes && retries < retries_max && !path.draining && unavailable_for(r, now.wall) <= longest_asked_wait &&
           path.outage.lets_through(f.first.id, now.steady) && path.retries.take(now.steady);
}

fetched fetched_of(upstream_result r)
{
    return std::visit([](auto& what) -> fetched { return std::move(what); }, r);
}

// What the flight got of a shared answer; nullopt if it goes again.
std::optional<fetched> take_share(lookup_flight& f, share mine)
{
    f.alone = mine.next == share::what::alone;
    f.passes = mine.next == share::what::passes;
    f.brought = std::move(mine.brought);
    if (mine.next != share::what::answered && !f.passes) return std::nullopt;
    return fetched_of(std::move(mine.result));
}

task<void> pause_before_retry(const miss_path& path, const lookup_flight& f, duration asked, int retries)
{
    milliseconds wait = wait_after(unsigned(retries), first_retry_after, last_retry_after);
    auto jitter = std::chrono::duration_cast<milliseconds>(wait * (jitter_of(f.first.id, f.last.sent_at) / 2));
    co_await sleep_until(path.parts.clock, path.now().steady + std::max<duration>(wait, asked) + jitter);
}

// Until there is an answer to settle with, or no more reason to try.
//  - A connection that the vendor closed while it was idle, or that has died silently, says nothing about the vendor:
//    once, on a fresh one.
//  - A 429 means that nothing was done: back to its place in the queue, for those who can wait.
//  - The connection ended, 502, 503, 504: twice, after a while, if the retry budget allows it. The calls of a bulk read
//    go again in smaller ones, or alone.
task<fetched> fetch(miss_path& path, lookup_flight& f)
{
    bool again = false, fresh = false;
    for (int retries = 0;; again = true)
    {
        outgoing_lookup out(path, f);
        auto unsent = co_await path.way.send(out, {again, fresh});
        if (unsent)
        {
            if (auto* no = std::get_if<refusal>(&*unsent)) co_return std::move(*no);
            upstream_result failure = std::move(std::get<upstream_failure>(*unsent));
            learn_from(path, f, failure);
            co_return fetched_of(std::move(failure));
        }
        if (auto* ride = std::get_if<riding>(&f.state))
        {
            share heard = co_await ride->hears.next();
            f.state = idle{};
            if (auto result = take_share(f, std::move(heard))) co_return std::move(*result);
            continue;
        }
        upstream_result& result = out.answer.result;
        note_end(path, f, result, out.led ? out.led->size() : 0);
        auto* answer = std::get_if<upstream_answer>(&result);
        if (answer && refuses_credential(*answer)) out.on_401();
        if (!out.led) note_single(path, f, result);
        auto* failure = std::get_if<upstream_failure>(&result);
        if (failure && failure->what == failure_kind::closed && out.was_used && !fresh)
        {
            if (failure->is_silent) path.pool.drop_idle();
            fresh = true;
            continue;
        }
        learn_from(path, f, result, out.led != nullptr);
        if (answer && answer->status == 429)
        {
            hear_429(path, f, longest_retry_after(answer->fields, path.now().wall));
            if (is_worth_retrying(path, f)) continue;
            co_return fetched_of(std::move(result));
        }
        if (out.led)
        {
            const bool is_read = f.first.read != nullptr;
            const bool tries_again = is_read && is_worth_retrying(path, f) && may_retry(path, f, result, retries);
            share mine = is_read ? out.led->distribute_read(result, tries_again) : out.led->distribute(result);
            if (auto what = take_share(f, std::move(mine))) co_return std::move(*what);
            if (!tries_again) continue;
            fresh = true;
            path.counts.retried();
            co_await pause_before_retry(path, f, unavailable_for(result, path.now().wall), ++retries);
            continue;
        }
        if (!is_worth_retrying(path, f) || !may_retry(path, f, result, retries))
            co_return fetched_of(std::move(result));
        fresh = true;
        path.counts.retried();
        co_await pause_before_retry(path, f, unavailable_for(result, path.now().wall), ++retries);
    }
}

task<void> send_lookup(miss_path& path, lookup_flight& f)
{
    fetched r = co_await fetch(path, f);
    settle(path, f, std::move(r));
}

// Does nothing for one who waits in the queue, which has a deadline of its own.
void on_deadline(miss_path& path, std::uint64_t asker)
{
    auto* seat = path.flights.seat_of(asker);
    if (!seat || path.spending().queue().contains(seat->in->number)) return;
    waiter w = path.flights.leave(*seat);
    reply r = own_answer(504, "no answer from Gong within " + std::to_string(whole_seconds(w.asked.answer_within)) +
                                  " s (" + std::string(w.asked.bound) + "); ask again, as the lookup goes on");
    w.done(fallback(path, w.asked, own(std::move(r), outcome::error)));
}

}  // namespace

void outgoing_flight::end_wait()
{
    if (!f_.is<riding>()) f_.state = idle{};
    f_.last.turn_at = path_.now().steady;
}

std::optional<unsent> outgoing_flight::objection() const
{
    if (path_.refused.wait(f_.refused_as, path_.now().steady))
        return upstream_failure{failure_kind::refused, "Gong has just refused this credential"};
    if (auto no = refuses_newcomer(path_, f_.first)) return std::move(*no);
    return std::nullopt;
}

std::vector<asking> outgoing_flight::wait_in_queue(std::uint64_t batch_key, bool is_forwarded)
{
    f_.state = queued{};
    keep_or_linger(path_, f_);
    std::vector<asking> who;
    for (const waiter& w : f_.waiters) who.push_back(asking_of(path_, w.asked, batch_key, is_forwarded));
    if (!who.empty()) return who;
    who.push_back(asking_of(path_, f_.first, batch_key, is_forwarded));
    who.back().until = steady_time::max();
    who.back().asker = 0;
    return who;
}

void outgoing_flight::note_sending()
{
    f_.state = sent{};
    f_.last.ticket = path_.parts.kept.ticket();
    f_.last.sent_at = path_.now().wall;
    f_.last.sent_steady = path_.now().steady;
    path_.retries.sent(f_.last.sent_steady);
    path_.counts.sent(path_.spending().tools(), f_.first.tool);
    if (is_newcomer(path_, f_.first))
        stake_ = newcomers::stake(path_.newcomers, f_.first.whose->name(), f_.last.sent_steady);
}

void on_refused(miss_path& path, fair_queue::item number, const asking& who, refusal why)
{
    flight* f = path.flights.at(number);
    if (!f) return;
    if (auto* seat = path.flights.seat_of(who.asker); seat && seat->in == f)
    {
        waiter gone = path.flights.leave(*seat);
        why.within = gone.asked.turn_within;
        why.bound = gone.asked.bound;
        gone.done(fallback(path, gone.asked, not_answered(path, why)));
    }
    if (path.spending().queue().contains(number))
        keep_or_linger(path, *f);
    else
        path.flights.shut(*f);
}

std::optional<refusal> refuses_newcomer(const miss_path& path, const lookup& l)
{
    if (!is_newcomer(path, l)) return std::nullopt;
    refusal no;
    no.why = refusal::reason::newcomer;
    no.wait = path.newcomers.until_turn(l.whose->name(), path.now().steady);
    return no.wait > duration(0) ? std::optional(no) : std::nullopt;
}

asking asking_of(const miss_path& path, const lookup& l, std::uint64_t batch_key, bool is_forwarded)
{
    return {l.tool,      l.how, batch_key, is_forwarded, l.asked_at + l.turn_within, l.asker, is_newcomer(path, l),
            bool(l.read)};
}

lookup_flight_ptr begin_lookup(miss_path& path, lookup l, lookup_flight::purpose why, answered done)
{
    auto f = std::make_shared<lookup_flight>(path.flights.next_number(), l, why);
    if (l.read) f->group = group_of(path, l);
    path.flights.add(f);
    if (done) join(path, *f, std::move(l), std::move(done));
    asio::co_spawn(path.parts.loop, run_flight(path.shared_from_this(), f, send_lookup(path, *f)), asio::detached);
    return f;
}

void join(miss_path& path, flight& f, lookup l, answered done)
{
    waiter& w = path.flights.join(f, {std::move(l), std::move(done)});
    limit_time(path, w);
    if (f.is<queued>()) path.permits.join(f.number, asking_of(path, w.asked));
}

void limit_time(miss_path& path, waiter& w)
{
    w.late = std::make_unique<alarm>(path.parts.loop, path.parts.clock);
    w.late->set(w.asked.asked_at + w.asked.answer_within, [&path, asker = w.asked.asker] { on_deadline(path, asker); });
}

bool is_paid_for(const miss_path& path, const flight& f)
{
    auto* l = dynamic_cast<const lookup_flight*>(&f);
    bool has_own_reason = l && l->why != lookup_flight::purpose::asked;
    auto pays = [&](const waiter& w) {
        return !w.left && !path.spending().refuses_share(asking_of(path, w.asked), path.now());
    };
    return has_own_reason || std::any_of(f.waiters.begin(), f.waiters.end(), pays);
}

void keep_or_linger(miss_path& path, flight& f)
{
    auto* waits = std::get_if<queued>(&f.state);
    if (!waits || waits->lingering || is_paid_for(path, f)) return;
    waits->lingering = std::make_unique<alarm>(path.parts.loop, path.parts.clock);
    waits->lingering->set(path.now().steady + path.config().budget.linger, [&path, &f] {
        if (!path.spending().queue().contains(f.number)) return;  // it has its turn, and has yet to hear of that
        refusal why = nobody_waits();
        for (const waiter& w : f.waiters)
            if (auto no = path.spending().refuses_share(asking_of(path, w.asked), path.now()); no && !w.left) why = *no;
        path.flights.shut(f);
        path.permits.expel(f.number, std::move(why));
    });
}

}  // namespace callcache
