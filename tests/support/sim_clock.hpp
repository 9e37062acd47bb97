// A clock that moves when a test says so.
#pragma once

#include "server/clock.hpp"

#include <atomic>

namespace callcache::test
{

// Any thread, as the store's threads ask for the time too.
class sim_clock final : public clock_source
{
public:
    wall_time wall() const override { return wall_time(duration(wall_.load())); }
    steady_time steady() const override { return steady_time(std::chrono::nanoseconds(steady_.load())); }

    const std::string& boot() const override { return boot_; }

    // What waits for the clock looks again every millisecond.
    std::chrono::nanoseconds until(steady_time t) const override
    {
        return t <= steady() ? std::chrono::nanoseconds(0) : std::chrono::milliseconds(1);
    }

    void advance(std::chrono::nanoseconds by)
    {
        steady_ += by.count();
        wall_ += std::chrono::duration_cast<duration>(by).count();
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
};

}  // namespace callcache::test
