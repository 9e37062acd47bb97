#include "server/budget/budget.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace callcache;
using reason = refusal::reason;

namespace
{

constexpr moment start{wall_time(std::chrono::seconds(1'795'507'200)), steady_time(1000s)};

ledger_page clean()
{
    ledger_page p;
    p.clean = true;
    return p;
}

void pass(moment& now, std::chrono::seconds time)
{
    now.wall += time;
    now.steady += time;
}

// The next one is sent and answered at once, on a lease that is durable at once on `disk`; or nobody has a turn.
std::optional<budget::item> send_next(budget& b, moment now, ledger_page& disk)
{
    while (b.expel(now))
    {}
    auto i = b.admit(now);
    if (!i) return std::nullopt;
    if (auto page = b.to_write(now))
    {
        merge(disk, *page);
        b.written(ledger_state::durable, now);
    }
    REQUIRE(b.may_send(*i, now));
    auto g = b.send(*i, now);
    b.window().sent(g.token, now.steady);
    b.window().answered(g.token, now.steady);
    return i;
}

}  // namespace

TEST_CASE("tools: a tool with a cap of its own has it, however many other tools there are")
{
    budget_settings s;
    s.tools["etl"].daily = 2;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    for (int n = 0; n < 66; ++n)
    {
        b.add(1, {"browser" + std::to_string(n), urgency::interactive}, now);
        REQUIRE(send_next(b, now, disk));
        pass(now, 2s);
    }
    auto no = b.refuses({"etl", urgency::interactive}, 20s, now);
    CHECK_FALSE(no);
}

TEST_CASE("tools: lookups that will share a request count as one towards a tool's cap, and others each")
{
    budget_settings s;
    s.tools["etl"].daily = 2;
    for (std::uint64_t batch_key : {7, 0})
    {
        CAPTURE(batch_key);
        budget b(s, {}, clean(), "boot", start, 100);
        const asking etl{"etl", urgency::interactive, batch_key};
        for (budget::item i = 1; i <= 2; ++i) b.add(i, etl, start);
        CHECK(b.refuses(etl, 1h, start).has_value() == (batch_key == 0));
    }
}

TEST_CASE("restart: after a clean stop and a reboot nothing is sent before the window has passed")
{
    budget_settings s;
    s.rate = 0.01;  // one in 100 s
    s.burst = 1;
    ledger_page kept;
    moment now = start;
    {
        budget b(s, {}, clean(), "boot 1", now);
        b.add(1, {"t", urgency::interactive}, now);
        REQUIRE(send_next(b, now, kept));
        merge(kept, b.close(now));
    }
    moment later{now.wall + 20s, steady_time(10s)};  // the machine was started again
    budget b(s, {}, kept, "boot 2", later);
    CHECK(b.until_turn(0, later) >= 79s);
}

TEST_CASE("pause: one whose write failed is written again")
{
    budget_settings s;
    moment now = start;
    budget b(s, {}, clean(), "boot", now);
    std::string hour("3600");
    b.refused(&hour, now);
    REQUIRE(b.to_write(now));
    b.written(ledger_state::in_memory, now);
    bool again = false;
    for (int i = 0; i < 600 && !again; ++i)
    {
        pass(now, 1s);
        again = b.to_write(now).has_value();
    }
    CHECK(again);
}

TEST_CASE("ledger: once it is not ours nothing is sent, whoever waits is expelled, and nothing is written any more")
{
    budget_settings s;
    moment now = start;
    budget b(s, {}, clean(), "boot", now);
    const asking one{"t", urgency::interactive}, other{"u", urgency::background};
    b.add(1, one, now);
    b.add(2, one, now);
    b.add(3, other, now);
    REQUIRE(b.admit(now) == 1);
    REQUIRE(b.to_write(now));
    b.written(ledger_state::durable, now);
    REQUIRE(b.may_send(1, now));
    b.refused(nullptr, now);  // another page is to be written
    pass(now, 2s);
    REQUIRE(b.to_write(now));
    b.written(ledger_state::not_ours, now);

    CHECK_FALSE(b.may_send(1, now));  // though there is a lease
    CHECK(b.is_held(now));
    CHECK(b.report(now).ledger == ledger_state::not_ours);
    for (duration allowed : {duration(0s), duration(1000h)})
    {
        CHECK(b.refuses(one, allowed, now)->why == refusal::reason::not_ours);
        CHECK(b.delays(allowed, now)->why == refusal::reason::not_ours);
        CHECK(b.refuses_to_join(2, other, allowed, now)->why == refusal::reason::not_ours);
    }
    CHECK_FALSE(b.admit(now));
    b.leave(1);
    b.add(1, one, now, true);
    for (int i = 0; i < 3; ++i)
    {
        auto gone = b.expel(now);
        REQUIRE(gone);
        CHECK(gone->why.why == refusal::reason::not_ours);
    }
    CHECK_FALSE(b.expel(now));
    CHECK(b.queue().size() == 0);
    pass(now, 2s);
    b.add(4, one, now);
    CHECK_FALSE(b.admit(now));
    CHECK_FALSE(b.to_write(now));
}

TEST_CASE("flows: a tool's own cap holds behind 256 other tools that wait")
{
    budget_settings s;
    s.tools["etl"].daily = 2;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    budget::item n = 0;
    for (int i = 0; i < 256; ++i)
        for (int k = 0; k < 5; ++k) b.add(++n, {"x" + std::to_string(i), urgency::interactive}, now);
    for (int k = 0; k < 5; ++k) b.add(10'000 + k, {"etl", urgency::interactive}, now);
    int sent = 0;
    for (int step = 0; step < 3000; ++step)
    {
        auto i = send_next(b, now, disk);
        if (i && *i >= 10'000) ++sent;
        pass(now, 1s);
    }
    CHECK(sent == 2);
}

namespace
{

std::string tool(int n)
{
    return "tool " + std::to_string(n);
}

// One request of this tool, all the way.
void spend(budget& b, const std::string& as, moment& now, ledger_page& disk)
{
    pass(now, 2s);
    b.add(1, {as, urgency::interactive}, now);
    REQUIRE(send_next(b, now, disk));
}

std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& spent)
{
    std::uint64_t sum = 0;
    for (const auto& [name, count] : spent) sum += count;
    return sum;
}

}  // namespace

TEST_CASE("places: a newcomer takes the place of the tool that has spent least, which is counted with the others")
{
    budget_settings s;
    s.tools["etl"] = {};
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    for (int round = 0; round < 2; ++round)
        for (int n = 0; n < int(tool_places_max); ++n)
            if (round == 0 || n != 42) spend(b, tool(n), now, disk);
    for (int n = 0; n < 50; ++n) spend(b, "late " + std::to_string(n), now, disk);
    const auto spent = b.report(now).tools;
    CHECK(spent.size() == tool_places_max + 1);
    CHECK(sum_of(spent) == b.report(now).spent);
    CHECK(spent.at("tool 7") == 2);
    CHECK(spent.count("tool 42") == 0);
    CHECK(spent.at("(others)") == 50);  // tool 42 and all late ones but the last
    CHECK(spent.at("late 49") == 1);
    spend(b, "etl", now, disk);  // always has its own
    CHECK(b.report(now).tools.at("late 49") == 1);

    // The same after a restart, and the same again where fewer tools fit.
    REQUIRE(b.to_write(now) == std::nullopt);
    merge(disk, b.close(now));
    budget again(s, {}, disk, "boot", now);
    auto expected = spent;
    expected["etl"] = 1;
    CHECK(again.report(now).tools == expected);
    CHECK(again.tools().has("tool 7"));
    CHECK_FALSE(again.tools().has("tool 42"));
}

TEST_CASE("places: a ledger with more tools than there are places keeps those that spent most, and every sum")
{
    moment now = start;
    ledger_page kept = clean();
    kept.time = kept.wall = now.wall;
    const std::int64_t minute = now.wall.time_since_epoch() / 1min;
    for (int n = 0; n < 150; ++n) kept.shares.push_back({minute / 10, tool(n), n + 1});
    kept.shares.push_back({minute / 10, "(others)", 5});
    kept.spent.push_back({minute, 150 * 151 / 2 + 5});
    std::sort(kept.shares.begin(), kept.shares.end(), [](const auto& a, const auto& c) { return a.tool < c.tool; });
    budget b({}, {}, kept, "boot", now);
    auto spent = b.report(now).tools;
    CHECK(spent.size() == tool_places_max + 1);
    CHECK(spent.at(tool(50)) == 51);
    CHECK(spent.at("(others)") == 50 * 51 / 2 + 5);
    CHECK(sum_of(spent) == b.report(now).spent);
}

TEST_CASE("places: a tool that spent nothing is never told that it has had its share")
{
    budget_settings s;
    s.daily = 1000;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    spend(b, "steady", now, disk);
    for (int n = 0; n < 900; ++n) spend(b, tool(n), now, disk);  // one that calls itself something else each time
    REQUIRE(b.report(now).tools.at("(others)") >= 800);          // more than one tool may have
    for (const char* name : {"steady", "new", "(others)"})
    {
        CAPTURE(name);
        CHECK_FALSE(b.refuses({name, urgency::interactive}, 20s, now));
        spend(b, name, now, disk);
    }
    CHECK(b.report(now).tools.at("new") == 1);
}

TEST_CASE(
    "places: a tool that waits keeps its place; beyond a hundred that wait there is one flow, and none is forgotten")
{
    budget_settings s;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    for (int i = 0; i < 1000; ++i) b.add(budget::item(i + 1), {tool(i), urgency::interactive}, now);
    CHECK(b.queue().waiting(tool(0)) == 1);
    CHECK(b.queue().waiting(tool(99)) == 1);
    CHECK(b.queue().waiting("(others)") == 900);
    CHECK(b.expected({tool(5), urgency::interactive}, now) < b.expected({"late", urgency::interactive}, now));
    std::vector<budget::item> order;
    for (int step = 0; step < 3000 && b.queue().size() > 0; ++step)
    {
        if (auto i = send_next(b, now, disk)) order.push_back(*i);
        pass(now, 1s);
    }
    REQUIRE(order.size() == 1000);
    CHECK(order[100] == 101);  // the first of the others, after one of each
    CHECK(order[101] == 102);
    CHECK(sum_of(b.report(now).tools) == 1000);
}

TEST_CASE("places: what was not sent after all is taken back from the others, once its tool has given way")
{
    moment now = start;
    ledger_page disk;
    budget b({}, {}, clean(), "boot", now);
    for (int n = 1; n < int(tool_places_max); ++n)
        for (int times = 0; times < 2; ++times) spend(b, tool(n), now, disk);
    pass(now, 2s);
    b.add(1, {"unlucky", urgency::interactive}, now);
    REQUIRE(b.admit(now));
    if (auto page = b.to_write(now)) b.written(ledger_state::durable, now);
    auto grant = b.send(1, now);
    b.add(2, {"late", urgency::interactive}, now);
    CHECK(b.report(now).tools.at("(others)") == 1);
    b.not_sent(grant);
    CHECK(b.report(now).tools.count("(others)") == 0);
}

TEST_CASE("tools: one at its cap waits along with another that may spend, and takes no turn of its own")
{
    budget_settings s;
    s.tools["etl"].daily = 1;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    spend(b, "etl", now, disk);
    pass(now, 2s);
    const asking etl{"etl", urgency::interactive, 0, false, now.steady + 20s, 1};
    const asking agent{"agent", urgency::interactive, 0, false, now.steady + 20s, 2};
    SUBCASE("it goes on the other's account")
    {
        b.add(5, etl, now);
        b.add(5, agent, now);
        CHECK_FALSE(b.expel(now));
        REQUIRE(send_next(b, now, disk) == 5);
        CHECK(b.report(now).tools.at("agent") == 1);
        CHECK(b.report(now).tools.at("etl") == 1);
    }
    SUBCASE("once the other has left, it is told why")
    {
        b.add(5, etl, now);
        asking hurried = agent;
        hurried.until = now.steady + 500ms;
        b.add(5, hurried, now);
        std::vector<std::string> told;
        for (int step = 0; step < 10; ++step)
        {
            while (auto gone = b.expel(now)) told.push_back(gone->who.tool + (gone->gone ? ", gone" : ""));
            now.steady += 100ms;
            now.wall += 100ms;
        }
        CHECK(told == std::vector<std::string>{"agent", "etl, gone"});
    }
}

TEST_CASE("reserve: background work counts what is inside, and not yet sent, against what is left")
{
    budget_settings s;
    s.daily = 10;
    s.interactive_reserve_percent = 20;
    moment now = start;
    ledger_page disk;
    budget b(s, {}, clean(), "boot", now);
    const asking job{"job", urgency::background};
    for (budget::item i = 1; i <= 7; ++i)
    {
        b.add(i, {"t", urgency::interactive}, now);
        REQUIRE(send_next(b, now, disk));
        pass(now, 2s);
    }
    // Three are left, two of them for interactive work.
    CHECK_FALSE(b.refuses(job, 20s, now));
    b.add(8, {"t", urgency::interactive}, now);
    REQUIRE(b.admit(now) == 8);
    auto no = b.refuses(job, 20s, now);
    REQUIRE(no);
    CHECK(no->why == reason::reserved);
    CHECK(no->left == 3);
    // The first minute's request is free again before it may be: with it, one is left for the job.
    CHECK(no->wait == b.delays(0s, now).value_or(refusal()).wait + 24h + 2min - 14s);
    b.add(9, job, now);
    auto gone = b.expel(now);
    REQUIRE(gone);
    CHECK(gone->what == 9);
    CHECK(gone->why.why == reason::reserved);
    b.leave(8);
    b.add(9, job, start);
    CHECK_FALSE(b.expel(now));
    CHECK(b.admit(now) == 9);
}

TEST_CASE("tools: what a tool has inside, and not yet sent, counts towards its cap")
{
    budget_settings s;
    s.tools["etl"].daily = 2;
    const asking etl{"etl", urgency::interactive}, other{"other", urgency::interactive};
    budget b(s, {}, clean(), "boot", start);
    b.add(1, etl, start);
    b.add(2, other, start);
    REQUIRE(b.admit(start) == 1);
    REQUIRE(b.admit(start) == 2);
    CHECK_FALSE(b.refuses(etl, 20s, start));
    b.add(3, etl, start);
    CHECK_FALSE(b.expel(start));
    REQUIRE(b.admit(start) == 3);
    auto no = b.refuses(etl, 20s, start);
    REQUIRE(no);
    CHECK(no->why == reason::tool_spent);
    CHECK_FALSE(b.refuses(other, 20s, start));
    b.leave(1);
    b.add(4, etl, start);
    b.add(5, etl, start);
    REQUIRE(b.admit(start) == 4);
    auto gone = b.expel(start);
    REQUIRE(gone);
    CHECK(gone->what == 5);
    CHECK(gone->why.why == reason::tool_spent);
}

TEST_CASE("restart: after a crash nothing is sent for one window and half a second, whatever the clocks say")
{
    budget_settings s;
    for (auto boot : {"", "boot", "another boot"})
        for (std::chrono::seconds ago : {0s, 3600s, -3600s})
        {
            CAPTURE(boot);
            CAPTURE(ago.count());
            ledger_page kept;
            kept.boot = boot;
            kept.steady = start.steady - ago;
            kept.time = kept.wall = start.wall - ago;
            budget b(s, {}, kept, "boot", start);
            CHECK(b.until_turn(0, start) == 1530ms);
        }
}

TEST_CASE("restart: after a clean stop nothing is sent for one window and half a second from the stop on")
{
    budget_settings s;
    ledger_page kept = clean();
    kept.boot = "boot";
    for (auto [ago, wait] :
         {std::pair{0ms, 1530ms}, {1000ms, 530ms}, {1530ms, 0ms}, {3'600'000ms, 0ms}, {-5000ms, 1530ms}})
    {
        CAPTURE(ago.count());
        kept.steady = start.steady - ago;
        kept.time = kept.wall = start.wall - ago;
        CHECK(budget(s, {}, kept, "boot", start).until_turn(0, start) == wait);
        CHECK(budget(s, {}, kept, "another boot", start).until_turn(0, start) == wait);
    }
    CHECK(budget(s, {}, clean(), "boot", start).until_turn(0, start) == 0s);
}

TEST_CASE("queue: parts of reads are bounded, and the tool that has most of them loses its newest")
{
    budget_settings s;
    s.queue_max = 100;
    moment now = start;
    budget b(s, {}, clean(), "boot", now, 100);
    auto part = [](const char* tool, std::uint64_t batch_key) {
        asking a{tool, urgency::interactive, batch_key};
        a.is_part = true;
        return a;
    };
    for (budget::item i = 1; i <= 50; ++i) b.add(i, part("small", 8), now);
    for (budget::item i = 1001; i <= 4000; ++i) b.add(i, part("greedy", 7), now);
    b.add(5000, {"greedy", urgency::interactive}, now);
    std::size_t refused = 0;
    while (auto gone = b.expel(now))
    {
        CHECK(gone->who.tool == "greedy");
        CHECK(gone->why.why == reason::queue_full);
        CHECK(gone->why.parts > 500);
        CHECK(gone->what == 4000 - refused++);
    }
    // Those of the requests that can be sent at once do not wait.
    CHECK(b.queue().parts() == 500 + 100 * s.burst);
    CHECK(b.queue().contains(5000));
}
