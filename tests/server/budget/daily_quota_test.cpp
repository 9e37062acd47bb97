#include "server/budget/daily_quota.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <vector>

using namespace callcache;
using namespace std::chrono_literals;

namespace
{

// Midnight of a day of the simulated zone, and of a minute of the ledger.
constexpr wall_time t0 = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

// A zone whose days are of 24, 23, 24, 25 hours, and so on: twice a year, as often as a test likes.
local_day day_of_the_zone(wall_time t)
{
    constexpr duration lengths[] = {24h, 23h, 24h, 25h};
    wall_time begin = t0 - 10 * 96h;
    for (std::size_t i = 0;; ++i)
    {
        wall_time end = begin + lengths[i % 4];
        if (t < end) return {begin, end};
        begin = end;
    }
}

// A machine with a budget: its wall clock may be wrong, it restarts, and the ledger is what was written to it.
struct machine
{
    std::uint64_t daily;
    calendar days;
    std::uint64_t lease_max = 3;
    duration passed{};  // of true time
    duration wrong{};   // the wall clock, against the true time
    int boots = 1;
    ledger_page kept;
    std::vector<wall_time> sent;  // in true time
    std::optional<daily_quota> book;

    machine(std::uint64_t d, calendar c = {}) : daily(d), days(std::move(c)) { start(); }

    wall_time true_time() const { return t0 + passed; }
    moment now() const { return {true_time() + wrong, steady_time(boots * 1000h + passed)}; }
    void start() { book.emplace(daily, lease_max, days, kept, "boot " + std::to_string(boots), now()); }

    void stop() { merge(kept, book->close(now())); }
    void reboot()
    {
        ++boots;
        start();
    }
    // To a time of the first day and those after it.
    void to(duration since_t0)
    {
        passed = since_t0;
        book->observe(now());
    }
    void pass(duration d) { to(passed + d); }
    void step(duration d)
    {
        wrong += d;
        book->observe(now());
    }
    // The ledger knows of a step with the next page; before that a restart of the machine takes it for time off.
    void step_and_write(duration d)
    {
        step(d);
        merge(kept, book->page(now()));
    }
    bool lease()
    {
        if (auto page = book->lease(now()))
        {
            merge(kept, *page);
            book->leased();
        }
        return book->is_leased(now());
    }
    // As the budget does it: the day has room, and it is leased.
    bool send()
    {
        REQUIRE((book->wait(now(), 1) == duration(0)) == (book->left(now()) > 0));
        if (book->wait(now(), 1) > duration(0) || !lease()) return false;
        book->take(now());
        sent.push_back(true_time());
        return true;
    }
    int send(int n)
    {
        int done = 0;
        while (done < n && send()) ++done;
        return done;
    }
    std::uint64_t left() const { return book->left(now()); }
    std::uint64_t spent() const { return book->spent(now()); }
    duration wait(std::uint64_t n = 1) const { return book->wait(now(), n); }
    std::int64_t counted() const
    {
        return std::accumulate(kept.spent.begin(), kept.spent.end(), std::int64_t(0),
                               [](std::int64_t sum, const auto& m) { return sum + m.count; });
    }
};

// The time of the `n`th request, found by sending each as early as the book lets it. Times are whole minutes.
duration played_out(daily_quota b, moment now, std::uint64_t n)
{
    for (duration waited{};; waited += 1min)
    {
        moment then{now.wall + waited, now.steady + waited};
        if (waited > duration(0))
        {
            auto in_minute = b.time(then).time_since_epoch() % 1min;
            then.wall -= in_minute;
            then.steady -= in_minute;
        }
        b.observe(then);
        while (b.left(then) > 0)
        {
            if (b.lease(then)) b.leased();
            b.take(then);
            if (--n == 0) return then.wall - now.wall;
        }
    }
}

// The most that came within a day's time, if each came up to a minute after it was sent.
std::size_t most_in_24_hours(const std::vector<wall_time>& sent, std::mt19937& random)
{
    std::vector<wall_time> came;
    for (wall_time t : sent) came.push_back(t + std::chrono::microseconds(random() % 60'000'001));
    std::sort(came.begin(), came.end());
    std::size_t most = 0;
    for (std::size_t first = 0, i = 0; i < came.size(); ++i)
    {
        while (came[i] - came[first] >= 24h) ++first;
        most = std::max(most, i - first + 1);
    }
    return most;
}

std::size_t most_in_a_day_of_the_zone(const std::vector<wall_time>& sent, std::mt19937& random)
{
    std::map<wall_time, std::size_t> days;
    std::size_t most = 0;
    for (wall_time t : sent)
        most = std::max(most, ++days[day_of_the_zone(t + std::chrono::microseconds(random() % 60'000'001)).begin]);
    return most;
}

}  // namespace

