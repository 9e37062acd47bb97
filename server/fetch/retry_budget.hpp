// Whether a lookup that failed may be tried again: retries must not double an outage.
#pragma once

#include "cache/time.hpp"

#include <algorithm>
#include <deque>

namespace callcache
{

// Retries are at most a tenth of the last minute's requests, or one where that is less. Pure; one thread.
class retry_budget
{
public:
    void sent(steady_time now) { add(sent_, now); }

    // True if one may be tried again now, which then counts.
    bool take(steady_time now)
    {
        while (!retried_.empty() && retried_.front() + window <= now) retried_.pop_front();
        while (!sent_.empty() && sent_.front() + window <= now) sent_.pop_front();
        if (retried_.size() >= std::max<std::size_t>(1, sent_.size() / 10)) return false;
        add(retried_, now);
        return true;
    }

private:
    static constexpr std::chrono::minutes window{1};

    static void add(std::deque<steady_time>& to, steady_time now)
    {
        to.push_back(now);
        while (to.front() + window <= now) to.pop_front();
    }

    std::deque<steady_time> sent_, retried_;
};

}  // namespace callcache
