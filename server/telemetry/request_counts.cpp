#include "server/telemetry/request_counts.hpp"

#include <algorithm>
#include <utility>

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

std::shared_ptr<request_counts::row> request_counts::of(std::string_view route, std::string_view tool,
                                                        const tool_names& names)
{
    std::lock_guard lock(mutex_);
    fold(names);
    auto thread = std::this_thread::get_id();
    std::string name = route == invalid_route ? std::string(tool) : names.find(tool);
    row_ptr& r = rows_[{thread, *routes_.emplace(route).first, std::move(name)}];
    if (!r) r = std::make_shared<row>(times_[thread]);
    return r;
}

// Requests that were refused before they were understood are nobody's.
void request_counts::fold(const tool_names& names)
{
    if (std::exchange(folded_at_, names.changes()) == names.changes()) return;
    std::erase_if(rows_, [&](const auto& each) {
        const auto& [thread, route, tool] = each.first;
        if (route == invalid_route || tool == other_tools || names.has(tool)) return false;
        left_.emplace_back(route, each.second);
        return true;
    });
    std::erase_if(left_, [&](const auto& each) {
        const auto& [route, r] = each;
        if (r.use_count() > 1) return false;
        std::atomic_thread_fence(std::memory_order_acquire);  // who let go of it has counted before
        for (std::size_t o = 0; o < outcome_count; ++o)
            if (std::uint64_t n = value(r->requests_[o])) gone_[{route, outcome(o)}] += n;
        return true;
    });
}

request_totals request_counts::total() const
{
    std::lock_guard lock(mutex_);
    request_totals sum;
    auto add = [&](std::string_view route, std::string_view tool, const row& r) {
        for (std::size_t o = 0; o < outcome_count; ++o)
            if (std::uint64_t n = value(r.requests_[o])) sum.requests[{route, outcome(o), std::string(tool)}] += n;
    };
    for (const auto& [key, row] : rows_) add(std::get<1>(key), std::get<2>(key), *row);
    for (const auto& [route, row] : left_) add(route, other_tools, *row);
    for (const auto& [of, n] : gone_) sum.requests[{of.first, of.second, std::string(other_tools)}] += n;
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