TEST_CASE("day: a minute's requests are free again 24 hours after the minute that follows it")
{
    machine m(10);
    m.to(30s);
    CHECK(m.send(4) == 4);
    m.to(10h);
    CHECK(m.send(100) == 6);
    CHECK(m.left() == 0);
    CHECK(m.spent() == 10);
    CHECK(m.wait() == 14h + 2min);
    CHECK(m.wait(4) == 14h + 2min);
    CHECK(m.wait(5) == 24h + 2min);
    CHECK(m.wait(10) == 24h + 2min);
    m.to(24h + 2min - 1us);
    CHECK(m.left() == 0);
    CHECK(m.wait() == 1us);
    m.to(24h + 2min);
    CHECK(m.left() == 4);
    CHECK(m.wait(4) == 0s);
    CHECK(m.wait(5) == 10h);
    CHECK(m.send(100) == 4);
}

TEST_CASE("day: nothing is sent that is not leased, and a lease is for its minute alone")
{
    machine m(10);
    CHECK_FALSE(m.book->is_leased(m.now()));
    auto page = m.book->lease(m.now());
    REQUIRE(page);
    CHECK(page->spent.back().count == 3);
    CHECK_FALSE(m.book->is_leased(m.now()));  // it is not durable yet
    CHECK_FALSE(m.book->lease(m.now()));      // one at a time
    m.book->leased();
    CHECK(m.book->is_leased(m.now()));
    CHECK_FALSE(m.book->lease(m.now()));  // not needed
    CHECK(m.spent() == 0);
    m.book->take(m.now());
    CHECK(m.spent() == 1);
    m.to(1min - 1us);
    CHECK(m.book->is_leased(m.now()));
    m.to(1min);
    CHECK_FALSE(m.book->is_leased(m.now()));
}

TEST_CASE("day: a lease that became durable only in the next minute is not used as it is")
{
    machine m(10);
    m.to(59s);
    auto page = m.book->lease(m.now());
    REQUIRE(page);
    merge(m.kept, *page);
    m.to(61s);
    m.book->leased();
    CHECK_FALSE(m.book->is_leased(m.now()));
    CHECK(m.lease());
    CHECK(m.counted() == 3);
    CHECK(m.left() == 10);
}

TEST_CASE("day: what is left of an old lease is dated anew, and written so")
{
    machine m(10);
    m.send();
    CHECK(m.counted() == 3);
    m.to(5min);
    m.send();
    REQUIRE(m.kept.spent.size() == 2);
    CHECK(m.kept.spent[0].count == 1);
    CHECK(m.kept.spent[1].count == 3);
    CHECK(m.left() == 8);
    m.to(30h);  // when the old lease no longer counts
    CHECK(m.left() == 10);
    CHECK(m.send(100) == 10);
    CHECK(m.counted() == 10);
}

TEST_CASE("day: the last lease is no more than what is left")
{
    machine m(4);
    CHECK(m.send(3) == 3);
    CHECK(m.send() == true);
    CHECK(m.counted() == 4);
    CHECK_FALSE(m.book->lease(m.now()));
    CHECK(m.send() == false);
}

