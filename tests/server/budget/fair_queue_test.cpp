#include "server/budget/fair_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace callcache;

namespace
{

using items = std::vector<fair_queue::item>;
constexpr urgency now = urgency::interactive, later = urgency::background;

std::optional<fair_queue::item> taken(fair_queue& q)
{
    urgency how = q.size(now) > 0 ? now : later;
    auto next = q.next(how);
    if (!next) return std::nullopt;
    q.take(*next);
    return next->what;
}

// Everything, in the order of the turns.
items drained(fair_queue& q)
{
    items order;
    while (auto i = taken(q)) order.push_back(*i);
    return order;
}

items sorted(items i)
{
    std::sort(i.begin(), i.end());
    return i;
}

}  // namespace

TEST_CASE("queue: one tool's requests go in their order")
{
    fair_queue q;
    for (int i = 1; i <= 5; ++i) q.add(i, {"a", now});
    CHECK(q.size() == 5);
    CHECK(q.waiting("a") == 5);
    CHECK(q.waiting("b") == 0);
    CHECK(drained(q) == items{1, 2, 3, 4, 5});
    CHECK(q.size() == 0);
}

TEST_CASE("queue: tools take turns, however many requests each has")
{
    fair_queue q;
    for (int i = 1; i <= 1000; ++i) q.add(i, {"greedy", now});
    q.add(2001, {"small", now});
    q.add(3001, {"other", now});
    q.add(3002, {"other", now});
    items order = drained(q);
    order.resize(7);
    CHECK(order == items{1, 2001, 3001, 2, 3002, 3, 4});
}

TEST_CASE("queue: strangers of any number and name have the turns of one tool")
{
    fair_queue q;
    auto stranger = [](const std::string& name) { return asking{.tool = name, .is_stranger = true}; };
    for (int i = 1; i <= 100; ++i) q.add(i, stranger("made-up-" + std::to_string(i)));
    for (int i = 201; i <= 203; ++i) q.add(i, {"a", now});
    CHECK(q.waiting("made-up-1") == 0);
    CHECK(q.ahead("a", now) == 7);
    SUBCASE("one that leaves leaves the others where they are")
    {
        CHECK(q.remove(1, stranger("made-up-1")) == true);
        items order = drained(q);
        order.resize(6);
        CHECK(order == items{2, 201, 3, 202, 4, 203});
    }
    SUBCASE("a tool and a stranger that ask for the same stand in two flows")
    {
        q.add(202, stranger("made-up-0"));
        CHECK(q.remove(202, {"a", now}) == false);
        CHECK(q.waiting("a") == 2);
        CHECK(q.waiting(other_tools) == 101);
    }
}

TEST_CASE("queue: whoever had a turn and comes back stands behind those who wait")
{
    fair_queue q;
    q.add(1, {"a", now});
    q.add(2, {"b", now});
    q.add(3, {"c", now});
    CHECK(taken(q) == 1);
    q.add(4, {"a", now});
    CHECK(drained(q) == items{2, 3, 4});
}

TEST_CASE("queue: what has to wait in the background goes when nothing else is left")
{
    fair_queue q;
    q.add(1, {"a", later});
    q.add(2, {"b", later});
    q.add(3, {"a", now});
    CHECK(q.size(now) == 1);
    CHECK(q.size(later) == 2);
    CHECK(q.waiting("a") == 2);
    CHECK(q.ahead("c", later) == 3);
    CHECK(q.ahead("c", now) == 1);
    CHECK(drained(q) == items{3, 1, 2});
}

