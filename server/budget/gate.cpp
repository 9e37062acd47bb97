#include "server/budget/gate.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{
namespace
{

constexpr int told_at_once_max = 100;

// Waits until it is told. Where it has a batch key, others run first, as it may collect them.
template<class T, class Start>
task<T> told(bool alone, Start start)
{
    if (!alone) return call_back<T>(std::move(start));
    return call_back_at_once<T>(std::move(start));
}

}  // namespace

gate::gate(parts p) :
    parts_(std::move(p)),
    budget_(parts_.config, parts_.day, parts_.book.kept(), parts_.clock.boot(), parts_.clock.now(), parts_.batch_max),
    next_look_(parts_.loop, parts_.clock)
{}

task<gate::turn> gate::enter(budget::item i, std::vector<asking> who, bool came_back)
{
    if (closed_) co_return closed{};
    bool alone = std::all_of(who.begin(), who.end(), [](const asking& a) { return a.batch_key == 0; });
    auto start = [this, i, who = std::move(who), came_back](auto done) {
        for (const asking& a : who) budget_.add(i, a, parts_.clock.now(), came_back);
        queued_[i] = std::move(done);
        look();
    };
    turn t = co_await told<turn>(alone, std::move(start));
    co_return t;
}

void gate::join(budget::item i, const asking& a)
{
    if (!budget_.queue().contains(i)) return;
    budget_.add(i, a, parts_.clock.now());
    look();
}

std::vector<budget::item> gate::collect_batch(std::uint64_t batch_key, std::size_t count)
{
    std::vector<budget::item> taken;
    for (auto at = ready_.begin(); at != ready_.end() && taken.size() < count;)
    {
        auto here = at++;
        if (!budget_.is_inside(here->what, batch_key)) continue;
        taken.push_back(here->what);
        budget_.leave(here->what);
        here->done(std::nullopt);
        ready_.erase(here);
    }
    for (budget::item i : budget_.queue().next_of(batch_key, count - taken.size()))
    {
        taken.push_back(i);
        budget_.remove(i);
        answer(i, collected{});
    }
    look();
    return taken;
}

void gate::stop_batching(std::uint64_t batch_key)
{
    budget_.stop_batching(batch_key);
    look();
}

void gate::expel(budget::item i, refusal why)
{
    if (!budget_.queue().contains(i)) return;
    budget_.remove(i);
    answer(i, std::move(why));
    look();
}

void gate::answer(budget::item i, turn t)
{
    auto found = queued_.find(i);
    if (found == queued_.end()) return;
    auto done = std::move(found->second);
    queued_.erase(found);
    done(std::move(t));
}

// What is told in here may ask for another look.
void gate::look()
{
    look_again_ = true;
    if (looking_) return;
    struct while_looking
    {
        bool& looking;
        ~while_looking() { looking = false; }
    } until_the_end{looking_ = true};
    while (std::exchange(look_again_, false)) look_once(parts_.clock.now());
}

// True if nobody is left to be told. A pause that is too long for thousands must not hold the loop until each of them
// is told.
bool gate::expel_some(moment now)
{
    for (int told = 0; told < told_at_once_max; ++told)
    {
        auto gone = budget_.expel(now);
        if (!gone) return true;
        parts_.expelled(gone->what, gone->who, gone->why);
        if (gone->gone) answer(gone->what, std::move(gone->why));
    }
    return false;
}

void gate::look_once(moment now)
{
    auto look_later = [this] {  // after what can run now
        asio::post(parts_.loop, [this, alive = std::weak_ptr(alive_)] {
            if (!alive.expired()) look();
        });
    };
    budget_.set_forwarded_places({parts_.forwarded_max, forwarded_});
    // Also after each admission: with that one inside, the next may have lost its place.
    bool told_all = expel_some(now);
    while (told_all && !closed_)
    {
        auto next = budget_.admit(now);
        if (!next) break;
        answer(*next, entered{});
        told_all = expel_some(now);
    }
    if (!told_all) look_later();

    const auto finish_in = finish_some(now);
    if (budget_.look_at_ledger(now)) parts_.ledger_late(true);
    while (finishing_.empty() && !ready_.empty() && budget_.may_send(ready_.front().what, now))
    {
        auto [what, done] = std::move(ready_.front());
        ready_.pop_front();
        budget::grant g = budget_.send(what, now);
        if (g.who.is_forwarded) ++forwarded_[std::string(flow_of(g.who))];
        done(std::move(g));
        look_later();  // its place inside is free, once it has collected its batch
    }
    while (!ready_.empty() && budget_.is_held(now))
    {
        auto done = std::move(ready_.front().done);
        ready_.pop_front();
        done(std::nullopt);
    }
    write_page(now);
    auto wait = budget_.until_change(now);
    if (finish_in) wait = std::min(wait.value_or(*finish_in), *finish_in);
    if (wait)
        next_look_.set(now.steady + *wait, [this] { look(); });
    else
        next_look_.cancel();
}

