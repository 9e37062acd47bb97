// The time by which what is old is deleted: it follows the wall clock, at most 144 times as fast as the process runs.
//
// A wall clock may be wrong for a while, at a start above all, and what is deleted does not come back. So a clock that
// leaps 40 days ahead deletes in ten minutes what one day would have; once it is right again, this one goes back as
// fast, and nothing is deleted meanwhile. Where the leap is true, as after a machine was off for 40 days, everything
// that is too old is deleted within seven hours of running, in one run or in several.
#pragma once

#include "cache/time.hpp"

#include <algorithm>
#include <optional>

namespace callcache
{

// One thread.
class deletion_clock
{
public:
    // Goes on from where an earlier run was.
    explicit deletion_clock(wall_time at) : at_(at) {}

    // Never later than the wall clock.
    wall_time follow(moment now)
    {
        const duration ran = seen_at_ ? std::chrono::duration_cast<duration>(now.steady - *seen_at_) : duration();
        seen_at_ = now.steady;
        at_ = std::clamp(now.wall, at_ - ran * speed, at_ + ran * speed);
        return std::min(at_, now.wall);
    }

    // To go on from; it may be later than the wall clock.
    wall_time at() const { return at_; }

private:
    static constexpr int speed = 144;  // a day in ten minutes

    wall_time at_;
    std::optional<steady_time> seen_at_;
};

}  // namespace callcache
