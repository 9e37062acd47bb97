#include "server/telemetry/request_counts.hpp"

#include "server/text/tool_names.hpp"

#include <algorithm>

namespace callcache
{
namespace
{

// One thread writes it, so nothing is lost between the two steps; others read it at any time.
void raise(std::atomic<std::uint64_t>& cell, std::uint64_t by = 1)
{
    cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

std::uint64_t value(const std::atomic<std::uint64_t>& cell)
{
    return cell.load(std::memory_order_relaxed);
}

}  // namespace

void request_counts::row::add(outcome o, std::chrono::nanoseconds took)
{
    raise(requests_[std::size_t(o)]);
    times::histogram& h = times_.by_outcome[std::size_t(o)];
    raise(h.count);
    raise(h.nanoseconds, std::uint64_t(std::max<std::int64_t>(0, took.count())));
    double seconds = std::chrono::duration<double>(took).count();
    auto bound = std::find_if(latency_bounds_seconds.begin(), latency_bounds_seconds.end(),
                              [&](double within) { return seconds <= within; });
    if (bound != latency_bounds_seconds.end()) raise(h.within[std::size_t(bound - latency_bounds_seconds.begin())]);
}

request_counts::row& request_counts::of(std::string_view route, std::string_view tool)
{
    std::lock_guard lock(mutex_);
    auto thread = std::this_thread::get_id();
    row_key key{thread, *routes_.emplace(route).first, *tools_.emplace(name_in(tools_, tool)).first};
    return rows_.try_emplace(key, times_[thread]).first->second;
}

request_totals request_counts::total() const
{
    std::lock_guard lock(mutex_);
    request_totals sum;
    for (const auto& [key, row] : rows_)
        for (std::size_t o = 0; o < outcome_count; ++o)
            if (std::uint64_t n = value(row.requests_[o]))
                sum.requests[{std::get<1>(key), outcome(o), std::string(std::get<2>(key))}] += n;
    for (const auto& [thread, t] : times_)
        for (std::size_t o = 0; o < outcome_count; ++o)
        {
            const times::histogram& h = t.by_outcome[o];
            if (value(h.count) == 0) continue;
            latency& l = sum.seconds[outcome(o)];
            for (std::size_t i = 0; i < h.within.size(); ++i) l.within[i] += value(h.within[i]);
            l.count += value(h.count);
            l.sum_seconds += double(value(h.nanoseconds)) / 1e9;
        }
    return sum;
}

}  // namespace callcache
