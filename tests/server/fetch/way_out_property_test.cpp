// The budget's promises, driven through the real way out and the real gate over a simulated clock: a million random
// events. Tools ask, join, hang up and read slowly. Connections are slow, fail and end. A balancer holds back what it
// has acknowledged. The vendor answers 429, or late, or never. The ledger is slow and fails. The operator reloads and
// resumes.
//
//  1. The vendor counts at most `burst` in any burst/rate seconds and at most `daily` in any 24 hours. This is checked
//     when a request arrives that was granted after the last reload; what was sent before it counts too.
//  2. An asker who waits in the queue is told no at its deadline, at most 50 ms later.
//  3. Nothing is sent for nobody, in a pause, or on a ledger that is not ours.
//  4. Requests of one tool and one urgency have their turns in the order in which they were asked for, also those that
//     step back or come again after a 429. Two may overtake: one that another tool asks for too, and one that is not
//     forwarded, while the tokens for forwarded ones are out.
//  5. Forwarded requests without an answer hold at most max(1, burst - 1) tokens. An acknowledgement gives a token back
//     4 s and a window later. One kind is exempt: an upload whose token has come back before its last piece takes
//     another one, whatever the others hold. From their turns to their ends there are at most `forwarded_max`, and one
//     less of one tool.
//  6. Nobody is forgotten: each request ends, each asker is told once, each token comes back.
//  7. There is no stall. If requests wait, the day is not spent, there is no pause and the ledger is not slow, then one
//     is sent, or gives up after its turn, within the time of the slowest answer and two windows. Room is used as soon
//     as it is there. And the gate does not look again and again while nothing happens.
//
// `CALLCACHE_SEED=n` repeats a run.

#include "server/fetch/way_out.hpp"

#include "server/async/mailbox.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/scripted_ledger.hpp"
#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace callcache;
using namespace callcache::test;

namespace
{

// The sanitizers are slow, and look for other things.
constexpr long events_max = test::sanitized ? 40'000 : 1'000'000;
constexpr long models = 20;

constexpr duration told_late_max = 50ms;
constexpr duration held_back_max = 3s;    // by a balancer, after it has acknowledged
constexpr duration believed_after = 4s;   // an acknowledgement, by the window
constexpr duration answer_max = 20s;      // then the connection is closed
constexpr duration connect_max = 1500ms;  // for one connection
constexpr duration upload_max = 50s;      // before its last piece
constexpr duration slow_ledger_max = 30s;
constexpr std::size_t batch_max = 5;

unsigned seed_of_run()
{
    if (const char* given = std::getenv("CALLCACHE_SEED")) return unsigned(std::strtoul(given, nullptr, 10));
    return std::random_device()();
}

// The simulated clock, which knows when somebody is woken next. Those of one time are woken in the order in which they
// began to wait, so that a seed repeats a run.
class stepped_clock final : public clock_source
{
public:
    wall_time wall() const override { return clock_.wall(); }
    steady_time steady() const override { return clock_.steady(); }
    const std::string& boot() const override { return clock_.boot(); }
    std::chrono::nanoseconds until(steady_time t) const override { return clock_.until(t); }
    void wake(steady_time t, const std::shared_ptr<machine_timer>& timer) const override
    {
        place& mine = places_[timer];
        waiting_.erase(mine);
        mine = {t, ++last_};
        waiting_[mine] = timer;
    }

    // max() if nobody waits. Some have changed their minds since; then nothing happens.
    steady_time next() const { return waiting_.empty() ? steady_time::max() : waiting_.begin()->first.first; }

    void advance_to(steady_time t)
    {
        clock_.advance(std::max<steady_time::duration>(t - steady(), 0s));
        while (next() <= steady())
        {
            auto timer = waiting_.begin()->second;
            waiting_.erase(waiting_.begin());
            places_.erase(timer);
            if (auto one = timer.lock()) one->cancel();
        }
    }

private:
    using place = std::pair<steady_time, std::uint64_t>;
    sim_clock clock_;
    mutable std::map<place, std::weak_ptr<machine_timer>> waiting_;
    mutable std::map<std::weak_ptr<machine_timer>, place, std::owner_less<>> places_;
    mutable std::uint64_t last_ = 0;
};

class request;

// Who waits for a word.
struct asker
{
    asking who;
    budget::item in;
};

// What has happened, in all models.
struct counts
{
    long events = 0, asked = 0, sent = 0, told_no = 0, joined = 0, hung_up = 0, batches = 0, second_tokens = 0;
    long refused = 0, reloads = 0;  // by the vendor; by the operator
};

struct model
{
    model(unsigned seed, counts&);
    ~model() { permits.abandon(); }

