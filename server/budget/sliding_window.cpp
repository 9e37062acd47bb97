// The proof of arrival.
//
// The vendor counts a request when it comes. What we know is when it was sent, and later that its answer came: the
// first byte of the answer proves that the request had arrived. It had arrived even earlier, as the answer took its
// time to be made and to come back; and the next one that uses the same token needs its time to get there. Together
// these two are at least the least time that an answer of this kind takes: so much earlier the token may be used.
//
// That least time is taken from the last answers. If the next one took still less, the token would have been used too
// early by the difference. So the least is lowered by twice its distance to the tenth of them: where times vary that is
// much, and where they do not it is nothing. Where half of them take more than twice as long it says nothing at all.
// Until it is known, TCP's least round trip stands for it.
//
// An acknowledgement by TCP proves nothing by itself: a proxy, a balancer or a tunnel on the way acknowledges what the
// vendor has not seen yet. Trusting it brought 429s. But four seconds later the request counts as arrived, so that one
// which takes a minute holds its token for some seconds.

#include "server/budget/sliding_window.hpp"

#include <algorithm>
#include <cassert>

namespace callcache
{
namespace
{

using namespace std::chrono_literals;

constexpr std::size_t answers_kept = 300;
constexpr std::size_t answers_min = 30;   // before that nothing is concluded from them
constexpr std::size_t tail = 10;          // the least is judged by the distance to this one
constexpr auto acknowledged_within = 1s;  // TCP is asked once a second
constexpr auto held_back_max = 4s;        // by what has acknowledged it

steady_time::duration least_of(const std::deque<steady_time::duration>& answers)
{
    if (answers.size() < answers_min) return {};
    std::vector<steady_time::duration> quickest(answers.size() / 2 + 1);
    std::partial_sort_copy(answers.begin(), answers.end(), quickest.begin(), quickest.end());
    const auto least = quickest.front();
    if (quickest.back() > 2 * least) return {};
    return std::max<steady_time::duration>(3 * least - 2 * quickest[tail - 1], 0s);
}

}  // namespace

steady_time::duration sliding_window::length(const budget_settings& s)
{
    std::chrono::duration<double> window(double(s.burst) / s.rate);
    return std::chrono::ceil<steady_time::duration>(window) + s.margin;
}

sliding_window::sliding_window(const budget_settings& s, steady_time not_before) :
    burst_(s.burst),
    window_(length(s)),
    not_before_(not_before)
{}

// Tokens that are out come back a new window after their request's arrival. Of those that have come back, and of what a
// process before this one sent, nothing is known but that it had arrived an old window before now, or `not_before_`. So
// nothing is sent until the difference has passed.
void sliding_window::reconfigure(const budget_settings& s, steady_time now)
{
    steady_time::duration longer = length(s) - window_;
    for (returning& r : returning_) r.at += longer;
    for (auto& [number, f] : flying_)
        if (f.returns) *f.returns += longer;
    not_before_ = std::max(not_before_, now) + longer;
    burst_ = s.burst;
    window_ = length(s);
}

steady_time sliding_window::free_at(const returning& r, request_kind next) const
{
    return r.at - std::max(r.round_trip, std::min(r.least, times_of(next).least));
}

steady_time sliding_window::next(steady_time now, std::size_t others, request_kind kind) const
{
    if (returning_.size() + flying_.size() + others < burst_) return std::max(now, not_before_);
    return look(now, kind, false)(others);
}

sliding_window::turns sliding_window::soonest(steady_time now) const
{
    return look(now, request_kind::lookup, true);
}

// An answer that is not there yet is expected in the usual time, or now.
sliding_window::turns sliding_window::look(steady_time now, request_kind kind, bool answered_now) const
{
    const steady_time start = std::max(now, not_before_);
    turns found;
    found.burst_ = burst_;
    found.window_ = window_;
    std::vector<steady_time>& back = found.back_;
    back.reserve(burst_ + 1);
    for (const returning& r : returning_)
        if (steady_time t = free_at(r, kind); t > start) back.push_back(t);
    for (const auto& [number, f] : flying_)
    {
        if (f.is_back(start)) continue;
        const answer_times& times = times_of(f.kind);
        steady_time answer = start;
        if (!answered_now)
        {
            // One that is late is expected when it is twice as late: at a time that stands still, so that nobody looks
            // again and again. Until it is there it proves nothing, also where answers take longer than a window.
            auto usual = times.lately.empty() ? steady_time::duration() : times.lately.back();
            answer = f.sent + std::max<steady_time::duration>(usual, 20ms);
            while (answer <= start) answer += answer - f.sent;
        }
        steady_time t = std::max(answer, free_at({answer + window_, {}, times.least}, kind));
        steady_time believed = f.returns.value_or(f.sent + acknowledged_within + held_back_max + window_);
        if (believed > start) t = std::min(t, believed);
        if (t > start) back.push_back(t);
    }
    back.resize(std::max(back.size(), burst_), start);
    std::sort(back.begin(), back.end());
    return found;
}

std::size_t sliding_window::forwarded_out(steady_time now) const
{
    auto holds = [&](const auto& each) {
        const flying& f = each.second;
        return f.kind == request_kind::forwarded && !f.is_back(now);
    };
    return std::size_t(std::count_if(flying_.begin(), flying_.end(), holds));
}

sliding_window::token sliding_window::take(steady_time now, request_kind kind)
{
    assert(next(now, 0, kind) == now);
    std::erase_if(returning_, [&](const returning& r) { return r.at - r.round_trip <= now; });
    std::erase_if(flying_, [&](const auto& each) { return each.second.is_over && each.second.is_back(now); });
    auto is_out = [&](const auto& each) { return !each.second.is_back(now); };
    std::size_t out = std::size_t(std::count_if(flying_.begin(), flying_.end(), is_out));
    // The token of an earlier one that is free for this kind alone is the one that is used.
    while (!returning_.empty() && returning_.size() + out >= burst_)
        returning_.erase(std::min_element(returning_.begin(), returning_.end(), [&](const auto& a, const auto& b) {
            return free_at(a, kind) < free_at(b, kind);
        }));
    flying_[++last_] = {kind, now};
    return last_;
}

void sliding_window::sent(token t, steady_time now, request_kind kind)
{
    flying_[t] = {kind, now};
}

bool sliding_window::sends_more(token t, steady_time now)
{
    auto f = flying_.find(t);
    if (f == flying_.end() || f->second.is_back(now)) return false;
    f->second = {f->second.kind, now};
    return true;
}

// What has come back already is not held a second time.
void sliding_window::arrived(token t, steady_time now, returning r)
{
    auto f = flying_.find(t);
    if (!f->second.is_back(now)) returning_.push_back(r);
    flying_.erase(f);
}

void sliding_window::answered(token t, steady_time now, steady_time::duration round_trip)
{
    auto f = flying_.find(t);
    if (f == flying_.end()) return;
    const steady_time::duration took = now - f->second.sent;
    answer_times& times = times_[std::size_t(f->second.kind)];
    times.lately.push_back(took);
    if (times.lately.size() > answers_kept) times.lately.pop_front();
    times.least = least_of(times.lately);
    arrived(t, now, {now + window_, std::min(round_trip, took), std::min(times.least, took)});
}

void sliding_window::acknowledged(token t, steady_time now)
{
    auto f = flying_.find(t);
    if (f != flying_.end() && !f->second.returns) f->second.returns = now + held_back_max + window_;
}

void sliding_window::lost(token t, steady_time now)
{
    if (flying_.contains(t)) arrived(t, now, {now + window_});
}

void sliding_window::broken_off(token t, steady_time now)
{
    acknowledged(t, now);
    auto f = flying_.find(t);
    if (f != flying_.end()) f->second.is_over = true;
}

void sliding_window::give_back(token t)
{
    flying_.erase(t);
}

}  // namespace callcache
