// Waiting for a disk, but not for ever: one that hangs answers no call, and cannot be told to end it.
#pragma once

#include "server/async/clock.hpp"

#include <boost/asio/this_coro.hpp>

#include <functional>

namespace callcache
{

// What a tool, an operator or a place in the queue waits for a disk, at most.
inline constexpr steady_time::duration disk_patience = std::chrono::seconds(2);

// call_back<T>, but `late` if nothing has called back within disk_patience. What comes after that is dropped. While
// `moves` says that the disk has answered others meanwhile, it is waited for that long again.
template<class T, class Start>
task<T> call_back_in_time(const clock_source& clock, T late, Start start, std::function<bool()> moves = nullptr)
{
    executor ex = co_await asio::this_coro::executor;
    alarm patience(ex, clock);
    std::function<void()> look;
    auto begin = [&](auto done) {
        auto once = std::make_shared<std::optional<decltype(done)>>(std::move(done));
        auto finish = [](auto& one, T value) {
            if (auto resume = std::exchange(*one, std::nullopt)) (*resume)(std::move(value));
        };
        // It does not hold the coroutine, which holds the alarm.
        look = [&, weak = std::weak_ptr(once), finish, late] {
            if (moves && moves()) return patience.set(clock.steady() + disk_patience, [&look] { look(); });
            if (auto one = weak.lock()) finish(one, late);
        };
        patience.set(clock.steady() + disk_patience, [&look] { look(); });
        start([once, finish, ex](T value) mutable {
            asio::post(ex, [one = std::move(once), finish, value = std::move(value)]() mutable {
                finish(one, std::move(value));
            });
        });
    };
    T value = co_await call_back<T>(begin);
    co_return value;
}

}  // namespace callcache