    std::mt19937 random;
    counts& seen;
    asio::io_context loop{1};
    stepped_clock clock;
    budget_settings settings = draw_settings();
    scripted_ledger book{after_a_clean_stop()};
    breaker outage;
    const std::size_t forwarded_max = one_in(3) ? 1 + pick(5) : 100;
    gate permits;
    const way_out way;

    // --- The way to the vendor: how long each part of it takes.
    struct speeds
    {
        duration near, shake;       // one way, at least, and how much more
        duration work[3], more[3];  // by kind: at least, and how much more
        duration connect;
    } speed;
    bool is_down = false;  // the vendor

    // --- What goes on.
    std::multimap<steady_time, std::function<void()>> agenda;
    std::map<budget::item, std::shared_ptr<request>> open;
    std::map<std::uint64_t, asker> askers;
    std::set<std::pair<steady_time, std::uint64_t>> deadlines;  // of those who wait in the queue, or did
    std::set<std::uint64_t> parted;                             // batch keys: no bulk reads for now
    using flow = std::pair<std::string, urgency>;
    std::map<flow, std::map<budget::item, steady_time>> lines;  // who waits in the queue in one flow alone, since when
    std::set<const request*> forwarded;                         // from their turn to their end
    std::deque<steady_time> arrived;                            // at the vendor, in the last 24 hours
    std::deque<steady_time> sent;                               // in the last 24 hours, and what the quota adds to them
    steady_time reloaded_at{};
    steady_time moved_on{};  // the last time that something was sent, or gave up
    long last_pieces = 0;    // that wait for a token of their own
    bool is_excused = true;  // from moving on: nothing waits, or nothing may be sent
    steady_time steps_from{};
    long steps = 0, events_before = 0;  // since then; there was no event
    budget::item last_item = 0;
    std::uint64_t last_asker = 0;
    double load = 1;
    bool is_over = false;

    // --- Chance and time.
    std::uint64_t pick(std::uint64_t n) { return random() % n; }
    bool one_in(std::uint64_t n) { return pick(n) == 0; }
    duration upto(duration most) { return duration(pick(std::uint64_t(most.count()) + 1)); }
    steady_time now() const { return clock.steady(); }
    steady_time::duration window() const { return sliding_window::length(settings); }

    // A turn waits for the slowest answer, or until an acknowledgement is believed; then a window passes.
    steady_time::duration turn_max() const { return answer_max + believed_after + 2 * window() + 2 * connect_max; }
    void later(duration in, std::function<void()> what) { agenda.emplace(now() + in, std::move(what)); }
    task<void> sleep(steady_time t)
    {
        if (t <= now()) co_return;
        co_await sleep_until(clock, t);
        ++seen.events;
    }
    duration one_way() { return speed.near + upto(speed.shake); }

    void step();
    void settle();
    void come_to_rest();

    // --- What the tools do.
    void ask();
    void ask_once();
    duration until_next_ask();
    asking somebody();
    void begin(std::shared_ptr<request>, const asking&);
    bool join_one();
    void wait(request&, const asking&);
    void hang_up(std::uint64_t);
    void tell(std::uint64_t);

    // --- What the operator, the vendor and the disk do.
    budget_settings draw_settings();
    void draw_speeds();
    void something();
    void reload(budget_settings);
    void slow_ledger();
    void refuse_bulk_reads(std::uint64_t key);
    void expelled(budget::item, const asking&);
    void arrive(steady_time leased_at, steady_time room_at);

    // --- The requests.
    task<void> live(std::shared_ptr<request>);
    void end(request&);

    // --- What is checked.
    void look_at_deadlines();
    void look_at_progress();
    std::size_t forwarded_of(const std::string& tool) const;
    std::size_t of_one_max() const { return std::max<std::size_t>(forwarded_max - 1, 1); }
    void look_at_room();
    void look_at_steps();
    void look_at_turn(const request&);
    void look_at_forwarded();
    void look_at_sending(steady_time turn_at);
};

enum class fate
{
    answered,
    refused,  // 429
    lost,
};

// What a follower hears of its leader's request.
enum class share
{
    answered,
    alone,  // it needs a request of its own
    again,
};

class request : public outgoing_request
{
public:
    request(model& in, budget::item n, asking a) : outgoing_request(n), first(std::move(a)), m(in) {}

    const asking first;
    std::set<std::uint64_t> askers, hung_up;
    bool is_for_nobody = false;
    bool is_of_one_flow = true;  // all who asked are of one tool and one urgency
    bool is_shut = false;        // nobody can join
    bool is_cut = false;         // the tool has ended it
    bool has_turn = false;
    fate came = fate::lost;

