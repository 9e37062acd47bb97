#include "server/budget/tool_shares.hpp"

#include "server/text/tool_names.hpp"

#include <algorithm>
#include <utility>

namespace callcache
{
namespace
{

constexpr duration a_step = std::chrono::minutes(10);

std::int64_t step_of(wall_time t)
{
    return t.time_since_epoch() / a_step;
}
wall_time end_of(std::int64_t step)
{
    return wall_time((step + 1) * a_step);
}

}  // namespace

tool_shares::tool_shares(const ledger_page& kept)
{
    for (const ledger_page::share& s : kept.shares) tools_[s.tool].push_back({s.at, s.count, false});
}

void tool_shares::add(std::string_view tool, wall_time now)
{
    if (tool.empty()) return;
    std::deque<step>& steps = tools_[std::string(tool)];
    if (steps.empty() || steps.back().at < step_of(now)) steps.push_back({step_of(now), 0, false});
    ++steps.back().count;
    steps.back().changed = true;
}

void tool_shares::take_back(std::string_view tool)
{
    auto found = tools_.find(tool);
    if (found == tools_.end() || found->second.back().count == 0) return;
    --found->second.back().count;
    found->second.back().changed = true;
}

void tool_shares::fold(std::string_view tool)
{
    auto found = tools_.find(tool);
    if (found == tools_.end()) return;
    std::deque<step>& others = tools_[std::string(other_tools)];
    for (step& s : found->second)
    {
        auto at = std::lower_bound(others.begin(), others.end(), s.at,
                                   [](const step& each, std::int64_t wanted) { return each.at < wanted; });
        if (at == others.end() || at->at != s.at) at = others.insert(at, {s.at, 0, false});
        at->count += std::exchange(s.count, 0);
        at->changed = s.changed = true;
    }
}

std::uint64_t tool_shares::spent(std::string_view tool, wall_time since) const
{
    auto found = tools_.find(tool);
    if (found == tools_.end()) return 0;
    std::int64_t sum = 0;
    for (const step& s : found->second)
        if (end_of(s.at) > since) sum += s.count;
    return std::uint64_t(sum);
}

std::map<std::string, std::uint64_t> tool_shares::all(wall_time since) const
{
    std::map<std::string, std::uint64_t> sums;
    for (const auto& [tool, steps] : tools_)
        if (std::uint64_t sum = spent(tool, since); sum > 0) sums[tool] = sum;
    return sums;
}

bool tool_shares::several(wall_time since) const
{
    auto counts = [&](const step& s) { return s.count > 0 && end_of(s.at) > since; };
    // The newest steps are the likeliest ones.
    auto spends = [&](const auto& t) { return std::any_of(t.second.rbegin(), t.second.rend(), counts); };
    return std::count_if(tools_.begin(), tools_.end(), spends) > 1;
}

duration tool_shares::wait(std::string_view tool, std::uint64_t cap, wall_time now, duration day) const
{
    std::uint64_t sum = spent(tool, now - day);
    if (sum < cap) return {};
    std::uint64_t need = sum - cap + 1;
    for (const step& s : tools_.find(tool)->second)
    {
        if (end_of(s.at) <= now - day) continue;
        if (std::uint64_t(s.count) >= need) return end_of(s.at) + day - now;
        need -= std::uint64_t(s.count);
    }
    return day;
}

void tool_shares::move_changes(ledger_page& to)
{
    std::int64_t oldest = to.oldest / 10;
    for (auto t = tools_.begin(); t != tools_.end();)
    {
        auto& steps = t->second;
        while (!steps.empty() && steps.front().at < oldest) steps.pop_front();
        for (step& s : steps)
            if (std::exchange(s.changed, false)) to.shares.push_back({s.at, t->first, s.count});
        std::erase_if(steps, [](const step& s) { return s.count == 0; });
        t = steps.empty() ? tools_.erase(t) : std::next(t);
    }
}

}  // namespace callcache
