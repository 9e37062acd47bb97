// What became of the alerts, for who looks at callcache.
#pragma once

#include <cstdint>

namespace callcache
{

struct alert_counts
{
    std::uint64_t delivered = 0;
    std::uint64_t given_up = 0;         // after the last attempt, or as too many waited
    std::uint64_t failed_attempts = 0;  // also of those that were delivered later
    bool is_failing = false;            // the last attempt has failed
};

}  // namespace callcache