TEST_CASE("day: what was not sent after all is free again")
{
    machine m(3);
    REQUIRE(m.lease());
    std::int64_t taken = m.book->take(m.now());
    SUBCASE("in the same minute")
    {
        m.book->give_back(taken);
        CHECK(m.left() == 3);
    }
    SUBCASE("in another minute, before another lease")
    {
        m.to(2min);
        m.book->give_back(taken);
        CHECK(m.left() == 3);
    }
    SUBCASE("in another minute, after another lease")
    {
        m.to(2min);
        REQUIRE(m.lease());
        CHECK(m.left() == 2);
        m.book->give_back(taken);
        CHECK(m.left() == 3);
    }
    SUBCASE("while another lease is being written")
    {
        m.to(2min);
        auto page = m.book->lease(m.now());
        REQUIRE(page);
        merge(m.kept, *page);
        m.book->give_back(taken);
        CHECK(m.left() == 3);
        m.book->leased();
        CHECK(m.left() == 3);
    }
    SUBCASE("when nobody remembers")
    {
        m.to(30h);
        m.send();
        m.book->give_back(taken);
        m.sent.clear();
        CHECK(m.left() == 2);
        return;
    }
    m.stop();
    CHECK(m.counted() == 0);
}

TEST_CASE("day: what is given back while another lease of the same minute is written is not lost")
{
    machine m(10);
    REQUIRE(m.lease());
    std::int64_t taken = 0;
    for (int i = 0; i < 3; ++i) taken = m.book->take(m.now());
    auto page = m.book->lease(m.now());
    REQUIRE(page);
    merge(m.kept, *page);
    m.book->give_back(taken);
    CHECK(m.left() == 8);
    m.book->leased();
    CHECK(m.left() == 8);
    CHECK(m.send(100) == 8);
    m.stop();
    CHECK(m.counted() == 10);
}

TEST_CASE("day: a clean stop returns the rest of the lease, an unclean one loses at most that")
{
    machine m(10);
    m.send(4);
    machine killed = m;
    killed.reboot();
    CHECK(killed.left() == 4);
    CHECK_FALSE(killed.kept.clean);
    m.stop();
    CHECK(m.kept.clean);
    m.reboot();
    CHECK(m.left() == 6);
    CHECK(m.spent() == 4);
}

TEST_CASE("day: a stop while a lease is being written returns that too")
{
    machine m(10);
    m.send(3);
    auto page = m.book->lease(m.now());
    REQUIRE(page);
    merge(m.kept, *page);
    CHECK(m.counted() == 6);
    m.stop();
    CHECK(m.counted() == 3);
}

TEST_CASE("day: a page that changes nothing of the count writes no rows")
{
    machine m(10);
    m.send(2);
    ledger_page p = m.book->page(m.now());
    CHECK(p.spent.empty());
    CHECK_FALSE(p.clean);
    merge(m.kept, p);
    CHECK(m.counted() == 3);
    CHECK(p.boot == "boot 1");
    CHECK(p.wall == m.now().wall);
    CHECK(p.steady == m.now().steady);
}

TEST_CASE("day: whatever is taken and given back, and whenever leases become durable, a stop writes what was sent")
{
    for (unsigned seed = 1; seed <= 300; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        machine m(40);
        m.lease_max = 1 + random() % 5;
        m.start();
        std::vector<std::int64_t> taken;
        std::int64_t sent = 0;
        bool writing = false;
        for (int i = 0; i < 60; ++i) switch (random() % 6)
            {
            case 0: m.pass(std::chrono::seconds(random() % 40)); break;
            case 1:
                if (auto page = m.book->lease(m.now()))
                {
                    merge(m.kept, *page);
                    writing = true;
                }
                break;
            case 2:
                if (writing) m.book->leased();
                writing = false;
                break;
            case 3:
                if (taken.empty()) break;
                m.book->give_back(taken.back());
                taken.pop_back();
                --sent;
                break;
            default:
                if (!m.book->is_leased(m.now())) break;
                taken.push_back(m.book->take(m.now()));
                ++sent;
                REQUIRE(m.spent() == std::uint64_t(sent));
            }
        REQUIRE(m.left() == std::uint64_t(40 - sent));
        REQUIRE(m.counted() >= sent);
        m.stop();
        REQUIRE(m.counted() == sent);
    }
}

