#include "server/async/patience.hpp"

#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

using done = std::function<void(int)>;

constexpr int late = -1;

// One who asks a disk that answers when the test says so.
struct harness
{
    sim_clock clock;
    asio::io_context loop{1};
    done answer;
    std::vector<int> heard;

    void ask()
    {
        auto question = [](harness& h) -> task<void> {
            auto start = [&h](auto d) { h.answer = std::move(d); };
            int value = co_await call_back_in_time<int>(h.clock, late, start);
            h.heard.push_back(value);
        };
        asio::co_spawn(loop, question(*this), asio::detached);
        settle();
        REQUIRE(answer);
    }
    void settle()
    {
        loop.restart();
        while (loop.poll() > 0) loop.restart();
    }
    void pass(std::chrono::nanoseconds time)
    {
        clock.advance(time);
        settle();
    }
};

}  // namespace

TEST_CASE("patience: a disk that answers in time, on any thread, is heard, and once")
{
    harness h;
    h.ask();
    h.pass(disk_patience - 1ms);
    CHECK(h.heard.empty());
    std::thread([&] { std::exchange(h.answer, nullptr)(7); }).join();
    h.settle();
    CHECK(h.heard == std::vector{7});
    h.pass(1h);
    CHECK(h.heard == std::vector{7});
}

TEST_CASE(
    "patience: for one that does not answer nobody waits longer than for two seconds, and what it says then is lost")
{
    harness h;
    h.ask();
    h.pass(disk_patience);
    CHECK(h.heard == std::vector{late});
    h.answer(7);
    h.settle();
    CHECK(h.heard == std::vector{late});
}

TEST_CASE("patience: who waits when everything ends goes with the one who was to answer")
{
    harness h;
    auto held = std::make_shared<int>();
    auto question = [](harness& to, std::shared_ptr<int>) -> task<void> {
        auto start = [&to](auto d) { to.answer = std::move(d); };
        to.heard.push_back(co_await call_back_in_time<int>(to.clock, late, start));
    };
    asio::co_spawn(h.loop, question(h, held), asio::detached);
    h.settle();
    CHECK(held.use_count() > 1);
    h.answer = nullptr;
    h.settle();
    CHECK(held.use_count() == 1);
    CHECK(h.heard.empty());
}
