// Letters to a coroutine: from any thread, read in order on one loop.
#pragma once

#include "server/net.hpp"

#include <deque>
#include <functional>
#include <utility>

namespace callcache
{

template<class T>
class mailbox
{
public:
    explicit mailbox(executor loop) : state_(std::make_shared<state>(state{loop, {}, nullptr, false})) {}

    // Any thread.
    void send(T letter) const
    {
        if (state_->abandoned) return;
        asio::post(state_->loop, [s = state_, letter = std::move(letter)]() mutable {
            if (auto reader = std::exchange(s->reader, nullptr))
                reader(std::move(letter));
            else
                s->letters.push_back(std::move(letter));
        });
    }

    // The next letter. On the loop; one reader at a time.
    task<T> next()
    {
        if (!state_->letters.empty())
        {
            T letter = std::move(state_->letters.front());
            state_->letters.pop_front();
            co_return letter;
        }
        auto wait = [s = state_](auto done) { s->reader = std::move(done); };
        T letter = co_await call_back<T>(std::move(wait));
        co_return letter;
    }

    // The loops have stopped: a coroutine that waits here, and may hold this, is destroyed.
    // Nothing is sent any more, as the loop may be gone.
    void abandon()
    {
        state_->abandoned = true;
        std::exchange(state_->reader, nullptr);
    }

private:
    struct state
    {
        executor loop;
        std::deque<T> letters;
        std::function<void(T)> reader;
        bool abandoned = false;
    };
    std::shared_ptr<state> state_;
};

}  // namespace callcache
