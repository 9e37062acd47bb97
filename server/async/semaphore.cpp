#include "server/async/semaphore.hpp"

#include <cassert>

namespace callcache
{

semaphore::semaphore(std::size_t count, executor ex, const clock_source& clock) :
    count_(count),
    executor_(ex),
    clock_(clock)
{}

task<bool> semaphore::enter(steady_time deadline)
{
    if (closed_) co_return false;
    if (inside_ < count_ && queue_.empty())
    {
        ++inside_;
        co_return true;
    }
    auto start = [this, deadline](auto done) {
        auto at = queue_.insert(queue_.end(), waiter{std::move(done), std::make_unique<alarm>(executor_, clock_)});
        if (deadline != steady_time::max()) at->late->set(deadline, [this, at] { answer(at, false); });
    };
    bool entered = co_await call_back<bool>(start);
    co_return entered;
}

void semaphore::answer(std::list<waiter>::iterator at, bool entered)
{
    waiter w = std::move(*at);
    queue_.erase(at);
    w.done(entered);
}

void semaphore::leave()
{
    assert(inside_ > 0);
    if (queue_.empty())
        --inside_;
    else
        answer(queue_.begin(), true);  // the place goes to the next before anybody else can come
}

void semaphore::abandon()
{
    closed_ = true;
    std::list<waiter> gone = std::move(queue_);
    queue_.clear();
}

void semaphore::close()
{
    closed_ = true;
    while (!queue_.empty()) answer(queue_.begin(), false);
}

}  // namespace callcache
