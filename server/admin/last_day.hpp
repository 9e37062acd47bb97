// How many requests were answered in the last day, by the minute.
#pragma once

#include "cache/time.hpp"
#include "server/telemetry/request_counts.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace callcache
{

using outcome_counts = std::map<outcome, std::uint64_t>;

// Of all routes and tools.
outcome_counts by_outcome(const request_totals&);

// Pure; one thread. A minute in which nothing was asked takes no memory.
class last_day
{
public:
    // The totals as they are at `now`; what came since the last call counts for this minute.
    void note(const outcome_counts& total, wall_time now);

    struct minute
    {
        wall_time began;
        outcome_counts count;
    };
    std::vector<minute> minutes(std::int64_t count, wall_time now) const;  // the last ones, the current one included
    outcome_counts sum(std::int64_t minutes, wall_time now) const;

private:
    struct row
    {
        std::int64_t minute = 0;  // since 1970
        std::array<std::uint32_t, outcome_count> count{};
    };
    outcome_counts before_;
    std::deque<row> rows_;
};

}  // namespace callcache
