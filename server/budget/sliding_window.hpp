// When the next request may be sent, so that the vendor never sees more than `burst` in any `burst`/`rate` seconds.
#pragma once

#include "cache/time.hpp"
#include "config/settings.hpp"

#include <deque>

namespace callcache
{

// The strictest reading of the vendor's limit: a sliding window in which every request counts. It is at the same time a
// token bucket of `burst` tokens that refills at `rate`: whoever keeps to the window never finds that bucket empty
// (in any time T the window lets at most burst·⌈T/W⌉ ≤ burst + rate·T requests pass, where W = burst/rate).
//
// Pure; one thread.
class sliding_window
{
public:
    // `started_at`: nothing is sent for one window after it, as a process that was killed may have sent right before.
    sliding_window(const budget_settings&, steady_time started_at, bool may_follow_another);

    // When the request may be sent that has `others` before it, if nobody else arrives. Never before `now`.
    steady_time next(steady_time now, std::size_t others = 0) const;

    // A request was handed to the kernel at `now`. REQUIRES: next(now) == now.
    void sent(steady_time now);

private:
    const std::size_t burst_;
    const steady_time::duration window_;  // with the margin for the jitter of the way
    std::deque<steady_time> last_;        // the last `burst` sendings, oldest first
    steady_time not_before_;
};

}  // namespace callcache
