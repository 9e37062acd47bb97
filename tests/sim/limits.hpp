// The vendor's limits, read as strictly as they can be: a sliding second, a sliding day, and every request counts.
#pragma once

#include "cache/time.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>

namespace sim
{

struct limits
{
    std::uint64_t per_second = 3;    // 0: none
    std::uint64_t per_day = 10'000;  // 0: none
};

class limiter
{
public:
    explicit limiter(limits l) : limits_(l) {}

    // 0 if the request is within the limits; otherwise the seconds of its Retry-After. It counts either way.
    std::int64_t take(callcache::steady_time now)
    {
        auto second = now - std::chrono::seconds(1), day = now - std::chrono::hours(24);
        while (!taken_.empty() && taken_.front() <= day) taken_.pop_front();
        std::uint64_t in_second = 0;
        for (auto t = taken_.rbegin(); t != taken_.rend() && *t > second; ++t) ++in_second;
        most_in_a_second_ = std::max(most_in_a_second_, in_second + 1);
        bool day_spent = limits_.per_day != 0 && taken_.size() >= limits_.per_day;
        bool second_spent = limits_.per_second != 0 && in_second >= limits_.per_second;
        std::int64_t wait = 0;
        if (day_spent)
            wait = std::chrono::ceil<std::chrono::seconds>(taken_.front() - day).count();
        else if (second_spent)
            wait = 1;
        taken_.push_back(now);
        return wait;
    }

    // Of those that counted, refused or not.
    std::uint64_t most_in_a_second() const { return most_in_a_second_; }

private:
    const limits limits_;
    std::uint64_t most_in_a_second_ = 0;
    std::deque<callcache::steady_time> taken_;
};

}  // namespace sim