// What is left of a request waits for the end of a pause, and for a token if its own has come back meanwhile. Waiting
// for another while it holds its own would never end where all tokens are held so. Returns for how long the first
// waits.
std::optional<duration> gate::finish_some(moment now)
{
    if (finishing_.empty()) return std::nullopt;
    if (auto pause = budget_.paused_for(now); pause > duration(0)) return pause;
    sliding_window& window = budget_.window();
    std::optional<duration> wait;
    for (auto f = finishing_.begin(); f != finishing_.end();)
    {
        sliding_window::token token = f->token;
        if (!window.sends_more(token, now.steady))
        {
            const auto room = window.next(now.steady, 0, request_kind::forwarded);
            if (!wait && room > now.steady) wait = std::chrono::ceil<duration>(room - now.steady);
            if (wait)
            {
                ++f;
                continue;
            }
            window.lost(token, now.steady);
            token = window.take(now.steady, request_kind::forwarded);
        }
        auto done = std::move(f->done);
        f = finishing_.erase(f);
        done(token);
    }
    return wait;
}

void gate::write_page(moment now)
{
    auto page = budget_.to_write(now);
    if (!page) return;
    parts_.book.write(std::move(*page), [this, ex = parts_.loop, alive = std::weak_ptr(alive_)](ledger_state how) {
        asio::post(ex, [this, alive, how] {
            if (alive.expired()) return;
            bool was_late = budget_.is_ledger_late();
            budget_.written(how, parts_.clock.now());
            if (was_late && !budget_.is_ledger_late()) parts_.ledger_late(false);
            look();
        });
    });
}

void gate::refused(const std::string* retry_after)
{
    budget_.refused(retry_after, parts_.clock.now());
    look();
}

void gate::resume()
{
    budget_.resume(parts_.clock.now());
    look();
}

void gate::reconfigure(const budget_settings& s)
{
    budget_.reconfigure(s, parts_.clock.now());
    look();
}

void gate::close()
{
    closed_ = true;
    while (!queued_.empty())
    {
        budget::item i = queued_.begin()->first;
        budget_.remove(i);
        answer(i, closed{});
    }
}

void gate::abandon()
{
    closed_ = abandoned_ = true;
    auto queued = std::move(queued_);
    queued_.clear();
    auto ready = std::move(ready_);
    ready_.clear();
    auto finishing = std::move(finishing_);
    finishing_.clear();
}

gate::permit::permit(gate& g, budget::item i) : gate_(g), item_(i) {}

gate::permit::~permit()
{
    if (gate_.abandoned_) return;
    moment now = gate_.parts_.clock.now();
    switch (std::exchange(stage_, stage::over))
    {
    case stage::inside: gate_.budget_.leave(item_); break;
    case stage::granted: gate_.budget_.not_sent(grant_); break;
    case stage::sent: gate_.budget_.window().broken_off(grant_.token, now.steady); break;
    case stage::over: break;
    }
    end_grant();
    gate_.look();
}

// A forwarded request is one for as long as its connection serves it.
void gate::permit::end_grant()
{
    gate_.budget_.ends_leading(item_);
    if (!std::exchange(is_forwarded_, false)) return;
    auto mine = gate_.forwarded_.find(flow_of(grant_.who));
    if (--mine->second == 0) gate_.forwarded_.erase(mine);
}

task<bool> gate::permit::acquire()
{
    // At most one grant is held: whoever asks again did not use the first one.
    if (stage_ == stage::granted) co_return !is_withdrawn();
    if (gate_.closed_ && gate_.budget_.is_held(gate_.parts_.clock.now())) co_return false;
    auto start = [this](auto done) {
        gate_.ready_.push_back({item_, std::move(done)});
        gate_.look();
    };
    bool alone = gate_.budget_.is_inside(item_, 0);
    auto grant = co_await told<std::optional<budget::grant>>(alone, std::move(start));
    if (!grant) co_return false;
    grant_ = std::move(*grant);
    is_forwarded_ = grant_.who.is_forwarded;
    stage_ = stage::granted;
    co_return !is_withdrawn();
}

// After the grant a 429 came, or the word that the ledger is not ours any more.
bool gate::permit::is_withdrawn() const
{
    return !gate_.budget_.is_ours() || gate_.budget_.paused_for(gate_.parts_.clock.now()) > duration(0);
}

void gate::permit::step_back()
{
    if (stage_ == stage::inside) gate_.budget_.leave(item_);
    if (stage_ == stage::granted) gate_.budget_.not_sent(grant_);
    stage_ = stage::over;
    end_grant();
}

void gate::permit::sending(request_kind kind)
{
    stage_ = stage::sent;
    gate_.budget_.window().sent(grant_.token, gate_.parts_.clock.steady(), kind);
    gate_.budget_.ends_leading(item_);
    if (grant_.who.is_part) gate_.look();
}

void gate::permit::answered(steady_time::duration round_trip)
{
    if (stage_ != stage::sent) return;
    stage_ = stage::over;
    gate_.budget_.window().answered(grant_.token, gate_.parts_.clock.steady(), round_trip);
    gate_.look();
}

task<void> gate::permit::reacquire()
{
    if (stage_ != stage::sent) co_return;
    auto start = [this](auto done) {
        gate_.finishing_.push_back({grant_.token, std::move(done)});
        gate_.look();
    };
    grant_.token = co_await call_back_at_once<sliding_window::token>(start);
}

void gate::permit::lost()
{
    if (stage_ != stage::sent) return;
    stage_ = stage::over;
    gate_.budget_.window().lost(grant_.token, gate_.parts_.clock.steady());
    gate_.look();
}

void gate::permit::acknowledged()
{
    if (stage_ != stage::sent) return;
    gate_.budget_.window().acknowledged(grant_.token, gate_.parts_.clock.steady());
    gate_.look();
}

}  // namespace callcache