TEST_CASE("day: without a limit it counts and never says no")
{
    machine m(0);
    CHECK(m.send(1000) == 1000);
    CHECK(m.spent() == 1000);
    CHECK(m.left() == std::numeric_limits<std::uint64_t>::max());
    CHECK(m.wait(1'000'000) == 0s);
    CHECK_FALSE(m.book->forecast(m.now()));
    m.stop();
    CHECK(m.counted() == 1000);
    m.to(25h);
    CHECK(m.spent() == 0);
}

TEST_CASE("day: a ledger that holds more than the limit of today waits until enough is free")
{
    machine m(10);
    m.send(10);
    m.stop();
    m.daily = 4;
    m.reboot();
    CHECK(m.left() == 0);
    CHECK(m.wait() == 24h + 2min);
    CHECK(m.send() == false);
}

TEST_CASE("day: what is asked for beyond a day is answered with the day's last")
{
    machine m(5);
    m.send(5);
    CHECK(m.wait(5) == m.wait(6));
    CHECK(m.wait(1'000'000'000) == m.wait(5));
}

TEST_CASE("day: minutes that no longer count are forgotten, in memory and in the ledger")
{
    machine m(1000);
    for (int hour = 0; hour < 100; ++hour)
    {
        m.to(hour * 1h);
        m.send();
    }
    m.stop();
    CHECK(m.kept.spent.size() <= 27);
    CHECK(m.kept.spent.front().at >= m.kept.oldest);
}

TEST_CASE("day: in a zone midnight turns it, a minute late, and the minute before it counts for both days")
{
    machine m(10, day_of_the_zone);
    m.to(23h + 58min);
    CHECK(m.send(5) == 5);
    m.to(23h + 59min);
    CHECK(m.send(3) == 3);
    m.to(24h + 30s);
    CHECK(m.left() == 2);
    CHECK(m.wait(3) == 30s);
    m.to(24h + 1min - 1us);
    CHECK(m.left() == 2);
    m.to(24h + 1min);
    CHECK(m.left() == 7);
    CHECK(m.send(100) == 7);
    CHECK(m.wait() == 23h);
}

TEST_CASE("day: in a zone a day has 23, 24 or 25 hours")
{
    machine m(10, day_of_the_zone);
    for (duration begin : {24h, 47h, 71h, 96h})
    {
        CAPTURE(begin.count());
        m.to(begin + 1min - 1us);
        CHECK(m.wait(10) == (m.left() == 10 ? 0us : 1us));
        m.to(begin + 1min);
        CHECK(m.left() == 10);
        CHECK(m.send(100) == 10);
    }
    CHECK(m.wait() == 24h);
    CHECK(m.book->until_next_day(m.now()) == 24h);
}

TEST_CASE("day: in a zone a wall clock that is set turns no day early")
{
    machine m(10, day_of_the_zone);
    m.to(12h);
    CHECK(m.send(100) == 10);
    SUBCASE("forward, over midnight")
    {
        m.step(13h);
    }
    SUBCASE("forward by days")
    {
        m.step(72h);
    }
    SUBCASE("back")
    {
        m.step(-13h);
    }
    SUBCASE("forward, and back again")
    {
        m.step(13h);
        m.step(-13h);
    }
    SUBCASE("forward, and a restart")
    {
        m.step(13h);
        m.stop();
        m.reboot();
    }
    SUBCASE("forward, while the process is not running")
    {
        m.stop();
        m.wrong = 13h;
        m.start();
    }
    SUBCASE("back, while the machine is off")
    {
        m.stop();
        m.wrong = -13h;
        m.reboot();
    }
    CHECK(m.left() == 0);
    CHECK(m.send() == false);
    CHECK(m.wait() <= 25h + 2min);
    CHECK(m.book->until_next_day(m.now()) == 25h + 1min);
    m.pass(24h);
    CHECK(m.left() == 0);
    m.pass(1h + 2min);
    CHECK(m.left() == 10);
}

TEST_CASE("day: in a zone a clock that is steered is not one that was set")
{
    machine m(10, day_of_the_zone);
    m.to(12h);
    m.send(10);
    m.step(59s);
    m.to(24h + 1min);
    CHECK(m.left() == 10);

    machine slow(10, day_of_the_zone);
    for (int hour = 0; hour < 200; ++hour)  // two seconds an hour, for a week
    {
        slow.pass(1h);
        slow.step(2s);
        slow.send(10);
    }
    CHECK(slow.left() == 0);
    CHECK(slow.wait() == slow.book->until_next_day(slow.now()));
    CHECK(slow.wait() < 25h);
}

TEST_CASE("day: without a zone the wall clock may be set to anything while it runs")
{
    for (duration by : {duration(25h), duration(-25h), duration(365 * 24h), duration(-365 * 24h)})
    {
        CAPTURE(by.count());
        machine m(10);
        m.to(1h);
        m.send(100);
        m.step(by);
        CHECK(m.left() == 0);
        CHECK(m.wait() == 24h + 2min);
        m.stop();
        m.start();  // in the same run of the machine
        CHECK(m.wait() == 24h + 2min);
        m.pass(10h);
        m.stop();
        m.reboot();
        CHECK(m.left() == 0);
        m.pass(14h + 2min);
        CHECK(m.left() == 10);
    }
}

TEST_CASE("day: a machine whose clock went back while it was off counts on from where the ledger was")
{
    machine m(10);
    m.to(1h);
    m.send(100);
    m.stop();
    m.wrong = -48h;
    m.reboot();
    CHECK(m.left() == 0);
    CHECK(m.wait() == 24h + 2min);
    m.pass(24h + 2min);
    CHECK(m.left() == 10);
}

TEST_CASE("day: time goes on while the process is not running, and while the machine is off")
{
    for (bool other_boot : {false, true})
    {
        machine m(10);
        m.send(100);
        m.passed += 24h + 2min - 1us;
        m.boots += other_boot;
        m.start();
        CHECK(m.left() == 0);
        m.pass(1us);
        CHECK(m.left() == 10);
    }
}

TEST_CASE("day: wait tells the truth, without a zone")
{
    for (unsigned seed = 1; seed <= 12; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        machine m(1 + random() % 30);
        for (int i = 0; i < 60; ++i)
        {
            m.pass(std::chrono::seconds(random() % 9000));
            m.send(int(random() % (m.daily + 1)));
            std::uint64_t n = 1 + random() % m.daily;
            REQUIRE(m.wait(n) == played_out(*m.book, m.now(), n));
        }
    }
}

TEST_CASE("day: wait tells the truth, in a zone, with a clock that is set")
{
    for (unsigned seed = 1; seed <= 12; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        machine m(1 + random() % 30, day_of_the_zone);
        for (int i = 0; i < 60; ++i)
        {
            m.pass(std::chrono::minutes(random() % 150));
            if (random() % 20 == 0) m.step(std::chrono::minutes(int(random() % 1000) - 500));
            // What is sent around midnight counts twice, which the forecast does not know.
            wall_time midnight = day_of_the_zone(m.now().wall + 5min).begin;
            if (midnight > m.now().wall - 5min) continue;
            m.send(int(random() % (m.daily + 1)));
            std::uint64_t n = 1 + random() % m.daily;
            REQUIRE(m.wait(n) == played_out(*m.book, m.now(), n));
        }
    }
}

TEST_CASE("day: whatever happens, no 24 hours see more than the day allows")
{
    std::size_t days_of_requests = 0;
    for (unsigned seed = 1; seed <= 400; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        machine m(1 + random() % 40);
        for (int i = 0; i < 300; ++i)
        {
            m.pass(std::chrono::microseconds(random() % (i % 7 == 0 ? 20'000'000'000 : 90'000'000)));
            m.send(int(random() % 4 == 0 ? 50 : random() % 4));
            switch (random() % 12)
            {
            case 0: m.step_and_write(std::chrono::minutes(int(random() % 6000) - 3000)); break;
            case 1: m.start(); break;  // killed
            case 2:
                m.stop();
                m.start();
                break;
            case 3:
                m.stop();
                m.passed += std::chrono::minutes(random() % 300);
                m.reboot();
                break;
            default: break;
            }
        }
        days_of_requests += m.sent.size() / m.daily;
        REQUIRE(most_in_24_hours(m.sent, random) <= m.daily);
    }
    CHECK(days_of_requests > 400);
}

TEST_CASE("day: whatever happens, no day of the zone sees more than the day allows, if the clock was right at first")
{
    std::size_t days_of_requests = 0;
    for (unsigned seed = 1; seed <= 400; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        machine m(1 + random() % 40, day_of_the_zone);
        duration set_at{};
        for (int i = 0; i < 300; ++i)
        {
            m.pass(std::chrono::microseconds(random() % (i % 7 == 0 ? 20'000'000'000 : 90'000'000)));
            // A clock that was set wrong is set right within the day.
            if (m.wrong != duration(0) && m.passed - set_at > 20h)
            {
                m.passed = set_at + 20h + (m.passed - set_at) % 1h;
                m.step_and_write(-m.wrong);
            }
            m.send(int(random() % 4 == 0 ? 50 : random() % 4));
            switch (random() % 12)
            {
            case 0:
                if (m.wrong != duration(0)) break;
                m.step_and_write(std::chrono::minutes(int(random() % 6000) - 3000));
                set_at = m.passed;
                break;
            case 1: m.start(); break;
            case 2:
                m.stop();
                m.start();
                break;
            case 3:
                m.stop();
                m.reboot();
                break;
            default: break;
            }
        }
        days_of_requests += m.sent.size() / m.daily;
        REQUIRE(most_in_a_day_of_the_zone(m.sent, random) <= m.daily);
    }
    CHECK(days_of_requests > 400);
}

TEST_CASE("forecast: it ends when what is left is spent at the pace of the last hour")
{
    machine m(600);
    for (int minute = 0; minute < 60; ++minute)
    {
        m.to(minute * 1min + 30s);
        m.send();
    }
    CHECK(m.left() == 540);
    CHECK(m.book->forecast(m.now()) == duration(540min));
    m.pass(1us);
    m.to(2h + 1min);
    CHECK_FALSE(m.book->forecast(m.now()));  // nobody asked for an hour
    m.send(600);
    CHECK(m.book->forecast(m.now()) == duration(0));
}

TEST_CASE("forecast: a pace that the day can bear never ends it")
{
    machine m(300);
    for (int i = 0; i < 400; ++i)  // ten an hour, for 40 hours
    {
        m.to(i * 6min);
        REQUIRE(m.send());
        if (i > 60) REQUIRE_FALSE(m.book->forecast(m.now()));
    }
    CHECK(m.left() >= 58);
}

TEST_CASE("forecast: in a zone it does not look beyond the turn of the day")
{
    machine m(600, day_of_the_zone);
    m.to(22h + 30min);
    m.send(60);
    CHECK_FALSE(m.book->forecast(m.now()));  // midnight comes first
    m.send(480);
    CHECK(m.left() == 60);
    REQUIRE(m.book->forecast(m.now()));
    CHECK(*m.book->forecast(m.now()) <= 7min);
    m.to(24h + 1min);
    CHECK_FALSE(m.book->forecast(m.now()));
}
