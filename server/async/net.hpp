// The words that everything which talks is written in: one executor, one stream socket, one completion token.
//
// Executors are concrete (io_context::executor_type), as the type-erased one costs an allocation and two indirect calls
// for each step. Coroutines own what they use: values and shared_ptr at spawn, references only down the await chain.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace callcache
{

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;

template<class T>
using task = asio::awaitable<T, executor>;

inline constexpr asio::use_awaitable_t<executor> use_task{};
inline constexpr auto as_result = asio::as_tuple(use_task);

// Turns an operation that calls back on any thread into one that can be awaited: `start(done)` begins it, and
// `done(value)`, called once, resumes the awaiting coroutine on its own executor.
template<class T, class Start>
task<T> call_back(Start start)
{
    auto initiate = [](auto handler, Start begin) {
        auto ex = asio::get_associated_executor(handler);
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        begin([resume, work = asio::make_work_guard(ex), ex](T value) mutable {
            asio::post(
                ex, [resume = std::move(resume), value = std::move(value)]() mutable { (*resume)(std::move(value)); });
        });
    };
    return asio::async_initiate<const asio::use_awaitable_t<executor>, void(T)>(initiate, use_task, std::move(start));
}

// The same, but if `start` has called it by its end, without letting anybody else run first.
template<class T, class Start>
task<T> call_back_at_once(Start start)
{
    struct call
    {
        std::optional<T> value = {};
        std::function<void(T)> resume = {};
    };
    auto made = std::make_shared<call>();
    start([made](T value) {
        if (made->resume)
            made->resume(std::move(value));
        else
            made->value = std::move(value);
    });
    if (made->value) co_return std::move(*made->value);
    // From now on whoever is to call holds it alone, as it holds this coroutine.
    auto wait = [made = std::weak_ptr(std::exchange(made, nullptr))](auto done) {
        if (auto c = made.lock()) c->resume = std::move(done);
    };
    T value = co_await call_back<T>(std::move(wait));
    co_return value;
}

}  // namespace callcache
