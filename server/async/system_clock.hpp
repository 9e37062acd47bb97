// The machine's clocks. Made in the composition root's caller, and nowhere else.
#pragma once

#include "server/async/clock.hpp"

#include <time.h>

#include <fstream>

namespace callcache
{

// The steady clock goes on while the machine is suspended (CLOCK_BOOTTIME): what a laptop spent before it was closed is
// hours old when it is opened again.
class system_clock final : public clock_source
{
public:
    system_clock() { std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot_); }

    wall_time wall() const override { return std::chrono::floor<duration>(std::chrono::system_clock::now()); }
    steady_time steady() const override
    {
        timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        return steady_time(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
    }
    const std::string& boot() const override { return boot_; }
    std::chrono::nanoseconds until(steady_time t) const override { return t - steady(); }

private:
    std::string boot_;
};

}  // namespace callcache