TEST_CASE("queue: what came back stands before what was asked for later, and its flow before those that did not")
{
    fair_queue q;
    q.add(1, {"a", now});
    q.add(2, {"a", now});
    q.add(10, {"b", now});
    q.add(4, {"c", now}, true);
    SUBCASE("a new flow")
    {
        CHECK(drained(q) == items{4, 1, 10, 2});
    }
    SUBCASE("a flow that waits, behind the one that came back before it")
    {
        q.add(5, {"b", now}, true);
        CHECK(drained(q) == items{4, 5, 1, 10, 2});
    }
    SUBCASE("nothing happens if it is there already")
    {
        q.add(5, {"b", now}, true);
        q.add(5, {"b", now}, true);
        q.add(1, {"a", now}, true);
        q.add(10, {"b", now});
        CHECK(q.size() == 5);
        CHECK(q.size(now) == 5);
        CHECK(drained(q) == items{4, 5, 1, 10, 2});
    }
    SUBCASE("several of one flow, in whichever order they come back")
    {
        for (fair_queue::item i : {8, 6, 7}) q.add(i, {"b", now}, true);
        CHECK(drained(q) == items{4, 6, 1, 7, 2, 8, 10});
    }
    SUBCASE("once: after its turn its flow is one like the others")
    {
        CHECK(taken(q) == 4);
        q.add(11, {"c", now});
        q.add(9, {"b", now}, true);
        CHECK(drained(q) == items{9, 1, 11, 10, 2});
    }
}

TEST_CASE("queue: several who ask for one item share its place, and the last one takes it along")
{
    const steady_time t(1000s);
    fair_queue q;
    q.add(1, {"a", now, 0, false, t + 5s, 11});
    q.add(1, {"a", now, 0, false, t + 3s, 12});
    q.add(1, {"b", now, 0, false, t + 9s, 13});
    q.add(1, {"a", now, 0, false, t + 3s, 12});  // the same once more
    q.add(2, {"a", now});
    CHECK(q.size(now) == 3);  // places in flows
    CHECK(q.first_deadline() == t + 3s);
    CHECK_FALSE(q.overdue(t + 3s - 1ms));
    auto late = q.overdue(t + 3s);
    REQUIRE(late);
    CHECK(late->what == 1);
    CHECK(late->who.asker == 12);
    CHECK(q.remove(1, late->who) == false);
    CHECK(q.remove(1, late->who) == std::nullopt);
    CHECK(q.first_deadline() == t + 5s);
    CHECK(q.remove(1, {"a", now, 0, false, t + 5s, 11}) == false);
    CHECK(q.waiting("a") == 1);
    CHECK(q.remove(1, {"b", now, 0, false, t + 9s, 13}) == true);
    CHECK_FALSE(q.contains(1));
    CHECK_FALSE(q.first_deadline());
    CHECK(drained(q) == items{2});
}

TEST_CASE("queue: what has its turn, or is removed, has no deadline any more")
{
    const steady_time t(1000s);
    fair_queue q;
    for (fair_queue::item i : {1, 2, 3}) q.add(i, {"a", now, 0, false, t + i * 1s, i});
    CHECK(taken(q) == 1);
    CHECK(q.first_deadline() == t + 2s);
    q.remove(2);
    CHECK(q.first_deadline() == t + 3s);
}

TEST_CASE("queue: without the forwarded ones the next lookup goes, also of a tool that has forwarded ones before it")
{
    fair_queue q;
    q.add(1, {"a", now, 0, true});
    q.add(2, {"b", now, 0, true});
    q.add(3, {"b", now});
    q.add(4, {"a", now});
    CHECK(q.next(now)->what == 1);
    auto none = [](std::string_view) { return false; };
    auto next = q.next(now, none);
    REQUIRE(next);
    CHECK(next->what == 4);
    q.take(*next);
    CHECK(q.next(now, [](std::string_view flow) { return flow == "b"; })->what == 2);
    CHECK(q.next(now, none)->what == 3);  // b's turn
    q.take(*q.next(now, none));
    CHECK_FALSE(q.next(now, none));
    CHECK(drained(q) == items{1, 2});
}

TEST_CASE("queue: those of a batch key that ends go alone")
{
    fair_queue q(10);
    for (fair_queue::item i = 1; i <= 20; ++i) q.add(i, {"a", now, 7});
    q.add(30, {"a", now, 8});
    REQUIRE(q.ahead("a", now) == 3);
    q.stop_batching(7);
    q.stop_batching(9);
    CHECK(q.ahead("a", now) == 21);
    CHECK(q.size_of(7) == 0);
    CHECK(q.next_of(7, 100).empty());
    CHECK(q.next(now)->who.batch_key == 0);
    CHECK(q.next_of(8, 100) == items{30});
}

