// A clock that moves when a test says so.
#pragma once

#include "server/async/clock.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace callcache::test
{

// Any thread, as the store's threads ask for the time too.
class sim_clock final : public clock_source
{
public:
    wall_time wall() const override { return wall_time(duration(wall_.load())); }
    steady_time steady() const override { return steady_time(std::chrono::nanoseconds(steady_.load())); }

    const std::string& boot() const override { return boot_; }

    // What waits for the clock is woken when it is moved, and not by the machine.
    std::chrono::nanoseconds until(steady_time t) const override
    {
        return t <= steady() ? std::chrono::nanoseconds(0) : std::chrono::hours(1);
    }

    void wake(steady_time t, const std::shared_ptr<machine_timer>& timer) const override
    {
        std::lock_guard lock(mutex_);
        waiting_[timer] = t;
    }

    // For the thread that ends the loops.
    void advance(std::chrono::nanoseconds by)
    {
        steady_ += by.count();
        wall_ += std::chrono::duration_cast<duration>(by).count();
        std::lock_guard lock(mutex_);
        std::erase_if(waiting_, [now = steady()](const auto& each) {
            auto timer = each.first.lock();
            if (!timer) return true;
            if (now < each.second) return false;
            asio::post(timer->get_executor(), [weak = each.first] {
                if (auto t = weak.lock()) t->cancel();
            });
            return true;
        });
    }

    // The wall clock alone, as an administrator sets it.
    void step(duration by) { wall_ += by.count(); }

    // The machine starts anew: nobody knows how long it was off but the wall clock.
    void reboot()
    {
        boot_ += "+";
        steady_ = 0;
    }

private:
    std::string boot_ = "simulated";
    // 2026-11-24 08:00:00 UTC
    std::atomic<std::int64_t> wall_{1'795'507'200'000'000};
    std::atomic<std::int64_t> steady_{1'000'000'000'000};
    mutable std::mutex mutex_;
    mutable std::map<std::weak_ptr<machine_timer>, steady_time, std::owner_less<>> waiting_;
};

}  // namespace callcache::test
