// So many places, first come, first served: a semaphore for coroutines, with deadlines.
#pragma once

#include "server/async/clock.hpp"

#include <list>
#include <utility>

namespace callcache
{

// One loop's thread only.
class semaphore
{
public:
    semaphore(std::size_t count, executor, const clock_source&);

    // Waits for a place, behind those who wait already. False at the deadline, or once it is closed. True: leave()
    // is to be called exactly once.
    task<bool> enter(steady_time deadline);
    void leave();

    std::size_t inside() const { return inside_; }
    std::size_t waiting() const { return queue_.size(); }

    // Everyone who waits, or comes later, is told no.
    void close();

    // The loop has stopped: who waits is destroyed, and never told anything. A coroutine that waits here may hold
    // whoever holds this, and then nothing else ends it.
    void abandon();

private:
    struct waiter
    {
        std::function<void(bool)> done;
        std::unique_ptr<alarm> late;
    };
    void answer(std::list<waiter>::iterator, bool entered);

    const std::size_t count_;
    executor executor_;
    const clock_source& clock_;
    std::list<waiter> queue_;
    std::size_t inside_ = 0;
    bool closed_ = false;
};

// A place that is given back, whatever happens. `taken`: enter() has said true.
template<class Semaphore>
struct place
{
    explicit place(Semaphore& in) : of(in) {}
    ~place() { leave(); }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    void leave()
    {
        if (std::exchange(taken, false)) of.leave();
    }

    Semaphore& of;
    bool taken = false;
};

}  // namespace callcache
