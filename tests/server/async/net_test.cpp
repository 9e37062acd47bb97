#include "server/async/net.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

using namespace callcache;

namespace
{

using done = std::function<void(int)>;

// What it was told, or 0.
task<void> ask(int& told, std::function<void(done)> start)
{
    told = co_await call_back_at_once<int>(std::move(start));
}

}  // namespace

TEST_CASE("call back at once: who is answered by the end of the question goes on before anybody else")
{
    asio::io_context loop{1};
    int told = 0, when_others_ran = 0;
    auto both = [&]() -> task<void> {
        asio::post(loop, [&] { when_others_ran = told; });
        co_await ask(told, [](done d) { d(7); });
    };
    asio::co_spawn(loop, both(), asio::detached);
    loop.run();
    CHECK(told == 7);
    CHECK(when_others_ran == 7);
}

TEST_CASE("call back at once: who is answered later waits for that")
{
    asio::io_context loop{1};
    int told = 0;
    done later;
    asio::co_spawn(loop, ask(told, [&](done d) { later = std::move(d); }), asio::detached);
    loop.poll();
    CHECK(told == 0);
    REQUIRE(later);
    std::exchange(later, nullptr)(8);
    loop.restart();
    loop.run();
    CHECK(told == 8);
}

TEST_CASE("call back at once: who is never answered goes with whoever was to answer")
{
    asio::io_context loop{1};
    int told = 0;
    auto held = std::make_shared<int>();
    done never;
    auto asks = [](int& to, std::function<void(done)> start, std::shared_ptr<int>) -> task<void> {
        co_await ask(to, std::move(start));
    };
    asio::co_spawn(loop,
                   asks(
                       told, [&](done d) { never = std::move(d); }, held),
                   asio::detached);
    loop.poll();
    REQUIRE(never);
    CHECK(held.use_count() > 1);
    never = nullptr;
    loop.restart();
    loop.poll();  // where a coroutine is destroyed
    CHECK(held.use_count() == 1);
    CHECK(told == 0);
}