    model::flow in_flow() const { return {first.tool, first.how}; }
    steady_time turn_at() const { return turn_at_; }
    bool holds_token() const;  // sent, without an answer, and not believed to have arrived
    virtual std::uint64_t batch_key() const { return 0; }

    std::vector<asking> begin_wait() override;
    void end_wait() override;
    task<std::optional<upstream_failure>> connect(bool fresh) override;
    bool is_connected() override;
    std::optional<unsent> put_aside() override { return std::nullopt; }
    bool is_wanted() const override { return is_for_nobody || !askers.empty(); }
    request_kind prepare() override;
    task<void> exchange(gate::permit& p) override { co_await follow(p, journey(true)); }

    // What a leader says to its followers. True if the request itself is to go again, alone.
    virtual bool distribute(share) { return false; }
    virtual task<share> hear() { co_return share::again; }

protected:
    enum class stop
    {
        acknowledged,
        arrives,
        arrives_uncounted,
        begins,
        ends,
        lost,        // the other end has ended the connection
        broken_off,  // or we have
    };
    using stops = std::vector<std::pair<steady_time, stop>>;
    stops way_there(bool counts);
    stops journey(bool counts);
    task<bool> follow(gate::permit&, stops);
    bool end(stops::const_iterator next, stops::const_iterator last);
    void forget_acknowledgement() { acknowledged_at_.reset(); }
    bool is_believed() const { return acknowledged_at_ && *acknowledged_at_ + believed_after + m.window() <= m.now(); }
    virtual duration reading() { return m.upto(50ms); }  // of the answer, by the tool

