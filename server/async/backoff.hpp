// How long to wait after failures: twice as long each time, up to a bound. What failed together counts once.
#pragma once

#include "cache/time.hpp"

#include <algorithm>

namespace callcache
{

// The wait after `failures` in a row; after the first one it is `first`.
template<class Duration>
constexpr Duration wait_after(unsigned failures, Duration first, Duration longest)
{
    for (unsigned n = 1; n < failures && first < longest; ++n) first *= 2;
    return std::min(first, longest);
}

// Pure; one thread.
class backoff
{
public:
    constexpr backoff(std::chrono::seconds first, std::chrono::seconds longest) : first_(first), longest_(longest) {}

    // Something that began at `began` has failed. True if that begins a wait. False if it began before the end of the
    // last one: it was on its way when that wait began, and failed together with what the wait is for.
    bool failed(steady_time began, steady_time now)
    {
        if (failures_ > 0 && began < until_) return false;
        until_ = now + wait_after(++failures_, first_, longest_);
        return true;
    }
    void reset() { failures_ = 0; }

    // When the last wait ends. REQUIRES: something has failed since the last reset().
    steady_time until() const { return until_; }

private:
    std::chrono::seconds first_, longest_;
    unsigned failures_ = 0;  // in a row
    steady_time until_{};
};

}  // namespace callcache
