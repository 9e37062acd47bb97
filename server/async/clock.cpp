#include "server/async/clock.hpp"

#include <boost/asio/this_coro.hpp>

namespace callcache
{
struct alarm::state
{
    machine_timer timer;
    const clock_source& clock;
    steady_time at{};
    std::function<void()> ring;
    std::uint64_t round = 0;  // what was set in an earlier round does not ring
};

alarm::alarm(executor ex, const clock_source& clock) : state_(new state{machine_timer(ex), clock, {}, {}, 0}) {}

alarm::~alarm()
{
    cancel();
}

void alarm::set(steady_time at, std::function<void()> ring)
{
    state_->at = at;
    state_->ring = std::move(ring);
    wait(state_, ++state_->round);
}

void alarm::cancel()
{
    ++state_->round;
    state_->ring = nullptr;
    state_->timer.cancel();
}

void alarm::wait(const std::shared_ptr<state>& s, std::uint64_t round)
{
    s->clock.wake(s->at, std::shared_ptr<machine_timer>(s, &s->timer));
    s->timer.expires_after(s->clock.until(s->at));
    s->timer.async_wait([s, round](error_code) {
        if (round != s->round) return;
        if (s->clock.steady() < s->at) return wait(s, round);
        auto ring = std::move(s->ring);
        s->ring = nullptr;
        ring();
    });
}

task<void> sleep_until(const clock_source& clock, steady_time t)
{
    auto timer = std::make_shared<machine_timer>(co_await asio::this_coro::executor);
    while (clock.steady() < t)
    {
        clock.wake(t, timer);
        timer->expires_after(clock.until(t));
        co_await timer->async_wait(as_result);
    }
}

}  // namespace callcache