    model& m;
    request_kind kind_ = request_kind::lookup;
    steady_time turn_at_{}, leased_at_{}, room_at_{};
    std::optional<steady_time> acknowledged_at_;
    bool is_exempt_ = false;  // its last piece has a token of its own
    bool is_out_ = false;
};

class lookup final : public request
{
public:
    using request::request;
    std::uint64_t batch_key() const override
    {
        return is_alone_ || m.parted.contains(first.batch_key) ? 0 : first.batch_key;
    }
    bool is_taken_along() const override { return rides_; }
    request_kind prepare() override;
    bool distribute(share) override;
    task<share> hear() override;

private:
    bool is_alone_ = false, rides_ = false;
    mailbox<share> hears_{m.loop.get_executor()};
    std::vector<std::shared_ptr<lookup>> followers_;
};

// A tool's own request; some are long uploads, and some of their answers are read for minutes.
class relay final : public request
{
public:
    using request::request;
    request_kind prepare() override;
    task<void> exchange(gate::permit&) override;

private:
    task<bool> upload(gate::permit&, bool counts_head);
    duration reading() override { return m.one_in(10) ? m.upto(5min) : request::reading(); }
};

// As `check --live` asks: for no tool, and it waits for no pause.
class live_check final : public request
{
public:
    using request::request;
    std::vector<asking> begin_wait() override
    {
        REQUIRE_MESSAGE(!gave_up_, "3: a request that does not wait for another turn has one");
        request::begin_wait();
        return std::vector<asking>(1);
    }
    std::optional<unsent> put_aside() override
    {
        gave_up_ = true;
        return m.permits.spending().refuses({}, duration(0), m.clock.now()).value_or(refusal());
    }

private:
    bool gave_up_ = false;
};

// --- A request's steps.

std::vector<asking> request::begin_wait()
{
    has_turn = false;
    m.forwarded.erase(this);
    if (is_of_one_flow) m.lines[in_flow()][number] = m.now();
    std::vector<asking> who;
    for (std::uint64_t id : askers)
    {
        who.push_back(m.askers.at(id).who);
        who.back().batch_key = batch_key();
        m.deadlines.emplace(std::max(who.back().until, m.now()), id);
    }
    if (who.empty()) who.push_back({first.tool, first.how, batch_key(), first.is_forwarded});
    return who;
}

void request::end_wait()
{
    m.lines[in_flow()].erase(number);
}

task<std::optional<upstream_failure>> request::connect(bool fresh)
{
    if (!std::exchange(has_turn, true))  // this is the first that happens in its turn
    {
        turn_at_ = m.now();
        if (first.is_forwarded) m.forwarded.insert(this);
        m.look_at_turn(*this);
    }
    duration takes = m.one_in(20) ? m.upto(connect_max) : m.speed.connect;
    if (fresh || !m.one_in(3)) co_await m.sleep(m.now() + takes);
    if (m.one_in(100)) co_return upstream_failure{upstream_failure::kind::unreachable, "no way"};
    co_return std::nullopt;
}

// Asked as soon as there is a grant.
bool request::is_connected()
{
    if (leased_at_ < turn_at_) leased_at_ = room_at_ = m.now();
    return !m.one_in(50);
}

request_kind request::prepare()
{
    REQUIRE_MESSAGE(is_wanted(), "3: a request is sent for nobody");
    m.look_at_sending(turn_at_);
    came = fate::lost;
    is_out_ = true;
    is_exempt_ = false;
    forget_acknowledgement();
    return kind_ = request_kind::lookup;
}

bool request::holds_token() const
{
    return is_out_ && !is_exempt_ && !is_believed();
}

// How a request gets there, or a piece of one, that is sent now. `counts`: the vendor counts it when it comes.
request::stops request::way_there(bool counts)
{
    const steady_time sent = m.now();
    steady_time acknowledged = sent + std::chrono::seconds(1 + m.pick(2)), arrives = sent + m.one_way();
    if (m.one_in(10))
    {
        acknowledged = sent + 2 * m.speed.near;
        arrives = acknowledged + m.upto(held_back_max);
    }
    stops all{{arrives, counts ? stop::arrives : stop::arrives_uncounted}, {acknowledged, stop::acknowledged}};
    if (acknowledged < arrives) std::swap(all[0], all[1]);
    return all;
}

// What happens to a request, or to the last piece of one, that is sent now.
request::stops request::journey(bool counts)
{
    const steady_time sent = m.now();
    stops all = way_there(counts);
    const steady_time arrives = all[all[0].second == stop::acknowledged].first;
    const auto kind = std::size_t(kind_);
    const steady_time begins = arrives + m.speed.work[kind] + m.upto(m.speed.more[kind]) + m.one_way();
    if (m.one_in(5)) std::erase_if(all, [](const auto& each) { return each.second == stop::acknowledged; });
    const bool answers = !m.is_down && !m.one_in(60);
    if (answers) all.emplace_back(begins, stop::begins);
    if (answers) all.emplace_back(begins + reading(), stop::ends);
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (answers && !m.one_in(60)) return all;
    // When the other end has ended the connection, what has not arrived never will.
    const bool is_late = m.one_in(3);
    const steady_time end = sent + (is_late ? answer_max : m.upto(2s));
    std::erase_if(all, [&](const auto& each) { return each.first >= end; });
    all.emplace_back(end, is_late ? stop::broken_off : stop::lost);
    return all;
}

// False if the connection has ended before the answer's end.
task<bool> request::follow(gate::permit& permit, stops all)
{
    for (auto next = all.begin(); next != all.end(); ++next)
    {
        co_await m.sleep(next->first);
        if (is_cut || next->second == stop::broken_off) co_return end(next, all.end());
        switch (next->second)
        {
        case stop::acknowledged:
            permit.acknowledged();
            if (!acknowledged_at_) acknowledged_at_ = m.now();
            break;
        case stop::arrives: m.arrive(leased_at_, room_at_); break;
        case stop::begins:
            permit.answered(m.one_in(3) ? duration(0) : 2 * m.speed.near);
            is_out_ = false;
            break;
        case stop::ends: came = m.one_in(300) ? fate::refused : fate::answered; break;
        case stop::lost: permit.lost(); co_return end(all.end(), all.end());
        case stop::arrives_uncounted:
        case stop::broken_off: break;
        }
    }
    co_return true;
}

// We end the connection. A balancer may still hold what was sent, and hand it on.
bool request::end(stops::const_iterator next, stops::const_iterator last)
{
    is_out_ = false;
    for (; next != last; ++next)
        if (next->second == stop::arrives)
            m.agenda.emplace(next->first, [&m = m, a = leased_at_, b = room_at_] { m.arrive(a, b); });
    return false;
}

// --- Lookups, and their bulk reads.

request_kind lookup::prepare()
{
    request::prepare();
    const std::uint64_t key = batch_key();
    if (key == 0 || m.one_in(3)) return kind_;
    for (budget::item i : m.permits.collect_batch(key, 1 + m.pick(batch_max - 1)))
    {
        followers_.push_back(std::static_pointer_cast<lookup>(m.open.at(i)));
        followers_.back()->rides_ = true;
    }
    if (followers_.empty()) return kind_;
    ++m.seen.batches;
    return kind_ = request_kind::batch;
}

bool lookup::distribute(share what)
{
    if (followers_.empty()) return false;
    if (what == share::answered && m.one_in(6))
    {
        what = share::alone;
        is_alone_ = true;
        m.refuse_bulk_reads(first.batch_key);
    }
    for (const auto& each : std::exchange(followers_, {})) each->hears_.send(what);
    return is_alone_;
}

task<share> lookup::hear()
{
    share heard = co_await hears_.next();
    rides_ = false;
    is_alone_ = is_alone_ || heard == share::alone;
    co_return heard;
}

// --- Forwarded requests.

request_kind relay::prepare()
{
    request::prepare();
    return kind_ = request_kind::forwarded;
}

task<void> relay::exchange(gate::permit& permit)
{
    bool is_upload = m.one_in(4), counts_head = m.one_in(2);
    if (is_upload && !co_await upload(permit, counts_head)) co_return;
    co_await follow(permit, journey(!is_upload || !counts_head));
}

// Until the last piece is handed over. Somebody on the way may hold back all the others until it comes; then the vendor
// counts the request with it.
task<bool> relay::upload(gate::permit& permit, bool counts_head)
{
    if (!co_await follow(permit, way_there(counts_head))) co_return false;
    co_await m.sleep(m.now() + (m.one_in(2) ? m.upto(3s) : m.upto(upload_max)));
    const bool needs_another = is_believed();
    m.last_pieces += needs_another;
    co_await permit.reacquire();
    m.last_pieces -= needs_another;
    const bool took_another = needs_another || is_believed();  // in a pause its own may have come back
    forget_acknowledgement();
    m.moved_on = m.now();
    if (!took_another) co_return true;
    is_exempt_ = true;
    room_at_ = m.now();
    ++m.seen.second_tokens;
    co_return true;
}

// --- The model.

model::model(unsigned seed, counts& all) :
    random(seed),
    seen(all),
    permits({.loop = loop.get_executor(),
             .config = settings,
             .batch_max = batch_max,
             .clock = clock,
             .book = book,
             .day = {},
             .forwarded_max = forwarded_max,
             .expelled = [this](budget::item i, const asking& a, const refusal&) { expelled(i, a); }}),
    way(permits, outage, clock)
{
    draw_speeds();
    moved_on = now();
    ask();
    something();
}

budget_settings model::draw_settings()
{
    budget_settings s;
    const std::pair<double, std::uint64_t> rates[] = {{3, 3}, {3, 1}, {2.5, 2}, {1, 1}, {0.4, 1}, {10, 7}, {4, 4}};
    std::tie(s.rate, s.burst) = rates[pick(7)];
    s.daily = one_in(3) ? 0 : one_in(2) ? 50 + pick(400) : 100'000;
    s.queue_max = 1 + pick(80);
    s.tool_daily_percent = pick(2) ? 100 : 50 + pick(50);
    s.interactive_reserve_percent = pick(30);
    s.retry_after_max = 2h;
    if (one_in(2)) s.tools["0"].daily = 100 + pick(1000);
    return s;
}

// Fixed for a model, as the window trusts the least time that answers of a kind have taken. A way may be quicker than
// another by less than the margin.
void model::draw_speeds()
{
    speed.near = one_in(2) ? duration(0) : upto(150ms);
    speed.shake = upto(12ms);
    for (int kind = 0; kind < 3; ++kind)
    {
        const duration least[] = {1ms, upto(100ms), upto(600ms), 600ms + upto(2s)};
        speed.work[kind] = least[pick(4)];
        speed.more[kind] = upto(250ms);
    }
    speed.connect = one_in(2) ? duration(0) : upto(300ms);
}

void model::step()
{
    steady_time next = clock.next();
    if (!agenda.empty()) next = std::min(next, agenda.begin()->first);
    REQUIRE_MESSAGE(next < steady_time::max(), "6: nothing will happen any more");
    clock.advance_to(next);
    if (is_excused) moved_on = now();
    while (!agenda.empty() && agenda.begin()->first <= now())
    {
        auto what = std::move(agenda.begin()->second);
        agenda.erase(agenda.begin());
        ++seen.events;
        // Before what else happens at this time, or in the midst of it.
        if (one_in(2))
            what();
        else
            asio::post(loop, std::move(what));
    }
    settle();
    look_at_deadlines();
    look_at_progress();
    look_at_room();
    look_at_steps();
}

void model::settle()
{
    loop.restart();
    loop.poll();
}

void model::ask()
{
    if (is_over) return;
    for (std::uint64_t n = one_in(10) ? 1 + pick(8) : 1; n > 0; --n) ask_once();
    later(until_next_ask(), [this] { ask(); });
}

duration model::until_next_ask()
{
    const auto no = permits.spending().delays(duration(0), clock.now());
    const bool is_spent = no && no->why == refusal::reason::day_spent;
    if (one_in(5000) || (is_spent && one_in(200))) return upto(20h);
    if (is_spent && one_in(4)) return upto(10min);
    if (one_in(200)) load = std::vector<double>{0.3, 0.8, 1, 2, 6}[pick(5)];
    return upto(std::chrono::ceil<duration>(std::chrono::duration<double>(2 / (settings.rate * load))));
}

asking model::somebody()
{
    const duration allowed[] = {upto(1s), upto(5s), 20s, 20s, 1min, upto(30min)};
    asking a{std::to_string(pick(5)), pick(4) ? urgency::interactive : urgency::background};
    a.until = now() + allowed[pick(6)];
    a.asker = ++last_asker;
    return a;
}

void model::ask_once()
{
    ++seen.asked;
    if (one_in(5) && join_one()) return;
    asking a = somebody();
    const std::uint64_t sort = pick(100);
    const bool is_live = sort == 0, is_for_nobody = sort == 1 || sort == 2;
    if (is_live) a = {.asker = a.asker};
    if (is_for_nobody) a = {a.tool, urgency::background};
    if (one_in(2) || a.until == steady_time::max())
    {
        duration allowed = a.until == steady_time::max() ? 1min : std::chrono::floor<duration>(a.until - now());
        if (permits.spending().refuses(a, allowed, clock.now())) return void(++seen.told_no);
    }
    const budget::item i = ++last_item;
    if (is_live) return begin(std::make_shared<live_check>(*this, i, a), a);
    a.is_forwarded = sort > 70;
    if (a.is_forwarded) return begin(std::make_shared<relay>(*this, i, a), a);
    a.batch_key = pick(4);
    begin(std::make_shared<lookup>(*this, i, a), a);
}

void model::begin(std::shared_ptr<request> r, const asking& a)
{
    open[r->number] = r;
    r->is_for_nobody = a.asker == 0;
    if (!r->is_for_nobody) wait(*r, a);
    asio::co_spawn(loop, live(std::move(r)), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
}

// Another one asks for a lookup that is on its way.
bool model::join_one()
{
    if (open.empty()) return false;
    auto r = std::next(open.begin(), long(pick(open.size())))->second;
    auto* l = dynamic_cast<lookup*>(r.get());
    if (!l || l->is_shut) return false;
    asking a = somebody();
    ++seen.joined;
    if (a.tool != l->first.tool || a.how != l->first.how)
    {
        l->is_of_one_flow = false;
        lines[l->in_flow()].erase(l->number);
    }
    wait(*l, a);
    deadlines.emplace(a.until, a.asker);
    permits.join(l->number, a);
    return true;
}

void model::wait(request& r, const asking& a)
{
    askers[a.asker] = {a, r.number};
    r.askers.insert(a.asker);
    if (a.until != steady_time::max() && one_in(6))
        later(upto(pick(2) ? 2s : 30s), [this, id = a.asker] { hang_up(id); });
}

void model::hang_up(std::uint64_t id)
{
    auto found = askers.find(id);
    if (found == askers.end()) return;
    ++seen.hung_up;
    auto r = open.at(found->second.in);
    askers.erase(found);
    r->askers.erase(id);
    r->hung_up.insert(id);
    if (r->is_wanted()) return;
    if (r->first.is_forwarded) r->is_cut = true;
    auto leave = [this, i = r->number] {
        auto again = open.find(i);
        if (again == open.end() || again->second->is_wanted() || !permits.spending().queue().contains(i)) return;
        again->second->is_shut = true;
        permits.expel(i, nobody_waits());
    };
    if (one_in(3))
        leave();
    else
        later(one_in(2) ? upto(15s) : duration(10min), leave);
}

void model::tell(std::uint64_t id)
{
    REQUIRE_MESSAGE(askers.erase(id) == 1, "6: an asker is told twice");
}

void model::expelled(budget::item i, const asking& a)
{
    auto found = open.find(i);
    REQUIRE_MESSAGE(found != open.end(), "6: the queue has a request that has ended");
    request& r = *found->second;
    if (!permits.spending().queue().contains(i)) r.is_shut = true;
    if (a.asker == 0 || r.hung_up.contains(a.asker)) return;
    ++seen.told_no;
    tell(a.asker);
    r.askers.erase(a.asker);
}

task<void> model::live(std::shared_ptr<request> r)
{
    way_out::turn how;
    for (int losses = 0;; how.again = true)
    {
        std::optional<unsent> no = co_await way.send(*r, how);
        if (r->has_turn) moved_on = now();
        forwarded.erase(r.get());
        if (no) break;
        if (r->is_taken_along())
        {
            if (co_await r->hear() == share::answered) break;
            continue;
        }
        if (r->came == fate::lost)
            outage.failed({"", breaker::concerns::everybody, now()}, now());
        else
            outage.succeeded();
        if (r->came == fate::refused)
        {
            const std::string words[] = {"1", "7", "30", "0", "soon", "600"};
            const std::string& word = words[pick(6)];
            ++seen.refused;
            permits.refused(one_in(9) ? nullptr : &word);
        }
        if (r->came == fate::answered) permits.accepted();
        const bool is_lost = r->came == fate::lost;
        const bool is_final = r->came == fate::answered || !r->is_wanted() || (is_lost && ++losses > 2);
        if (r->distribute(is_final ? share::answered : share::again)) continue;
        if (is_final) break;
        how.fresh = is_lost || r->first.is_forwarded;
        if (is_lost) co_await sleep(now() + 100ms + upto(300ms));
    }
    end(*r);
}

void model::end(request& r)
{
    for (std::uint64_t id : r.askers) tell(id);
    open.erase(r.number);
}

// --- What the operator, the vendor and the disk do.

void model::something()
{
    if (is_over) return;
    later(upto(1min), [this] { something(); });
    switch (pick(40))
    {
    default: return;
    case 0:
    case 1: return reload(draw_settings());
    case 2: return permits.resume();
    case 3:
        if (!one_in(5)) return;
        is_down = true;
        return later(upto(2min), [this] { is_down = false; });
    case 4:
    case 5:
    case 6: return slow_ledger();
    case 7:
        book.state = ledger_state::in_memory;
        return later(upto(30s), [this] { book.state = ledger_state::durable; });
    }
}

void model::reload(budget_settings s)
{
    if (!is_over && !one_in(20)) s.daily = settings.daily;  // else no day would be long enough to be spent
    settings = std::move(s);
    permits.reconfigure(settings);
    reloaded_at = moved_on = now();
    ++seen.reloads;
}

void model::slow_ledger()
{
    book.is_slow = true;
    later(upto(one_in(5) ? slow_ledger_max : 2s), [this] {
        book.is_slow = false;
        book.release(one_in(10) ? ledger_state::in_memory : book.state);
    });
}

void model::refuse_bulk_reads(std::uint64_t key)
{
    parted.insert(key);
    permits.stop_batching(key);
    later(upto(10min), [this, key] { parted.erase(key); });
}

// --- The vendor, and what is checked.

void model::arrive(steady_time leased_at, steady_time room_at)
{
    arrived.push_back(now());
    while (arrived.front() <= now() - 24h) arrived.pop_front();
    look_at_forwarded();
    const auto strictly =
        std::chrono::ceil<steady_time::duration>(std::chrono::duration<double>(double(settings.burst) / settings.rate));
    if (room_at > reloaded_at && arrived.size() > settings.burst)
        REQUIRE_MESSAGE(arrived.end()[-1 - long(settings.burst)] <= now() - strictly,
                        "1: more than a burst in a window");
    if (leased_at > reloaded_at && settings.daily > 0)
        REQUIRE_MESSAGE(arrived.size() <= settings.daily, "1: more than a day's requests");
}

void model::look_at_sending(steady_time turn_at)
{
    const budget& b = permits.spending();
    REQUIRE_MESSAGE(b.is_ours(), "3: a request is sent on a ledger that is not ours");
    REQUIRE_MESSAGE(b.paused_for(clock.now()) == duration(0), "3: a request is sent in a pause");
    REQUIRE_MESSAGE(now() - turn_at <= turn_max() + slow_ledger_max, "7: a request has its turn, and waits for room");
    sent.push_back(moved_on = now());
    while (sent.front() < now() - 24h - 3min) sent.pop_front();
    ++seen.sent;
}

void model::look_at_deadlines()
{
    while (!deadlines.empty() && deadlines.begin()->first < now() - told_late_max)
    {
        auto late = askers.find(deadlines.begin()->second);
        if (late != askers.end())
            REQUIRE_MESSAGE(!permits.spending().queue().contains(late->second.in), "2: an asker hears too late");
        deadlines.erase(deadlines.begin());
    }
}

std::size_t model::forwarded_of(const std::string& tool) const
{
    return std::size_t(
        std::count_if(forwarded.begin(), forwarded.end(), [&](const request* r) { return r->first.tool == tool; }));
}

void model::look_at_progress()
{
    const budget& b = permits.spending();
    bool has_place = false;
    b.queue().in_order([&](budget::item i, auto, const auto&) {
        const asking& first = open.at(i)->first;
        return !(has_place = !first.is_forwarded || forwarded_of(first.tool) < of_one_max());
    });
    is_excused = !has_place || book.is_slow || forwarded.size() >= forwarded_max || b.delays(duration(0), clock.now());
    REQUIRE_MESSAGE(now() - moved_on <= turn_max(), "7: requests wait, and nothing is sent");
}

void model::look_at_room()
{
    const budget& b = permits.spending();
    const moment t = clock.now();
    if (last_pieces > 0)
        REQUIRE_MESSAGE(b.until_turn(0, t, request_kind::forwarded) > duration(0), "7: a last piece waits beside room");
    if (b.queue().size() == 0 || b.inside() >= settings.burst || b.until_turn(b.inside(), t) > duration(0)) return;
    bool may_go = false;
    b.queue().in_order([&](budget::item i, auto, const auto&) { return !(may_go = !open.at(i)->first.is_forwarded); });
    REQUIRE_MESSAGE(!may_go, "7: a request waits beside room");
}

void model::look_at_steps()
{
    if (std::exchange(events_before, seen.events) != seen.events || now() - steps_from > 1s)
    {
        steps_from = now();
        steps = 0;
    }
    REQUIRE_MESSAGE(++steps < 1000, "7: the gate looks again and again");
}

// Who entered the queue at this very time may have come too late for the turn. A forwarded request lets others pass
// while the tokens for its kind are out.
void model::look_at_turn(const request& r)
{
    if (reloaded_at < now()) REQUIRE(permits.spending().inside() <= settings.burst);
    REQUIRE_MESSAGE(forwarded.size() <= forwarded_max, "5: there are too many forwarded requests");
    if (r.first.is_forwarded)
        REQUIRE_MESSAGE(forwarded_of(r.first.tool) <= of_one_max(), "5: one tool leaves no place to the others");
    if (!r.is_of_one_flow) return;
    for (const auto& [other, since] : lines[r.in_flow()])
    {
        if (other > r.number) return;
        bool may_pass = open.at(other)->first.is_forwarded && !r.first.is_forwarded;
        bool is_passed_over = !may_pass && since < now() && permits.spending().queue().contains(other);
        REQUIRE_MESSAGE(!is_passed_over, "4: a later request of the same tool has its turn first");
    }
}

void model::look_at_forwarded()
{
    auto counts = [this](const request* r) { return r->turn_at() > reloaded_at && r->holds_token(); };
    auto out = std::count_if(forwarded.begin(), forwarded.end(), counts);
    REQUIRE_MESSAGE(out <= std::max(1l, long(settings.burst) - 1), "5: forwarded requests hold too many tokens");
}

// The end: all is served, or callcache stops, or the ledger is another process's by now.
void model::come_to_rest()
{
    is_over = true;
    is_down = false;
    budget_settings ample = settings;
    ample.daily = 10'000;
    reload(ample);
    permits.resume();
    if (one_in(4)) permits.close();
    if (one_in(4)) book.state = ledger_state::not_ours;
    for (long n = 0; n < 300'000 && !open.empty(); ++n) step();
    REQUIRE_MESSAGE(open.empty(), "6: a request has not ended");
    REQUIRE_MESSAGE(askers.empty(), "6: an asker was told nothing");
    const budget& b = permits.spending();
    REQUIRE(b.queue().size() == 0);
    REQUIRE(b.inside() == 0);
    REQUIRE_MESSAGE(b.report(clock.now()).spent <= sent.size(), "6: what was not sent has spent something");
    clock.advance_to(now() + 51h);
    settle();
    REQUIRE_MESSAGE(b.until_turn(settings.burst - 1, clock.now()) == duration(0), "6: a token has not come back");
    REQUIRE(b.report(clock.now()).left == settings.daily);
}

}  // namespace

TEST_CASE("way out: over a million random events the budget keeps its promises, and nobody waits in vain")
{
    const unsigned seed = seed_of_run();
    MESSAGE("CALLCACHE_SEED=", seed);
    CAPTURE(seed);
    counts seen;
    for (long n = 0; n < models; ++n)
    {
        CAPTURE(n);
        model m(seed + unsigned(n), seen);
        while (seen.events < events_max * (n + 1) / models) m.step();
        m.come_to_rest();
    }
    MESSAGE(seen.events, " events, ", seen.asked, " asked, ", seen.joined, " of them joined, ", seen.sent, " sent, ",
            seen.told_no, " told no, ", seen.hung_up, " hung up, ", seen.batches, " bulk reads, ", seen.second_tokens,
            " second tokens, ", seen.refused, " 429s, ", seen.reloads, " reloads");
    CHECK(seen.sent > events_max / 20);
    CHECK(seen.told_no > events_max / 20);
    CHECK(seen.batches > events_max / 1000);
    CHECK(seen.second_tokens > events_max / 1000);
    CHECK(seen.refused > 0);
    CHECK(seen.reloads > 0);
}
