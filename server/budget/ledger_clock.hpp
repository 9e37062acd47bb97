// The ledger's own clock: what was spent when, in a way that no step of the wall clock can make look older than it is.
//
// It runs with the steady clock, which goes on while the machine is suspended. Over a restart of the process in the
// same run of the machine it still does; over a restart of the machine the wall clock is all there is: the ledger's
// time goes on by as much as the wall clock did since the last page, not beyond the wall clock, and never back.
#pragma once

#include "cache/ledger_page.hpp"

#include <algorithm>

namespace callcache
{

// Pure; one thread.
class ledger_clock
{
public:
    // `boot` names the run of the machine in which steady times can be compared.
    ledger_clock(const ledger_page& last, const std::string& boot, moment now) : steady_(now.steady)
    {
        if (!last.boot.empty() && last.boot == boot && now.steady >= last.steady)
            time_ = last.time + std::chrono::floor<duration>(now.steady - last.steady);
        else
            time_ = std::max(last.time, std::min(now.wall, last.time + (now.wall - last.wall)));
    }

    wall_time at(moment now) const { return time_ + std::chrono::floor<duration>(now.steady - steady_); }

private:
    const steady_time steady_;
    wall_time time_;
};

}  // namespace callcache
