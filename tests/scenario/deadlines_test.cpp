// What a tool was promised when it began to wait: it is kept, or the tool is told as soon as it cannot be. The order of
// asking, and tools that hang up.

#include "server/fetch/fetcher.hpp"
#include "tests/support/budget_harness.hpp"

#include <algorithm>

using namespace callcache;
using namespace callcache::test;

namespace
{

using tool_list = std::vector<std::unique_ptr<tool>>;
const std::string bulk_path = "/v2/calls/extensive";

struct deadline_harness : three_a_second
{
    // A credential that bulk reads are made for.
    void start_with_bulk()
    {
        config.bulk.mode = bulk_mode::automatic;
        start();
        get(path(900'000));
        clock.advance(3s);
    }
    void refuse_bulk()
    {
        vendor->script(bulk_path, sim::scripted{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"});
    }
    tool_list ask_for(std::uint64_t first, std::uint64_t count)
    {
        tool_list all;
        for (std::uint64_t n = first; n < first + count; ++n)
        {
            all.push_back(asks(path(n)));
            int rounds = 0;
            run_until([&] { return ++rounds > 20; });  // they come in this order
        }
        settle();
        return all;
    }
    // The ids of the vendor's single lookups, in the order in which they came.
    std::vector<std::string> looked_up() const
    {
        std::vector<std::string> ids;
        for (const std::string& head : vendor->heads())
            if (head.starts_with("GET /v2/calls/")) ids.push_back(head.substr(14, head.find(' ', 14) - 14));
        return ids;
    }
    void run_for(duration time)
    {
        for (const steady_time end = clock.steady() + time; clock.steady() < end; settle()) clock.advance(100ms);
    }
};

}  // namespace

TEST_SUITE_BEGIN("scenario: deadlines");

TEST_CASE("deadlines: Prefer: wait is kept although Gong is slow")
{
    deadline_harness w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.start();
    w.vendor->hold(w.id(1));
    auto slow = w.asks(w.path(1));
    w.run_until([&] { return w.vendor->requests() == 1; });
    tool_list asked;
    asked.push_back(w.asks(w.path(2), {{"Prefer", "wait=3"}}));
    w.settle();
    REQUIRE_FALSE(asked[0]->has_answer());
    auto took = w.answered(asked);
    // From two seconds on its turn cannot come in time, as a token comes back a window after its answer.
    CHECK(took >= 1900ms);
    CHECK(took <= 3050ms);
    answer told = asked[0]->read();
    CAPTURE(told.body);
    CHECK(told.status == 429);
    CHECK(contains(told.body, "its turn cannot come within 3 s (Prefer: wait): about "));
    CHECK(std::stoi(told.header("retry-after")) > 0);
    CHECK(w.vendor->requests() == 1);
}

TEST_CASE(
    "deadlines: once bulk reads are refused, who cannot have a turn in time any more is told, and nobody before them")
{
    deadline_harness w;
    w.start_with_bulk();
    w.refuse_bulk();
    tool_list tools = w.ask_for(10, 200);
    for (const auto& t : tools) REQUIRE_FALSE((t->has_answer() && t->read().status == 429));
    w.run_for(2s);
    std::size_t told = 0, told_first = tools.size();
    for (std::size_t i = 0; i < tools.size(); ++i)
        if (tools[i]->has_answer())
        {
            answer a = tools[i]->read();
            if (a.status == 200) continue;
            CHECK(a.status == 429);
            CHECK(contains(a.body, "its turn cannot come within 28 s (server.answer_max)"));
            ++told;
            told_first = std::min(told_first, i);
        }
    // Three a second for 28 s are some 84; nobody before them is told, and everybody behind them.
    CHECK(told >= 105);
    CHECK(told <= 125);
    CHECK(told_first >= 75);
    CHECK(told + 3 >= tools.size() - told_first);  // those that have just been sent are not told
}

TEST_CASE("order: after a refused bulk read its calls are fetched one by one in the order in which they were asked for")
{
    deadline_harness w;
    w.config.budget.burst = 1;
    w.start_with_bulk();
    w.refuse_bulk();
    tool_list tools = w.ask_for(10, 30);
    w.answered(tools);
    for (const auto& t : tools) CHECK(t->read().status == 200);
    std::vector<std::string> ids = w.looked_up(), wanted{w.id(900'000)};
    for (std::uint64_t n = 10; n < 40; ++n) wanted.push_back(w.id(n));
    CHECK(ids == wanted);
}

TEST_CASE("order: after a 429 what was sent, and what stood ready, goes first and in its order")
{
    deadline_harness w;
    w.config.budget.burst = 1;
    w.start();
    w.vendor->script("", sim::scripted{limited("2")});
    tool_list tools = w.ask_for(10, 9);
    w.vendor->script("", std::nullopt);
    w.answered(tools);
    std::vector<std::string> ids = w.looked_up();
    REQUIRE(ids.size() >= 9);
    std::vector<std::string> last(ids.end() - 9, ids.end()), wanted;
    for (std::uint64_t n = 10; n < 19; ++n) wanted.push_back(w.id(n));
    CHECK(last == wanted);
}

TEST_CASE("deadlines: a tool that cannot wait out a pause is told at once, and the others wait for its end")
{
    deadline_harness w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.start();
    w.vendor->script(w.id(1), sim::scripted{limited("10")});
    auto first = w.asks(w.path(1), {{"Prefer", "wait=5"}});
    tool_list patient = w.queue_up(2);
    auto impatient = w.asks(w.path(50), {{"Prefer", "wait=8"}});
    w.run_until([&] { return w.vendor->requests() >= 1; });
    w.settle();
    CHECK(contains(first->read().body, "Gong asked everyone to wait"));
    CHECK(contains(impatient->read().body, "Gong asked everyone to wait"));
    w.vendor->script(w.id(1), std::nullopt);
    CHECK(w.answered(patient) >= 9s);
    for (const auto& t : patient) CHECK(t->read().status == 200);
}

TEST_CASE("hang-ups: a forwarded request leaves the queue with its tool, and is not sent")
{
    deadline_harness w;
    w.config.budget.rate = w.config.budget.burst = 1;
    w.start();
    w.get(w.path(1));
    for (const char* method : {"GET", "PUT"})
    {
        tool gone(w);
        gone.send(std::string(method) + " /v2/calls/1/media HTTP/1.1\r\nHost: x\r\nAuthorization: " + authorization +
                  "\r\nContent-Length: 0\r\n\r\n");
        w.run_until([&] { return w.cache->misses().report().flights == 1; });
        gone.hang_up();
        w.run_until([&] { return w.cache->misses().report().flights == 0; });
    }
    w.run_for(5s);
    CHECK(w.vendor->requests() == 1);
    CHECK(w.cache->misses().report().spending.spent == 1);
}

TEST_CASE(
    "hang-ups: the connection to Gong ends with a tool that leaves a slow answer; one that closed its side still reads")
{
    deadline_harness w;
    w.start();
    w.vendor->hold("/v2/users");
    const std::string get_users = w.request("GET", "/v2/users", {}, authorization);
    tool gone(w), half(w);
    gone.send(get_users);
    w.run_until([&] { return w.vendor->requests() == 1; });
    CHECK(w.cache->misses().report().connections == 1);
    gone.hang_up();
    w.run_until([&] { return w.cache->misses().report().connections == 0; });
    CHECK(w.cache->misses().report().is_up);
    half.send(get_users);
    half.finish_sending();
    w.run_until([&] { return w.vendor->requests() == 2; });
    w.run_for(1s);
    w.vendor->release("/v2/users");
    CHECK(half.read().status == 200);
}

TEST_CASE("hang-ups: the connection to Gong ends with a tool that leaves in the middle of an answer, also a write's")
{
    deadline_harness w;
    w.start();
    const std::string begun = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\nbegun";
    w.vendor->script("/v2/users", sim::scripted{begun, sim::then::hang});
    for (const char* method : {"GET", "POST"})
    {
        tool gone(w);
        gone.send(std::string(method) + " /v2/users HTTP/1.1\r\nHost: x\r\nAuthorization: " + authorization +
                  "\r\nContent-Length: 0\r\n\r\n");
        w.run_until([&] { return gone.received() > 200; });
        CHECK(w.cache->misses().report().connections == 1);
        gone.hang_up();
        w.run_until([&] { return w.cache->misses().report().connections == 0; });
        CHECK(w.cache->misses().report().is_up);
    }
    CHECK(w.get(w.path(1)).status == 200);
}

TEST_CASE("hang-ups: what was sent for tools that left may yet be counted, and so nothing more goes for some seconds")
{
    deadline_harness w;
    w.config.budget.burst = 1;
    w.config.budget.rate = 1;
    w.start();
    w.vendor->hold("/v2/users");
    tool gone(w);
    gone.send(w.request("GET", "/v2/users", {}, authorization));
    w.run_until([&] { return w.vendor->requests() == 1; });
    gone.hang_up();
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    tool_list next;
    next.push_back(w.asks(w.path(1)));
    auto took = w.answered(next);
    CHECK(took >= 4900ms);
    CHECK(took <= 6500ms);
}

TEST_CASE("hang-ups: a probe whose tool leaves keeps nobody out for longer than the next one's pause")
{
    deadline_harness w;
    w.start();
    w.vendor->go_down();
    for (std::uint64_t n = 0; n < 5; ++n) w.get(w.path(n));
    REQUIRE_FALSE(w.cache->misses().report().is_up);
    w.vendor->come_up();
    w.clock.advance(61s);
    w.settle();
    w.vendor->hold("/v2/users");
    tool probe(w);
    probe.send(w.request("GET", "/v2/users", {}, authorization));
    w.run_until([&] { return w.vendor->requests() == 1; });
    probe.hang_up();
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    CHECK_FALSE(w.cache->misses().report().is_up);
    w.run_for(6s);
    CHECK(w.get(w.path(10)).status == 200);
}

TEST_CASE("forwarded requests: they wait for a connection in the queue, and one tool leaves one to the others")
{
    deadline_harness w;
    w.config.budget.rate = w.config.budget.burst = 100;
    w.config.upstream.connections_max = 5;
    w.start();
    CHECK(w.get(w.path(1)).status == 200);  // all that Gong has never accepted are one tool
    for (int i = 0; i < 10; ++i) w.vendor->hold("/v2/slow/" + std::to_string(i));
    tool_list slow, other;
    for (int i = 0; i < 10; ++i) slow.push_back(w.asks("/@one/v2/slow/" + std::to_string(i)));
    w.run_until([&] { return w.vendor->requests() == 3; });
    w.settle();
    CHECK(w.vendor->requests() == 3);
    CHECK(w.cache->misses().report().spending.interactive == 8);
    for (int i = 0; i < 3; ++i) other.push_back(w.asks("/@two/v2/users"));
    CHECK(w.answered(other) <= 1s);
    for (auto& t : other) CHECK(t->read().status == 200);
    for (int i = 0; i < 10; ++i) w.vendor->release("/v2/slow/" + std::to_string(i));
    w.answered(slow);
    for (auto& t : slow) CHECK(t->read().status == 200);
}

TEST_CASE("hang-ups: a write goes on without its tool, as its outcome is worth knowing")
{
    deadline_harness w;
    w.start();
    w.vendor->hold("/v2/calls/1/media");
    tool gone(w);
    gone.send("PUT /v2/calls/1/media HTTP/1.1\r\nHost: x\r\nAuthorization: " + authorization +
              "\r\nContent-Length: 2\r\n\r\nhi");
    w.run_until([&] { return w.vendor->requests() == 1; });
    gone.hang_up();
    w.run_for(1s);
    CHECK(w.cache->misses().report().connections == 1);
    w.vendor->release("/v2/calls/1/media");
    w.run_until([&] { return w.cache->misses().report().flights == 0; });
    CHECK(w.cache->misses().report().totals.by_kind.at(upstream_kind::pass).by_status.count(0) == 0);
}

TEST_SUITE_END();