TEST_CASE("queue: what several tools ask for has one turn, the first that comes")
{
    fair_queue q;
    q.add(1, {"a", now});
    q.add(2, {"a", now});
    q.add(3, {"b", now});
    q.add(2, {"c", now});
    q.add(2, {"b", later});
    CHECK(q.size() == 3);
    CHECK(taken(q) == 1);
    CHECK(taken(q) == 3);
    CHECK(taken(q) == 2);
    CHECK_FALSE(q.contains(2));
    CHECK(q.size() == 0);
    CHECK(q.size(now) == 0);
    CHECK(q.size(later) == 0);
    CHECK(q.waiting("b") == 0);
}

TEST_CASE("queue: one that is removed is gone from every flow, and an empty flow has no turn")
{
    fair_queue q;
    q.add(1, {"a", now});
    q.add(1, {"b", later});
    q.add(2, {"c", now});
    q.remove(1);
    CHECK_FALSE(q.contains(1));
    CHECK(q.waiting("a") == 0);
    CHECK(q.waiting("b") == 0);
    CHECK_FALSE(q.next(later));
    q.remove(1);
    q.remove(77);
    CHECK(drained(q) == items{2});
}

TEST_CASE("queue: removed from one flow, it stays in the others; the last one takes it along")
{
    fair_queue q;
    q.add(1, {"a", now});
    q.add(1, {"b", now});
    q.add(1, {"a", later});
    CHECK(q.remove(1, {"a", now}) == false);
    CHECK(q.waiting("a") == 1);
    CHECK(q.remove(1, {"a", now}) == std::nullopt);
    CHECK(q.remove(1, {"b", now}) == false);
    CHECK(q.size(now) == 0);
    CHECK(q.remove(1, {"a", later}) == true);
    CHECK_FALSE(q.contains(1));
    CHECK(q.remove(1, {"a", later}) == std::nullopt);
    CHECK(q.remove(2, {"a", now}) == std::nullopt);
}

TEST_CASE("queue: nothing waits, nothing is next")
{
    fair_queue q;
    CHECK_FALSE(q.next(now));
    CHECK_FALSE(q.next(later));
    CHECK_FALSE(q.newest_of_longest());
    CHECK(q.ahead("a", now) == 0);
    CHECK(q.ahead("a", later) == 0);
    CHECK(q.items().empty());
}

TEST_CASE("queue: when there are too many, the newest of the longest flow goes, background first")
{
    fair_queue q;
    for (int i = 1; i <= 5; ++i) q.add(i, {"greedy", now});
    q.add(11, {"small", now});
    auto last = q.newest_of_longest();
    REQUIRE(last);
    CHECK(last->what == 5);
    CHECK(last->who.tool == "greedy");
    q.add(21, {"etl", later});
    q.add(22, {"etl", later});
    last = q.newest_of_longest();
    CHECK(last->what == 22);
    CHECK(last->who.how == later);
    CHECK(q.contains(22));  // who asks removes it
}

TEST_CASE("queue: who rides along has no turn, and goes with another's; once that one has left, it has its own again")
{
    fair_queue q;
    q.add(1, {"a", now, 0, false, steady_time::max(), 11});
    CHECK_FALSE(q.ride_along(*q.next(now)));  // nobody else asks for it
    q.add(1, {"b", now, 0, false, steady_time::max(), 12});
    q.add(2, {"b", now});
    REQUIRE(q.next(now)->who.tool == "a");
    CHECK(q.ride_along(*q.next(now)));
    CHECK(q.waiting("a") == 0);
    CHECK(q.size() == 2);
    CHECK(q.next(now)->what == 1);
    CHECK(q.next(now)->who.tool == "b");
    SUBCASE("it goes with it")
    {
        q.take(*q.next(now));
        CHECK_FALSE(q.contains(1));
        CHECK(q.next(now)->what == 2);
    }
    SUBCASE("the other leaves")
    {
        CHECK(q.remove(1, {"b", now, 0, false, steady_time::max(), 12}) == false);
        CHECK(q.waiting("a") == 1);
        CHECK(q.waiting("b") == 1);
        CHECK(q.remove(1, {"a", now, 0, false, steady_time::max(), 11}) == true);
        CHECK(q.size() == 1);
    }
    SUBCASE("it leaves")
    {
        CHECK(q.remove(1, {"a", now, 0, false, steady_time::max(), 11}) == false);
        CHECK(q.next(now)->who.asker == 12);
    }
    SUBCASE("another of the first tool asks")
    {
        q.add(1, {"a", now, 0, false, steady_time::max(), 13});
        CHECK(q.waiting("a") == 1);
        CHECK(q.remove(1, {"b", now, 0, false, steady_time::max(), 12}) == false);
        CHECK(q.waiting("a") == 1);
        CHECK(q.remove(1, {"a", now, 0, false, steady_time::max(), 11}) == false);
        CHECK(q.remove(1, {"a", now, 0, false, steady_time::max(), 13}) == true);
    }
}

