// The two clocks, by name only: below the composition root time is an argument, and nothing here reads a clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace callcache
{

using duration = std::chrono::microseconds;
using wall_time = std::chrono::sys_time<duration>;          // may step; what is written to disk and told to tools
using steady_time = std::chrono::steady_clock::time_point;  // never steps, goes on while the machine is suspended

// One look at both clocks.
struct moment
{
    wall_time wall;
    steady_time steady;
};

// What was written down for a time this far in the future was written while the clock was wrong.
inline constexpr duration clock_error_min = std::chrono::minutes(10);

// Microseconds since 1970, the form in which the store writes a wall_time.
inline std::int64_t to_micros(wall_time t)
{
    return t.time_since_epoch().count();
}
inline wall_time from_micros(std::int64_t us)
{
    return wall_time{duration{us}};
}

// Whole seconds, rounded down: what HTTP's Age and ttl are told in.
inline std::int64_t whole_seconds(duration d)
{
    return std::chrono::floor<std::chrono::seconds>(d).count();
}

// Whole seconds, rounded up and at least one: what Retry-After is told in.
template<class Rep, class Period>
std::int64_t seconds_up(std::chrono::duration<Rep, Period> d)
{
    auto whole = std::chrono::duration_cast<std::chrono::seconds>(d);
    return std::max<std::int64_t>(1, whole.count() + (d > whole ? 1 : 0));
}

}  // namespace callcache
