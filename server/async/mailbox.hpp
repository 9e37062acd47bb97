// Letters to a coroutine: from any thread, read in order on one loop.
#pragma once

#include "server/async/clock.hpp"
#include "server/async/net.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <thread>
#include <utility>

namespace callcache
{

template<class T>
class mailbox
{
public:
    explicit mailbox(executor loop) : state_(std::make_shared<state>(loop)) {}

    // Any thread.
    void send(T letter) const
    {
        if (state_->abandoned) return;
        state_->sent.fetch_add(1, std::memory_order_relaxed);
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
            ++state_->read;
            co_return letter;
        }
        auto wait = [s = state_](auto done) { s->reader = std::move(done); };
        T letter = co_await call_back<T>(std::move(wait));
        ++state_->read;
        co_return letter;
    }

    // Lets others run until a letter is on its way, but not for long: a thread that sleeps takes longer to be woken
    // than an answer takes to be written. For a letter that another thread is about to send, and that is the next one.
    void stay_awake(const clock_source& clock) const
    {
        steady_time until = clock.steady() + awake_max;
        for (int look = 0; look < looks_max && !is_one_on_its_way() && clock.steady() < until; ++look)
            std::this_thread::yield();
    }

    // A letter that next() has yet to give. On the loop.
    bool is_one_on_its_way() const { return state_->sent.load(std::memory_order_relaxed) != state_->read; }

    // The loops have stopped: a coroutine that waits here, and may hold this, is destroyed.
    // Nothing is sent any more, as the loop may be gone.
    void abandon()
    {
        state_->abandoned = true;
        std::exchange(state_->reader, nullptr);
    }

private:
    static constexpr std::chrono::microseconds awake_max{60};
    static constexpr int looks_max = 100;  // of a simulated clock

    struct state
    {
        explicit state(executor ex) : loop(ex) {}
        executor loop;
        std::list<T> letters;  // and no deque, which takes memory while it is empty
        std::function<void(T)> reader;
        std::atomic<std::size_t> sent{0};
        std::size_t read = 0;
        bool abandoned = false;
    };
    std::shared_ptr<state> state_;
};

}  // namespace callcache