namespace
{

// What was done to a queue, so that it can be done to another one.
struct script
{
    struct step
    {
        enum kind
        {
            add,
            add_first,
            remove,
            turn,
        };
        kind what;
        fair_queue::item i = 0;
        std::string tool = {};
        urgency how = now;
    };
    std::vector<step> steps;

    void play(fair_queue& q) const
    {
        for (const step& s : steps) switch (s.what)
            {
            case step::add: q.add(s.i, {s.tool, s.how}); break;
            case step::add_first: q.add(s.i, {s.tool, s.how}, true); break;
            case step::remove: q.remove(s.i); break;
            case step::turn: taken(q); break;
            }
    }
    // How many turns come before it.
    std::size_t turn_of(fair_queue::item i) const
    {
        fair_queue q;
        play(q);
        items order = drained(q);
        return std::size_t(std::find(order.begin(), order.end(), i) - order.begin());
    }
    std::size_t size() const
    {
        fair_queue q;
        play(q);
        return q.size();
    }
};

}  // namespace

TEST_CASE("queue: ahead counts the turns that come before, as playing it out shows")
{
    for (unsigned seed = 1; seed <= 100; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        script s;
        auto any_tool = [&] { return "tool " + std::to_string(random() % 6); };
        auto any_urgency = [&] { return random() % 3 == 0 ? later : now; };
        for (fair_queue::item i = 1; i <= 60; ++i)
        {
            script::step add{script::step::add, i, any_tool(), any_urgency()};
            fair_queue q;
            s.play(q);
            std::size_t ahead = q.ahead(add.tool, add.how);
            s.steps.push_back(add);
            REQUIRE(s.turn_of(i) == ahead);
            REQUIRE(ahead < s.size());
            if (random() % 6 == 0) s.steps.push_back({script::step::add_first, i + 1000, any_tool(), any_urgency()});
            if (random() % 3 == 0) s.steps.push_back({script::step::remove, 1 + random() % i});
            if (random() % 3 == 0) s.steps.push_back({script::step::turn});
        }
    }
}

TEST_CASE("queue: with requests that several tools share, ahead is never too little, and everybody has one turn")
{
    for (unsigned seed = 1; seed <= 100; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        script s;
        for (int n = 0; n < 80; ++n)
            s.steps.push_back({random() % 8 == 0 ? script::step::add_first : script::step::add, random() % 30,
                               "tool " + std::to_string(random() % 5), random() % 3 == 0 ? later : now});
        fair_queue q;
        s.play(q);
        items waiting = q.items();
        std::size_t ahead = q.ahead("tool 0", now);
        s.steps.push_back({script::step::add, 1000, "tool 0", now});
        REQUIRE(s.turn_of(1000) <= ahead);
        REQUIRE(sorted(drained(q)) == sorted(waiting));
        REQUIRE(q.size(now) + q.size(later) == 0);
    }
}

