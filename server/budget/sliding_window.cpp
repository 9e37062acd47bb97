#include "server/budget/sliding_window.hpp"

#include <algorithm>
#include <cassert>

namespace callcache
{
namespace
{

steady_time::duration window_of(const budget_settings& s)
{
    std::chrono::duration<double> window(double(s.burst) / s.rate);
    return std::chrono::ceil<steady_time::duration>(window) + s.margin;
}

}  // namespace

sliding_window::sliding_window(const budget_settings& s, steady_time started_at, bool may_follow_another) :
    burst_(s.burst),
    window_(window_of(s)),
    not_before_(may_follow_another ? started_at + window_ : started_at)
{}

steady_time sliding_window::next(steady_time now, std::size_t others) const
{
    // A request waits for the one `burst` places before it: one of the last sendings, or one of the others in its turn.
    steady_time start = std::max(now, not_before_);
    std::size_t place = last_.size() + others;
    if (place < burst_) return start;
    std::size_t rounds = (place - burst_) / burst_, first = (place - burst_) % burst_;
    steady_time sent = first < last_.size() ? last_[first] : start;
    return std::max(start, sent + window_) + rounds * window_;
}

void sliding_window::sent(steady_time now)
{
    assert(next(now) == now);
    if (last_.size() == burst_) last_.pop_front();
    last_.push_back(now);
}

}  // namespace callcache
