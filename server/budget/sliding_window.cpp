// The proof of arrival.
//
// The vendor counts a request when it comes. What we know is when it was sent, and later that its answer came: the
// first byte of the answer proves that the request had arrived. The next one that uses the same token needs the
// network's time to get there, and this answer needed it to come back; so the token may be used earlier by one round
// trip.
//
// An acknowledgement by TCP proves less: a proxy, a balancer or a tunnel on the way acknowledges what the vendor has
// not seen yet. With requests that take up to 200 ms longer to be counted than to be acknowledged, trusting it alone
// brought 429s. So it counts only while there is no answer, only when it came within the margin, and with the longest
// of the last answers' times added: a slow answer does not hold its token for ever.

#include "server/budget/sliding_window.hpp"

#include <algorithm>
#include <cassert>

namespace callcache
{
namespace
{

constexpr std::size_t answers_kept = 100;
constexpr std::size_t answers_min = 30;  // before that nothing is concluded from them

}  // namespace

steady_time::duration sliding_window::length(const budget_settings& s)
{
    std::chrono::duration<double> window(double(s.burst) / s.rate);
    return std::chrono::ceil<steady_time::duration>(window) + s.margin;
}

sliding_window::sliding_window(const budget_settings& s, steady_time not_before) :
    burst_(s.burst),
    window_(length(s)),
    margin_(s.margin),
    not_before_(not_before)
{}

// Tokens that are out come back a new window after their request's arrival. Of those that have come back, and of what a
// process before this one sent, nothing is known but that it had arrived an old window before now, or `not_before_`. So
// nothing is sent until the difference has passed.
void sliding_window::reconfigure(const budget_settings& s, steady_time now)
{
    steady_time::duration longer = length(s) - window_;
    for (steady_time& t : returning_) t += longer;
    for (auto& [number, f] : flying_)
        if (f.returns) *f.returns += longer;
    not_before_ = std::max(not_before_, now) + longer;
    burst_ = s.burst;
    window_ = length(s);
    margin_ = s.margin;
}

steady_time sliding_window::next(steady_time now, std::size_t others) const
{
    steady_time start = std::max(now, not_before_);
    if (returning_.size() + flying_.size() + others < burst_) return start;
    // An answer that is not there yet is expected in the usual time.
    steady_time::duration usual = lately_.empty() ? steady_time::duration() : lately_.back();
    std::vector<steady_time> back;  // when the tokens that are out come back
    back.reserve(burst_ + 1);
    for (steady_time t : returning_)
        if (t > start) back.push_back(t);
    for (const auto& [number, f] : flying_)
    {
        steady_time t = f.returns.value_or(std::max(start, f.sent + usual) + window_);
        if (t > start) back.push_back(t);
    }
    if (back.size() + others < burst_) return start;
    // The others go as early as they can, `burst` of them in a round.
    back.resize(std::max(back.size(), burst_), start);
    std::sort(back.begin(), back.end());
    return back[back.size() - burst_ + others % burst_] + long(others / burst_) * window_;
}

sliding_window::token sliding_window::take(steady_time now)
{
    assert(next(now) == now);
    std::erase_if(returning_, [&](steady_time t) { return t <= now; });
    flying_[++last_] = {now, std::nullopt};
    return last_;
}

void sliding_window::sent(token t, steady_time now)
{
    flying_[t].sent = now;
}

bool sliding_window::sends_more(token t, steady_time now)
{
    auto f = flying_.find(t);
    if (f == flying_.end() || (f->second.returns && *f->second.returns <= now)) return false;
    f->second = {now, std::nullopt};
    return true;
}

void sliding_window::arrived(token t, steady_time at_the_latest)
{
    flying_.erase(t);
    returning_.push_back(at_the_latest + window_);
}

void sliding_window::answered(token t, steady_time now, steady_time::duration round_trip)
{
    auto f = flying_.find(t);
    if (f == flying_.end()) return;
    steady_time sent = f->second.sent;
    lately_.push_back(now - sent);
    if (lately_.size() > answers_kept) lately_.pop_front();
    arrived(t, std::max(sent, now - round_trip));
}

void sliding_window::acknowledged(token t, steady_time now)
{
    auto f = flying_.find(t);
    if (f == flying_.end() || lately_.size() < answers_min) return;
    if (now - f->second.sent > 2 * margin_) return;  // it may have come long after the sending
    f->second.returns = now + *std::max_element(lately_.begin(), lately_.end()) + window_;
}

void sliding_window::lost(token t, steady_time now)
{
    if (flying_.contains(t)) arrived(t, now);
}

void sliding_window::give_back(token t)
{
    flying_.erase(t);
}

}  // namespace callcache
