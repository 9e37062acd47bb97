// What a day is.
//
// When the vendor's day turns is not known, so by default a day is any 24 hours. Requests are counted by the minute,
// and a minute's are free again 24 hours after the end of the minute that follows it: the one after it is for the way
// to the vendor, which counts a request when it comes and not when it is sent.
//
// With a zone, midnight there turns the day, of 23 or 25 hours twice a year. The minute before midnight counts for both
// days, and the new day begins a minute after it, as the vendor's clock is not ours. A wall clock that is set while we
// run could turn the day too early: then, for 25 hours, the requests of any 25 hours must keep to the limit as well. A
// wall clock that stays wrong for longer than that is believed in the end.

#include "server/budget/daily_quota.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace callcache
{
namespace
{

using namespace std::chrono_literals;

constexpr duration slack = 1min;  // between the vendor's clock and ours, with the way
constexpr duration longest_day = 25h;
constexpr std::int64_t minutes_kept = 26LL * 60;

std::int64_t minute_of(wall_time t)
{
    return std::chrono::floor<std::chrono::minutes>(t).time_since_epoch().count();
}
wall_time end_of(std::int64_t minute)
{
    return wall_time(std::chrono::minutes(minute + 1));
}

}  // namespace

daily_quota::daily_quota(std::uint64_t daily, std::uint64_t lease_max, calendar c, const ledger_page& kept,
                         const std::string& boot, moment now) :
    daily_(daily),
    lease_max_(std::max<std::uint64_t>(1, lease_max)),
    calendar_(std::move(c)),
    boot_(boot),
    clock_(kept, boot, now),
    rows_(kept.spent.begin(), kept.spent.end()),
    offset_(kept.boot.empty() ? now.wall - clock_.at(now) : kept.wall - kept.time),
    offset_at_(clock_.at(now)),
    any_day_until_(kept.any_day_until)
{
    observe(now);
}

void daily_quota::reconfigure(std::uint64_t daily, std::uint64_t lease_max)
{
    daily_ = daily;
    lease_max_ = std::max<std::uint64_t>(1, lease_max);
}

void daily_quota::observe(moment now)
{
    wall_time time = clock_.at(now);
    duration offset = now.wall - time;
    bool stepped = offset - offset_ > slack || offset_ - offset > slack;
    if (stepped) any_day_until_ = time + longest_day;
    // What a clock that is steered gathers in a day is no step.
    if (!stepped && time - offset_at_ < longest_day) return;
    offset_ = offset;
    offset_at_ = time;
}

// Requests of minutes that end after `from`.
std::uint64_t daily_quota::since(wall_time from) const
{
    const std::int64_t first = minute_of(from);
    if (summed_.first_minute == first) return summed_.sum;
    std::int64_t sum = 0;
    for (auto r = rows_.rbegin(); r != rows_.rend() && r->at >= first; ++r) sum += r->count;
    summed_ = {first, std::uint64_t(sum)};
    return summed_.sum;
}

// Of these, what was sent: what is leased and not used lies in the last minutes.
std::uint64_t daily_quota::sent_since(wall_time from) const
{
    std::uint64_t counted = since(from);
    return counted - std::min(counted, leased_ + pending_);
}

// The day of the zone, which begins and ends later than midnight by the slack.
local_day daily_quota::today(moment now) const
{
    return calendar_(now.wall - slack);
}

// From when on the zone's day counts, by the ledger's clock.
wall_time daily_quota::day_began(moment now) const
{
    return clock_.at(now) - (now.wall - today(now).begin) - slack;
}

wall_time daily_quota::counts_from(moment now) const
{
    wall_time time = clock_.at(now);
    if (!calendar_) return time - 24h - slack;
    return is_any_day(now) ? std::min(day_began(now), time - longest_day - slack) : day_began(now);
}

duration daily_quota::until_next_day(moment now) const
{
    if (!calendar_) return 24h + slack;
    duration turn = today(now).end + slack - now.wall;
    return is_any_day(now) ? std::max(turn, longest_day + slack) : turn;
}

std::uint64_t daily_quota::spent(moment now) const
{
    return sent_since(counts_from(now));
}

std::uint64_t daily_quota::left(moment now) const
{
    if (daily_ == 0) return std::numeric_limits<std::uint64_t>::max();
    return daily_ - std::min(daily_, spent(now));
}

daily_quota::waiting_times::freed::freed(const daily_quota& q, moment now, duration day) :
    of_(q),
    time_(q.clock_.at(now)),
    day_(day + slack),
    sum_(q.sent_since(time_ - day_)),
    next_(std::partition_point(q.rows_.begin(), q.rows_.end(),
                               [&](const row& r) { return end_of(r.at) + day_ <= time_; }))
{}

// When enough minutes have passed out of the day.
duration daily_quota::waiting_times::freed::until(std::uint64_t n)
{
    if (sum_ + n <= of_.daily_) return 0s;
    for (std::uint64_t need = sum_ + n - of_.daily_; next_ != of_.rows_.end(); ++next_)
    {
        if (passed_ + std::uint64_t(next_->count) >= need) return end_of(next_->at) + day_ - time_;
        passed_ += std::uint64_t(next_->count);
    }
    return day_;
}

daily_quota::waiting_times::waiting_times(const daily_quota& q) : of_(q) {}

daily_quota::waiting_times daily_quota::waits(moment now) const
{
    waiting_times w(*this);
    if (daily_ == 0) return w;
    if (!calendar_)
        w.sliding_.emplace(*this, now, 24h);
    else
    {
        w.spent_ = sent_since(day_began(now));
        w.turn_ = today(now).end + slack - now.wall;
        if (is_any_day(now))
        {
            w.sliding_.emplace(*this, now, longest_day);
            w.bound_ = any_day_until_ - clock_.at(now);
        }
    }
    return w;
}

duration daily_quota::waiting_times::operator()(std::uint64_t n)
{
    if (of_.daily_ == 0) return 0s;
    n = std::min(n, of_.daily_);  // beyond that it is days; the last request of the first one is near enough
    duration by_turn = spent_ + n <= of_.daily_ ? duration(0) : turn_;
    return sliding_ ? std::max(by_turn, std::min(sliding_->until(n), bound_)) : by_turn;
}

duration daily_quota::wait(moment now, std::uint64_t n) const
{
    return waits(now)(n);
}

// Where the next request is counted. Never before the last minute that something was counted in.
std::int64_t daily_quota::minute(moment now) const
{
    return std::max(minute_of(clock_.at(now)), rows_.empty() ? 0 : rows_.back().at);
}

bool daily_quota::is_leased(moment now) const
{
    return leased_ > 0 && lease_minute_ == minute(now);
}

void daily_quota::add(std::int64_t minute, std::int64_t count)
{
    summed_ = {};
    if (rows_.empty() || rows_.back().at < minute) rows_.push_back({minute, 0});
    auto r =
        std::lower_bound(rows_.begin(), rows_.end(), minute, [](const row& row, std::int64_t m) { return row.at < m; });
    if (r == rows_.end() || r->at != minute) return;  // forgotten since
    r->count += count;
    assert(r->count >= 0);
    changed_.insert(minute);
}

void daily_quota::move_changes(ledger_page& to)
{
    for (const row& r : rows_)
        if (changed_.contains(r.at)) to.spent.push_back(r);
    changed_.clear();
    while (!rows_.empty() && rows_.front().at < to.oldest) rows_.pop_front();
}

bool daily_quota::begin_lease(moment now)
{
    if (pending_ > 0 || is_leased(now)) return false;
    std::uint64_t count = std::min(lease_max_, left(now));
    if (count == 0) return false;
    // What is left of an older lease is dated anew.
    add(lease_minute_, -std::int64_t(std::exchange(leased_, 0)));
    pending_ = count;
    pending_minute_ = minute(now);
    add(pending_minute_, std::int64_t(count));
    return true;
}

std::optional<ledger_page> daily_quota::lease(moment now)
{
    if (!begin_lease(now)) return std::nullopt;
    return changes(now);
}

void daily_quota::lease_in_memory(moment now)
{
    if (begin_lease(now)) leased();
}

void daily_quota::leased()
{
    // What was given back to an older lease while this one was written is free again.
    if (lease_minute_ != pending_minute_) add(lease_minute_, -std::int64_t(std::exchange(leased_, 0)));
    leased_ += std::exchange(pending_, 0);
    lease_minute_ = pending_minute_;
}

std::int64_t daily_quota::take(moment now)
{
    assert(is_leased(now));
    --leased_;
    return lease_minute_;
}

void daily_quota::give_back(std::int64_t taken)
{
    if (taken == lease_minute_)
        ++leased_;
    else
        add(taken, -1);
}

ledger_page daily_quota::page(moment now) const
{
    ledger_page p;
    p.time = clock_.at(now);
    p.wall = p.time + offset_;  // as it was last believed, so that several small steps are one
    p.steady = now.steady;
    p.boot = boot_;
    p.any_day_until = any_day_until_;
    p.oldest = minute_of(p.time) - minutes_kept;
    return p;
}

ledger_page daily_quota::changes(moment now)
{
    ledger_page p = page(now);
    move_changes(p);
    return p;
}

ledger_page daily_quota::close(moment now)
{
    add(pending_minute_, -std::int64_t(std::exchange(pending_, 0)));
    add(lease_minute_, -std::int64_t(std::exchange(leased_, 0)));
    ledger_page p = changes(now);
    p.clean = true;
    return p;
}

std::optional<duration> daily_quota::forecast(moment now) const
{
    if (daily_ == 0) return std::nullopt;
    wall_time time = clock_.at(now);
    std::uint64_t sum = spent(now);
    if (sum >= daily_) return duration(0);
    std::uint64_t last_hour = sent_since(time - 1h);
    if (last_hour == 0) return std::nullopt;
    double a_minute = double(last_hour) / 60;
    bool slides = !calendar_ || is_any_day(now);
    duration horizon = calendar_ ? until_next_day(now) : duration(24h);
    duration day = calendar_ ? longest_day : duration(24h);
    auto oldest = rows_.begin();
    double freed = 0;
    for (std::int64_t minute = 1; std::chrono::minutes(minute) < horizon; ++minute)
    {
        wall_time then = time + std::chrono::minutes(minute);
        for (; slides && oldest != rows_.end() && end_of(oldest->at) + slack + day <= then; ++oldest)
            if (end_of(oldest->at) + slack + day > time) freed += double(oldest->count);
        if (double(sum) + a_minute * double(minute) - freed >= double(daily_)) return std::chrono::minutes(minute);
    }
    return std::nullopt;
}

}  // namespace callcache
