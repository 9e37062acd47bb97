#include "server/admin/last_day.hpp"

namespace callcache
{
namespace
{

constexpr std::int64_t minutes_max = std::int64_t(24) * 60;

std::int64_t minute_of(wall_time t)
{
    return std::chrono::floor<std::chrono::minutes>(t.time_since_epoch()).count();
}

void add(outcome_counts& to, const auto& row)
{
    for (std::size_t i = 0; i < row.count.size(); ++i)
        if (row.count[i] > 0) to[outcome(i)] += row.count[i];
}

}  // namespace

outcome_counts by_outcome(const request_totals& all)
{
    outcome_counts sum;
    for (const auto& [labels, count] : all.requests) sum[std::get<outcome>(labels)] += count;
    return sum;
}

void last_day::note(const outcome_counts& total, wall_time now)
{
    std::int64_t minute = minute_of(now);
    while (!rows_.empty() && rows_.back().minute > minute) rows_.pop_back();  // the clock was set back
    while (!rows_.empty() && rows_.front().minute <= minute - minutes_max) rows_.pop_front();
    for (const auto& [word, count] : total)
    {
        std::uint64_t more = count - before_[word];
        if (more == 0) continue;
        if (rows_.empty() || rows_.back().minute != minute) rows_.push_back({minute, {}});
        rows_.back().count[std::size_t(word)] += std::uint32_t(more);
    }
    before_ = total;
}

std::vector<last_day::minute> last_day::minutes(std::int64_t count, wall_time now) const
{
    std::vector<minute> list;
    std::int64_t first = minute_of(now) - count + 1;
    for (std::int64_t m = first; m < first + count; ++m) list.push_back({wall_time(std::chrono::minutes(m)), {}});
    for (const row& r : rows_)
        if (r.minute >= first && r.minute < first + count) add(list[std::size_t(r.minute - first)].count, r);
    return list;
}

outcome_counts last_day::sum(std::int64_t minutes, wall_time now) const
{
    outcome_counts all;
    for (const row& r : rows_)
        if (r.minute > minute_of(now) - minutes) add(all, r);
    return all;
}

}  // namespace callcache