TEST_CASE("queue: no tool has two turns while another one waits")
{
    for (unsigned seed = 1; seed <= 100; ++seed)
    {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        fair_queue q;
        std::size_t tools = 2 + random() % 8;
        for (int i = 0; i < 100; ++i) q.add(i, {"tool " + std::to_string(random() % tools), now});
        std::map<std::string, int> turns;
        while (auto next = q.next(now))
        {
            int mine = ++turns[next->who.tool];
            for (std::size_t t = 0; t < tools; ++t)
                if (std::string other = "tool " + std::to_string(t); q.waiting(other) > 0)
                    REQUIRE(mine <= turns[other] + 1);
            q.take(*next);
        }
    }
}

TEST_CASE(
    "queue: those of one batch key share requests, in what is ahead and in the order in which they are taken along")
{
    fair_queue q(10);
    for (fair_queue::item i = 1; i <= 25; ++i) q.add(i, {"a", urgency::interactive, 7}, false);
    CHECK(q.ahead("a", urgency::interactive) == 3);
    CHECK(q.size_of(7) == 25);
    q.add(30, {"a", urgency::interactive});
    CHECK(q.ahead("a", urgency::interactive) == 4);
    q.add(40, {"b", urgency::interactive, 7}, false);
    q.add(41, {"b", urgency::background, 7}, false);
    q.add(50, {"b", urgency::interactive, 8}, false);
    CHECK(q.next_of(7, 4) == std::vector<fair_queue::item>{1, 40, 2, 3});
    CHECK(q.next_of(8, 100) == std::vector<fair_queue::item>{50});
    CHECK(q.next_of(7, 100).size() == 27);
    CHECK(q.next_of(7, 100).back() == 41);
    q.add(1, {"b", urgency::interactive, 7}, false);  // for another tool too
    CHECK(q.next_of(7, 100).size() == 27);
    for (fair_queue::item i = 1; i <= 25; ++i) q.remove(i);
    CHECK(q.size_of(7) == 2);
    q.remove(40);
    q.remove(41, {"b", urgency::background});
    CHECK(q.size_of(7) == 0);
    CHECK(q.next_of(7, 100).empty());
}

namespace
{

// One call of a read of several.
asking part(const std::string& tool, std::uint64_t batch_key, urgency how = now)
{
    asking a{tool, how, batch_key};
    a.is_part = true;
    return a;
}

}  // namespace

TEST_CASE("queue: a forwarded request needs a place, also behind a part that goes along with another one")
{
    fair_queue q;
    q.add(1, part("a", 7));
    q.add(2, {"a", now, 0, true});
    q.add(3, {"a", now});
    auto none = [](std::string_view) { return false; };
    auto all = [](std::string_view) { return true; };
    auto is_led = [](std::uint64_t key) { return key == 7; };
    CHECK(q.next(now, none, is_led)->what == 3);
    CHECK(q.next(now, all, is_led)->what == 2);
    CHECK(q.next(now, none)->what == 1);
    q.stop_batching(7);
    CHECK(q.next(now, none, is_led)->what == 1);
}

TEST_CASE("queue: a hundred parts weigh as one request where the longest flow is looked for")
{
    fair_queue q;
    for (fair_queue::item i = 1; i <= 150; ++i) q.add(i, part("reader", 7));
    for (fair_queue::item i = 201; i <= 203; ++i) q.add(i, {"script", now});
    CHECK(q.load() == 5);
    CHECK(q.newest_of_longest()->what == 203);
    q.remove(203);
    q.remove(202);
    CHECK(q.newest_of_longest()->what == 150);
}

TEST_CASE("queue: the newest part goes from the flow that has most parts, background first")
{
    fair_queue q;
    CHECK_FALSE(q.newest_part());
    q.add(1, {"script", now});
    CHECK_FALSE(q.newest_part());
    for (fair_queue::item i = 2; i <= 4; ++i) q.add(i, part("reader", 7));
    q.add(5, {"reader", now});
    for (fair_queue::item i = 11; i <= 12; ++i) q.add(i, part("other", 8));
    CHECK(q.parts() == 5);
    CHECK(q.newest_part()->what == 4);
    q.add(21, part("etl", 9, later));
    CHECK(q.newest_part()->what == 21);
    q.remove(21);
    q.remove(4, part("reader", 7));
    q.remove(3);
    CHECK(q.newest_part()->what == 12);
}
