// The machine's clocks. Made in the composition root's caller, and nowhere else.
#pragma once

#include "server/clock.hpp"

namespace callcache
{

class system_clock final : public clock_source
{
public:
    wall_time wall() const override { return std::chrono::floor<duration>(std::chrono::system_clock::now()); }
    steady_time steady() const override { return std::chrono::steady_clock::now(); }
    std::chrono::nanoseconds until(steady_time t) const override { return t - steady(); }
};

}  // namespace callcache
