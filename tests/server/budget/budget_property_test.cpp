// The budget against a simulated vendor that counts, on simulated clocks that step, through crashes at every point
// between the lease and the answer: a million random events. They are arrivals, leavers, 429s, slow and failing disks,
// kills, steps of the clock, days of 23 and 25 hours, and reloads with other bounds. `CALLCACHE_SEED=n` repeats a run.

#include "server/budget/budget.hpp"
#include "tests/support/sanitized.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <queue>
#include <random>
#include <set>

using namespace callcache;

namespace
{

// The sanitizers are slow, and look for other things.
constexpr long events_max = test::sanitized ? 60'000 : 1'000'000;

constexpr wall_time start{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

unsigned seed_of_run()
{
    if (const char* given = std::getenv("CALLCACHE_SEED")) return unsigned(std::strtoul(given, nullptr, 10));
    return std::random_device()();
}

// A zone with a day of 23 hours and one of 25: an hour is skipped on the eighth day and comes back on the fifteenth.
local_day zoned_day(wall_time t, duration east)
{
    auto offset = [&](wall_time u) { return east + (u - start >= 8 * 24h && u - start < 15 * 24h ? 1h : 0h); };
    auto midnight = [&](std::int64_t day) {
        wall_time local{day * 24h};
        for (wall_time u : {local - east - 1h, local - east})
            if (u + offset(u) >= local) return u;
        return local - east;
    };
    std::int64_t day = (t + offset(t)).time_since_epoch() / 24h;
    return {midnight(day), midnight(day + 1)};
}

struct model
{
    explicit model(unsigned seed) : random(seed) { begin(); }

    // --- What is true.
    std::mt19937 random;
    duration now{};         // since the beginning; by this the vendor counts
    duration wall_error{};  // of the machine's wall clock
    duration booted_at{};   // when the machine was
    std::string boot = "1";
    std::optional<duration> east;  // the vendor's day is a zone's, and we know it; else any 24 hours
    duration changed_at{-1};       // what the day is, or how many may be sent
    duration reloaded_at{-1};
    duration skew{};          // of the vendor's clock
    duration paused_until{};  // as the vendor asked, and as it is on the disk
    duration paused_on_disk{}, paused_in_writing{};
    duration way_max{}, work_max{};
    budget_settings settings;

    // --- The system under test, and what it left on disk.
    std::unique_ptr<budget> b;
    ledger_page disk;
    std::optional<ledger_page> writing;  // handed to the disk
    ledger_page unwritten;               // what a disk that failed owes
    bool owes = false;

    // --- The vendor.
    std::multiset<duration> arrived;  // of the last days

    // --- What goes on.
    struct happening
    {
        duration at;
        std::function<void()> what;
        bool operator<(const happening& other) const { return at > other.at; }
    };
    std::priority_queue<happening> agenda;
    std::uint64_t life = 0;  // of the process: what was begun in an earlier one is void
    fair_queue::item last_item = 0;
    struct asked
    {
        asking who;
        bool alone = false;  // it came into an empty flow
        long turns_before = 0, jumps_before = 0;
    };
    std::map<fair_queue::item, asked> waiting;
    std::map<fair_queue::item, asking> inside;
    std::set<fair_queue::item> connected;
    long turns = 0;  // of interactive requests
    long jumps = 0;  // that came back to the head
    long sent = 0, refused = 0, kills = 0, reloads = 0;

    moment clock() const { return {start + now + wall_error, steady_time(std::chrono::hours(1) + (now - booted_at))}; }
    std::uint64_t pick(std::uint64_t n) { return random() % n; }
    duration upto(duration most) { return duration(pick(std::uint64_t(most.count()) + 1)); }
    void later(duration in, std::function<void()> what)
    {
        agenda.push({now + in, [this, what = std::move(what), mine = life] {
                         if (mine == life) what();
                     }});
    }

    calendar day() const
    {
        if (!east) return {};
        return [e = *east](wall_time t) { return zoned_day(t, e); };
    }

    void begin()
    {
        draw_settings();
        skew = upto(100s) - 50s;
        way_max = milliseconds(pick(2) ? 0 : pick(300));
        work_max = milliseconds(pick(2) ? 1 : pick(1500));
        disk.clean = true;
        if (pick(2)) east = duration(std::chrono::hours(pick(25))) - 12h;
        restart();
    }

    void draw_settings()
    {
        const std::pair<double, std::uint64_t> rates[] = {{3, 3}, {3, 1}, {2.5, 2}, {1, 1}, {0.4, 1}, {10, 7}};
        std::tie(settings.rate, settings.burst) = rates[pick(6)];
        settings.daily = 20 + pick(3000);
        settings.queue_max = 1 + pick(200);
        settings.tool_daily_percent = pick(2) ? 100 : 50 + pick(50);
        settings.interactive_reserve_percent = pick(30);
        settings.retry_after_max = 2h;
        settings.tools.clear();
        if (pick(2)) settings.tools["0"].daily = 1 + pick(settings.daily);
    }

    // What is sent from now on keeps to the new settings, together with what was sent before.
    void reload()
    {
        draw_settings();
        b->reconfigure(settings, clock());
        reloaded_at = changed_at = now;
        ++reloads;
        REQUIRE(b->report(clock()).left == settings.daily - std::min(settings.daily, b->report(clock()).spent));
    }

    void restart()
    {
        ++life;
        waiting.clear();
        inside.clear();
        connected.clear();
        writing.reset();
        owes = false;
        b = std::make_unique<budget>(settings, day(), disk, boot, clock());
        // The ledger never believes that less was spent than was.
        REQUIRE(b->report(clock()).spent >= counted_today());
    }

    // By the vendor's own day.
    std::uint64_t counted_today() const
    {
        duration from = now - 24h;
        if (east) from = zoned_day(start + now + skew, *east).begin - start - skew;
        return std::uint64_t(std::distance(arrived.lower_bound(from), arrived.end()));
    }

    // --- The disk.
    void land(const ledger_page& page)
    {
        if (owes) merge(unwritten, page);
        merge(disk, owes ? unwritten : page);
        owes = false;
        paused_on_disk = paused_in_writing;
    }

    void write(ledger_page page)
    {
        writing = std::move(page);
        paused_in_writing = paused_until;
        later(upto(pick(50) ? 5ms : 3s), [this] {
            bool fails = pick(200) == 0;
            if (fails)
            {
                if (!owes) unwritten = disk;
                merge(unwritten, *writing);
                owes = true;
            }
            else
                land(*writing);
            writing.reset();
            b->written(fails ? ledger_state::in_memory : ledger_state::durable, clock());
        });
    }

    void kill()
    {
        if (owes) return;  // in memory alone: what is spent then may be forgotten, and the log has said so
        if (writing && pick(2)) land(*writing);
        ++kills;
        restart();
        paused_until = paused_on_disk;
    }

    void stop()
    {
        if (writing) land(*writing);
        paused_in_writing = paused_until;
        land(b->close(clock()));
        // What was sent is on its way all the same.
        restart();
    }

    // --- The vendor.
    void arrive(budget::grant g, std::uint64_t born, duration sent_at, bool answers_429)
    {
        duration window =
            std::chrono::ceil<duration>(std::chrono::duration<double>(double(settings.burst) / settings.rate));
        arrived.insert(now);
        if (sent_at > reloaded_at)
            REQUIRE(std::uint64_t(std::distance(arrived.upper_bound(now - window), arrived.end())) <= settings.burst);
        arrived.erase(arrived.begin(), arrived.lower_bound(now - 50h));
        // A day that began to count after it was spent is above its bound, and then nothing more is sent.
        if (sent_at > changed_at) REQUIRE(counted_today() <= settings.daily);
        if (born != life) return;
        duration back = upto(work_max) + upto(way_max);
        bool lost = pick(100) == 0;
        later(back, [this, g, lost, answers_429] {
            if (lost) return b->window().lost(g.token, clock().steady);
            b->window().answered(g.token, clock().steady);
            if (!answers_429) return b->accepted();
            const std::string words[] = {"1", "7", "90", "0", "-3", "soon", "99999999999999999999", "600"};
            std::string word = words[pick(8)];
            b->refused(pick(9) ? &word : nullptr, clock());
            REQUIRE(b->paused_for(clock()) > duration(0));
            REQUIRE(now + b->paused_for(clock()) >= paused_until);  // only ever extended
            paused_until = now + b->paused_for(clock());
            if (pick(2) && !waiting.contains(g.what)) come_back(g.what, g.who);
        });
    }

    void send(fair_queue::item i)
    {
        REQUIRE(now >= paused_until);
        budget::grant g = b->send(i, clock());
        inside.erase(i);
        connected.erase(i);
        if (pick(50) == 0)
        {
            b->not_sent(g);
            if (pick(2)) come_back(i, g.who);
            return;
        }
        b->window().sent(g.token, clock().steady);
        if (pick(2)) later(settings.margin, [this, g] { b->window().acknowledged(g.token, clock().steady); });
        ++sent;
        bool is_429 = pick(300) == 0;
        // It arrives, whatever becomes of the process.
        agenda.push({now + upto(way_max), [this, g, born = life, at = now, is_429] { arrive(g, born, at, is_429); }});
    }

    // What the gate does whenever something has happened.
    void look()
    {
        while (auto gone = b->expel(clock()))
        {
            REQUIRE(waiting.contains(gone->what));
            if (!gone->gone) continue;
            waiting.erase(gone->what);
            ++refused;
            REQUIRE(gone->why.wait > duration(0));
        }
        while (auto next = b->admit(clock()))
        {
            auto known = waiting.find(*next);
            REQUIRE(known != waiting.end());
            if (known->second.who.how == urgency::interactive) ++turns;
            // One turn of each other tool, and those that came back to the head.
            const asked& a = known->second;
            if (a.alone) REQUIRE(turns - a.turns_before <= 8 + jumps - a.jumps_before);
            inside.emplace(*next, a.who);
            waiting.erase(known);
            REQUIRE(inside.size() <= settings.burst);
            later(upto(pick(20) ? 2ms : 400ms), [this, i = *next] {
                if (!inside.contains(i)) return;
                if (pick(40))
                    connected.insert(i);
                else
                {
                    b->leave(i);
                    inside.erase(i);
                    connected.erase(i);
                }
            });
        }
        while (!connected.empty() && b->may_send(*connected.begin(), clock())) send(*connected.begin());
        if (auto page = b->to_write(clock())) write(std::move(*page));
        REQUIRE(b->queue().size() == waiting.size());
        REQUIRE(b->inside() == inside.size());
    }

    // To the head of its flow, and its flow to the head of the round.
    void come_back(fair_queue::item i, const asking& who)
    {
        b->add(i, who, clock(), true);
        ++jumps;
        for (auto& [other, a] : waiting)
            if (a.who.tool == who.tool) a.alone = false;
        waiting[i] = {who};
    }

    void ask()
    {
        asking who{std::to_string(pick(8)), pick(4) ? urgency::interactive : urgency::background};
        duration allowed = pick(3) ? duration(20s) : upto(2h);
        if (auto no = b->refuses(who, allowed, clock()))
        {
            ++refused;
            REQUIRE(no->wait > duration(0));
            return;
        }
        fair_queue::item i = ++last_item;
        bool alone = who.how == urgency::interactive && b->queue().waiting(who.tool) == 0;
        waiting[i] = {who, alone, turns, jumps};
        b->add(i, who, clock());
    }

    void something()
    {
        switch (pick(60))
        {
        default: return ask();
        case 1:
        case 2:
        case 3:  // somebody gives up
            if (!waiting.empty())
            {
                auto i = std::next(waiting.begin(), long(pick(waiting.size())))->first;
                b->remove(i);
                waiting.erase(i);
            }
            return;
        case 4:  // another tool asks for the same
            if (!waiting.empty())
            {
                auto at = std::next(waiting.begin(), long(pick(waiting.size())));
                at->second.alone = false;
                b->add(at->first, {std::to_string(pick(8)), urgency::interactive}, clock());
            }
            return;
        case 5:
            if (!inside.empty() && pick(4) == 0)
            {
                auto [i, who] = *inside.begin();
                b->leave(i);
                come_back(i, who);
                inside.erase(i);
                connected.erase(i);
            }
            return;
        case 6:
            if (pick(20) != 0) return;
            paused_until = std::min(paused_until, now);
            return b->resume(clock());
        case 7: return pick(30) ? void() : kill();
        case 8:
            if (pick(100) == 0) stop();
            return;
        case 11:  // the operator learns that the vendor's day is another
            if (pick(200) == 0)
            {
                if (pick(4))
                    east = duration(std::chrono::hours(pick(25))) - 12h;
                else
                    east.reset();
                changed_at = now;
                stop();
            }
            return;
        case 12:
            if (pick(60) == 0) reload();
            return;
        case 9:  // an administrator sets the clock, and later sets it right
            if (pick(300) == 0 && wall_error == duration(0))
            {
                wall_error = upto(12h) - 6h;
                agenda.push({now + upto(20h), [this] { wall_error = {}; }});
            }
            return;
        case 10:  // the machine starts anew; its clock is right by then
            if (pick(400) == 0 && !owes)
            {
                now += 1min;
                wall_error = {};
                booted_at = now;
                boot += "+";
                kill();
            }
            return;
        }
    }

    void step()
    {
        // Mostly crowded, sometimes quiet, now and then a night.
        duration pause = pick(4) ? upto(100ms) : pick(20) ? upto(1s) : pick(30) ? upto(20s) : upto(3h);
        bool idle = waiting.empty() && inside.empty() && pick(4) == 0;
        duration until = now + (idle ? upto(30min) : pause);
        while (!agenda.empty() && agenda.top().at <= until)
        {
            auto next = agenda.top();
            agenda.pop();
            now = std::max(now, next.at);
            next.what();
            look();
        }
        now = until;
        something();
        look();
    }
};

}  // namespace

TEST_CASE(
    "budget: over a million random events no window and no day is above its bound, and nobody and nothing is lost")
{
    unsigned seed = seed_of_run();
    MESSAGE("CALLCACHE_SEED=", seed);
    CAPTURE(seed);
    long sent = 0, refused = 0, kills = 0;
    constexpr long models = 20;
    for (unsigned n = 0; n < models; ++n)
    {
        CAPTURE(n);
        model w(seed + n);
        for (long i = 0; i < events_max / models; ++i) w.step();
        sent += w.sent;
        refused += w.refused;
        kills += w.kills;

        // Everybody leaves or is served, and every token comes back.
        w.b->resume(w.clock());
        w.paused_until = w.now;
        for (int i = 0; i < 20'000 && !(w.waiting.empty() && w.inside.empty() && w.agenda.empty()); ++i)
        {
            w.now += w.agenda.empty() || w.agenda.top().at > w.now + 1min ? duration(1min) : w.agenda.top().at - w.now;
            while (!w.agenda.empty() && w.agenda.top().at <= w.now)
            {
                auto next = w.agenda.top();
                w.agenda.pop();
                next.what();
            }
            w.look();
        }
        CHECK(w.waiting.empty());
        CHECK(w.inside.empty());
        w.now += 51h;
        w.b->expel(w.clock());
        CHECK(w.b->report(w.clock()).left == w.settings.daily);
        CHECK(w.b->until_turn(0, w.clock()) == duration(0));
    }
    MESSAGE(sent, " sent, ", refused, " refused, ", kills, " kills");
    CHECK(sent > events_max / 100);
    CHECK(kills > 0);
}
